//! Declarative management, tunnelled through check-ins: an empty but valid set for now. Apple: "DeclarativeManagement" (check-in).

use gate::{Decision, Exit};
use protocol_ddm::{DeclarationSet, Endpoint, StatusLimits, StatusReport};
use protocol_mdm::DeclarativeManagement;
use serde_json::{Map, Value, json};
use store::{Report, ReportId};

use crate::lifecycle::Speaker;
use crate::work::{Settled, Work};
use crate::{Error, Reply, inventory, lifecycle};

/// Answers the message. Whoever is not to be served gets "try again later", never an empty manifest: a device removes what a manifest
/// does not name.
pub(crate) fn receive(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    message: &DeclarativeManagement,
) -> Result<Settled<Reply>, Error> {
    if !speaker.is_served() || speaker.expired {
        return Ok(Err(Error::Unavailable("declarations are not served to this device now".to_owned())));
    }
    let endpoint = match Endpoint::parse(&message.endpoint) {
        Ok(endpoint) => endpoint,
        Err(error) => return Ok(Err(Error::Malformed(error.to_string()))),
    };
    let set = DeclarationSet::empty();
    let enrollment = speaker.enrollment.id;
    match endpoint {
        // The time of the set, not of the question: the same set gives the same document.
        Endpoint::Tokens => {
            let since = speaker.enrollment.enrolled_at.unwrap_or(speaker.enrollment.authenticated_at);
            permitted(work, &Exit::DeclarationManifest { enrollment }, set.tokens_json(since))
        }
        Endpoint::DeclarationItems => {
            permitted(work, &Exit::DeclarationManifest { enrollment }, set.items_json())
        }
        Endpoint::Declaration { .. } => {
            Ok(match work.context.gate.decide(work.tx, &Exit::DeclarationGone { enrollment })? {
                Decision::Leave(permit) => {
                    let endpoint: String = message.endpoint.chars().take(200).collect();
                    work.audit_exit(&permit, &speaker.enrollment, &json!({ "endpoint": endpoint }))?;
                    Ok(Reply::DeclarationGone(permit))
                }
                Decision::Withhold(reason) => Err(Error::Withheld(reason.to_owned())),
            })
        }
        Endpoint::Status => keep_status(work, speaker, message).map(Ok),
    }
}

fn permitted(work: &mut Work<'_, '_>, exit: &Exit<'_>, body: Vec<u8>) -> Result<Settled<Reply>, Error> {
    Ok(match work.context.gate.decide(work.tx, exit)? {
        Decision::Leave(permit) => Ok(Reply::Json { body, permit }),
        Decision::Withhold(reason) => Err(Error::Withheld(reason.to_owned())),
    })
}

/// Keeps what a status report tells. One that cannot be read is answered with success all the same: the device would send it again and
/// again, and it would not become readable.
fn keep_status(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    message: &DeclarativeManagement,
) -> Result<Reply, Error> {
    let data = message.data.as_deref().unwrap_or_default();
    let report = match StatusReport::parse(data, &StatusLimits::default()) {
        Ok(report) => report,
        Err(error) => {
            tracing::warn!(enrollment.id = %speaker.enrollment.id, "A status report cannot be read: {error}");
            return Ok(Reply::Nothing);
        }
    };
    let mut facts = Map::new();
    flatten(&report.status_items, "StatusItem", &mut facts);
    if facts.is_empty() || speaker.enrollment.ownership == catalog::Ownership::Personal {
        return Ok(Reply::Nothing);
    }
    let row = Report {
        id: ReportId::new(&*work.context.clock),
        device_id: speaker.enrollment.device_id,
        enrollment_id: speaker.enrollment.id,
        source: "StatusReport".to_owned(),
        command_uuid: None,
        observed_at: work.now,
        recorded_at: work.now,
        facts: Value::Object(facts).to_string(),
    };
    if lifecycle::is_disputed(work.tx, &speaker.enrollment)? {
        row.insert(work.tx)?;
    } else {
        inventory::keep(work.tx, work.context, &row)?;
    }
    Ok(Reply::Nothing)
}

/// Nested status items as dotted names, the way Apple names them: `device.operating-system.version`.
fn flatten(items: &Map<String, Value>, prefix: &str, into: &mut Map<String, Value>) {
    for (key, value) in items {
        let name = format!("{prefix}.{key}");
        match value {
            Value::Object(inner) => flatten(inner, &name, into),
            other => {
                into.insert(name, other.clone());
            }
        }
    }
}
