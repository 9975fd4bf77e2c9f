//! A device of which every byte is in the test's hands: for requests that no simulated device would send.

use anyhow::{Context, Result, ensure};
use pki::cms::{Cipher, SignOptions, SignedMessage, sign_detached};
use pki::{Certificate, CertificateRequest, Digest, PrivateKey};
use plist::{Dictionary, Value};
use protocol_scep::client::{ClientOptions, ClientRequest, Reply, parse_ca_certificates};

use crate::World;

/// The media type of check-ins.
const CHECK_IN: &str = "application/x-apple-aspen-mdm-checkin";
/// The media type of reports.
const REPORT: &str = "application/x-apple-aspen-mdm";

/// What the server answered to a device.
#[derive(Debug, Clone)]
pub struct RawReply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, or nothing.
    pub content_type: String,
    /// `Retry-After`, if there is one.
    pub retry_after: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl RawReply {
    /// The body as a property list.
    ///
    /// # Errors
    /// It is none.
    pub fn plist(&self) -> Result<Dictionary> {
        let value = Value::from_reader(std::io::Cursor::new(&self.body)).context("not a property list")?;
        value.into_dictionary().context("not a dictionary")
    }

    /// The `CommandUUID` and the `RequestType` of the command in the body, if there is one.
    #[must_use]
    pub fn command(&self) -> Option<(String, String)> {
        let envelope = self.plist().ok()?;
        let inner = envelope.get("Command")?.as_dictionary()?;
        let text = |from: &Dictionary, key: &str| from.get(key).and_then(Value::as_string).map(str::to_owned);
        Some((text(&envelope, "CommandUUID")?, text(inner, "RequestType")?))
    }
}

/// A key, a certificate, a UDID and a TLS client.
pub struct RawDevice {
    /// The UDID that it writes into its messages.
    pub udid: String,
    /// Its certificate.
    pub certificate: Certificate,
    /// Its key.
    pub key: PrivateKey,
    /// The topic of its profile.
    pub topic: String,
    /// The `AccessRights` of its profile.
    pub rights: u64,
    door: String,
    http: reqwest::Client,
}

impl RawDevice {
    /// Fetches the profile of `link` and gets an identity by SCEP, and does nothing more.
    ///
    /// # Errors
    /// A step fails.
    pub async fn identified(world: &World, link: &str, udid: &str) -> Result<Self> {
        Self::by_profile(world, &fetch_profile(world, link).await?, udid).await
    }

    /// The same device with a new key and a certificate by the signed profile of a renewal.
    ///
    /// # Errors
    /// A step fails.
    pub async fn renewed(&self, world: &World, profile: &[u8]) -> Result<Self> {
        Self::by_profile(world, &open_profile(profile)?, &self.udid).await
    }

    /// The same device with the identity that a SCEP payload of any signed profile gives, in the place of its own.
    ///
    /// # Errors
    /// A step fails.
    pub async fn with_identity_of(&self, world: &World, profile: &[u8]) -> Result<Self> {
        let scep = payload(&open_profile(profile)?, "com.apple.security.scep")?;
        let content = scep.get("PayloadContent").and_then(Value::as_dictionary).context("no SCEP content")?;
        let text = |key: &str| content.get(key).and_then(Value::as_string);
        let key = PrivateKey::generate_rsa_2048()?;
        let url = text("URL").context("no SCEP URL")?;
        let certificate = certify(world, url, &key, text("Challenge")).await?;
        let http = client(world)?.identity(identity(&certificate, &key)?).build()?;
        let (udid, topic, door) = (self.udid.clone(), self.topic.clone(), self.door.clone());
        Ok(Self { udid, certificate, key, topic, rights: self.rights, door, http })
    }

    async fn by_profile(world: &World, profile: &Dictionary, udid: &str) -> Result<Self> {
        let payload = |kind: &str| payload(profile, kind);
        let (scep, mdm) = (payload("com.apple.security.scep")?, payload("com.apple.mdm")?);
        let scep = scep.get("PayloadContent").and_then(Value::as_dictionary).context("no SCEP content")?;
        let text = |from: &Dictionary, key: &str| from.get(key).and_then(Value::as_string).map(str::to_owned);
        let url = text(scep, "URL").context("no SCEP URL")?;
        let key = PrivateKey::generate_rsa_2048()?;
        let certificate = certify(world, &url, &key, text(scep, "Challenge").as_deref()).await?;
        let http = client(world)?.identity(identity(&certificate, &key)?).build()?;
        let rights = mdm.get("AccessRights").and_then(Value::as_unsigned_integer).unwrap_or(8191);
        let topic = text(&mdm, "Topic").context("no topic")?;
        Ok(Self {
            udid: udid.to_owned(),
            certificate,
            key,
            topic,
            rights,
            door: world.door().to_owned(),
            http,
        })
    }

