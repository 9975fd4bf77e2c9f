//! The configuration file: one TOML document, every key with a default, unknown keys refused with the nearest right name.

mod secrets;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

pub use secrets::SecretsConfig;

/// The documented defaults, as `ward init` writes them.
pub const TEMPLATE: &str = include_str!("config/template.toml");

mod streams;

pub use streams::{SinkConfig, SinkKind, StreamsConfig};

/// The whole configuration. The meaning of each key stands in [`TEMPLATE`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The hospital's name.
    pub organization: String,
    /// Folder of keys, certificates and the embedded database.
    pub data: PathBuf,
    /// The door of the devices.
    pub devices: DevicesConfig,
    /// The door of the operators.
    pub operators: OperatorsConfig,
    /// Enrolment and identities.
    pub enrollment: EnrollmentConfig,
    /// Apple's push service.
    pub push: PushConfig,
    /// What Ward asks devices by itself.
    pub inventory: InventoryConfig,
    /// What the hospital demands of profiles.
    pub profiles: ProfilesConfig,
    /// Where the key-encrypting key is kept.
    pub secrets: SecretsConfig,
    /// The embedded database.
    pub database: DatabaseConfig,
    /// What all sinks have in common.
    pub streams: StreamsConfig,
    /// Systems that are told what happens.
    pub sink: Vec<SinkConfig>,
    /// Logging.
    pub log: LogConfig,
}

/// The door of the devices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DevicesConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address in enrolment profiles: `https://host[:port]`.
    pub public_url: String,
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// Proxies whose certificate header is believed: addresses or networks.
    pub trusted_proxies: Vec<String>,
    /// The header with the device's certificate.
    pub certificate_header: String,
    /// The form of that header: `rfc9440`, `nginx`, `traefik`, `alb` or `haproxy`.
    pub certificate_header_format: String,
    /// Whether proxies are spoken to without TLS.
    pub plain_http: bool,
    /// Whether new profiles name `/checkin`.
    pub split_check_in: bool,
    /// Seconds for a TLS handshake.
    pub handshake_seconds: u64,
    /// Seconds for the headers of a request.
    pub headers_seconds: u64,
    /// Seconds for the body of a request.
    pub body_seconds: u64,
    /// Seconds that an idle connection is kept.
    pub idle_seconds: u64,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub connections_per_address: usize,
    /// Connections with one device's certificate.
    pub connections_per_device: usize,
}

/// The door of the operators.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorsConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The address that operators use.
    pub public_url: String,
    /// PEM chain; plain HTTP without.
    pub certificate: Option<PathBuf>,
    /// PEM private key.
    pub key: Option<PathBuf>,
}

/// Enrolment and identities.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnrollmentConfig {
    /// Days that an identity certificate is valid.
    pub identity_days: u32,
    /// Days that an identity for the network is valid.
    pub network_identity_days: u32,
    /// Minutes in which a SCEP request may be repeated.
    pub challenge_minutes: u32,
    /// Whether links for personal devices may be made.
    pub allow_personal_links: bool,
    /// Whether single DES is accepted.
    pub allow_single_des: bool,
}

/// What the hospital demands of profiles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfilesConfig {
    /// Bundle identifiers of apps that show patient data, or that staff cannot work without.
    pub clinical_apps: Vec<String>,
    /// The most minutes until a screen locks.
    pub max_auto_lock_minutes: u32,
}

/// Apple's push service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushConfig {
    /// Host name of APNs.
    pub host: String,
    /// Port of APNs.
    pub port: u16,
    /// PEM file with further roots.
    pub roots: Option<PathBuf>,
    /// Hours that Apple keeps a push.
    pub expiration_hours: u32,
    /// Minutes until a push is repeated.
    pub repush_minutes: u32,
}

/// What Ward asks devices by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InventoryConfig {
    /// Hours between two questions.
    pub refresh_hours: u32,
}

/// The embedded database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// Threads that read.
    pub readers: usize,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Level or filter.
    pub level: String,
    /// Text or JSON.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// A sentence with the file, the line, what is wrong, and the nearest right name for an unknown key.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("cannot read the configuration {}; 'ward init' makes one", path.display())
        })?;
        let mut config = Self::parse(&text).with_context(|| format!("in {}", path.display()))?;
        config.resolve_paths(path.parent().unwrap_or(Path::new(".")));
        Ok(config)
    }

    /// Parses the text of a configuration and checks its values.
    ///
    /// # Errors
    /// As [`Config::load`], without the file's name.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text).map_err(|error| explain(&error))?;
        config.check()?;
        Ok(config)
    }

    fn resolve_paths(&mut self, base: &Path) {
        let resolve = |path: &mut PathBuf| *path = base.join(&*path);
        resolve(&mut self.data);
        self.secrets.resolve_paths(base);
        resolve(&mut self.devices.certificate);
        resolve(&mut self.devices.key);
        for path in [&mut self.operators.certificate, &mut self.operators.key, &mut self.push.roots] {
            path.as_mut().map(resolve);
        }
        self.sink.iter_mut().for_each(|sink| sink.resolve_paths(base));
    }

    fn check(&self) -> Result<()> {
        self.secrets.check()?;
        streams::check(&self.streams, &self.sink)?;
        let url = &self.devices.public_url;
        if !url.starts_with("https://") || url.ends_with('/') {
            return Err(anyhow!(
                "devices.public_url is '{url}'; it must be https://host or https://host:port, without a slash at the end"
            ));
        }
        if self.devices.plain_http && self.devices.trusted_proxies.is_empty() {
            return Err(anyhow!(
                "devices.plain_http is for proxies that end TLS; name them in devices.trusted_proxies, or leave it off"
            ));
        }
        let operators = &self.operators;
        if operators.certificate.is_some() != operators.key.is_some() {
            return Err(anyhow!(
                "operators.certificate and operators.key go together; one of them is missing"
            ));
        }
        let host = operators.public_url.strip_prefix("http://").unwrap_or("localhost");
        let host = host.split([':', '/']).next().unwrap_or(host);
        if !["localhost", "127.0.0.1"].contains(&host) {
            return Err(anyhow!(
                "operators.public_url is '{}'; plain http is for http://localhost only, otherwise use https",
                operators.public_url
            ));
        }
        if operators.certificate.is_none() && !operators.listen.ip().is_loopback() {
            return Err(anyhow!(
                "operators.listen is {}, which others can reach, but there is no operators.certificate: \
                 add certificate and key, or listen on 127.0.0.1",
                operators.listen
            ));
        }
        Ok(())
    }
}

