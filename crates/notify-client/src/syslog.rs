//! Syslog over TLS: messages of RFC 5424 in the frames of RFC 5425.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use openssl::ssl::SslConnector;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::connect::{Place, Stream, UNACKNOWLEDGED};
use crate::{Deliver, Delivered, HostRules, Message, TlsSettings, Trouble};

/// How long writing some messages may take.
const WRITE_WITHIN: Duration = Duration::from_secs(20);
/// "log audit" (RFC 5424, 6.2.1).
const FACILITY: u8 = 13;
/// Severities of the same section: warning and informational.
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;
/// The longest HOSTNAME and MSGID (RFC 5424, 6).
const HOST_LENGTH: usize = 255;
const MSGID_LENGTH: usize = 32;
/// The name of our structured data. The number is the one that RFC 5612 reserves for use without a registration.
const DATA_NAME: &str = "ward@32473";

/// Where a syslog receiver is.
#[derive(Debug, Clone)]
pub struct SyslogSettings {
    /// The host.
    pub host: String,
    /// The port; 6514 is registered for it.
    pub port: u16,
    /// What Ward calls itself, in HOSTNAME.
    pub own_name: String,
    /// Whom to trust, and who to be.
    pub tls: TlsSettings,
    /// Which hosts may be reached.
    pub rules: Arc<HostRules>,
}

/// A receiver of syslog.
pub struct Syslog {
    place: Place,
    own_name: String,
    tls: SslConnector,
    stream: Mutex<Option<Box<dyn Stream>>>,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").field("host", &self.place.host).finish_non_exhaustive()
    }
}

impl Syslog {
    /// A receiver that is connected to when there is something to tell.
    ///
    /// # Errors
    /// The host is not listed, or the certificates are unusable.
    pub fn new(settings: SyslogSettings) -> Result<Self, Trouble> {
        let SyslogSettings { host, port, own_name, tls, rules } = settings;
        rules.knows(&host).map_err(|refused| Trouble::new(refused.to_string()))?;
        let tls = tls.connector()?;
        let own_name = printable(&own_name, HOST_LENGTH);
        Ok(Self { place: Place { host, port, rules }, own_name, tls, stream: Mutex::new(None) })
    }

    async fn write(&self, stream: &mut dyn Stream, messages: &[Message]) -> Result<(), Trouble> {
        let lost = |error: std::io::Error| self.place.trouble(format!("the connection was lost: {error}"));
        for message in messages {
            stream.write_all(&frame(&line(&self.own_name, message))).await.map_err(lost)?;
        }
        stream.flush().await.map_err(lost)?;
        // A receiver says nothing but good-bye.
        let mut word = [0_u8; 64];
        match stream.read(&mut word).now_or_never() {
            None | Some(Ok(1..)) => Ok(()),
            Some(Ok(0)) => Err(self.place.trouble("the receiver closed the connection")),
            Some(Err(error)) => Err(lost(error)),
        }
    }
}

#[async_trait]
impl Deliver for Syslog {
    async fn deliver(&self, messages: &[Message]) -> Delivered {
        let mut kept = self.stream.lock().await;
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None if messages.is_empty() => return Delivered::default(),
            None => match self.place.connect(Some(&self.tls)).await {
                Ok(stream) => stream,
                Err(trouble) => return Delivered::until(0, messages.len(), trouble),
            },
        };
        let written = timeout(WRITE_WITHIN, self.write(&mut *stream, messages)).await;
        match written.unwrap_or_else(|_elapsed| Err(self.place.trouble("it takes nothing any more"))) {
            Ok(()) => {
                *kept = Some(stream);
                Delivered::all(messages.len())
            }
            Err(trouble) => Delivered::until(0, messages.len(), trouble),
        }
    }

    fn in_doubt(&self) -> Duration {
        UNACKNOWLEDGED + Duration::from_secs(10)
    }
}

/// `MSG-LEN SP SYSLOG-MSG` (RFC 5425, 4.3).
fn frame(line: &str) -> Vec<u8> {
    format!("{} {line}", line.len()).into_bytes()
}

/// One message (RFC 5424, 6). Its text is ASCII, so it needs no byte order mark.
fn line(own_name: &str, message: &Message) -> String {
    let priority = FACILITY * 8 + if message.urgent { WARNING } else { INFORMATIONAL };
    let seq = message.seq.map(|seq| format!(" seq=\"{seq}\"")).unwrap_or_default();
    format!(
        "<{priority}>1 {} {own_name} ward - {} [{DATA_NAME} id=\"{}\"{seq} object=\"{}\"] {}",
        message.at,
        printable(&message.kind, MSGID_LENGTH),
        escaped(&message.id),
        escaped(&message.object),
        message.to_json()
    )
}

/// A value of structured data (RFC 5424, 6.3.3).
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

/// A field of the header: printable ASCII without spaces, `-` for nothing.
fn printable(text: &str, longest: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use clock::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_what_rfc_5424_describes_and_its_frame_counts_octets() {
        let message = Message {
            id: "evt_1".to_owned(),
            seq: Some(12),
            kind: "a.kind.that.is.longer.than.thirty-two".to_owned(),
            object: "odd:\"]\\".to_owned(),
            at: Timestamp::from_millis(1_800_000_000_123),
            data: json!({ "state": "\u{e4}" }),
            urgent: true,
        };
        let line = line("ward.example.org", &message);
        let expected = r#"<108>1 2027-01-15T08:00:00.123Z ward.example.org ward - a.kind.that.is.longer.than.thirt [ward@32473 id="evt_1" seq="12" object="odd:\"\]\\"] {"id":"#;
        assert!(line.starts_with(expected), "{line}");
        assert!(line.is_ascii());
        let framed = frame(&line);
        assert!(framed.starts_with(format!("{} <108>1 ", line.len()).as_bytes()));
        let calm = super::line("h", &Message { urgent: false, seq: None, ..message });
        assert!(calm.starts_with("<110>1 ") && !calm.contains(" seq="), "{calm}");
        assert_eq!(printable(" \u{e4}\n", 10), "-");
    }
}
