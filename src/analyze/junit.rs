//! The verdicts of a run as JUnit XML, for CI: one test case for each promise.
//!
//! The shape is the common one of Ant, Jenkins and GitLab: `testsuites` / `testsuite` / `properties` and `testcase`, in
//! this order, with `failure` in a case whose promise is not as expected. Times are wall time, in seconds.

use crate::observe::promise::Verdict;
use crate::observe::summary::Summary;

/// The summary's promises as an XML document.
pub fn junit(summary: &Summary) -> String {
    let failures = summary.promises.iter().filter(|verdict| !verdict.kept).count();
    let errors = usize::from(!summary.books_balance);
    let cases = summary.promises.len() + 1;
    let counts = format!("tests=\"{cases}\" failures=\"{failures}\" errors=\"{errors}\"");
    let time = format!("time=\"{:.3}\"", summary.wall_seconds);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out += &format!("<testsuites name=\"brokersim\" {counts} {time}>\n");
    let name = escape(&summary.scenario);
    out += &format!("  <testsuite name=\"{name}\" {counts} skipped=\"0\" {time}>\n");
    properties(&mut out, summary);
    books(&mut out, summary);
    for verdict in &summary.promises {
        case(&mut out, &summary.scenario, verdict);
    }
    out += "  </testsuite>\n</testsuites>\n";
    out
}

fn properties(out: &mut String, summary: &Summary) {
    *out += "    <properties>\n";
    let seed = summary.seed.to_string();
    let said = [
        ("seed", seed.as_str()),
        ("digest", &summary.digest),
        ("world", &summary.world),
        ("version", summary.version),
        ("state", summary.state),
    ];
    for (name, value) in said {
        *out += &format!("      <property name=\"{name}\" value=\"{}\"/>\n", escape(value));
    }
    *out += "    </properties>\n";
}

/// That the books balance is asked of every run.
fn books(out: &mut String, summary: &Summary) {
    let scenario = escape(&summary.scenario);
    let open = format!("    <testcase name=\"the books balance\" classname=\"{scenario}\" time=\"0.000\"");
    if summary.books_balance {
        *out += &format!("{open}/>\n");
        return;
    }
    let (offered, found) = (summary.books.offered, summary.books.accounted());
    *out += &format!(
        "{open}>\n      <error message=\"{offered} offered, {found} accounted for\" type=\"books\"/>\n    </testcase>\n"
    );
}

fn case(out: &mut String, scenario: &str, verdict: &Verdict) {
    let name = escape(&format!("{} {}", verdict.mode.name(), verdict.title()));
    let open = format!("    <testcase name=\"{name}\" classname=\"{}\" time=\"0.000\"", escape(scenario));
    if verdict.kept {
        *out += &format!("{open}/>\n");
        return;
    }
    let message = escape(&verdict.complaint());
    *out += &format!("{open}>\n      <failure message=\"{message}\" type=\"{}\">", verdict.promise.name());
    *out += &escape(verdict.promise.entry().about);
    for witness in verdict.witnesses() {
        *out += &format!("\n{}", escape(&witness.line()));
    }
    *out += "</failure>\n    </testcase>\n";
}

/// For texts and attributes. Characters that XML 1.0 does not have become `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(' '),
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_would_read_as_its_own_is_escaped() {
        assert_eq!(escape("a<b & \"c\">\u{1}"), "a&lt;b &amp; &quot;c&quot;&gt;?");
    }
}
