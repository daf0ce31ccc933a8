//! What is wrong with a scenario file, told so that it can be mended.
//!
//! **Invariant.** Every problem of a file is reported, not only the first, each with a code, the place, what
//! was meant and how to mend it. Places count bytes over all [`Sources`]: the file first, then each override
//! of the command line, so that a mistake in `--set` points to the command line.

use std::fmt;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

/// A stretch of bytes over all [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The stretch `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The same stretch, `base` bytes later.
    pub const fn after(self, base: usize) -> Self {
        Self { start: self.start + base, end: self.end + base }
    }
}

/// One problem while a file is read: places still count over all sources.
#[derive(Clone, Debug)]
pub struct Finding {
    code: &'static str,
    message: String,
    labels: Vec<(Span, String)>,
    help: Option<String>,
}

impl Finding {
    /// A problem of kind `code` (`area::what`), in one sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: None }
    }

    /// Points to a place; the first place is where the problem is, the others explain it.
    #[must_use]
    pub fn at(mut self, place: Span, label: impl Into<String>) -> Self {
        self.labels.push((place, label.into()));
        self
    }

    /// Points to one more place when there is one.
    #[must_use]
    pub fn at_some(self, place: Option<Span>, label: impl Into<String>) -> Self {
        match place {
            Some(place) => self.at(place, label),
            None => self,
        }
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn place(&self) -> Span {
        self.labels.first().map_or(Span::new(0, 0), |(place, _)| *place)
    }
}

/// The problems found so far.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn report(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether a complaint lies within `place`.
    pub fn within(&self, place: Span) -> bool {
        self.0.iter().map(Finding::place).any(|inner| place.start <= inner.start && inner.end <= place.end)
    }

    /// Adds one unless its place was complained about already: what follows from a mistake is noise.
    pub fn report_once(&mut self, finding: Finding) {
        if !self.0.iter().any(|earlier| earlier.place() == finding.place() && finding.place().end > 0) {
            self.0.push(finding);
        }
    }

    /// The findings as an error a person reads, in the order of the file.
    pub fn into_error(mut self, sources: &Sources) -> ScenarioError {
        assert!(!self.0.is_empty(), "an error has at least one problem");
        self.0.sort_by_key(|finding| finding.place().start);
        let problems = self.0.into_iter().map(|finding| sources.problem(finding)).collect();
        ScenarioError { name: sources.0[0].name.clone(), problems }
    }
}

/// The texts a scenario is read from: the file, then each override.
#[derive(Clone, Debug)]
pub struct Sources(Vec<Source>);

#[derive(Clone, Debug)]
struct Source {
    base: usize,
    name: String,
    text: Arc<str>,
}

impl Sources {
    /// The file alone.
    pub fn new(name: &str, text: &str) -> Self {
        Self(vec![Source { base: 0, name: name.to_owned(), text: text.into() }])
    }

    /// Adds a text from the command line and says at which byte it begins.
    pub fn add(&mut self, text: &str) -> usize {
        let last = self.0.last().expect("there is always the file");
        // One byte apart, so that the end of one source is not the beginning of the next.
        let base = last.base + last.text.len() + 1;
        self.0.push(Source { base, name: "command line".to_owned(), text: text.into() });
        base
    }

    /// Whether the place is on the command line.
    pub fn is_override(&self, place: Span) -> bool {
        self.index(place) > 0
    }

    /// What stands at the place, to the letter.
    pub fn text(&self, place: Span) -> &str {
        let source = &self.0[self.index(place)];
        let start = (place.start - source.base).min(source.text.len());
        let end = place.end.saturating_sub(source.base).clamp(start, source.text.len());
        source.text.get(start..end).unwrap_or_default()
    }

    /// The name of the file and the line that the place begins on, counted from 1; none on the command line.
    pub fn line(&self, place: Span) -> Option<(&str, usize)> {
        let source = &self.0[self.index(place)];
        let start = (place.start - source.base).min(source.text.len());
        let before = source.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
        (!self.is_override(place)).then_some((source.name.as_str(), before + 1))
    }

    fn index(&self, place: Span) -> usize {
        self.0.partition_point(|source| source.base <= place.start).saturating_sub(1)
    }

    /// Labels in another source than the first label's cannot be drawn together with it and are told in words.
    fn problem(&self, finding: Finding) -> Problem {
        let home = self.index(finding.place());
        let source = &self.0[home];
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            finding.labels.into_iter().partition(|(place, _)| self.index(*place) == home);
        let labels = here.into_iter().map(|(place, label)| source.label(place, label)).collect();
        let mut help = finding.help.unwrap_or_default();
        for (place, label) in elsewhere {
            let name = &self.0[self.index(place)].name;
            help = format!("{label} ({name})\n{help}").trim_end().to_owned();
        }
        Problem {
            code: finding.code,
            message: finding.message,
            labels,
            help: (!help.is_empty()).then_some(help),
            source: source.clone(),
        }
    }
}