/// Adds the nearest right name to the parser's message about an unknown key.
fn explain(error: &toml::de::Error) -> anyhow::Error {
    let mut names = error.message().split('`').skip(1).step_by(2);
    let hint = match (error.message().starts_with("unknown field"), names.next()) {
        (true, Some(wrong)) => names
            .map(|right| (strsim::damerau_levenshtein(wrong, right), right))
            .min()
            .map(|(_, right)| format!("did you mean '{right}'?"))
            .unwrap_or_default(),
        _ => String::new(),
    };
    anyhow!("{error}{hint}")
}

macro_rules! defaults {
    ($($type:ty { $($field:ident: $value:expr),* $(,)? })*) => { $(
        impl Default for $type {
            fn default() -> Self {
                Self { $($field: $value),* }
            }
        }
    )* };
}

defaults! {
    Config {
        organization: "Ward".to_owned(),
        data: PathBuf::from("data"),
        devices: DevicesConfig::default(),
        operators: OperatorsConfig::default(),
        enrollment: EnrollmentConfig::default(),
        push: PushConfig::default(),
        inventory: InventoryConfig::default(),
        profiles: ProfilesConfig::default(),
        secrets: SecretsConfig::default(),
        database: DatabaseConfig::default(),
        streams: StreamsConfig::default(),
        sink: Vec::new(),
        log: LogConfig::default(),
    }
    DevicesConfig {
        listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
        public_url: "https://localhost:8443".to_owned(),
        certificate: PathBuf::from("data/tls/devices.pem"),
        key: PathBuf::from("data/tls/devices.key"),
        trusted_proxies: Vec::new(),
        certificate_header: "Client-Cert".to_owned(),
        certificate_header_format: "rfc9440".to_owned(),
        plain_http: false,
        split_check_in: false,
        handshake_seconds: 10,
        headers_seconds: 15,
        body_seconds: 120,
        idle_seconds: 75,
        connections: 20_000,
        connections_per_address: 5_000,
        connections_per_device: 16,
    }
    OperatorsConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        public_url: "http://localhost:8080".to_owned(),
        certificate: None,
        key: None,
    }
    EnrollmentConfig {
        identity_days: 365,
        network_identity_days: 90,
        challenge_minutes: 15,
        allow_personal_links: false,
        allow_single_des: false,
    }
    PushConfig {
        host: "api.push.apple.com".to_owned(),
        port: 443,
        roots: None,
        expiration_hours: 168,
        repush_minutes: 240,
    }
    InventoryConfig { refresh_hours: 24 }
    ProfilesConfig { clinical_apps: Vec::new(), max_auto_lock_minutes: 5 }
    DatabaseConfig { readers: 4 }
    LogConfig { level: "info".to_owned(), format: LogFormat::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_shows_exactly_the_defaults() {
        assert_eq!(Config::parse(TEMPLATE).unwrap(), Config::default());
    }

    #[test]
    fn the_template_names_every_key() {
        let debug = format!("{:#?}", Config::default());
        let keys = debug.lines().filter_map(|line| line.trim().split_once(": ")).map(|(key, _)| key);
        let mut count = 0;
        for key in keys {
            count += 1;
            assert!(TEMPLATE.contains(key), "the template does not mention {key}");
        }
        assert!(count > 25, "only {count} keys found");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
        let error =
            Config::parse("[devices]\npublic_ulr = \"https://mdm.example.org\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(error.contains("did you mean 'public_url'?"), "{error}");
    }

    #[test]
    fn an_operators_door_without_certificate_stays_on_loopback() {
        let error = Config::parse("[operators]\nlisten = \"0.0.0.0:8080\"\n").unwrap_err().to_string();
        assert!(error.contains("operators.certificate"), "{error}");
    }

    #[test]
    fn operators_elsewhere_than_on_localhost_use_https() {
        let error =
            Config::parse("[operators]\npublic_url = \"http://ward.example.org\"\n").unwrap_err().to_string();
        assert!(error.contains("https"), "{error}");
        assert!(Config::parse("[operators]\npublic_url = \"https://ward.example.org\"\n").is_ok());
    }

    #[test]
    fn plain_http_is_for_named_proxies_only() {
        let error = Config::parse("[devices]\nplain_http = true\n").unwrap_err().to_string();
        assert!(error.contains("devices.trusted_proxies"), "{error}");
        let named = "[devices]\nplain_http = true\ntrusted_proxies = [\"127.0.0.1\"]\n";
        assert!(Config::parse(named).unwrap().devices.plain_http);
    }

    #[test]
    fn a_public_url_without_tls_is_refused() {
        let error =
            Config::parse("[devices]\npublic_url = \"http://mdm.example.org\"\n").unwrap_err().to_string();
        assert!(error.contains("devices.public_url"), "{error}");
    }
}
