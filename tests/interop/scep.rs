//! Three SCEP clients of others: each gets its certificate, is refused with a wrong challenge, and renews where it can.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{World, WorldOptions};

use crate::device::PythonDevice;
use crate::programs::{self, OPENSSL, Program, SCEPCLIENT, STRONGSWAN, python};

/// The challenge and address in a fresh profile.
async fn scep_payload(world: &World, link: &str) -> Result<(String, String)> {
    let device = PythonDevice::new(world, "payload")?;
    let read = device.act(&["profile", "--link", link]).await?;
    let scep = &read["profile"]["scep"];
    let field = |name: &str| scep[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    Ok((field("url")?, field("challenge")?))
}

/// Asks for a certificate with a client; what came of it.
async fn ask(world: &World, client: &str, (url, challenge): (&str, &str), folder: &str) -> Result<Value> {
    let (folder, root) = (world.folder.path().join(folder), world.tls_root()?);
    let (folder, root) = (folder.to_str().unwrap_or_default(), root.to_str().unwrap_or_default());
    let arguments =
        ["enrol", client, "--url", url, "--ca", root, "--challenge", challenge, "--folder", folder];
    python("scep_clients.py", &arguments).await
}

/// What every client has to see: no certificate for a wrong challenge, one for the right one, none for a second key.
async fn check_challenges(world: &World, client: &str) -> Result<()> {
    let link = world.api.link("corporate").await?;
    let (url, challenge) = scep_payload(world, &link).await?;
    let refused = ask(world, client, (&url, "not the challenge"), &format!("{client}-wrong")).await?;
    ensure!(refused["ok"] == false, "{client} got a certificate for a wrong challenge: {refused:#}");
    let said = refused["failure"].as_str().unwrap_or_default().to_lowercase();
    ensure!(said.contains("badrequest") || said.contains("failure"), "not a CertRep with a reason: {said}");

    let issued = ask(world, client, (&url, &challenge), &format!("{client}-right")).await?;
    ensure!(issued["ok"] == true, "{client} got none: {issued:#}");
    let subject = issued["certificate"]["subject"].as_str().unwrap_or_default();
    ensure!(
        subject.contains("CN=") && !subject.contains("interop"),
        "the subject is the client's own: {subject}"
    );

    let again = ask(world, client, (&url, &challenge), &format!("{client}-second")).await?;
    ensure!(again["ok"] == false, "{client} got a second certificate for another key: {again:#}");
    Ok(())
}

/// A renewal signed by the old certificate: the device goes on with the new one and stays the device that it is.
async fn check_renewal(world: &World, client: &str) -> Result<()> {
    let device = PythonDevice::new(world, &format!("{client}-device"))?;
    let before = device.enrol(world, client).await?;
    device.act(&["session"]).await?;
    let (url, root) = (format!("{}/scep", world.config.devices.public_url), world.tls_root()?);
    let root = root.to_str().unwrap_or_default();
    let renewed = python(
        "scep_clients.py",
        &["renew", client, "--url", &url, "--ca", root, "--folder", device.folder()],
    )
    .await?;
    ensure!(renewed["ok"] == true, "{client} cannot renew: {renewed:#}");
    ensure!(
        renewed["certificate"]["fingerprint"] != before["certificate"]["fingerprint"],
        "{client} got its old certificate again"
    );
    let after = device.act(&["session"]).await?;
    ensure!(after["udid"] == before["udid"], "another device: {after:#}");
    let udid = before["udid"].as_str().context("no UDID")?;
    let detail = world.api.get(&format!("/api/v1/devices/{udid}")).await?.body;
    let enrollments = detail["enrollments"].as_array().context("no enrolments")?;
    ensure!(enrollments.len() == 1, "a renewal is no new enrolment: {detail:#}");
    ensure!(detail["device"]["enrollment_state"] == "enrolled", "{detail:#}");
    Ok(())
}

async fn world(allow_single_des: bool, elliptic: bool) -> Result<World> {
    let configure = if allow_single_des {
        |config: &mut ward::config::Config| config.enrollment.allow_single_des = true
    } else {
        |_: &mut ward::config::Config| ()
    };
    World::start_with(WorldOptions { configure, elliptic, ..WorldOptions::default() }).await
}

fn ready(client: Program) -> Result<bool> {
    programs::ready("SCEP", &[OPENSSL, client], true)
}

#[tokio::test(flavor = "multi_thread")]
async fn debians_scepclient_enrols_and_renews_where_single_des_is_allowed() -> Result<()> {
    if !ready(SCEPCLIENT)? {
        return Ok(());
    }
    let world = world(true, false).await?;
    check_challenges(&world, "scepclient").await?;
    check_renewal(&world, "scepclient").await
}

#[tokio::test(flavor = "multi_thread")]
async fn single_des_is_refused_unless_it_is_allowed() -> Result<()> {
    if !ready(SCEPCLIENT)? {
        return Ok(());
    }
    let world = world(false, false).await?;
    let link = world.api.link("corporate").await?;
    let (url, challenge) = scep_payload(&world, &link).await?;
    let refused = ask(&world, "scepclient", (&url, &challenge), "single-des").await?;
    assert_eq!(refused["ok"], false, "{refused:#}");
    assert!(refused["failure"].as_str().unwrap().contains("badAlg"), "{refused:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn strongswans_pki_enrols_and_renews_with_a_new_key() -> Result<()> {
    if !ready(STRONGSWAN)? {
        return Ok(());
    }
    let world = world(false, false).await?;
    check_challenges(&world, "strongswan").await?;
    check_renewal(&world, "strongswan").await
}

#[tokio::test(flavor = "multi_thread")]
async fn strongswans_pki_enrols_through_the_registration_authority_of_an_elliptic_authority() -> Result<()> {
    if !ready(STRONGSWAN)? {
        return Ok(());
    }
    let world = world(false, true).await?;
    check_challenges(&world, "strongswan").await
}

#[tokio::test(flavor = "multi_thread")]
async fn pyscep_enrols() -> Result<()> {
    if !programs::ready("SCEP", &[OPENSSL], true)? {
        return Ok(());
    }
    check_challenges(&world(false, false).await?, "pyscep").await
}
