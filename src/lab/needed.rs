//! Which causes are necessary: each fault and each setting of the file taken out in turn.

use serde::Serialize;

use crate::analyze::why::Trouble;
use crate::kernel::Duration;
use crate::scenario::Overrides;

use super::edit::{Draft, Part, PartKind};
use super::rerun::Recipe;
use super::trial::{Measured, side_by_side};

/// A cause that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// As a person says it.
    pub name: String,
    /// Whether it is a fault rather than a setting.
    pub is_fault: bool,
    /// Whether the trouble is gone without it.
    pub necessary: bool,
    /// How many records are in trouble without it.
    pub without_it: u64,
}

/// The recipe with its overrides written into the text.
pub fn written_out(recipe: &Recipe) -> Option<Recipe> {
    let mut draft = Draft::new(&recipe.text)?;
    let seed = recipe.overrides.seed.map(|seed| ("run.seed".to_owned(), seed.to_string()));
    let duration = recipe.overrides.duration.clone().map(|duration| ("run.duration".to_owned(), duration));
    let set = recipe.overrides.set.iter().filter_map(|set| set.split_once('='));
    let set = set.map(|(path, value)| (path.to_owned(), value.to_owned()));
    for (path, value) in seed.into_iter().chain(duration).chain(set) {
        draft = draft.with(&path, &value)?;
    }
    Some(Recipe { text: draft.text(), overrides: Overrides::default(), ..recipe.clone() })
}

/// Takes each fault and each setting out in turn. Parts without which the file makes no sense are left alone.
pub fn needed(recipe: &Recipe, troubles: &[Trouble], late: Duration) -> Vec<Cause> {
    let Some(whole) = written_out(recipe) else { return Vec::new() };
    let Some(draft) = Draft::new(&whole.text) else { return Vec::new() };
    let is_cause = |part: &Part| matches!(part.kind, PartKind::Fault | PartKind::Setting);
    let parts: Vec<_> = draft.parts().into_iter().filter(is_cause).collect();
    let expectations: Vec<_> = draft.parts().into_iter().filter(Part::is_expected).collect();
    let measured: Vec<Option<Measured>> = side_by_side(&parts, |part| {
        let of = |parts: &[&Part]| Recipe { text: draft.without(parts).text(), ..whole.clone() };
        // What is expected may make no sense without it: nobody recovers from no fault.
        let unasked: Vec<&Part> = std::iter::once(part).chain(&expectations).collect();
        of(&[part]).measure(late).or_else(|| of(&unasked).measure(late))
    });
    let causes = parts.into_iter().zip(measured).filter_map(|(part, measured)| {
        let without_it = measured?.total(troubles);
        let is_fault = part.kind == PartKind::Fault;
        Some(Cause { name: part.name, is_fault, necessary: without_it == 0, without_it })
    });
    let mut causes: Vec<_> = causes.collect();
    causes.sort_by_key(|cause| (!cause.necessary, !cause.is_fault));
    causes
}
