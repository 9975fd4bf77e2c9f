//! A tiny MDM server that does what its script says: real TLS, real SCEP, no rules.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use clock::{Clock as _, SystemClock};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod, SslVerifyMode};
use parking_lot::Mutex;
use pki::cms::{sign_attached, verify_detached};
use pki::{Authority, AuthorityKind, Certificate, Fingerprint, NewCertificate, PrivateKey, Usage};
use plist::{Dictionary, Value};
use secrecy::ExposeSecret as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

pub(crate) const TOPIC: &str = "com.apple.mgmt.External.test";

/// The device CA of all tests; RSA keys are slow to make.
pub(crate) static CA: LazyLock<Authority> = LazyLock::new(|| {
    Authority::create(AuthorityKind::Rsa2048, "Test Device CA", SystemClock.now(), 30).unwrap()
});
/// The CA of the TLS certificates of all tests.
static WEB_CA: LazyLock<Authority> =
    LazyLock::new(|| Authority::create(AuthorityKind::P256, "Test Web CA", SystemClock.now(), 30).unwrap());

/// One message as it arrived at `/mdm`.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) message: Dictionary,
    pub(crate) tls: Option<Fingerprint>,
    pub(crate) signature: Option<Fingerprint>,
    pub(crate) headers: HeaderMap,
}

/// What the server is told to answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16),
    Body(u16, &'static str, Vec<u8>),
}

/// Commands in their order, with their UUIDs.
type Queue = VecDeque<(String, Dictionary)>;

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) seen: Mutex<Vec<Seen>>,
    /// Commands for the device, and for users by short name.
    commands: Mutex<BTreeMap<Option<String>, Queue>>,
    /// Answers to the next messages, in place of the usual ones.
    pub(crate) answers: Mutex<VecDeque<Answer>>,
    /// Answers to messages of a type.
    pub(crate) by_type: Mutex<BTreeMap<String, Answer>>,
    /// Answers to `DeclarativeManagement`, in order.
    pub(crate) declarative: Mutex<VecDeque<Answer>>,
    pub(crate) challenges: Mutex<Vec<String>>,
    /// The key and the transaction of each SCEP request.
    pub(crate) requests: Mutex<Vec<([u8; 32], Vec<u8>)>>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) script: Arc<Script>,
}

/// How the profile differs from the usual one.
pub(crate) struct ProfileOptions {
    pub(crate) rights: u64,
    pub(crate) sign_message: bool,
    pub(crate) signed: bool,
    pub(crate) challenge: &'static str,
    pub(crate) topic: &'static str,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self { rights: 8191, sign_message: false, signed: true, challenge: "open sesame", topic: TOPIC }
    }
}

