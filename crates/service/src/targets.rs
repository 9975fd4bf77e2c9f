//! What an operator calls a device, an enrolment or a channel, found.

use catalog::ChannelKind;
use store::{Channel, ChannelId, Connection, Device, DeviceId, Enrollment, EnrollmentId, EnrollmentState};
use uuid::Uuid;

use crate::Error;
use crate::views::{RefusalView, TargetRefusalView};

/// The longest name of a target, in bytes.
const LONGEST: usize = 512;

/// A channel with the enrolment and the device that it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The name as the operator wrote it.
    pub(crate) name: String,
    /// The device.
    pub(crate) device: Device,
    /// The enrolment.
    pub(crate) enrollment: Enrollment,
    /// The channel.
    pub(crate) channel: Channel,
}

/// Why a target cannot be used.
#[derive(Debug)]
pub(crate) enum Miss {
    /// Nothing has this name.
    NotFound,
    /// Several devices have this name.
    Ambiguous(usize),
    /// Two live enrolments claim to be the device, and the name does not say which is meant.
    Disputed(Vec<EnrollmentId>),
    /// The device is known but not under management now.
    NotEnrolled(&'static str),
    /// The database cannot answer.
    Failed(Error),
}

impl From<store::Error> for Miss {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::NotFound,
            other => Self::Failed(other.into()),
        }
    }
}

impl Miss {
    /// As it is shown for one target among several.
    pub(crate) fn view(&self, target: &str) -> TargetRefusalView {
        let (code, detail) = match self {
            Self::NotFound => {
                ("not_found", format!("there is no device, enrolment or user channel '{target}'"))
            }
            Self::Ambiguous(count) => (
                "ambiguous",
                format!("{count} devices claim the serial number '{target}': use the device id"),
            ),
            Self::Disputed(claims) => {
                let ids: Vec<String> = claims.iter().map(ToString::to_string).collect();
                let ids = ids.join(", ");
                (
                    "disputed",
                    format!(
                        "'{target}': two enrolments claim this device; name the one that is meant by its id: {ids}"
                    ),
                )
            }
            Self::NotEnrolled(why) => ("not_enrolled", format!("'{target}' {why}")),
            Self::Failed(error) => (error.code(), "the server failed; its log says why".to_owned()),
        };
        refusal(target, code, detail, Vec::new())
    }

    /// As the only answer to a request about one target.
    pub(crate) fn into_error(self, target: &str) -> Error {
        match self {
            Self::NotFound => Error::not_found("device", target),
            Self::Failed(error) => error,
            Self::Ambiguous(_) | Self::Disputed(_) | Self::NotEnrolled(_) => {
                Error::Conflict(self.view(target).detail)
            }
        }
    }
}

/// A target that is refused.
pub(crate) fn refusal(
    target: &str,
    code: &str,
    detail: String,
    refusals: Vec<RefusalView>,
) -> TargetRefusalView {
    TargetRefusalView { target: target.to_owned(), code: code.to_owned(), detail, refusals }
}

/// The device that `name` means, whatever its state: by device id, enrolment id, serial number, UDID, EnrollmentID or channel.
pub(crate) fn find_device(connection: &mut Connection, name: &str) -> Result<Device, Miss> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(Miss::NotFound);
    }
    if let Ok(id) = Uuid::parse_str(name)
        && let Some(device) = device_by_id(connection, id)?
    {
        return Ok(device);
    }
    if let Some(device) = Device::find_by_udid(connection, name)? {
        return Ok(device);
    }
    let mut claimed = Device::find_by_serial_number(connection, name)?;
    if claimed.len() > 1 {
        return Err(Miss::Ambiguous(claimed.len()));
    }
    if let Some(device) = claimed.pop() {
        return Ok(device);
    }
    let enrollment = match Enrollment::list_by_apple_id(connection, name)?.into_iter().next() {
        Some(enrollment) => enrollment,
        None => enrollment_of_key(connection, name)?,
    };
    Ok(Device::find(connection, enrollment.device_id)?)
}