impl Source {
    fn label(&self, place: Span, label: String) -> LabeledSpan {
        let start = (place.start - self.base).min(self.text.len());
        let end = (place.end - self.base).clamp(start, self.text.len());
        let text = &self.text[start..end];
        // A section's place is its first line: a label over many lines hides what it points to.
        let length = text.find('\n').unwrap_or(text.len());
        LabeledSpan::new(Some(label), start, length)
    }
}

impl SourceCode for Source {
    /// As that of a text, but with the number of lines that are shown rather than of all lines before:
    /// otherwise places that lie far apart are drawn with everything between them.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.as_bytes().read_span(span, before, after)?;
        let lines = read.data().split(|byte| *byte == b'\n').count();
        let (line, column) = (read.line(), read.column());
        let name = self.name.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, read.data(), *read.span(), line, column, lines)))
    }
}

/// One problem of a scenario file, as a person reads it.
#[derive(Clone, Debug)]
pub struct Problem {
    code: &'static str,
    message: String,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
    source: Source,
}

impl Problem {
    /// The kind of problem: `area::what`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.labels.is_empty()).then_some(&self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// Everything that is wrong with a scenario file.
#[derive(Clone, Debug)]
pub struct ScenarioError {
    name: String,
    problems: Vec<Problem>,
}

impl ScenarioError {
    /// The problems in the order of the file; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All problems, drawn at most `width` columns wide. Without `colour` the text is plain ASCII and always
    /// the same.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(width)
            .with_links(false)
            .with_context_lines(1);
        let mut text = String::new();
        for problem in &self.problems {
            handler.render_report(&mut text, problem).expect("writing into a string does not fail");
            text.push('\n');
        }
        text.push_str(&format!("{self}\n"));
        text
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "{count} problem{} in {}", if count == 1 { "" } else { "s" }, self.name)
    }
}

impl std::error::Error for ScenarioError {}

/// The candidate that was probably meant by `word`, if one is near.
///
/// Dots, dashes and underscores count as the same, and the beginning of a longer name is near it.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], ".");
    let word = plain(word);
    let bound = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = plain(candidate);
            let begins = word.len() > 2 && other.starts_with(&word);
            let ends = word.len() > 2 && other.ends_with(&format!(".{word}"));
            let distance = if begins || ends { 1 } else { strsim::damerau_levenshtein(&word, &other) };
            (distance <= bound).then_some((distance, other.len(), candidate))
        })
        .min()
        .map(|(_, _, candidate)| candidate)
}

/// `did you mean X?` or, when nothing is near, the choices themselves.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    did_you_mean_or(word, candidates.clone(), || one_of(candidates))
}

/// The same where there are too many choices to name: what says which there are.
pub fn did_you_mean_or<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    closest(word, candidates).map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
}

/// `one of a, b, c`.
pub fn one_of<'a>(candidates: impl IntoIterator<Item = &'a str>) -> String {
    // A choice that ends in a colon takes a duration.
    let shown = |candidate: &str| {
        candidate.strip_suffix(':').map_or(candidate.to_owned(), |name| format!("{name}:PT1H"))
    };
    let quoted: Vec<_> = candidates.into_iter().map(|candidate| format!("`{}`", shown(candidate))).collect();
    match quoted.as_slice() {
        [] => "there is none to choose from".to_owned(),
        [only] => format!("the only choice here is {only}"),
        many => format!("choose one of {}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed() {
        let names = ["linger.ms", "batch.size", "min.insync.replicas"];
        assert_eq!(closest("lingr.ms", names), Some("linger.ms"));
        assert_eq!(closest("linger_ms", names), Some("linger.ms"));
        assert_eq!(closest("linger", names), Some("linger.ms"));
        assert_eq!(closest("min.insync.replica", names), Some("min.insync.replicas"));
        assert_eq!(closest("colour", names), None);
    }

    #[test]
    fn problems_come_in_the_order_of_the_file_and_know_their_source() {
        let mut sources = Sources::new("a.toml", "one = 1\ntwo = 2\n");
        let base = sources.add("--set run.seed=x");
        let mut findings = Findings::new();
        findings.report(Finding::new("t::late", "late").at(Span::new(base + 6, base + 14), "here"));
        findings.report(Finding::new("t::two", "two").at(Span::new(8, 11), "here"));
        findings.report(Finding::new("t::one", "one").at(Span::new(0, 3), "here"));
        let error = findings.into_error(&sources);
        let codes: Vec<_> = error.problems().iter().map(Problem::code).collect();
        assert_eq!(codes, ["t::one", "t::two", "t::late"]);
        assert!(error.render(false, 100).contains("command line:1:7"));
    }
}
