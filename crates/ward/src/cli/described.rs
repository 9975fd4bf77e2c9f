//! Profiles in files: descriptions in TOML, and `.mobileconfig`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use protocol_profile::{Description, Error, Finding, Problem, Severity, Template, inline_files};
use serde_json::{Value, json};

use super::output::print_text;

/// Bytes of a file that is read: what an operator may send.
const MAX_FILE: u64 = 16 << 20;

/// A profile that was read from a file.
pub(super) struct Described {
    /// The file, as it was named.
    pub(super) file: String,
    /// The profile.
    pub(super) template: Template,
    /// The description, where it is one.
    description: Option<Description>,
}

/// Why a file holds no profile that can be used: problems for a person.
pub(super) struct Unfit(pub(super) Vec<Problem>);

impl Described {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read at all; what is wrong inside is the inner error.
    pub(super) fn read(path: &Path) -> Result<std::result::Result<Self, Unfit>> {
        let file = path.display().to_string();
        let bytes = read_file(path).with_context(|| format!("cannot read {file}"))?;
        if !is_description(path) {
            return Ok(Template::from_mobileconfig(&bytes)
                .map(|template| Self { file: file.clone(), template, description: None })
                .map_err(|error| Unfit(vec![whole_file(&file, &error)])));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Ok(Err(Unfit(vec![problem(&file, "The file is not text in UTF-8.")])));
        };
        let loader = beside(path);
        Ok(Description::parse_with_files(&text, &file, &loader)
            .map(|description| Self {
                file,
                template: description.to_template(),
                description: Some(description),
            })
            .map_err(Unfit))
    }

    /// The line of a finding; 0 where the file has no lines that mean anything.
    fn line(&self, key_path: &str) -> usize {
        self.description.as_ref().map_or(0, |description| description.line_of(key_path))
    }

    /// A finding, with its place.
    pub(super) fn locate(&self, finding: &Finding) -> Remark {
        Remark {
            file: self.file.clone(),
            line: self.line(&finding.key_path),
            severity: finding.severity,
            rule: finding.rule.to_owned(),
            key_path: finding.key_path.clone(),
            message: finding.message.clone(),
            advice: finding.advice.clone(),
        }
    }
}

/// Whether a file is a description; anything else is taken for a finished profile.
pub(super) fn is_description(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// The text of a description as a server takes it: with the files that it names written into it.
///
/// # Errors
/// What cannot be read, with its line.
pub(super) fn self_contained(path: &Path) -> Result<String> {
    let file = path.display().to_string();
    let text = String::from_utf8(read_file(path).with_context(|| format!("cannot read {file}"))?)
        .with_context(|| format!("{file} is not text in UTF-8"))?;
    inline_files(&text, &file, &beside(path)).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

/// Loads files that a description names, from beside it.
fn beside(path: &Path) -> impl Fn(&str) -> Result<Vec<u8>, String> + use<> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    move |name| read_file(&folder.join(name)).map_err(|error| format!("{error}."))
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let size = std::fs::metadata(path)?.len();
    if size > MAX_FILE {
        return Err(std::io::Error::other(format!("the file has {size} bytes, {MAX_FILE} are allowed")));
    }
    std::fs::read(path)
}

fn whole_file(file: &str, error: &Error) -> Problem {
    problem(file, &format!("{error}."))
}

fn problem(file: &str, message: &str) -> Problem {
    Problem {
        file: file.to_owned(),
        line: 0,
        key_path: String::new(),
        message: message.to_owned(),
        advice: String::new(),
    }
}

/// Something to say about a place in a file.
#[derive(Debug, serde::Serialize)]
pub(super) struct Remark {
    pub(super) file: String,
    /// From 1; 0 where lines mean nothing.
    pub(super) line: usize,
    pub(super) severity: Severity,
    pub(super) rule: String,
    pub(super) key_path: String,
    pub(super) message: String,
    pub(super) advice: String,
}

impl From<Problem> for Remark {
    fn from(problem: Problem) -> Self {
        let Problem { file, line, key_path, message, advice } = problem;
        Self {
            file,
            line,
            severity: Severity::Error,
            rule: "description".to_owned(),
            key_path,
            message,
            advice,
        }
    }
}

impl Remark {
    /// `file:line: severity: rule: key path: message`, and below it what to do.
    fn text(&self) -> String {
        let line = if self.line > 0 { format!(":{}", self.line) } else { String::new() };
        let path = if self.key_path.is_empty() { String::new() } else { format!("{}: ", self.key_path) };
        let severity = self.severity.as_str();
        let advice = if self.advice.is_empty() { String::new() } else { format!("\n    {}", self.advice) };
        format!("{}{line}: {severity}: {}: {path}{}{advice}", self.file, self.rule, self.message)
    }

    /// Prints it.
    pub(super) fn print(&self) {
        print_text(&self.text());
    }
}

/// How many remarks there are of each severity.
pub(super) fn count(remarks: &[Remark], severity: Severity) -> usize {
    remarks.iter().filter(|remark| remark.severity == severity).count()
}

/// Remarks for programs.
pub(super) fn as_json(remarks: &[Remark]) -> Value {
    json!({
        "errors": count(remarks, Severity::Error),
        "warnings": count(remarks, Severity::Warning),
        "notes": count(remarks, Severity::Note),
        "findings": remarks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIFI: &str = "[profile]\nname = \"a\"\n[[payload]]\ntype = \"com.apple.security.root\"\n\
                        PayloadContent = { file = \"ca.der\" }\n";

    #[test]
    fn files_are_read_from_beside_the_description() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, WIFI).unwrap();
        let missing = Described::read(&path).unwrap().err().unwrap().0;
        assert_eq!((missing.len(), missing[0].line), (1, 5));
        std::fs::write(folder.path().join("ca.der"), [1, 2, 3]).unwrap();
        let read = Described::read(&path).unwrap().ok().unwrap();
        assert_eq!(read.template.payload_types(), ["com.apple.security.root"]);
        assert!(self_contained(&path).unwrap().contains("{ base64 = \"AQID\" }"));
        assert!(Described::read(&folder.path().join("none.toml")).is_err());
    }

    #[test]
    fn a_remark_reads_like_that_of_a_compiler() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let text = "[profile]\nname = \"a\"\n[[payload]]\ntype = \"com.apple.dock\"\ntilesize = \"large\"\n";
        std::fs::write(&path, text).unwrap();
        let problems = Described::read(&path).unwrap().err().unwrap().0;
        let remarks: Vec<Remark> = problems.into_iter().map(Remark::from).collect();
        let shown = remarks[0].text();
        let begins = format!("{}:5: error: description: payload.dock.tilesize: ", path.display());
        assert!(shown.starts_with(&begins), "{shown}");
        assert_eq!(as_json(&remarks)["errors"], 1);
    }

    #[test]
    fn a_file_that_is_no_profile_is_told_without_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mobileconfig");
        std::fs::write(&path, "hello").unwrap();
        let problems = Described::read(&path).unwrap().err().unwrap().0;
        let shown = Remark::from(problems[0].clone()).text();
        assert!(shown.starts_with(&format!("{}: error: description: ", path.display())), "{shown}");
    }
}
