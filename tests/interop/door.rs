//! `curl` at the device door, and `openssl` on what it fetches.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clock::{Clock as _, MockClock, SystemClock};
use serde_json::json;
use tests::{World, WorldOptions};

use crate::device::PythonDevice;
use crate::programs::{self, CURL, OPENSSL, run, text};

struct Curl {
    base: String,
    root: String,
}

impl Curl {
    fn new(world: &World) -> Result<Self> {
        let root = world.tls_root()?.to_str().context("a path that is no text")?.to_owned();
        Ok(Self { base: world.config.devices.public_url.clone(), root })
    }

    /// Status, headers and body as one text.
    async fn get(&self, path: &str, options: &[&str]) -> Result<String> {
        let url = format!("{}{path}", self.base);
        text(CURL, &[&["-s", "-S", "-i", "--cacert", &self.root], options, &[url.as_str()]].concat()).await
    }

    async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        run(CURL, &["-s", "-S", "-f", "--cacert", &self.root, &format!("{}{path}", self.base)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_sees_what_a_browser_and_a_scep_client_would() -> Result<()> {
    if !programs::ready("curl", &[CURL], false)? {
        return Ok(());
    }
    let world = World::start().await?;
    let curl = Curl::new(&world)?;
    for protocol in ["--http1.1", "--http2"] {
        let page = curl.get("/mdm", &[protocol]).await?;
        assert!(page.contains(" 200") && page.contains("text/html"), "a browser at /mdm: {page}");
    }
    let capabilities = curl.get("/scep?operation=GetCACaps", &[]).await?.to_lowercase();
    assert!(capabilities.contains("content-type: text/plain"), "{capabilities}");
    for word in ["postpkioperation", "sha-256", "aes", "scepstandard", "renewal"] {
        assert!(capabilities.contains(word), "{word}: {capabilities}");
    }
    let authority =
        curl.get("/scep?operation=GetCACert&message=Ward", &["-o", "/dev/null", "-D", "-"]).await?;
    let authority = authority.to_lowercase();
    assert!(authority.contains("content-type: application/x-x509-ca-cert\r\n"), "{authority}");
    assert!(curl.get("/no-such-thing", &[]).await?.contains(" 404"));
    assert!(curl.get("/scep?operation=PKIOperation", &["--data-binary", ""]).await?.contains(" 400"));

    let link = world.api.link("corporate").await?;
    let path = link.strip_prefix(&curl.base).context("a link to elsewhere")?.to_owned();
    let page = curl.get(&path, &[]).await?.to_lowercase();
    for header in [
        "referrer-policy: no-referrer",
        "cache-control: no-store",
        "content-security-policy: default-src 'none'",
    ] {
        assert!(page.contains(header), "{header}: {page}");
    }
    assert!(curl.get("/enroll/ward_link_nonsense/profile", &[]).await?.contains(" 404"));
    assert!(curl.get(&format!("{path}/..%2f..%2fapi"), &[]).await?.contains(" 404"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_cannot_use_an_old_tls_nor_reach_the_operators() -> Result<()> {
    if !programs::ready("curl", &[CURL], false)? {
        return Ok(());
    }
    let world = World::start().await?;
    let curl = Curl::new(&world)?;
    let old = curl.get("/mdm", &["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]).await;
    assert!(old.is_err(), "TLS 1.1 was accepted");
    for path in ["/api/v1/devices", "/metrics", "/readyz", "/healthz"] {
        assert!(curl.get(path, &[]).await?.contains(" 404"), "{path} is at the door of the devices");
    }
    // No answer to a device without an identity may be a 401: it would remove its profile.
    let idle =
        ["-X", "PUT", "-H", "Content-Type: application/x-apple-aspen-mdm", "--data-binary", "<plist/>"];
    assert!(curl.get("/mdm", &idle).await?.contains(" 400"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_reads_the_revocation_list_and_finds_the_revoked() -> Result<()> {
    if !programs::ready("the revocation list", &[CURL, OPENSSL], true)? {
        return Ok(());
    }
    let clock = MockClock::new(SystemClock.now());
    let options = WorldOptions { clock: Arc::new(clock.clone()), ..WorldOptions::default() };
    let world = World::start_with(options).await?;
    let curl = Curl::new(&world)?;
    let folder = world.folder.path();
    let (authority, list) = (folder.join("authority.der"), folder.join("list.crl"));
    std::fs::write(&authority, curl.bytes("/scep?operation=GetCACert").await?)?;
    let pem = folder.join("authority.pem");
    let (der, pem) = (authority.to_str().context("path")?, pem.to_str().context("path")?);
    run(OPENSSL, &["x509", "-inform", "DER", "-in", der, "-out", pem]).await?;

    let device = PythonDevice::new(&world, "lost")?;
    let enrolled = device.enrol(&world, "pyscep").await?;
    let serial = enrolled["certificate"]["serial"].as_str().context("no serial")?.to_uppercase();
    let list = list.to_str().context("path")?;
    let read = ["crl", "-inform", "DER", "-in", list, "-noout", "-text", "-CAfile", pem];
    std::fs::write(list, curl.bytes("/crl").await?)?;
    assert!(!text(OPENSSL, &read).await?.to_uppercase().contains(&serial));

    let identities = world.api.get("/api/v1/identities").await?.body;
    let rows = identities["items"].as_array().context("no identities")?;
    let fingerprint = &enrolled["certificate"]["fingerprint"];
    let own =
        rows.iter().find(|row| row["fingerprint"] == *fingerprint).context("the identity is not listed")?;
    let path = format!("/api/v1/identities/{}/revoke", own["id"].as_str().unwrap_or_default());
    assert_eq!(world.api.post(&path, &json!({"reason": "the key was copied"})).await?.status, 200);

    // A list is kept for a while before a new one is made.
    clock.advance(Duration::from_secs(3_600));
    std::fs::write(list, curl.bytes("/crl").await?)?;
    // Without the option to verify, openssl would print any list; with it, a wrong signature is an error.
    assert!(
        text(OPENSSL, &read).await?.to_uppercase().contains(&serial),
        "the revoked certificate is not listed"
    );
    let refused = device.run(&[], &["session"]).await?;
    assert_eq!(refused["ok"], false, "{refused:#}");
    assert_eq!(refused["events"][0]["status"], 400, "{refused:#}");
    Ok(())
}
