//! From the configuration of the sinks to what tells them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clock::Clock;
use notify_client::{
    Deliver, HostRules, JsonLines, SigningSecrets, Syslog, SyslogSettings, TlsSettings, Trouble, Webhook,
    WebhookSettings,
};
use service::streams::{SinkPlan, StreamSettings};
use zeroize::Zeroizing;

use crate::config::{Config, SinkConfig, SinkKind};

/// The port that is registered for syslog over TLS (RFC 5425).
const SYSLOG_PORT: u16 = 6514;

/// The sinks of a configuration.
///
/// # Errors
/// A host is not listed, a file cannot be read, a certificate or a secret is none.
pub(crate) fn plans(config: &Config, clock: &Arc<dyn Clock>) -> Result<(Vec<SinkPlan>, StreamSettings)> {
    let streams = &config.streams;
    let rules = Arc::new(HostRules::new(streams.allowed_hosts.clone(), streams.private_hosts.clone()));
    let one = |sink: &SinkConfig| {
        plan(config, sink, &rules, clock).with_context(|| format!("the sink '{}'", sink.name))
    };
    let plans = config.sink.iter().map(one).collect::<Result<_>>()?;
    let settings = StreamSettings {
        heartbeat: Duration::from_secs(u64::from(streams.heartbeat_minutes) * 60),
        keep: Duration::from_secs(u64::from(streams.keep_days) * 86_400),
    };
    Ok((plans, settings))
}

fn plan(
    config: &Config,
    sink: &SinkConfig,
    rules: &Arc<HostRules>,
    clock: &Arc<dyn Clock>,
) -> Result<SinkPlan> {
    let refused = |trouble: Trouble| anyhow!(trouble.text);
    let tls = tls(sink)?;
    let (kind, target, deliver): (_, _, Arc<dyn Deliver>) = match sink.kind {
        SinkKind::Webhook => {
            let url = sink.url.clone().unwrap_or_default();
            let settings = WebhookSettings {
                url: url.clone(),
                secrets: SigningSecrets::new(sink.secret_files.clone()),
                tls,
                rules: Arc::clone(rules),
            };
            let webhook = Webhook::new(settings, Arc::clone(clock)).map_err(refused)?;
            ("webhook", origin(&url), Arc::new(webhook))
        }
        SinkKind::Syslog => {
            let (host, port) = (sink.host.clone().unwrap_or_default(), sink.port.unwrap_or(SYSLOG_PORT));
            let target = format!("{host}:{port}");
            let own_name = own_name(&config.devices.public_url);
            let settings = SyslogSettings { host, port, own_name, tls, rules: Arc::clone(rules) };
            ("syslog", target, Arc::new(Syslog::new(settings).map_err(refused)?))
        }
        SinkKind::Jsonl => {
            let path = sink.path.clone().unwrap_or_default();
            let target = path.display().to_string();
            ("jsonl", target, Arc::new(JsonLines::new(path).map_err(refused)?))
        }
    };
    Ok(SinkPlan {
        name: sink.name.clone(),
        kind,
        target,
        kinds: sink.kinds.clone(),
        witness: sink.witness,
        digest: hex::encode(pki::sha256(format!("{sink:?}").as_bytes())),
        deliver,
    })
}

fn tls(sink: &SinkConfig) -> Result<TlsSettings> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let authorities_pem = sink.ca_file.as_deref().map(read).transpose()?;
    let client = match (&sink.certificate, &sink.key) {
        (Some(certificate), Some(key)) => Some((read(certificate)?, Zeroizing::new(read(key)?))),
        _ => None,
    };
    Ok(TlsSettings { authorities_pem, client })
}

/// Scheme, host and port: some receivers put a token into the path.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
}

fn own_name(public_url: &str) -> String {
    let name = public_url.trim_start_matches("https://");
    name.split([':', '/']).next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_address_is_where_it_is_and_no_more() {
        assert_eq!(origin("https://hooks.example.com:8443/T0/secret?k=v"), "https://hooks.example.com:8443");
        assert_eq!(own_name("https://mdm.example.org:8443"), "mdm.example.org");
    }
}
