//! Declarative management, as far as a device goes that applies nothing: it fetches what is declared and reports it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use http::StatusCode;
use plist::Value;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Device;
use super::messages::plain;
use super::state::Enrolment;
use super::wire::{Kind, Reply, xml};
use crate::web::Answer;

/// The answer to `tokens`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tokens {
    sync_tokens: SyncTokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SyncTokens {
    declarations_token: String,
}

/// The answer to `declaration-items`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    declarations: Parts,
    declarations_token: String,
}

/// All four arrays are required, empty or not.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    activations: Vec<Item>,
    assets: Vec<Item>,
    configurations: Vec<Item>,
    management: Vec<Item>,
}

/// A declaration in the manifest; the rest of it when it is fetched is not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    identifier: String,
    server_token: String,
}

impl Parts {
    /// Each declaration with the word for its kind in the endpoint of a fetch.
    fn items(&self) -> impl Iterator<Item = (&'static str, &Item)> {
        let kinds = [
            ("activation", &self.activations),
            ("asset", &self.assets),
            ("configuration", &self.configurations),
            ("management", &self.management),
        ];
        kinds.into_iter().flat_map(|(kind, items)| items.iter().map(move |item| (kind, item)))
    }
}

impl Device {
    /// Asks for the declarations of the channel if that was commanded (Apple: "Integrating declarative management").
    /// Returns whether all went well; what did not is tried again after the next session.
    pub(crate) async fn sync_declarations(&self, user: Option<&str>) -> Result<bool> {
        let Some(enrolment) = self.state.lock().enrolment.clone() else { return Ok(true) };
        if !enrolment.line(user).is_some_and(|line| line.declarations_due) {
            return Ok(true);
        }
        match self.apply_declarations(&enrolment, user).await {
            Ok(()) => {
                let mut state = self.state.lock();
                state.counts.declaration_syncs += 1;
                if let Some(line) = state.enrolment.as_mut().and_then(|one| one.line_mut(user)) {
                    line.declarations_due = false;
                }
                Ok(true)
            }
            Err(error) => {
                self.state.lock().note(format!("declarations: {error:#}"));
                Ok(false)
            }
        }
    }

    async fn apply_declarations(&self, enrolment: &Enrolment, user: Option<&str>) -> Result<()> {
        let tokens: Tokens = self.ask_for(enrolment, user, "tokens").await?.context("tokens: 404")?;
        let token = tokens.sync_tokens.declarations_token;
        if enrolment.declarations_token.as_ref() == Some(&token) {
            return Ok(());
        }
        let manifest = self.ask_for(enrolment, user, "declaration-items").await?;
        let manifest: Manifest = manifest.context("declaration-items: 404")?;
        ensure!(manifest.declarations_token == token, "the manifest has another token than was announced");
        let mut declared = BTreeMap::new();
        for (kind, item) in manifest.declarations.items() {
            if enrolment.declarations.get(&item.identifier) != Some(&item.server_token) {
                let endpoint = format!("declaration/{kind}/{}", item.identifier);
                let Some(fetched): Option<Item> = self.ask_for(enrolment, user, &endpoint).await? else {
                    continue;
                };
                ensure!(
                    fetched.server_token == item.server_token,
                    "{endpoint}: another token than announced"
                );
            }
            declared.insert(item.identifier.clone(), item.server_token.clone());
        }
        let report = status_report(&declared, &self.state.lock().hardware.os);
        self.declarative(enrolment, user, "status", Some(report.to_string().into_bytes())).await?;
        if let Some(own) = self.state.lock().enrolment.as_mut() {
            own.declarations = declared;
            own.declarations_token = Some(token);
        }
        Ok(())
    }

    /// Fetches a document. `None`: the server answered 404.
    async fn ask_for<T: DeserializeOwned>(
        &self,
        enrolment: &Enrolment,
        user: Option<&str>,
        endpoint: &str,
    ) -> Result<Option<T>> {
        let Some(answer) = self.declarative(enrolment, user, endpoint, None).await? else { return Ok(None) };
        ensure!(answer.content_type() == "application/json", "{endpoint}: not application/json");
        Ok(Some(serde_json::from_slice(&answer.body).with_context(|| format!("{endpoint}: wrong JSON"))?))
    }

    /// One `DeclarativeManagement` check-in. `None`: the server answered 404.
    async fn declarative(
        &self,
        enrolment: &Enrolment,
        user: Option<&str>,
        endpoint: &str,
        data: Option<Vec<u8>>,
    ) -> Result<Option<Answer>> {
        let speaker = enrolment.line(user).and_then(|line| line.user.as_ref());
        let mut message = plain(&self.state.lock(), "DeclarativeManagement", speaker);
        message.insert("Endpoint".to_owned(), endpoint.into());
        if let Some(data) = data {
            message.insert("Data".to_owned(), Value::Data(data));
        }
        match self.put(enrolment, Kind::CheckIn, xml(&message)?).await? {
            Reply::Accepted(answer) => Ok(Some(answer)),
            Reply::Failed(StatusCode::NOT_FOUND, _) => Ok(None),
            Reply::Failed(_, why) => bail!("{endpoint}: {why}"),
            Reply::Declined => bail!("{endpoint}: the server answered 410"),
            Reply::Unenrol(why) => {
                self.drop_enrolment(&why);
                bail!(why)
            }
        }
    }
}

fn status_report(declared: &BTreeMap<String, String>, os: &str) -> serde_json::Value {
    let configurations: Vec<_> = declared
        .iter()
        .map(|(identifier, token)| {
            json!({"identifier": identifier, "server-token": token, "active": true, "valid": "valid"})
        })
        .collect();
    json!({
        "StatusItems": {
            "device": {"operating-system": {"version": os}},
            "management": {"declarations": {
                "activations": [], "assets": [], "configurations": configurations, "management": []
            }}
        },
        "Errors": []
    })
}
