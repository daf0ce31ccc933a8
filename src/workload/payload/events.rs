//! `events`: small discrete events of a shop.

/// Small discrete events: who did what with which item for how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// How many users, at least 1.
    pub users: u32,
    /// How many items, at least 1.
    pub items: u32,
}
