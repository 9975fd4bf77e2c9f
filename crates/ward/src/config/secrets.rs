//! `[secrets]`: where the key-encrypting key is kept.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde::Deserialize;

/// Where the key-encrypting key is kept, and where the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsConfig {
    /// A file; `keys/sealing.key` in the data folder when nothing is said.
    pub key_file: Option<PathBuf>,
    /// The name of a credential of systemd's.
    pub key_credential: Option<String>,
    /// A program and its arguments; it prints the key.
    pub key_command: Vec<String>,
    /// Seconds that the program may take.
    pub key_command_seconds: u64,
    /// The file with the key before, while data keys are wrapped anew.
    pub previous_key_file: Option<PathBuf>,
    /// The credential with the key before.
    pub previous_key_credential: Option<String>,
    /// The program that prints the key before.
    pub previous_key_command: Vec<String>,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self {
            key_file: None,
            key_credential: None,
            key_command: Vec::new(),
            key_command_seconds: 10,
            previous_key_file: None,
            previous_key_credential: None,
            previous_key_command: Vec::new(),
        }
    }
}

impl SecretsConfig {
    pub(super) fn resolve_paths(&mut self, base: &Path) {
        for path in [&mut self.key_file, &mut self.previous_key_file].into_iter().flatten() {
            *path = base.join(&*path);
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let count = |file: &Option<PathBuf>, credential: &Option<String>, command: &[String]| {
            usize::from(file.is_some()) + usize::from(credential.is_some()) + usize::from(!command.is_empty())
        };
        if count(&self.key_file, &self.key_credential, &self.key_command) > 1 {
            return Err(anyhow!(
                "secrets: key_file, key_credential and key_command exclude each other; keep the one by which the key comes"
            ));
        }
        let previous = (&self.previous_key_file, &self.previous_key_credential, &self.previous_key_command);
        if count(previous.0, previous.1, previous.2) > 1 {
            return Err(anyhow!("secrets: of the previous keys, keep the one by which the key before comes"));
        }
        let mut names = [&self.key_credential, &self.previous_key_credential].into_iter().flatten();
        if names.any(|name| name.is_empty() || name.contains('/') || name == "..") {
            return Err(anyhow!(
                "secrets: a credential is named without a path, as in LoadCredential=NAME:…"
            ));
        }
        Ok(())
    }
}
