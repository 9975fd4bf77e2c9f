//! Places and people: a device enrols by the link of a ward, is where the link says, and its owner leaves.

use anyhow::{Context, Result};
use serde_json::json;
use simulator::{DeviceSpec, Model, ProfileSource};
use tests::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_enrols_by_the_link_of_a_ward_is_there_and_its_owner_can_leave() -> Result<()> {
    let world = World::start().await?;
    let places = json!({ "csv": "code,name,kind,parent\nICU,Intensive care,ward,\n", "apply": true });
    assert_eq!(world.api.post("/api/v1/organisation/import", &places).await?.body["applied"], true);
    let ann = json!({ "name": "Ann", "email": "ann@example.org" });
    assert_eq!(world.api.post("/api/v1/people", &ann).await?.status, 201);
    let link = json!({ "ownership": "corporate", "place": "icu", "owner": "ann@example.org" });
    let made = world.api.post("/api/v1/links", &link).await?;
    let url = made.body["url"].as_str().context("no url")?;
    let device = world.device(DeviceSpec::new(Model::IPhone, 1));
    device.enroll(&ProfileSource::Url(format!("{url}/profile"))).await?;
    let path = format!("/api/v1/devices/{}", device.serial_number());
    let shown = world.api.get(&path).await?.body;
    assert_eq!(shown["device"]["place"]["code"], "ICU", "{shown}");
    assert_eq!(shown["device"]["owner"], "ann@example.org");
    let left = world.api.post("/api/v1/people/ann@example.org/leave", &json!({})).await?;
    assert_eq!(left.body["person"]["devices"][0]["serial_number"], json!(device.serial_number()));
    let shown = world.api.get(&format!("{path}/placement")).await?.body;
    assert_eq!(shown["owner"]["left"], true, "the device is still to be collected");
    Ok(())
}
