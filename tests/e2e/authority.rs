//! A new device authority: devices move over by themselves, and nobody is cut off.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use simulator::{DeviceSpec, Model};
use tests::{answer, client};

use crate::support::{deliveries, until, world_with_clock};

#[tokio::test(flavor = "multi_thread")]
async fn rolling_the_authority_moves_devices_over_and_cuts_nobody_off() -> Result<()> {
    let (world, clock) = world_with_clock().await?;
    let device = world.settled(Model::IPhone, 1).await?;
    let before = device.snapshot();
    let unexplained = world.api.post("/api/v1/authorities/roll", &json!({"reason": " "})).await?;
    assert_eq!(unexplained.status, 422, "{unexplained:?}");
    let rolled = world.api.post("/api/v1/authorities/roll", &json!({"reason": "yearly exercise"})).await?;
    assert_eq!(rolled.status, 200, "{rolled:?}");
    let ids: Vec<&str> =
        rolled.body.as_array().context("no list")?.iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!((ids.len(), &rolled.body[0]["active"]), (2, &json!(true)), "{rolled:?}");
    assert!(device.poll().await?.complete, "the old certificate is no longer trusted");

    clock.advance(Duration::from_secs(120));
    until("the renewal is queued", async || {
        let queued = deliveries(&world, &before.udid).await?;
        Ok(queued.iter().any(|one| one["request_type"] == "InstallProfile"))
    })
    .await?;
    device.poll().await?;
    device.poll().await?;
    let after = device.snapshot();
    assert_eq!((after.counts.renewals, after.counts.enrolments), (1, 1), "{:?}", after.problems);
    assert_ne!(after.identity, before.identity);
    let record = world.api.get(&format!("/api/v1/devices/{}", before.udid)).await?;
    assert_eq!(record.body["enrollments"].as_array().map(Vec::len), Some(1), "a renewal is no new enrolment");

    world.enrolled(DeviceSpec::new(Model::IPad, 2)).await?;
    for id in ids {
        let list = answer(client(&world)?.build()?.get(format!("{}/crl/{id}", world.door()))).await?;
        assert_eq!((list.status, list.content_type.as_str()), (200, "application/pkix-crl"));
    }
    Ok(())
}
