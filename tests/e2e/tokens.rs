//! Bootstrap and unlock tokens, and the check-ins that are answered without being commands.

use anyhow::Result;
use plist::{Dictionary, Value};
use serde_json::json;
use simulator::Model;
use tests::{RawDevice, World};

use crate::support::record;

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_token_is_given_back_and_removed_when_told() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacAppleSilicon, 1).await?;
    assert!(mac.bootstrap_token().is_some());
    assert_eq!(mac.fetch_bootstrap_token().await?, mac.bootstrap_token());
    mac.remove_bootstrap_token().await?;
    assert_eq!(mac.fetch_bootstrap_token().await?, None, "it was told to forget it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_bootstrap_token_that_was_never_given_is_answered_with_nothing() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000F01").await?;
    let reply = device.check_in("GetBootstrapToken", Dictionary::new()).await?;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    let mut empty = Dictionary::new();
    empty.insert("BootstrapToken".to_owned(), Value::Data(Vec::new()));
    let mut some = Dictionary::new();
    some.insert("BootstrapToken".to_owned(), Value::Data(b"boot".to_vec()));
    assert_eq!(device.check_in("SetBootstrapToken", some).await?.status, 200);
    let kept = device.check_in("GetBootstrapToken", Dictionary::new()).await?.plist()?;
    assert_eq!(kept.get("BootstrapToken").and_then(Value::as_data), Some(&b"boot"[..]));
    assert_eq!(device.check_in("SetBootstrapToken", empty).await?.status, 200);
    assert!(
        device.check_in("GetBootstrapToken", Dictionary::new()).await?.body.is_empty(),
        "zero length means: remove it"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn declarations_are_an_empty_but_valid_set_and_a_vanished_one_is_404() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000F02").await?;
    let ask = async |endpoint: &str| {
        let mut keys = Dictionary::new();
        keys.insert("Endpoint".to_owned(), endpoint.into());
        device.check_in("DeclarativeManagement", keys).await
    };
    let (tokens, again) = (ask("tokens").await?, ask("tokens").await?);
    assert_eq!((tokens.status, tokens.content_type.starts_with("application/json")), (200, true));
    let token = |reply: &tests::RawReply| -> Result<serde_json::Value> {
        Ok(serde_json::from_slice::<serde_json::Value>(&reply.body)?["SyncTokens"]["DeclarationsToken"]
            .clone())
    };
    assert_eq!(token(&tokens)?, token(&again)?, "the token changes only with the set");
    let items: serde_json::Value = serde_json::from_slice(&ask("declaration-items").await?.body)?;
    for kind in ["Activations", "Assets", "Configurations", "Management"] {
        assert!(items["Declarations"][kind].is_array(), "{kind} must be there even when empty: {items}");
    }
    assert_eq!(items["DeclarationsToken"], token(&tokens)?);
    assert_eq!(ask("declaration/configuration/org.example.gone").await?.status, 404);
    let mut status = Dictionary::new();
    status.insert("Data".to_owned(), Value::Data(br#"{"StatusItems":{},"Errors":[]}"#.to_vec()));
    status.insert("Endpoint".to_owned(), "status".into());
    assert_eq!(device.check_in("DeclarativeManagement", status).await?.status, 200);
    for endpoint in ["https://evil.example/x", "../../etc/passwd", "declaration/configuration/../../x", ""] {
        let reply = ask(endpoint).await?;
        assert!([400, 404].contains(&reply.status), "{endpoint}: {reply:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_check_ins_have_their_answers() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000F03").await?;
    let with = |key: &str, value: &str| {
        let mut keys = Dictionary::new();
        keys.insert(key.to_owned(), value.into());
        keys
    };
    let maid = device.check_in("GetToken", with("TokenServiceType", "com.apple.maid")).await?;
    assert_eq!(maid.status, 503, "no key yet");
    assert_eq!(
        device.check_in("GetToken", with("TokenServiceType", "com.example.nonsense")).await?.status,
        400
    );
    assert_eq!(device.check_in("NoSuchMessage", Dictionary::new()).await?.status, 400);
    let back = device.check_in("ReturnToService", Dictionary::new()).await?;
    assert!([200, 400].contains(&back.status), "{back:?}");
    let mut user = with("UserID", "AABBCCDD-0000-1111-2222-333344445555");
    user.insert("UserShortName".to_owned(), "nurse".into());
    let challenge = device.check_in("UserAuthenticate", user.clone()).await?;
    assert!([200, 410].contains(&challenge.status), "{challenge:?}");
    assert_eq!(
        device.check_in("Authenticate", user.clone()).await?.status,
        400,
        "a user does not enrol a device"
    );
    assert_eq!(device.check_in("CheckOut", user).await?.status, 200);
    let shown = world.api.get(&format!("/api/v1/devices/{}", device.udid)).await?;
    assert_eq!(
        shown.body["device"]["enrollment_state"], "enrolled",
        "a user who leaves does not take the device along"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_user_does_not_replace_the_token_of_the_device() -> Result<()> {
    let world = World::start().await?;
    let device = RawDevice::enrolled(&world, "00008120-0000000000000F04").await?;
    let mut user = Dictionary::new();
    user.insert("UserID".to_owned(), "AABBCCDD-0000-1111-2222-333344445555".into());
    user.insert("UserShortName".to_owned(), "nurse".into());
    user.insert("Token".to_owned(), Value::Data(vec![0x77; 32]));
    assert_eq!(device.check_in("TokenUpdate", user).await?.status, 200);
    world.api.post("/api/v1/push", &json!({"targets": [device.udid]})).await?;
    crate::support::until("a push", async || {
        Ok(world.apns.received().iter().any(|push| push.token == [0x5a; 32]))
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_out_ends_the_enrolment_and_its_queue() -> Result<()> {
    let world = World::start().await?;
    let mac = world.settled(Model::MacIntel, 2).await?;
    let waiting = world.api.send(&mac.snapshot().udid, json!({"RequestType": "RestartDevice"})).await?;
    mac.remove_enrolment().await?;
    let record = record(&world, &mac).await?;
    assert_eq!(record["device"]["enrollment_state"], "checked_out", "{record:#}");
    assert_eq!(world.api.state(waiting).await?, "cancelled");
    let body = json!({"targets": [mac.snapshot().udid], "command": {"RequestType": "RestartDevice"}});
    let late = world.api.post("/api/v1/commands", &body).await?;
    assert!(late.status >= 400 && late.body.to_string().contains("left management"), "{late:?}");
    Ok(())
}