/// The certificate that devices have to trust.
pub(crate) fn roots() -> Vec<u8> {
    Vec::from(WEB_CA.certificate().to_pem())
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script::default());
        *script.challenges.lock() = vec!["open sesame".to_owned(), "again".to_owned()];
        let acceptor = acceptor();
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, script }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// An enrolment profile of this server.
    pub(crate) fn profile(&self, options: &ProfileOptions) -> Vec<u8> {
        let payload = |kind: &str, name: &str, keys: Dictionary| {
            let mut payload = dictionary([
                ("PayloadType", kind.into()),
                ("PayloadVersion", 1.into()),
                ("PayloadIdentifier", format!("org.example.mdm.{name}").into()),
                ("PayloadUUID", format!("UUID-{name}").into()),
            ]);
            payload.extend(keys);
            Value::Dictionary(payload)
        };
        let subject =
            Value::Array(vec![Value::Array(vec![Value::Array(vec!["CN".into(), "device-1".into()])])]);
        let scep = dictionary([
            ("URL", self.url("/scep").into()),
            ("Name", "Test CA".into()),
            ("Challenge", options.challenge.into()),
            ("Keysize", 2048.into()),
            ("Key Type", "RSA".into()),
            ("Subject", subject),
        ]);
        let capabilities = ["com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken"];
        let mdm = dictionary([
            ("ServerURL", self.url("/mdm").into()),
            ("IdentityCertificateUUID", "UUID-scep".into()),
            ("Topic", options.topic.into()),
            ("AccessRights", options.rights.into()),
            ("SignMessage", options.sign_message.into()),
            ("CheckOutWhenRemoved", true.into()),
            ("ServerCapabilities", Value::Array(capabilities.into_iter().map(Value::from).collect())),
        ]);
        let root = dictionary([("PayloadContent", Value::Data(CA.certificate().der().to_vec()))]);
        let content = vec![
            payload("com.apple.security.root", "root", root),
            payload(
                "com.apple.security.scep",
                "scep",
                dictionary([("PayloadContent", Value::Dictionary(scep))]),
            ),
            payload("com.apple.mdm", "mdm", mdm),
        ];
        let profile = profile("org.example.mdm", content);
        if options.signed {
            sign_attached(CA.certificate(), CA.key(), &[], &profile).unwrap()
        } else {
            profile
        }
    }

    /// Puts a command into the queue of the device; returns its UUID.
    pub(crate) fn command(&self, request_type: &str, keys: Dictionary) -> String {
        self.command_for(None, request_type, keys)
    }

    pub(crate) fn command_for(&self, user: Option<&str>, request_type: &str, keys: Dictionary) -> String {
        let mut command = dictionary([("RequestType", request_type.into())]);
        command.extend(keys);
        let mut queues = self.script.commands.lock();
        let queue = queues.entry(user.map(str::to_owned)).or_default();
        let uuid = format!("{request_type}-{}", queue.len());
        queue.push_back((uuid.clone(), command));
        uuid
    }

    /// The messages with a `MessageType` or `Status` of that name, oldest first.
    pub(crate) fn seen(&self, name: &str) -> Vec<Seen> {
        let seen = self.script.seen.lock();
        let is = |seen: &&Seen, key: &str| seen.message.get(key).and_then(Value::as_string) == Some(name);
        seen.iter().filter(|one| is(one, "MessageType") || is(one, "Status")).cloned().collect()
    }

    /// The names of all messages, oldest first.
    pub(crate) fn story(&self) -> Vec<String> {
        let name = |seen: &Seen| {
            let text = |key: &str| seen.message.get(key).and_then(Value::as_string);
            text("MessageType").or_else(|| text("Status")).unwrap_or("?").to_owned()
        };
        self.script.seen.lock().iter().map(name).collect()
    }
}

