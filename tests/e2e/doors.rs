//! Two doors that never mix, a clean end, and certificates that change while the server runs.

use std::time::Duration;

use anyhow::{Context, Result};
use clock::{Clock, SystemClock};
use pki::{Authority, AuthorityKind, NewCertificate, PrivateKey, Usage};
use serde_json::json;
use simulator::{DeviceSpec, Model};
use tests::{World, answer, client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::until;

const OPERATORS: [&str; 6] =
    ["/api/v1/devices", "/api/v1/openapi.json", "/healthz", "/readyz", "/metrics", "/api/v1/commands"];
const DEVICES: [&str; 5] = ["/mdm", "/checkin", "/scep?operation=GetCACaps", "/crl", "/enroll/x"];

#[tokio::test(flavor = "multi_thread")]
async fn the_paths_of_one_door_do_not_exist_at_the_other() -> Result<()> {
    let world = World::start().await?;
    let http = client(&world)?.build()?;
    let operators = &world.config.operators.public_url;
    for path in OPERATORS {
        let reply = answer(http.get(format!("{}{path}", world.door())).bearer_auth(&world.token)).await?;
        assert_eq!(reply.status, 404, "{path} at the devices' door");
    }
    for path in DEVICES {
        let reply = answer(http.get(format!("{operators}{path}")).bearer_auth(&world.token)).await?;
        assert_eq!(reply.status, 404, "{path} at the operators' door");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_the_operators_door_answers_401_with_a_problem_document() -> Result<()> {
    let world = World::start().await?;
    let http = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", world.config.operators.public_url);
    for path in ["/api/v1/devices", "/api/v1/server", "/api/v1/events", "/api/v1/audit-events"] {
        for token in [None, Some(""), Some("ward_op_wrong"), Some(&world.token[..world.token.len() - 1])] {
            let mut request = http.get(url(path));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let reply = answer(request).await?;
            assert_eq!(reply.status, 401, "{path}");
            assert!(reply.content_type.starts_with("application/problem+json"), "{}", reply.content_type);
        }
    }
    for (path, open) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/api/v1/openapi.json", 200)]
    {
        assert_eq!(answer(http.get(url(path))).await?.status, open, "{path}");
    }
    let document: serde_json::Value =
        serde_json::from_slice(&answer(http.get(url("/api/v1/openapi.json"))).await?.body)?;
    assert!(
        document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
        "{}",
        document["openapi"]
    );
    for path in ["/api/v1/commands", "/api/v1/devices", "/api/v1/links", "/api/v1/push-certificates"] {
        assert!(document["paths"].get(path).is_some(), "{path} is not described");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_at_their_cursor_without_gap_or_repetition() -> Result<()> {
    let world = World::start().await?;
    for seed in 1..=5 {
        world.enrolled(DeviceSpec::new(Model::IPad, seed)).await?;
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut path = "/api/v1/devices?limit=2".to_owned();
    for _ in 0..5 {
        let page = world.api.get(&path).await?;
        for item in page.body["items"].as_array().context("no items")? {
            assert!(
                seen.insert(item["udid"].as_str().unwrap_or_default().to_owned()),
                "listed twice: {item}"
            );
        }
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/api/v1/devices?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    let wrong = world.api.get("/api/v1/devices?cursor=nonsense").await?;
    assert!((400..500).contains(&wrong.status), "{wrong:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_answers_what_is_in_flight_and_keeps_what_it_answered() -> Result<()> {
    let mut world = World::start().await?;
    let ipad = world.settled(Model::IPad, 1).await?;
    let body =
        json!({"targets": [ipad.snapshot().udid], "command": {"RequestType": "RestartDevice"}}).to_string();
    let mut stream = TcpStream::connect(world.config.operators.listen).await?;
    let head = format!(
        "POST /api/v1/commands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        world.token,
        body.len()
    );
    let (first, second) = body.split_at(body.len() / 2);
    stream.write_all(format!("{head}{first}").as_bytes()).await?;
    // The request is being handled before the server is told to stop.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let server = world.server.take().context("no server")?;
    let listen = world.config.operators.listen;
    let stopping = tokio::spawn(server.stop());
    until("the door is closed", async || Ok(TcpStream::connect(listen).await.is_err())).await?;
    stream.write_all(second.as_bytes()).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    stopping.await?;
    world.start_server().await?;
    ipad.poll().await?;
    assert_eq!(ipad.snapshot().counts.restarts, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_tls_certificate_is_used_without_a_restart() -> Result<()> {
    let world = World::start().await?;
    let now = SystemClock.now();
    let root = Authority::create(AuthorityKind::P256, "Another root", now, 30)?;
    let key = PrivateKey::generate_p256()?;
    let leaf = root.issue(&NewCertificate {
        public_key_der: key.public_key_der()?,
        subject: vec![("CN".to_owned(), "localhost".to_owned())],
        not_before: now - Duration::from_secs(60),
        not_after: now + Duration::from_secs(86_400),
        usage: Usage::Server { dns_names: vec!["localhost".to_owned()], ip: Vec::new() },
        serial: None,
    })?;
    let trusting = |pem: &str| -> Result<reqwest::Client> {
        Ok(reqwest::Client::builder()
            .tls_certs_merge([reqwest::Certificate::from_pem(pem.as_bytes())?])
            .build()?)
    };
    let before = trusting(&root.certificate().to_pem())?.get(format!("{}/crl", world.door())).send().await;
    assert!(before.is_err(), "the new root is trusted already");
    std::fs::write(&world.config.devices.key, key.to_pkcs8_pem()?.as_slice())?;
    std::fs::write(&world.config.devices.certificate, leaf.to_pem())?;
    until("the new certificate is shown", async || {
        let reply = trusting(&root.certificate().to_pem())?.get(format!("{}/crl", world.door())).send().await;
        Ok(reply.is_ok_and(|reply| reply.status() == 200))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn live_changes_are_told_as_server_sent_events() -> Result<()> {
    let world = World::start().await?;
    let url = format!("{}/api/v1/events", world.config.operators.public_url);
    let mut events = reqwest::Client::new().get(&url).bearer_auth(&world.token).send().await?;
    assert_eq!(events.status(), 200);
    let ipad = world.settled(Model::IPad, 1).await?;
    world.api.send(&ipad.snapshot().udid, json!({"RequestType": "CertificateList"})).await?;
    ipad.poll().await?;
    let mut text = String::new();
    let wanted = [
        "event: enrollment.enrolled",
        "event: command.queued",
        "event: command.handed_out",
        "event: command.acknowledged",
    ];
    let all = async {
        while let Some(chunk) = events.chunk().await? {
            text.push_str(&String::from_utf8_lossy(&chunk));
            if wanted.iter().all(|event| text.contains(event)) && text.contains("CertificateList") {
                break;
            }
        }
        anyhow::Ok(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(20), all).await;
    for event in wanted {
        assert!(text.contains(event), "{event} was not told: {text}");
    }
    Ok(())
}
