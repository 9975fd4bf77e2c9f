//! Desired state over the API: uploads, groups, assignments with their confirmations, and where a device stands.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use simulator::SimulatedDevice;

use crate::{Answer, World};

/// A list of the API: bare, or a page of one.
///
/// # Errors
/// The answer is something else.
pub fn list(answer: &Answer) -> Result<&Vec<Value>> {
    let items = answer.body.as_array().or_else(|| answer.body["items"].as_array());
    items.with_context(|| format!("no list: {answer:?}"))
}

impl World {
    /// Uploads a profile in TOML form; its name.
    ///
    /// # Errors
    /// It was refused.
    pub async fn upload_profile(&self, toml: &str) -> Result<String> {
        let answer = self.api.post("/api/v1/profiles", &json!({"toml": toml})).await?;
        ensure!(matches!(answer.status, 200 | 201), "the profile was refused: {answer:?}");
        let name = answer.body["profile"]["name"].as_str();
        name.map(str::to_owned).with_context(|| format!("no name: {answer:?}"))
    }

    /// Makes a group: by rule, or by hand with these devices.
    ///
    /// # Errors
    /// It was refused.
    pub async fn group(&self, name: &str, rule: Option<&str>, members: &[&SimulatedDevice]) -> Result<()> {
        let mut body = json!({"name": name});
        if let Some(rule) = rule {
            body["rule"] = json!(rule);
        }
        let answer = self.api.post("/api/v1/groups", &body).await?;
        ensure!(matches!(answer.status, 200..=202), "the group was refused: {answer:?}");
        let id = ["/id", "/group/id"].iter().find_map(|path| answer.body.pointer(path)?.as_str());
        let id = id.with_context(|| format!("no id: {answer:?}"))?;
        for device in members {
            let target = self.target(device).await?;
            let answer = self.api.put(&format!("/api/v1/groups/{id}/members/{target}"), &json!({})).await?;
            ensure!(matches!(answer.status, 200..=204), "not taken into the group: {answer:?}");
        }
        Ok(())
    }

    /// Assigns a profile, confirming the number of devices if asked; the id of the assignment and the preview.
    ///
    /// # Errors
    /// It was refused.
    pub async fn assign(&self, request: &Value) -> Result<(String, Value)> {
        let answer = self.api.post("/api/v1/assignments", request).await?;
        self.confirm(answer).await
    }

    /// Changes an assignment, confirming as [`assign`](Self::assign).
    ///
    /// # Errors
    /// It was refused.
    pub async fn reassign(&self, assignment: &str, change: &Value) -> Result<Value> {
        let answer = self.api.patch(&format!("/api/v1/assignments/{assignment}"), change).await?;
        Ok(self.confirm(answer).await?.1)
    }

    async fn confirm(&self, answer: Answer) -> Result<(String, Value)> {
        ensure!(matches!(answer.status, 200..=202), "the change was refused: {answer:?}");
        let mut change = answer.body;
        if change["outcome"] == "proposed" {
            ensure!(answer.status == 202, "a proposal is answered with 202, not {}", answer.status);
            let action = change["action"].clone();
            let id = action["id"].as_str().with_context(|| format!("no action: {change:#}"))?;
            let body = json!({"confirm_devices": action["confirm_devices"]});
            let applied = self.api.post(&format!("/api/v1/actions/{id}/apply"), &body).await?;
            ensure!(applied.status == 200, "the action was not applied: {applied:?}");
            change = applied.body;
        }
        ensure!(change["outcome"] == "applied", "not applied: {change:#}");
        let id = change["assignment"].as_str().with_context(|| format!("no assignment: {change:#}"))?;
        Ok((id.to_owned(), change["preview"].clone()))
    }

    /// Sets a variable at the root, for all places.
    ///
    /// # Errors
    /// It was refused.
    pub async fn set_variable(&self, name: &str, value: &str) -> Result<()> {
        let places = self.api.get("/api/v1/places").await?;
        let root = list(&places)?.first().and_then(|root| root["id"].as_str());
        let root = root.with_context(|| format!("no root: {places:?}"))?;
        let path = format!("/api/v1/places/{root}/variables/{name}");
        let answer = self.api.put(&path, &json!({"value": value})).await?;
        ensure!(matches!(answer.status, 200..=204), "{name} was not set: {answer:?}");
        Ok(())
    }

    /// By what the server knows a device: its UDID, or the id that it gave to a personal device, which tells none. Of those there
    /// may be one in this world.
    ///
    /// # Errors
    /// The server knows no device.
    pub async fn target(&self, device: &SimulatedDevice) -> Result<String> {
        if !device.spec().user_enrollment {
            return Ok(device.snapshot().udid);
        }
        let devices = self.api.get("/api/v1/devices").await?;
        let id = list(&devices)?.first().and_then(|one| one["id"].as_str());
        id.map(str::to_owned).with_context(|| format!("no device: {devices:?}"))
    }

    /// An item of a device; null if the device has nothing to do with it.
    ///
    /// # Errors
    /// No answer came.
    pub async fn device_item(&self, device: &SimulatedDevice, profile: &str) -> Result<Value> {
        let path = format!("/api/v1/devices/{}/items", self.target(device).await?);
        let answer = self.api.get(&path).await?;
        Ok(list(&answer)?.iter().find(|item| item["name"] == profile).cloned().unwrap_or_default())
    }

    /// Waits until an item of a device is in this state, the device polling in between.
    ///
    /// # Errors
    /// It does not within a minute.
    pub async fn wait_item(&self, device: &SimulatedDevice, profile: &str, state: &str) -> Result<Value> {
        let mut last = Value::Null;
        for _ in 0..240 {
            last = self.device_item(device, profile).await?;
            if last["state"] == state {
                return Ok(last);
            }
            // A device that is cut off cannot poll; what is waited for may still come.
            let _cut_off = device.poll().await.is_err();
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
        bail!(
            "{profile} never became {state}: {last:#}; the device: {:?}, {:?}",
            device.profiles(),
            device.snapshot().problems
        )
    }
}
