use std::collections::BTreeMap;
use std::time::Duration;

use plist::{Dictionary, Value};
use protocol_mdm::Status;
use store::{GroupMember, PlaceVariable};

use crate::operators::Operator;
use crate::testing::{Bench, Phone, handed_out};
use crate::views::{
    AssignmentChange, AssignmentRequest, ChangeView, CloseIncidentRequest, Consent, DeviceItemView,
    IncidentQuery, NamedSecretRequest, PageQuery, ProfileRequest, RenderQuery,
};
use crate::{Error, Reply};

mod flow;
mod guard;

const LOCK: &str = r#"
[profile]
name = "lock"
title = "Auto-lock"
platforms = ["iOS"]

[[payload]]
type = "com.apple.mobiledevice.passwordpolicy"
name = "policy"
forcePIN = true
maxInactivity = 2
"#;

const CLIP: &str = r#"
[profile]
name = "clip"
title = "Help"

[variables]
ward_name = { type = "text", from = "$site.name" }

[[payload]]
type = "com.apple.webClip.managed"
name = "help"
Label = "Help of $ward_name"
URL = "https://help.example.org"
IsRemovable = false
"#;

/// A device that obeys profile commands, and can lose profiles.
struct Obedient {
    phone: Phone,
    profiles: BTreeMap<String, String>,
    payloads: Vec<Vec<u8>>,
    refuses: bool,
}

/// A bench with the worker of the desired state.
struct Ward {
    bench: Bench,
    operator: Operator,
}

impl Ward {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let operator = bench.operator().await;
        Self { bench, operator }
    }

    async fn device(&self, udid: &str) -> Obedient {
        let phone = self.bench.enroll(udid).await;
        let mut device = Obedient { phone, profiles: BTreeMap::new(), payloads: Vec::new(), refuses: false };
        self.settle(&mut device).await;
        device
    }

    async fn upload(&self, toml: &str) -> i32 {
        let request = ProfileRequest {
            name: None,
            toml: Some(toml.to_owned()),
            mobileconfig: None,
            encrypt: false,
            override_reason: None,
        };
        let uploaded = self.bench.services.desired.upload(&self.operator, request).await.unwrap();
        uploaded.profile.newest.version
    }

    async fn assign(&self, request: AssignmentRequest) -> ChangeView {
        self.bench.services.desired.assign(&self.operator, request).await.unwrap()
    }

    async fn assign_everywhere(&self, profile: &str) -> ChangeView {
        self.assign(AssignmentRequest { profile: profile.to_owned(), ..AssignmentRequest::default() }).await
    }

    /// The worker works, and rings that may open do.
    async fn reconcile(&self) {
        self.bench.services.desired.reconciler().run_once().await.unwrap();
        crate::rollouts::round(&self.bench.services.context).await.unwrap();
        self.bench.services.desired.reconciler().run_once().await.unwrap();
    }

    /// A second passes, the worker works, and the device polls until there is nothing more; then once more, for what the list says.
    /// Returns what it was sent of profiles.
    async fn settle(&self, device: &mut Obedient) -> Vec<String> {
        let mut sent = Vec::new();
        for _ in 0..2 {
            self.bench.advance(Duration::from_secs(1));
            self.reconcile().await;
            sent.extend(device.poll(&self.bench).await);
        }
        self.reconcile().await;
        sent
    }

    async fn item(&self, device: &Obedient, profile: &str) -> DeviceItemView {
        let items = self.bench.services.desired.device_items(device.phone.udid.clone()).await.unwrap();
        items.into_iter().find(|item| item.name == profile).unwrap()
    }

    async fn group(&self, name: &str, devices: &[&Obedient]) {
        let request = serde_json::from_value(serde_json::json!({ "name": name }));
        self.bench.services.groups.create(&self.operator, request.unwrap()).await.unwrap();
        for device in devices {
            self.join(name, device).await;
        }
    }

    async fn join(&self, group: &str, device: &Obedient) {
        let (group, udid) = (group.to_owned(), device.phone.udid.clone());
        let context = self.bench.services.context.clone();
        self.bench
            .tx(move |tx| {
                let group_id = store::Group::find_by_name(tx, &group)?.unwrap().id;
                let device_id = store::Device::find_by_udid(tx, &udid)?.unwrap().id;
                let since = context.now();
                GroupMember { group_id, device_id, since, why: "test".to_owned() }.add(tx)?;
                super::trigger::device_changed(tx, &context, device_id, super::trigger::Changed::Membership)
            })
            .await;
    }

    async fn open_incidents(&self) -> Vec<crate::views::IncidentView> {
        self.bench.services.desired.incidents(IncidentQuery::default()).await.unwrap().items
    }
}

impl Obedient {
    /// Polls until nothing more comes. Returns the profile commands, in order.
    async fn poll(&mut self, bench: &Bench) -> Vec<String> {
        let mut seen = Vec::new();
        let mut reply = bench.idle(&self.phone).await.unwrap();
        while let Some((uuid, command)) = handed_out_or_nothing(reply) {
            let kind = command["RequestType"].as_string().unwrap().to_owned();
            let (mut status, mut body) = (Status::Acknowledged, Dictionary::new());
            match kind.as_str() {
                "InstallProfile" if self.refuses => status = Status::Error,
                "InstallProfile" => {
                    let payload = command["Payload"].as_data().unwrap();
                    let profile = protocol_profile::inspect(payload).unwrap();
                    assert!(profile.signed);
                    self.profiles.insert(profile.identifier, profile.uuid);
                    self.payloads.push(payload.to_vec());
                }
                "RemoveProfile" => {
                    self.profiles.remove(command["Identifier"].as_string().unwrap()).unwrap();
                }
                "ProfileList" => {
                    body.insert("ProfileList".to_owned(), self.list());
                }
                _ => {}
            }
            if kind.ends_with("Profile") {
                seen.push(kind);
            }
            reply = bench.answer(&self.phone, &uuid, status, body).await.unwrap();
        }
        seen
    }

    fn list(&self) -> Value {
        let entry = |(identifier, uuid): (&String, &String)| {
            let mut entry = Dictionary::new();
            entry.insert("PayloadIdentifier".to_owned(), identifier.as_str().into());
            entry.insert("PayloadUUID".to_owned(), uuid.as_str().into());
            Value::Dictionary(entry)
        };
        Value::Array(self.profiles.iter().map(entry).collect())
    }

    /// Tells its profiles without being asked for anything else, as the daily question does.
    async fn tell_profiles(&mut self, ward: &Ward) -> Vec<String> {
        let epoch = ward.bench.epoch(&self.phone.udid).await;
        let mut command = Dictionary::new();
        command.insert("RequestType".to_owned(), "ProfileList".into());
        ward.bench.enqueue(&epoch, command).await;
        ward.settle(self).await
    }
}

fn handed_out_or_nothing(reply: Reply) -> Option<(String, Dictionary)> {
    handed_out(reply)
}