    /// The same with `Authenticate` and `TokenUpdate`.
    ///
    /// # Errors
    /// A step fails.
    pub async fn enrolled(world: &World, udid: &str) -> Result<Self> {
        let link = world.api.link("corporate").await?;
        let device = Self::identified(world, &link, udid).await?;
        for kind in ["Authenticate", "TokenUpdate"] {
            let reply = device.check_in(kind, Dictionary::new()).await?;
            ensure!(reply.status == 200, "{kind} was answered with {reply:?}");
        }
        Ok(device)
    }

    /// Sends bytes to a path of the devices' door with PUT, with the client certificate.
    ///
    /// # Errors
    /// No answer came.
    pub async fn put(&self, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Result<RawReply> {
        let mut request = self.http.put(format!("{}{path}", self.door)).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        answer(request).await
    }

    /// Sends bytes without a client certificate, with any headers.
    ///
    /// # Errors
    /// No answer came.
    pub async fn put_with_headers(
        world: &World,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<RawReply> {
        let mut request = client(world)?.build()?.put(format!("{}{path}", world.door())).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// Sends a check-in message; `keys` are added to, or replace, the usual ones.
    ///
    /// # Errors
    /// No answer came.
    pub async fn check_in(&self, kind: &str, keys: Dictionary) -> Result<RawReply> {
        self.put("/mdm", Some(CHECK_IN), xml(&self.check_in_message(kind, keys))?).await
    }

    /// A check-in message with the usual keys.
    #[must_use]
    pub fn check_in_message(&self, kind: &str, keys: Dictionary) -> Dictionary {
        let mut message = Dictionary::new();
        message.insert("MessageType".to_owned(), kind.into());
        message.insert("UDID".to_owned(), self.udid.clone().into());
        match kind {
            "Authenticate" => {
                for (key, value) in [
                    ("Topic", self.topic.as_str()),
                    ("SerialNumber", &format!("SN{}", self.udid.chars().take(8).collect::<String>())),
                    ("ProductName", "iPad14,8"),
                    ("ModelName", "iPad"),
                    ("OSVersion", "26.1"),
                    ("BuildVersion", "23B74"),
                    ("DeviceName", "An iPad by hand"),
                ] {
                    message.insert(key.to_owned(), value.into());
                }
            }
            "TokenUpdate" => {
                message.insert("Topic".to_owned(), self.topic.clone().into());
                message.insert("Token".to_owned(), Value::Data(vec![0x5a; 32]));
                message.insert("PushMagic".to_owned(), "6C9F1F0C-0C3C-4F55-9E54-3C8A59A8D1D2".into());
            }
            _ => {}
        }
        message.extend(keys);
        message
    }

    /// Sends a report with this status about a command, or none.
    ///
    /// # Errors
    /// No answer came.
    pub async fn report(&self, status: &str, command: Option<&str>, keys: Dictionary) -> Result<RawReply> {
        let mut message = Dictionary::new();
        message.insert("Status".to_owned(), status.into());
        message.insert("UDID".to_owned(), self.udid.clone().into());
        if let Some(uuid) = command {
            message.insert("CommandUUID".to_owned(), uuid.into());
        }
        message.extend(keys);
        self.put("/mdm", Some(REPORT), xml(&message)?).await
    }

    /// `Idle`: the next command.
    ///
    /// # Errors
    /// No answer came.
    pub async fn idle(&self) -> Result<RawReply> {
        self.report("Idle", None, Dictionary::new()).await
    }

    /// Answers whatever is queued with `Acknowledged` until nothing is left; the request types.
    ///
    /// # Errors
    /// No answer came, or it never ends.
    pub async fn drain(&self) -> Result<Vec<String>> {
        let mut seen = Vec::new();
        let mut reply = self.idle().await?;
        while let Some((uuid, request_type)) = reply.command() {
            ensure!(seen.len() < 100, "the queue never ends: {seen:?}");
            seen.push(request_type);
            reply = self.report("Acknowledged", Some(&uuid), Dictionary::new()).await?;
        }
        ensure!(reply.status == 200, "the session ended with {reply:?}");
        Ok(seen)
    }

    /// `Mdm-Signature` of a body by this device's key, base64.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn signature(&self, body: &[u8], options: SignOptions) -> Result<String> {
        use base64::Engine as _;
        let signature = sign_detached(&self.certificate, &self.key, body, options)?;
        Ok(base64::engine::general_purpose::STANDARD.encode(signature))
    }
}

/// Writes a property list as XML.
///
/// # Errors
/// It cannot be written.
pub fn xml(dictionary: &Dictionary) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Value::Dictionary(dictionary.clone()).to_writer_xml(&mut bytes)?;
    Ok(bytes)
}

/// The inner profile behind a link.
///
/// # Errors
/// The server gives none.
pub async fn fetch_profile(world: &World, link: &str) -> Result<Dictionary> {
    let reply = answer(client(world)?.build()?.get(format!("{link}/profile"))).await?;
    ensure!(reply.status == 200, "no profile: {} {}", reply.status, String::from_utf8_lossy(&reply.body));
    open_profile(&reply.body)
}

/// The inner profile of a signed one.
///
/// # Errors
/// It is not one.
pub fn open_profile(bytes: &[u8]) -> Result<Dictionary> {
    let signed = SignedMessage::parse(bytes)?;
    let content = signed.content().context("the profile is empty")?;
    let value =
        Value::from_reader(std::io::Cursor::new(content)).context("the profile is no property list")?;
    value.into_dictionary().context("the profile is no dictionary")
}

/// The first payload of this type in a profile.
///
/// # Errors
/// There is none.
pub fn payload(profile: &Dictionary, kind: &str) -> Result<Dictionary> {
    let payloads = profile.get("PayloadContent").and_then(Value::as_array).context("no payloads")?;
    let is_wanted =
        |payload: &&Dictionary| payload.get("PayloadType").and_then(Value::as_string) == Some(kind);
    payloads
        .iter()
        .filter_map(Value::as_dictionary)
        .find(is_wanted)
        .cloned()
        .with_context(|| format!("no {kind}"))
}

/// A client that trusts the server's root.
///
/// # Errors
/// The root cannot be read.
pub fn client(world: &World) -> Result<reqwest::ClientBuilder> {
    let root = reqwest::Certificate::from_pem(&std::fs::read(world.tls_root()?)?)?;
    Ok(reqwest::Client::builder().tls_certs_merge([root]))
}

/// Sends a request and reads the answer.
///
/// # Errors
/// No answer came.
pub async fn answer(request: reqwest::RequestBuilder) -> Result<RawReply> {
    let response = request.timeout(std::time::Duration::from_secs(30)).send().await?;
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, retry_after) = (header("content-type").unwrap_or_default(), header("retry-after"));
    let status = response.status().as_u16();
    Ok(RawReply { status, content_type, retry_after, body: response.bytes().await?.to_vec() })
}

