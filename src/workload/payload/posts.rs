//! `posts`: short texts about assets, from a small grammar.

/// Short texts about assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posts {
    /// What the posts are about, at least one.
    pub assets: Vec<String>,
    /// How many different authors, at least 1.
    pub authors: u32,
}
