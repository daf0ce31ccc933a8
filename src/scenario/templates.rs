//! Templates for `brokersim new`: bundled scenario files by name, each with the question it answers.
//!
//! **Invariant.** What is handed out is the bundled file itself, so a template is as valid as that file; only
//! the reference to the schema is made absolute.

use super::error::did_you_mean_or;
use super::file::question;

/// A bundled scenario file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

impl Template {
    /// The question it answers: its first comment.
    pub fn question(&self) -> Option<String> {
        question(self.text)
    }

    /// The text of a new file, which finds the schema at `schema` (a path or an address) from where it will lie.
    pub fn instantiate(&self, schema: Option<&str>) -> String {
        let lines = self.text.lines().filter_map(|line| match (line.starts_with("#:schema "), schema) {
            (true, Some(schema)) => Some(format!("#:schema {schema}")),
            (true, None) => None,
            (false, _) => Some(line.to_owned()),
        });
        lines.map(|line| line + "\n").collect()
    }
}

/// The question that a scenario file answers: its first comment.
pub fn question_of(text: &str) -> Option<String> {
    question(text)
}

/// The template of this name.
///
/// # Errors
/// When there is none: which one was probably meant, or what there is.
pub fn find<'t>(templates: &'t [Template], name: &str) -> Result<&'t Template, String> {
    templates.iter().find(|template| template.name == name).ok_or_else(|| {
        let names = templates.iter().map(|template| template.name);
        let meant = did_you_mean_or(name, names, || "`brokersim list` shows what there is".to_owned());
        format!("there is no template `{name}`: {meant}")
    })
}

/// One line a template, names aligned, with the question each answers.
pub fn list(templates: &[Template]) -> String {
    let width = templates.iter().map(|template| template.name.len()).max().unwrap_or(0);
    templates
        .iter()
        .map(|template| format!("{:width$}  {}\n", template.name, template.question().unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Template =
        Template { name: "calm", text: "#:schema ../scenario.schema.json\n# What is calm?\n[run]\n" };
    const STORM: Template = Template { name: "hot-key", text: "# What is hot?\n" };

    #[test]
    fn a_template_is_found_by_name_or_proposed() {
        let templates = [CALM, STORM];
        assert_eq!(find(&templates, "calm"), Ok(&CALM));
        assert!(find(&templates, "hotkey").expect_err("there is none").contains("did you mean `hot-key`?"));
        let nowhere = find(&templates, "quite-another").expect_err("there is none");
        assert!(nowhere.contains("`brokersim list`"), "{nowhere}");
        assert_eq!(list(&templates), "calm     What is calm?\nhot-key  What is hot?\n");
    }

    #[test]
    fn a_new_file_finds_its_schema_where_it_lies() {
        assert_eq!(CALM.instantiate(Some("/s.json")), "#:schema /s.json\n# What is calm?\n[run]\n");
        assert_eq!(CALM.instantiate(None), "# What is calm?\n[run]\n");
    }
}
