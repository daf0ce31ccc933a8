//! The states of a classic group and the legal ways between them, in one place.

use crate::trace::kafka::GroupState::{self, CompletingRebalance, Dead, Empty, PreparingRebalance, Stable};

/// Whether a group may go from one state to another (`ClassicGroupState.validPreviousStates`).
pub(super) fn legal(from: GroupState, to: GroupState) -> bool {
    match to {
        Empty => from == PreparingRebalance,
        PreparingRebalance => can_rebalance(from),
        CompletingRebalance => from == PreparingRebalance,
        Stable => from == CompletingRebalance,
        Dead => true,
    }
}

/// Whether a rebalance may begin.
pub(super) fn can_rebalance(state: GroupState) -> bool {
    matches!(state, Empty | CompletingRebalance | Stable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_table_is_kafkas() {
        let all = [Empty, PreparingRebalance, CompletingRebalance, Stable, Dead];
        let shown: Vec<String> = all
            .iter()
            .map(|from| {
                let to: Vec<_> = all.iter().filter(|to| legal(*from, **to)).collect();
                format!("{from:?} -> {to:?}")
            })
            .collect();
        let expected = [
            "Empty -> [PreparingRebalance, Dead]",
            "PreparingRebalance -> [Empty, CompletingRebalance, Dead]",
            "CompletingRebalance -> [PreparingRebalance, Stable, Dead]",
            "Stable -> [PreparingRebalance, Dead]",
            "Dead -> [Dead]",
        ];
        assert_eq!(shown, expected);
    }
}