/// The channel that `name` means, which must be able to take commands. While two enrolments claim the device, only the id of an
/// enrolment or of a channel says which is meant: everything else anybody can claim who has a link.
pub(crate) fn find(connection: &mut Connection, name: &str) -> Result<Target, Miss> {
    let (enrollment, channel) = match exact_channel(connection, name)? {
        Some(channel) => {
            let enrollment = Enrollment::find(connection, channel.enrollment_id)?;
            if channel.id.to_string() != name.to_ascii_lowercase() {
                undisputed(connection, enrollment.device_id)?;
            }
            (enrollment, Some(channel))
        }
        None => {
            let device = find_device(connection, name)?;
            let current = match exact_enrollment(connection, name)? {
                Some(enrollment) => enrollment,
                None => {
                    undisputed(connection, device.id)?;
                    Enrollment::current(connection, device.id)?
                        .ok_or(Miss::NotEnrolled("was never enrolled"))?
                }
            };
            (current, None)
        }
    };
    usable(&enrollment)?;
    let channel = match channel {
        Some(channel) => channel,
        None => Channel::find_device_channel(connection, enrollment.id)?,
    };
    if !channel.enabled {
        return Err(Miss::NotEnrolled("is a channel that is closed"));
    }
    let device = Device::find(connection, enrollment.device_id)?;
    Ok(Target { name: name.to_owned(), device, enrollment, channel })
}

fn undisputed(connection: &mut Connection, device: DeviceId) -> Result<(), Miss> {
    let epochs = Enrollment::list_for_device(connection, device)?;
    if !is_disputed(&epochs) {
        return Ok(());
    }
    let live = [EnrollmentState::Enrolled, EnrollmentState::Pending];
    Err(Miss::Disputed(
        epochs.iter().filter(|epoch| live.contains(&epoch.state)).map(|epoch| epoch.id).collect(),
    ))
}

/// Whether a newer epoch claims to be the device of an enrolled one that has not given way, among all epochs of that device.
pub(crate) fn is_disputed(epochs: &[Enrollment]) -> bool {
    let claims = |id| {
        let live = [EnrollmentState::Enrolled, EnrollmentState::Pending];
        epochs.iter().any(|epoch| epoch.id == id && live.contains(&epoch.state))
    };
    epochs
        .iter()
        .filter(|epoch| epoch.state == EnrollmentState::Enrolled)
        .any(|epoch| epoch.superseded_by.is_some_and(claims))
}

fn usable(enrollment: &Enrollment) -> Result<(), Miss> {
    Err(Miss::NotEnrolled(match enrollment.state {
        EnrollmentState::Enrolled => return Ok(()),
        EnrollmentState::Pending => "has not finished enrolling",
        EnrollmentState::Quarantined => "is quarantined: decide about it first",
        EnrollmentState::CheckedOut => "has left management: its profile was removed",
        EnrollmentState::Superseded => "is an earlier enrolment: a newer one has taken its place",
        EnrollmentState::Ended => "is an enrolment that is over",
    }))
}

fn device_by_id(connection: &mut Connection, id: Uuid) -> Result<Option<Device>, Miss> {
    if let Some(device) = found(Device::find(connection, DeviceId(id)))? {
        return Ok(Some(device));
    }
    let of = match found(Enrollment::find(connection, EnrollmentId(id)))? {
        Some(enrollment) => Some(enrollment),
        None => match found(Channel::find(connection, ChannelId(id)))? {
            Some(channel) => found(Enrollment::find(connection, channel.enrollment_id))?,
            None => None,
        },
    };
    match of {
        Some(enrollment) => Ok(Some(Device::find(connection, enrollment.device_id)?)),
        None => Ok(None),
    }
}

fn exact_enrollment(connection: &mut Connection, name: &str) -> Result<Option<Enrollment>, Miss> {
    match Uuid::parse_str(name) {
        Ok(id) => found(Enrollment::find(connection, EnrollmentId(id))),
        Err(_) => Ok(None),
    }
}

/// A channel by its id, or a user channel by its composite id; a device's composite id is its UDID and means the device.
fn exact_channel(connection: &mut Connection, name: &str) -> Result<Option<Channel>, Miss> {
    if let Ok(id) = Uuid::parse_str(name)
        && let Some(channel) = found(Channel::find(connection, ChannelId(id)))?
    {
        return Ok(Some(channel));
    }
    let users = Channel::list_by_key(connection, name)?
        .into_iter()
        .filter(|channel| channel.kind == ChannelKind::User);
    Ok(users.max_by_key(|channel| (channel.enabled, channel.id)))
}

fn enrollment_of_key(connection: &mut Connection, key: &str) -> Result<Enrollment, Miss> {
    let channel = Channel::list_by_key(connection, key)?.into_iter().next().ok_or(Miss::NotFound)?;
    Ok(Enrollment::find(connection, channel.enrollment_id)?)
}

fn found<T>(row: Result<T, store::Error>) -> Result<Option<T>, Miss> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(store::Error::NotFound) => Ok(None),
        Err(other) => Err(other.into()),
    }
}
