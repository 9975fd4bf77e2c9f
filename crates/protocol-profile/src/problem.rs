//! What is wrong with a description of a profile, where it stands, and what to do about it.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong in a description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// Where: `payload.wifi.SSID_STR`; empty for the whole file.
    pub key_path: String,
    /// What is wrong.
    pub message: String,
    /// What to do; empty where the message says it.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key_path.is_empty() {
            write!(f, "{}: ", self.key_path)?;
        }
        f.write_str(&self.message)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, " {}", self.advice) }
    }
}
