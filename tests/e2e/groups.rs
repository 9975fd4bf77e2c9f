//! Groups by hand and by rule: a device joins as soon as what is known of it fits.

use anyhow::Result;
use serde_json::json;
use simulator::Model;
use tests::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_joins_a_group_when_it_fits_the_rule_and_leaves_when_it_does_not() -> Result<()> {
    let world = World::start().await?;
    let rule = json!({"name": "Bedside", "rule": "device.platform == 'iPadOS' && labels.use == 'bedside'"});
    assert_eq!(world.api.post("/api/v1/groups", &rule).await?.status, 201);
    let enrolled = json!({"name": "Supervision known", "rule": "device.supervised || !device.supervised"});
    assert_eq!(world.api.post("/api/v1/groups", &enrolled).await?.status, 201);
    let device = world.settled(Model::IPad, 1).await?;
    let count = |group: &str, wanted: i64| {
        let (api, path) = (&world.api, format!("/api/v1/groups/{group}"));
        async move { api.wait(&path, |shown| shown["members"] == json!(wanted)).await }
    };
    count("Supervision%20known", 1).await?;
    let shown = world.api.get("/api/v1/groups/Bedside").await?.body;
    assert_eq!(shown["members"], json!(0));
    let device_path = format!("/api/v1/devices/{}", device.serial_number());
    let label = format!("{device_path}/attributes/use");
    assert!(world.api.put(&label, &json!({"value": "bedside"})).await?.status < 300);
    count("Bedside", 1).await?;
    let groups = world.api.get(&format!("{device_path}/groups")).await?.body;
    assert_eq!(groups.as_array().map(Vec::len), Some(2), "{groups}");
    assert!(world.api.put(&label, &json!({"value": "store room"})).await?.status < 300);
    count("Bedside", 0).await?;
    Ok(())
}
