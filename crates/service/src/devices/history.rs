//! Evidence: what was known of one fact at a past moment. Nobody looked at the moment itself; so the last observation before it, how
//! old that was, and the first one after it.

use clock::Timestamp;
use serde_json::{Value as Json, json};
use store::{Connection, Device, DeviceFact, Enrollment, Report};

use super::Devices;
use super::keys::{self, Key};
use crate::views::{FactHistoryView, ObservationView};
use crate::{Error, targets};

/// The facts from which Ward takes what it knows itself of a device.
const SOURCES: [(&str, &[&str]); 9] = [
    ("name", &["DeviceInformation.DeviceName", "Authenticate.DeviceName"]),
    ("serial_number", &["DeviceInformation.SerialNumber", "Authenticate.SerialNumber"]),
    ("product_name", &["DeviceInformation.ProductName", "Authenticate.ProductName"]),
    ("model", &["DeviceInformation.Model", "Authenticate.Model"]),
    ("model_name", &["DeviceInformation.ModelName", "Authenticate.ModelName"]),
    (
        "os_version",
        &[
            "DeviceInformation.OSVersion",
            "Authenticate.OSVersion",
            "StatusItem.device.operating-system.version",
        ],
    ),
    (
        "build_version",
        &[
            "DeviceInformation.BuildVersion",
            "Authenticate.BuildVersion",
            "StatusItem.device.operating-system.build-version",
        ],
    ),
    ("supervised", &["DeviceInformation.IsSupervised"]),
    ("lost_mode", &["DeviceInformation.IsMDMLostModeEnabled"]),
];

impl Devices {
    /// What was known of a fact at a moment, or is known now.
    ///
    /// # Errors
    /// As [`Devices::show`]; [`Error::Invalid`] for an unknown key.
    pub async fn history(
        &self,
        name: String,
        key: String,
        at: Option<Timestamp>,
    ) -> Result<FactHistoryView, Error> {
        let at = at.unwrap_or_else(|| self.context.now());
        self.context
            .store
            .read("fact_history", move |c| {
                let device = targets::find_device(c, &name).map_err(|miss| miss.into_error(&name))?;
                history(c, &device, key, at)
            })
            .await
    }
}

fn history(
    connection: &mut Connection,
    device: &Device,
    key: String,
    at: Timestamp,
) -> Result<FactHistoryView, Error> {
    let Key::Fact(found) = keys::find(connection, &key, "key")? else {
        return Err(Error::invalid("key", format!("there is no history of {key}")));
    };
    let own = DeviceFact::OWN.iter().find(|own| DeviceFact::own_key(own) == found).copied();
    let (before, after) = match own {
        Some(own @ ("ownership" | "enrollment_kind" | "enrollment_owner")) => {
            of_epochs(connection, device, own, at)?
        }
        Some(own) => {
            let keys = SOURCES.iter().find(|(name, _)| *name == own).map(|(_, keys)| *keys);
            let Some(keys) = keys else {
                return Err(Error::invalid("key", format!("there is no history of {key}")));
            };
            of_reports(connection, device, keys, at)?
        }
        None => of_reports(connection, device, &[&found], at)?,
    };
    let sentence = sentence(&key, before.as_ref(), after.as_ref());
    Ok(FactHistoryView { device_id: device.id.0, key, at, before, after, sentence })
}

type Both = (Option<ObservationView>, Option<ObservationView>);

fn of_reports(
    connection: &mut Connection,
    device: &Device,
    keys: &[&str],
    at: Timestamp,
) -> Result<Both, Error> {
    let (mut before, mut after): Both = (None, None);
    for &key in keys {
        if let Some((report, value)) = Report::last_with(connection, device.id, key, at)?
            && before.as_ref().is_none_or(|found| found.observed_at < report.observed_at)
        {
            before = Some(observation(report, key, value, at));
        }
        if let Some((report, value)) = Report::first_with(connection, device.id, key, at)?
            && after.as_ref().is_none_or(|found| found.observed_at > report.observed_at)
        {
            after = Some(observation(report, key, value, at));
        }
    }
    Ok((before, after))
}

fn observation(report: Report, key: &str, value: Json, at: Timestamp) -> ObservationView {
    ObservationView {
        value,
        observed_at: report.observed_at,
        distance_seconds: distance(report.observed_at, at),
        key: key.to_owned(),
        source: report.source,
        command_uuid: report.command_uuid,
        enrollment_id: report.enrollment_id.0,
    }
}

fn distance(one: Timestamp, other: Timestamp) -> u64 {
    one.max(other).since(one.min(other)).as_secs()
}

/// What an enrolment settles, for as long as it lasts.
fn of_epochs(connection: &mut Connection, device: &Device, own: &str, at: Timestamp) -> Result<Both, Error> {
    let epochs = Enrollment::list_for_device(connection, device.id)?;
    let seen = |epoch: &Enrollment| ObservationView {
        value: match own {
            "ownership" => json!(epoch.ownership.as_str()),
            "enrollment_kind" => json!(epoch.kind.as_str()),
            _ => json!(epoch.owner),
        },
        observed_at: epoch.authenticated_at,
        distance_seconds: distance(epoch.authenticated_at, at),
        key: own.to_owned(),
        source: "Enrollment".to_owned(),
        command_uuid: None,
        enrollment_id: epoch.id.0,
    };
    let before =
        epochs.iter().filter(|epoch| epoch.authenticated_at <= at).max_by_key(|epoch| epoch.authenticated_at);
    let after =
        epochs.iter().filter(|epoch| epoch.authenticated_at > at).min_by_key(|epoch| epoch.authenticated_at);
    Ok((before.map(seen), after.map(seen)))
}

fn sentence(key: &str, before: Option<&ObservationView>, after: Option<&ObservationView>) -> String {
    match (before, after) {
        (None, None) => format!("{key} was never observed."),
        (Some(before), None) => format!(
            "{key} was last observed {} before that moment, and not since.",
            words(before.distance_seconds)
        ),
        (None, Some(after)) => {
            format!(
                "{key} was observed for the first time {} after that moment.",
                words(after.distance_seconds)
            )
        }
        (Some(before), Some(after)) => {
            let same = if before.value == after.value { "the same value" } else { "another value" };
            format!(
                "{key} was observed {} before that moment, and {} after it with {same}.",
                words(before.distance_seconds),
                words(after.distance_seconds)
            )
        }
    }
}

fn words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
