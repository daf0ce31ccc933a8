//! The examples for engines in `compose/` call the program as it is.