pub(crate) fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Dictionary {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A profile with `content`, XML.
pub(crate) fn profile(identifier: &str, content: Vec<Value>) -> Vec<u8> {
    let profile = dictionary([
        ("PayloadType", "Configuration".into()),
        ("PayloadVersion", 1.into()),
        ("PayloadIdentifier", identifier.into()),
        ("PayloadUUID", format!("UUID-of-{identifier}").into()),
        ("PayloadDisplayName", "Test".into()),
        ("PayloadContent", Value::Array(content)),
    ]);
    xml(profile)
}

fn xml(dictionary: Dictionary) -> Vec<u8> {
    let mut bytes = Vec::new();
    Value::Dictionary(dictionary).to_writer_xml(&mut bytes).unwrap();
    bytes
}

fn acceptor() -> SslAcceptor {
    let key = PrivateKey::generate_p256().unwrap();
    let now = SystemClock.now();
    let certificate = WEB_CA
        .issue(&NewCertificate {
            public_key_der: key.public_key_der().unwrap(),
            subject: vec![("CN".to_owned(), "localhost".to_owned())],
            not_before: now - Duration::from_secs(60),
            not_after: now + Duration::from_secs(86_400),
            usage: Usage::Server { dns_names: vec!["localhost".to_owned()], ip: Vec::new() },
            serial: None,
        })
        .unwrap();
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_certificate(&certificate.to_openssl().unwrap()).unwrap();
    builder.set_private_key(key.as_openssl()).unwrap();
    builder.set_session_id_context(b"test").unwrap();
    builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    builder.build()
}

async fn serve(stream: TcpStream, acceptor: SslAcceptor, script: Arc<Script>) {
    let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), stream).unwrap();
    if Pin::new(&mut stream).accept().await.is_err() {
        return;
    }
    let peer = stream
        .ssl()
        .peer_certificate()
        .map(|peer| Certificate::from_der(&peer.to_der().unwrap()).unwrap().fingerprint());
    let service = service_fn(move |request| {
        let script = Arc::clone(&script);
        async move { Ok::<_, Infallible>(handle(request, peer, &script).await) }
    });
    let _closed =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(
    request: Request<Incoming>,
    tls: Option<Fingerprint>,
    script: &Script,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if head.uri.path() == "/scep" {
        return scep(head.uri.query().unwrap_or_default(), &head.method, &body, script);
    }
    let Ok(value) = Value::from_reader_xml(&body[..]) else { return answer(400, "text/plain", Vec::new()) };
    let message = value.into_dictionary().unwrap();
    let signature = head.headers.get("mdm-signature").map(|value| {
        let cms = base64::engine::general_purpose::STANDARD.decode(value.as_bytes()).unwrap();
        verify_detached(&cms, &body).unwrap().fingerprint()
    });
    script.seen.lock().push(Seen { message: message.clone(), tls, signature, headers: head.headers });
    if let Some(scripted) = script.answers.lock().pop_front() {
        return scripted.response();
    }
    let kind = message.get("MessageType").and_then(Value::as_string);
    if kind == Some("DeclarativeManagement")
        && let Some(scripted) = script.declarative.lock().pop_front()
    {
        return scripted.response();
    }
    if let Some(kind) = kind {
        return script.by_type.lock().get(kind).map_or_else(|| answer(200, "", Vec::new()), Answer::response);
    }
    let user = message.get("UserShortName").and_then(Value::as_string).map(str::to_owned);
    match script.commands.lock().entry(user).or_default().pop_front() {
        None => answer(200, "", Vec::new()),
        Some((uuid, command)) => {
            let envelope =
                dictionary([("CommandUUID", uuid.into()), ("Command", Value::Dictionary(command))]);
            answer(200, "application/xml", xml(envelope))
        }
    }
}

impl Answer {
    fn response(&self) -> Response<Full<Bytes>> {
        match self {
            Self::Status(status) => answer(*status, "", Vec::new()),
            Self::Body(status, kind, body) => answer(*status, kind, body.clone()),
        }
    }
}

fn answer(status: u16, kind: &str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    if !kind.is_empty() {
        response = response.header("content-type", kind);
    }
    response.body(Full::from(body)).unwrap()
}

/// SCEP: certifies every request whose challenge is known.
fn scep(query: &str, method: &Method, body: &[u8], script: &Script) -> Response<Full<Bytes>> {
    if query.contains("GetCACaps") {
        return answer(200, "text/plain", protocol_scep::capabilities().as_bytes().to_vec());
    }
    if query.contains("GetCACert") {
        let (kind, body) = protocol_scep::ca_certificates(&CA);
        return answer(200, kind, body);
    }
    let message = if *method == Method::POST {
        body.to_vec()
    } else {
        protocol_scep::message_from_query(query).unwrap()
    };
    let Ok(request) = protocol_scep::Request::parse(&message, &CA, false) else {
        return answer(400, "text/plain", Vec::new());
    };
    script.requests.lock().push((request.csr.key_digest(), request.header.transaction().to_vec()));
    let challenge = request.csr.challenge_password();
    let known =
        challenge.is_some_and(|text| script.challenges.lock().iter().any(|one| one == text.expose_secret()));
    let reply = if known {
        let now = SystemClock.now();
        let certificate = CA
            .issue(&NewCertificate {
                public_key_der: request.csr.public_key_der().to_vec(),
                subject: vec![("CN".to_owned(), "device-1".to_owned())],
                not_before: now - Duration::from_secs(600),
                not_after: now + Duration::from_secs(86_400),
                usage: Usage::Client,
                serial: None,
            })
            .unwrap();
        protocol_scep::success(&request, &CA, &certificate).unwrap()
    } else {
        protocol_scep::failure(&request.header, &CA, protocol_scep::FailInfo::BadRequest).unwrap()
    };
    answer(200, protocol_scep::CONTENT_TYPE_MESSAGE, reply)
}
