//! In what two scenario texts differ, line by line.

/// Lines of one text that the other does not have, in order: `- ` in front of what only `a` has, `+ ` in front of what
/// only `b` has. Blanks at the ends of lines make no difference.
pub fn differing_lines(a: &str, b: &str) -> Vec<String> {
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let (a, b) = (lines(a), lines(b));
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    if a.len().saturating_mul(b.len()) > MOST { all(a, b) } else { walk(a, b) }
}

/// More pairs of lines are not looked at.
const MOST: usize = 4_000_000;

fn all(a: &[String], b: &[String]) -> Vec<String> {
    let (removed, added) =
        (a.iter().map(|line| format!("- {line}")), b.iter().map(|line| format!("+ {line}")));
    removed.chain(added).collect()
}

/// Along a longest common subsequence.
fn walk(a: &[String], b: &[String]) -> Vec<String> {
    let common = common_lengths(a, b);
    let (mut i, mut j) = (0, 0);
    let mut differing = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            differing.push(format!("- {}", a[i]));
            i += 1;
        } else {
            differing.push(format!("+ {}", b[j]));
            j += 1;
        }
    }
    differing
}

/// For each pair of suffixes the length of their longest common subsequence.
fn common_lengths(a: &[String], b: &[String]) -> Vec<Vec<u32>> {
    let mut lengths = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i][j] = if a[i] == b[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_told() {
        let a = "[run]\nseed = 1\nduration = \"5s\"\n[kafka]\nbrokers = 3\n";
        let b = "[run]\nseed = 1  \nduration = \"9s\"\n[kafka]\nbrokers = 3\nracks = [\"a\"]\n";
        assert_eq!(
            differing_lines(a, b),
            ["- duration = \"5s\"", "+ duration = \"9s\"", "+ racks = [\"a\"]"]
        );
        assert!(differing_lines(a, a).is_empty());
        assert_eq!(differing_lines("", "x"), ["+ x"]);
    }
}