async fn certify(world: &World, url: &str, key: &PrivateKey, challenge: Option<&str>) -> Result<Certificate> {
    let http = client(world)?.build()?;
    let authorities = answer(http.get(format!("{url}?operation=GetCACert"))).await?;
    let authorities = parse_ca_certificates(&authorities.content_type, &authorities.body)?;
    let subject = vec![("CN".to_owned(), "by hand".to_owned())];
    let csr = CertificateRequest::create(key, &subject, challenge)?;
    let options = ClientOptions {
        cipher: Cipher::Aes128,
        digest: Digest::Sha256,
        ber: false,
        renew: None,
        now: world.clock.now(),
    };
    let request = ClientRequest::build(&authorities, key, &csr, &options)?;
    let call = http.post(format!("{url}?operation=PKIOperation")).body(request.message.clone());
    let reply = answer(call.header("content-type", "application/x-pki-message")).await?;
    match request.parse_reply(&reply.body)? {
        Reply::Success(certificate) => Ok(certificate),
        Reply::Failure(reason) => anyhow::bail!("SCEP refuses: {reason:?}"),
        Reply::Pending => anyhow::bail!("SCEP wants to wait"),
    }
}

fn identity(certificate: &Certificate, key: &PrivateKey) -> Result<reqwest::Identity> {
    Ok(reqwest::Identity::from_pkcs8_pem(certificate.to_pem().as_bytes(), key.to_pkcs8_pem()?.as_ref())?)
}
