//! `sentiment`: the sentiment of a text by VADER's rules and lexicon (Hutto and Gilbert 2014), as the crate
//! `vader-sentimental` implements them. Adds `compound`, from -1 to 1 in steps of 0.0001, and `sentiment`:
//! `positive` from 0.05 up, `negative` from -0.05 down, else `neutral` (the authors' thresholds).
//!
//! **Invariant.** The same text has the same sentiment in every process. The crate keeps its word lists in hash
//! maps of random order, and two of its rules walk through them:
//! - of several special idioms within a few words it takes whichever comes first: a text is therefore cut
//!   before the word that would complete a second idiom, and its pieces are averaged;
//! - strengthening and dampening phrases near one word are added in any order, which moves the last bit of a
//!   sum: the score is therefore rounded to four decimals, as VADER's authors do. What is left is a text whose
//!   score lies within 1e-15 of a rounding boundary.

use std::fmt;

use vader_sentimental::SentimentIntensityAnalyzer;

use super::super::row::{Field, FieldKind, Row, Schema, Value, rounded};
use super::{OperationError, extended, position_of};

#[derive(Clone)]
pub(super) struct Sentiment {
    place: usize,
    analyzer: SentimentIntensityAnalyzer<'static>,
    words: [Value; 3],
}

/// The lexicon is left out.
impl fmt::Debug for Sentiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentiment").field("place", &self.place).finish_non_exhaustive()
    }
}

/// The idioms whose scores differ, as the crate lists them, with the groups of equal score.
const IDIOMS: [(&str, u8); 7] = [
    ("the shit", 0),
    ("the bomb", 0),
    ("to die for", 0),
    ("bad ass", 1),
    ("badass", 1),
    ("yeah right", 2),
    ("kiss of death", 3),
];

impl Sentiment {
    pub(super) fn bind(input: &Schema, field: &str) -> Result<(Self, Schema), OperationError> {
        let place = position_of(input, field, &[FieldKind::Text], "only text has a sentiment")?;
        let optional = input.fields[place].optional;
        let added = |name: &str, kind| Field { name: name.to_owned(), kind, optional };
        let schema = extended(input, added("compound", FieldKind::Float))?;
        let schema = extended(&schema, added("sentiment", FieldKind::Text))?;
        let words = ["positive", "neutral", "negative"].map(Value::text);
        Ok((Self { place, analyzer: SentimentIntensityAnalyzer::new(), words }, schema))
    }

    pub(super) fn judged(&self, row: &Row) -> Row {
        let mut judged = Row::with_capacity(row.len() + 2);
        judged.extend_from_slice(row);
        judged.extend(match row[self.place].as_text() {
            Some(text) => {
                let compound = self.compound(text);
                [Value::Float(compound), self.word(compound)]
            }
            None => [Value::Null, Value::Null],
        });
        judged
    }

    fn word(&self, compound: f64) -> Value {
        let [positive, neutral, negative] = &self.words;
        if compound >= 0.05 {
            positive.clone()
        } else if compound <= -0.05 {
            negative.clone()
        } else {
            neutral.clone()
        }
    }

    fn compound(&self, text: &str) -> f64 {
        let pieces = pieces(text);
        let sum: f64 = pieces.iter().map(|piece| self.score(piece)).sum();
        rounded(sum / pieces.len() as f64, 4)
    }

    fn score(&self, text: &str) -> f64 {
        // The crate counts words from one down and cannot do without any.
        if text.split_whitespace().all(|word| word.len() <= 1) {
            return 0.0;
        }
        rounded(self.analyzer.polarity_scores(text).compound, 4)
    }
}

/// The text cut so that no piece holds idioms of different scores; nearly always the whole text.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut plain) = (Vec::new(), 0, String::new());
    for (at, word) in words(text) {
        let length = plain.len();
        plain.push(' ');
        // As the crate does before it looks for idioms.
        let stripped = word.trim_matches(|letter: char| letter.is_ascii_punctuation());
        plain.push_str(&stripped.to_lowercase());
        if has_rivals(&plain) {
            pieces.push(&text[start..at]);
            plain.drain(..length);
            start = at;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// The words of a text and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(|word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

/// Whether there are idioms of different scores in it.
fn has_rivals(plain: &str) -> bool {
    let mut found = IDIOMS.iter().filter(|(idiom, _)| plain.contains(idiom)).map(|(_, group)| group);
    let first = found.next();
    found.any(|group| Some(group) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compound(text: &str) -> f64 {
        let schema = Schema::of("posts", &[("text", FieldKind::Text)]);
        let (sentiment, output) = Sentiment::bind(&schema, "text").unwrap();
        let row = sentiment.judged(&vec![Value::text(text)]);
        assert!(output.accepts(&row));
        row[1].as_number().unwrap()
    }

    /// Scores that the authors' own implementation prints for its first examples (vaderSentiment 3.3, README).
    #[test]
    fn the_authors_examples_have_the_authors_scores() {
        assert_eq!(compound("VADER is smart, handsome, and funny."), 0.8316);
        assert_eq!(compound("VADER is smart, handsome, and funny!"), 0.8439);
        assert_eq!(compound("VADER is not smart, handsome, nor funny."), -0.7424);
        assert_eq!(compound("The book was good."), 0.4404);
        assert_eq!(compound("Today SUX!"), -0.5461);
    }

    #[test]
    fn a_text_without_words_is_neutral() {
        assert_eq!([compound(""), compound("a b !"), compound("   ")], [0.0; 3]);
    }

    #[test]
    fn a_text_is_cut_where_a_second_idiom_would_decide_by_hash_order() {
        assert_eq!(pieces("This is the bomb, to die for!"), ["This is the bomb, to die for!"]);
        assert_eq!(pieces("Yeah, right: it is the bomb now"), ["Yeah, right: it is the ", "bomb now"]);
        assert_eq!(pieces("nothing of the kind"), ["nothing of the kind"]);
    }

    #[test]
    fn a_missing_text_has_no_sentiment() {
        let mut schema = Schema::of("posts", &[]);
        schema.fields.push(Field::optional("text", FieldKind::Text));
        let (sentiment, output) = Sentiment::bind(&schema, "text").unwrap();
        let row = sentiment.judged(&vec![Value::Null]);
        assert!(output.accepts(&row) && row[1] == Value::Null);
    }
}
