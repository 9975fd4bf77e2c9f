//! What tests of the operators' half need besides: an operator, a scripted APNs, devices of other kinds.

use std::collections::VecDeque;
use std::sync::Arc;

use apple_client::{Push, PushError, PushMessage, PushReceipt};
use async_trait::async_trait;
use catalog::Platform;
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use store::{ApiToken, Device, Enrollment, Report, ReportId};

use super::{Bench, Phone};
use crate::operators::Operator;
use crate::push::{Alarms, PushWorker};
use crate::views::{CommandAnswer, CommandRequest};
use crate::{Error, views};

/// An APNs that answers as it was told, and remembers what it was sent.
#[derive(Debug, Default)]
pub(crate) struct ScriptedPush {
    pub(crate) sent: Mutex<Vec<(String, Vec<u8>)>>,
    pub(crate) answers: Mutex<VecDeque<PushError>>,
    pub(crate) installed: Mutex<Vec<String>>,
}

#[async_trait]
impl Push for ScriptedPush {
    async fn send(&self, message: PushMessage) -> Result<PushReceipt, PushError> {
        self.sent.lock().push((message.topic.clone(), message.token.to_vec()));
        match self.answers.lock().pop_front() {
            Some(error) => Err(error),
            None => Ok(PushReceipt { apns_id: None }),
        }
    }
    fn install(&self, certificate: pki::PushCertificate) -> Result<(), PushError> {
        self.installed.lock().push(certificate.topic().to_owned());
        Ok(())
    }
    fn remove(&self, _topic: &str) -> bool {
        false
    }
    fn topics(&self) -> Vec<String> {
        self.installed.lock().clone()
    }
}

/// A request for one kind of command.
pub(crate) fn request(targets: &[&str], command: Json) -> CommandRequest {
    let Json::Object(command) = command else { panic!("a command is an object") };
    CommandRequest {
        targets: targets.iter().map(|&target| target.to_owned()).collect(),
        command: Some(command),
        push: true,
        ..CommandRequest::default()
    }
}

impl Bench {
    /// The first operator.
    pub(crate) async fn operator(&self) -> Operator {
        let token = self.tx(|tx| Ok(ApiToken::list(tx)?.remove(0))).await;
        Operator { token_id: token.id, name: token.name, request_key: None }
    }

    /// Sends a command that every target is expected to take.
    pub(crate) async fn send(&self, targets: &[&str], command: Json) -> CommandAnswer {
        let answer = self.try_send(targets, command).await.unwrap();
        assert!(answer.refused.is_empty(), "{:?}", answer.refused);
        answer
    }

    /// Sends a command.
    pub(crate) async fn try_send(&self, targets: &[&str], command: Json) -> Result<CommandAnswer, Error> {
        self.services.commands.send(&self.operator().await, request(targets, command)).await
    }

    /// The evidence of a delivery.
    pub(crate) async fn evidence(&self, seq: i64) -> views::EvidenceView {
        self.services.deliveries.evidence(seq).await.unwrap()
    }

    /// Changes the row of a device.
    pub(crate) async fn change_device(&self, phone: &Phone, change: impl Fn(&mut Device) + Send + 'static) {
        let udid = phone.udid.clone();
        self.tx(move |tx| {
            let mut device = Device::find_by_udid(tx, &udid)?.unwrap();
            change(&mut device);
            Ok(device.save(tx)?)
        })
        .await;
    }

    /// Makes a Mac of a device.
    pub(crate) async fn make_mac(&self, phone: &Phone) {
        self.change_device(phone, |device| {
            (device.platform, device.product_name) =
                (Some(Platform::MacOs), Some("MacBookPro18,1".to_owned()));
            device.os_version = Some("15.1".to_owned());
        })
        .await;
    }

    /// Stores facts as if the device had answered a command.
    pub(crate) async fn learn(&self, phone: &Phone, source: &'static str, facts: Json) {
        let (udid, clock) = (phone.udid.clone(), self.clock.clone());
        self.tx(move |tx| {
            let enrollment = Enrollment::list_by_apple_id(tx, &udid)?.remove(0);
            let now = clock::Clock::now(&clock);
            let report = Report {
                id: ReportId::new(&clock),
                device_id: enrollment.device_id,
                enrollment_id: enrollment.id,
                source: source.to_owned(),
                command_uuid: None,
                observed_at: now,
                recorded_at: now,
                facts: facts.to_string(),
            };
            report.keep(tx)?;
            Ok(())
        })
        .await;
    }

    /// A push worker over an APNs of the test's own.
    pub(crate) fn worker(&self) -> (PushWorker, Arc<ScriptedPush>, Alarms) {
        let (push, alarms) = (Arc::new(ScriptedPush::default()), Alarms::default());
        let apns: Arc<dyn Push> = push.clone();
        (PushWorker::new(self.services.context.clone(), apns, alarms.clone()), push, alarms)
    }
}

/// A command without parameters.
pub(crate) fn plain(request_type: &str) -> Json {
    json!({ "RequestType": request_type })
}
