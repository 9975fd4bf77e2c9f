//! Requests that nobody should send. None is answered with 401, which would unenrol a device, and none harms the server.

use anyhow::Result;
use plist::{Dictionary, Value};
use tests::{RawDevice, World, answer, client, xml};

const CHECK_IN: &str = "application/x-apple-aspen-mdm-checkin";
const REPORT: &str = "application/x-apple-aspen-mdm";

/// Bodies that are no message, or more than one.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let nested = [
        b"<plist><dict>".to_vec(),
        b"<key>a</key><dict>".repeat(7_000),
        b"</dict>".repeat(7_000),
        b"</dict></plist>".to_vec(),
    ];
    let mut binary = Vec::new();
    let mut idle = Dictionary::new();
    idle.insert("Status".to_owned(), "Idle".into());
    let _ = Value::Dictionary(idle).to_writer_binary(&mut binary);
    let bomb = "<!DOCTYPE plist [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><plist><string>&b;</string></plist>";
    vec![
        ("nothing", Vec::new()),
        ("text", b"hello".to_vec()),
        ("zeros", vec![0; 4096]),
        ("a nested list of 130 KB", nested.concat()),
        ("a deep array", [b"<plist>".to_vec(), b"<array>".repeat(20_000)].concat()),
        ("a binary list", binary),
        ("a truncated binary list", b"bplist00\xd1\x01\x02".to_vec()),
        ("entities", bomb.as_bytes().to_vec()),
        ("an external entity", b"<!DOCTYPE p [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><plist><string>&x;</string></plist>".to_vec()),
        ("CDATA", b"<plist><dict><key>Status</key><string><![CDATA[Idle]]></string></dict></plist>".to_vec()),
        ("an array", b"<plist><array/></plist>".to_vec()),
        ("no identifiers", b"<plist><dict><key>Status</key><string>Idle</string></dict></plist>".to_vec()),
        ("no message", b"<plist><dict><key>UDID</key><string>x</string></dict></plist>".to_vec()),
        (
            "a UDID that is no text",
            b"<plist><dict><key>Status</key><string>Idle</string><key>UDID</key><integer>7</integer></dict></plist>".to_vec(),
        ),
        (
            "a UDID of 100 KB",
            format!("<plist><dict><key>Status</key><string>Idle</string><key>UDID</key><string>{}</string></dict></plist>", "x".repeat(100_000))
                .into_bytes(),
        ),
        ("twice the same key", b"<plist><dict><key>Status</key><string>Idle</string><key>Status</key><string>Idle</string></dict></plist>".to_vec()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_with_a_valid_certificate_is_answered_with_401_or_a_fault() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000B0D").await?;
    for path in ["/mdm", "/checkin"] {
        for content_type in [
            Some(CHECK_IN),
            Some(REPORT),
            Some("text/plain"),
            Some("application/x-apple-aspen-mdm-checkin; charset=UTF-8"),
            None,
        ] {
            for (name, body) in bodies() {
                let reply = device.put(path, content_type, body).await?;
                assert!(
                    [400, 413].contains(&reply.status),
                    "{path} {content_type:?} {name}: {}",
                    reply.status
                );
            }
        }
    }
    assert_eq!(device.idle().await?.status, 200, "the device is served as before");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_certificate_gets_anything_but_400() -> Result<()> {
    let world = World::start().await?;
    let known = RawDevice::enrolled(&world, "00008120-0000000000000B0E").await?;
    let update = xml(&known.check_in_message("TokenUpdate", Dictionary::new()))?;
    let long = "A".repeat(60_000);
    for headers in [
        vec![("content-type", CHECK_IN)],
        vec![("content-type", CHECK_IN), ("authorization", "Bearer x")],
        vec![("content-type", CHECK_IN), ("authorization", "Basic eDp5")],
        vec![("content-type", CHECK_IN), ("mdm-signature", "x")],
        vec![("content-type", CHECK_IN), ("mdm-signature", long.as_str())],
        vec![("content-type", CHECK_IN), ("client-cert", ":AAAA:")],
        vec![("content-type", CHECK_IN), ("x-ssl-client-cert", "-----BEGIN")],
        vec![("content-type", CHECK_IN), ("x-forwarded-for", "127.0.0.1")],
    ] {
        for path in ["/mdm", "/checkin"] {
            let reply = RawDevice::put_with_headers(&world, path, &headers, update.clone()).await?;
            assert_eq!(reply.status, 400, "{path} {:?}", headers.last());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_elses_making_gets_400() -> Result<()> {
    let world = World::start().await?;
    let ipad = world.settled(simulator::Model::IPad, 1).await?;
    ipad.with_faults([simulator::Fault::WrongCertificate]);
    assert!(!ipad.poll().await?.complete);
    let seen = ipad.snapshot();
    assert!(
        seen.enrolled && seen.problems.iter().any(|problem| problem.contains("400")),
        "{:?}",
        seen.problems
    );
    ipad.with_faults([simulator::Fault::RightCertificate]);
    assert!(ipad.poll().await?.complete);
    let other = world.settled(simulator::Model::IPad, 2).await?;
    ipad.show_identity_of(Some(&other));
    assert!(!ipad.poll().await?.complete);
    assert!(ipad.snapshot().enrolled && ipad.snapshot().counts.unenrolments == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_and_no_path_of_the_devices_door_answers_401_or_403() -> Result<()> {
    let world = World::start().await?;
    let http = client(&world)?.build()?;
    for path in [
        "/",
        "/mdm",
        "/checkin",
        "/scep",
        "/crl",
        "/enroll/x",
        "/enroll/x/profile",
        "/enroll/",
        "/../etc/passwd",
        "/api/v1/devices",
        "/mdm/x",
        "/%00",
        "/MDM",
    ] {
        for method in ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "HEAD", "TRACE", "NONSENSE"] {
            let method = reqwest::Method::from_bytes(method.as_bytes())?;
            let reply =
                answer(http.request(method.clone(), format!("{}{path}", world.door())).body("x")).await?;
            let status = reply.status;
            assert!(status != 401 && status != 403 && status < 500, "{method} {path}: {status}");
        }
    }
    let page = answer(http.get(format!("{}/mdm", world.door()))).await?;
    assert!(
        page.status == 200 && page.content_type.starts_with("text/html"),
        "people open it in a browser: {page:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_url_with_a_query_and_a_body_behind_a_mark_are_taken_as_they_come() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000B0F").await?;
    let message = device.check_in_message("TokenUpdate", Dictionary::new());
    let body = [b"\xef\xbb\xbf\n".to_vec(), xml(&message)?].concat();
    for content_type in [Some("application/x-apple-aspen-mdm-checkin; charset=UTF-8"), None] {
        let reply = device.put("/mdm?tenant=7&x=%20", content_type, body.clone()).await?;
        assert_eq!(reply.status, 200, "{content_type:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_not_taken_and_harms_nobody() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000B10").await?;
    let mut keys = Dictionary::new();
    keys.insert("Padding".to_owned(), "x".repeat(3 << 20).into());
    // The answer comes before the body has been sent, so that a client may see a closed connection in its place.
    if let Ok(reply) = device.check_in("TokenUpdate", keys).await {
        assert_eq!(reply.status, 413);
    }
    assert_eq!(device.idle().await?.status, 200);
    Ok(())
}
