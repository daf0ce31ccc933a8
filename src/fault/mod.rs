//! What goes wrong and when: the plan of a scenario, and the actor that carries it out.

mod injector;

pub use injector::{Injector, InjectorSetup, Plan, Strike, Target};
