//! A consumer alone with scripted brokers: short stories.

mod groups;
mod reading;
mod script;
mod trouble;
