//! Enrolment links: what their page says, how often and how long they work.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use simulator::{DeviceSpec, Model};
use tests::{World, answer, client};

use crate::support::{profile_of, world_with_clock};

async fn made(world: &World, body: serde_json::Value) -> Result<(String, String)> {
    let answer = world.api.post("/api/v1/links", &body).await?;
    assert_eq!(answer.status, 201, "{answer:?}");
    let url = answer.body["url"].as_str().context("no url")?.to_owned();
    Ok((url, answer.body["link"]["id"].as_str().context("no id")?.to_owned()))
}

async fn state(world: &World, id: &str) -> Result<String> {
    Ok(world.api.get(&format!("/api/v1/links/{id}")).await?.body["state"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

async fn page(world: &World, url: &str) -> Result<tests::RawReply> {
    answer(client(world)?.build()?.get(url)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_link_says_in_plain_words_what_the_hospital_can_see_and_do() -> Result<()> {
    let world = World::start().await?;
    let link = world.api.link("corporate").await?;
    let shown = page(&world, &link).await?;
    assert_eq!(shown.status, 200);
    assert!(shown.content_type.starts_with("text/html"), "{}", shown.content_type);
    let text = String::from_utf8(shown.body)?;
    for words in [
        "St. Example Hospital",
        "Ada Lovelace",
        "can see",
        "can do",
        "serial number",
        "Erase it completely",
        "/profile",
    ] {
        assert!(text.contains(words), "the page does not say {words:?}: {text}");
    }
    let made = world.api.post("/api/v1/links", &json!({"ownership": "shared"})).await?;
    assert!(made.body["qr_svg"].as_str().is_some_and(|svg| svg.contains("<svg")), "no QR code: {made:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_one_device_takes_one_device_and_then_says_so() -> Result<()> {
    let world = World::start().await?;
    let (link, id) = made(&world, json!({"ownership": "corporate"})).await?;
    for _ in 0..3 {
        assert_eq!(page(&world, &format!("{link}/profile")).await?.status, 200, "looking uses nothing up");
    }
    let first = world.device(DeviceSpec::new(Model::IPhone, 1));
    first.enroll(&profile_of(&link)).await?;
    assert_eq!(state(&world, &id).await?, "spent");
    let second = world.device(DeviceSpec::new(Model::IPhone, 2));
    assert!(second.enroll(&profile_of(&link)).await.is_err());
    let over = page(&world, &link).await?;
    assert_eq!(over.status, 410);
    assert!(String::from_utf8(over.body)?.contains("can no longer be used"));
    assert!(first.poll().await?.complete, "who is in stays in");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_fetched_the_profile_of_a_link_for_one_cannot_both_enrol() -> Result<()> {
    let world = World::start().await?;
    let (link, _) = made(&world, json!({"ownership": "corporate"})).await?;
    let profile = page(&world, &format!("{link}/profile")).await?.body;
    let other = page(&world, &format!("{link}/profile")).await?.body;
    let (first, second) =
        (world.device(DeviceSpec::new(Model::IPad, 1)), world.device(DeviceSpec::new(Model::IPad, 2)));
    first.enroll(&simulator::ProfileSource::Bytes(profile)).await?;
    let late = second.enroll(&simulator::ProfileSource::Bytes(other)).await;
    assert!(late.is_err() && !second.snapshot().enrolled, "both enrolled by a link for one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_link_and_a_revoked_link_enrol_nobody() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let (short, short_id) =
        made(&world, json!({"ownership": "corporate", "uses_limit": 9, "expires_in_hours": 1})).await?;
    let (gone, gone_id) = made(&world, json!({"ownership": "corporate", "uses_limit": 9})).await?;
    let fetched = page(&world, &format!("{gone}/profile")).await?.body;
    clock.advance(Duration::from_secs(3_700));
    let revoked = world.api.post(&format!("/api/v1/links/{gone_id}/revoke"), &json!({})).await?;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(
        (state(&world, &short_id).await?.as_str(), state(&world, &gone_id).await?.as_str()),
        ("expired", "revoked")
    );
    for link in [&short, &gone] {
        assert_eq!(page(&world, link).await?.status, 410);
        let device = world.device(DeviceSpec::new(Model::IPhone, 5));
        assert!(device.enroll(&profile_of(link)).await.is_err());
    }
    let device = world.device(DeviceSpec::new(Model::IPhone, 6));
    assert!(
        device.enroll(&simulator::ProfileSource::Bytes(fetched)).await.is_err(),
        "its profile is worthless too"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_made_is_not_found_and_the_token_is_in_no_list() -> Result<()> {
    let world = World::start().await?;
    let (link, _) = made(&world, json!({"ownership": "corporate"})).await?;
    let token = link.rsplit('/').next().unwrap_or_default();
    assert!(token.len() > 40, "the token is long: {token}");
    let wrong = format!("{}x", link);
    assert_eq!(page(&world, &wrong).await?.status, 404);
    assert_eq!(page(&world, &format!("{wrong}/profile")).await?.status, 404);
    let list = world.api.get("/api/v1/links").await?.body.to_string();
    assert!(!list.contains(token), "the list of links shows the token");
    Ok(())
}
