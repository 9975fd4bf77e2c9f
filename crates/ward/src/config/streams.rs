//! `[streams]` and `[[sink]]`: systems that are told what happens.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};
use serde::Deserialize;

/// What all sinks have in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamsConfig {
    /// Hosts that sinks may name, with public addresses only.
    pub allowed_hosts: Vec<String>,
    /// Hosts that sinks may name, also with private addresses.
    pub private_hosts: Vec<String>,
    /// Minutes between two heartbeats.
    pub heartbeat_minutes: u32,
    /// Days that events are kept.
    pub keep_days: u32,
}

impl Default for StreamsConfig {
    fn default() -> Self {
        Self { allowed_hosts: Vec::new(), private_hosts: Vec::new(), heartbeat_minutes: 5, keep_days: 30 }
    }
}

/// One system that is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,
    /// How it is told.
    pub kind: SinkKind,
    /// The address of a webhook.
    #[serde(default)]
    pub url: Option<String>,
    /// The files with the secrets that sign a webhook.
    #[serde(default)]
    pub secret_files: Vec<PathBuf>,
    /// The host of a syslog receiver.
    #[serde(default)]
    pub host: Option<String>,
    /// Its port; 6514 without.
    #[serde(default)]
    pub port: Option<u16>,
    /// The file of JSON lines.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// PEM file with the only authorities that are trusted; those of the system without.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// PEM chain that Ward shows.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its PEM key.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The kinds of events that it wants; all without.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Whether it keeps the checkpoints of the ledger.
    #[serde(default)]
    pub witness: bool,
    /// The version of the form of messages; 1 is the only one.
    #[serde(default)]
    pub schema: Option<u32>,
}

/// How a sink is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Signed HTTP requests.
    #[default]
    Webhook,
    /// RFC 5424 over TLS.
    Syslog,
    /// A file of JSON lines.
    Jsonl,
}

impl SinkConfig {
    /// Relative paths start at the folder of the configuration.
    pub(super) fn resolve_paths(&mut self, base: &Path) {
        let single = [&mut self.path, &mut self.ca_file, &mut self.certificate, &mut self.key];
        let single = single.into_iter().filter_map(Option::as_mut);
        for path in single.chain(&mut self.secret_files) {
            *path = base.join(&*path);
        }
    }

    fn check(&self) -> Result<()> {
        let name = &self.name;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ensure!(
            (1..=40).contains(&name.len()) && name.bytes().all(plain),
            "the sink '{name}' needs a name of 1 to 40 lower-case letters, digits and dashes"
        );
        ensure!(
            self.schema.unwrap_or(1) == 1,
            "the sink '{name}' asks for a schema that this version does not have; 1 is the only one"
        );
        ensure!(
            self.certificate.is_some() == self.key.is_some(),
            "the sink '{name}': certificate and key go together; one of them is missing"
        );
        let (missing, foreign) = match self.kind {
            SinkKind::Webhook => (
                self.url
                    .is_none()
                    .then_some("url")
                    .or(self.secret_files.is_empty().then_some("secret_files")),
                self.host.is_some() || self.port.is_some() || self.path.is_some(),
            ),
            SinkKind::Syslog => (
                self.host.is_none().then_some("host"),
                self.url.is_some() || self.path.is_some() || !self.secret_files.is_empty(),
            ),
            SinkKind::Jsonl => (
                self.path.is_none().then_some("path"),
                self.url.is_some() || self.host.is_some() || !self.secret_files.is_empty(),
            ),
        };
        if let Some(missing) = missing {
            return Err(anyhow!("the sink '{name}' has no {missing}"));
        }
        ensure!(
            !foreign,
            "the sink '{name}' has keys of another kind: a webhook has url and secret_files, syslog host and port, jsonl path"
        );
        Ok(())
    }
}

pub(super) fn check(streams: &StreamsConfig, sinks: &[SinkConfig]) -> Result<()> {
    ensure!(
        (1..=1440).contains(&streams.heartbeat_minutes),
        "streams.heartbeat_minutes is {}; it must be 1 to 1440",
        streams.heartbeat_minutes
    );
    ensure!(
        (1..=3650).contains(&streams.keep_days),
        "streams.keep_days is {}; it must be 1 to 3650",
        streams.keep_days
    );
    for (index, sink) in sinks.iter().enumerate() {
        sink.check()?;
        let twice = sinks.iter().take(index).any(|other| other.name == sink.name);
        ensure!(!twice, "two sinks are called '{}'", sink.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_sink_that_cannot_work_is_refused_with_what_is_missing() {
        let webhook = "[[sink]]\nname = \"siem\"\nkind = \"webhook\"\nurl = \"https://a.example\"\nsecret_files = [\"s\"]\n";
        assert_eq!(Config::parse(webhook).unwrap().sink.len(), 1);
        for (text, says) in [
            (format!("{webhook}{webhook}"), "two sinks"),
            (format!("{webhook}path = \"x\"\n"), "another kind"),
            (format!("{webhook}key = \"x\"\n"), "go together"),
            (format!("{webhook}schema = 2\n"), "schema"),
            (webhook.replace("siem", "S I"), "name"),
            (webhook.replace("secret_files", "kinds"), "secret_files"),
            ("[[sink]]\nname = \"a\"\nkind = \"syslog\"\n".to_owned(), "no host"),
            ("[[sink]]\nname = \"a\"\nkind = \"jsonl\"\n".to_owned(), "no path"),
            ("[streams]\nkeep_days = 0\n".to_owned(), "keep_days"),
            ("[streams]\nheartbeat_minutes = 0\n".to_owned(), "heartbeat_minutes"),
        ] {
            let error = Config::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
