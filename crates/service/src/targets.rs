//! What an operator calls a device, an enrolment or a channel, found.

use catalog::ChannelKind;
use store::{
    Channel, ChannelId, Connection, Device, DeviceId, Directory, Enrollment, EnrollmentId, EnrollmentState,
};
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
    Ok(device_of(&Directory::load(connection, &[name])?, name)?.clone())
}

/// The channel that `name` means, as [`find_in`].
pub(crate) fn find(connection: &mut Connection, name: &str) -> Result<Target, Miss> {
    find_in(&Directory::load(connection, &[name])?, name)
}

/// The channel that `name` means, which must be able to take commands. While two enrolments claim the device, only the id of an
/// enrolment or of a channel says which is meant: everything else anybody can claim who has a link.
pub(crate) fn find_in(directory: &Directory, name: &str) -> Result<Target, Miss> {
    let (enrollment, channel) = match exact_channel(directory, name) {
        Some(channel) => {
            let enrollment = directory.enrollment(channel.enrollment_id).ok_or(Miss::NotFound)?;
            if channel.id.to_string() != name.to_ascii_lowercase() {
                undisputed(directory, enrollment.device_id)?;
            }
            (enrollment, Some(channel))
        }
        None => {
            let device = device_of(directory, name)?;
            let exact = Uuid::parse_str(name).ok().and_then(|id| directory.enrollment(EnrollmentId(id)));
            let current = match exact {
                Some(enrollment) => enrollment,
                None => {
                    undisputed(directory, device.id)?;
                    directory.current(device.id).ok_or(Miss::NotEnrolled("was never enrolled"))?
                }
            };
            (current, None)
        }
    };
    usable(enrollment)?;
    let channel = channel.or_else(|| directory.device_channel(enrollment.id)).ok_or(Miss::NotFound)?.clone();
    if !channel.enabled {
        return Err(Miss::NotEnrolled("is a channel that is closed"));
    }
    let device = directory.device(enrollment.device_id).ok_or(Miss::NotFound)?.clone();
    Ok(Target { name: name.to_owned(), device, enrollment: enrollment.clone(), channel })
}

fn device_of<'a>(directory: &'a Directory, name: &str) -> Result<&'a Device, Miss> {
    if name.is_empty() || name.len() > LONGEST {
        return Err(Miss::NotFound);
    }
    if let Ok(id) = Uuid::parse_str(name)
        && let Some(device) = device_by_id(directory, id)
    {
        return Ok(device);
    }
    if let Some(device) = directory.device_by_udid(name) {
        return Ok(device);
    }
    match directory.devices_by_serial_number(name).count() {
        0 => {}
        1 => return directory.devices_by_serial_number(name).next().ok_or(Miss::NotFound),
        many => return Err(Miss::Ambiguous(many)),
    }
    let of_channel = || {
        let channel = directory.channels_by_key(name).next()?;
        directory.enrollment(channel.enrollment_id)
    };
    let enrollment = directory.newest_enrollment(name).or_else(of_channel).ok_or(Miss::NotFound)?;
    directory.device(enrollment.device_id).ok_or(Miss::NotFound)
}

fn undisputed(directory: &Directory, device: DeviceId) -> Result<(), Miss> {
    let epochs = directory.epochs(device);
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

fn device_by_id(directory: &Directory, id: Uuid) -> Option<&Device> {
    if let Some(device) = directory.device(DeviceId(id)) {
        return Some(device);
    }
    let of_channel = || {
        let channel = directory.channel(ChannelId(id))?;
        directory.enrollment(channel.enrollment_id)
    };
    let enrollment = directory.enrollment(EnrollmentId(id)).or_else(of_channel)?;
    directory.device(enrollment.device_id)
}

/// A channel by its id, or a user channel by its composite id; a device's composite id is its UDID and means the device.
fn exact_channel<'a>(directory: &'a Directory, name: &str) -> Option<&'a Channel> {
    if let Ok(id) = Uuid::parse_str(name)
        && let Some(channel) = directory.channel(ChannelId(id))
    {
        return Some(channel);
    }
    let users = directory.channels_by_key(name).filter(|channel| channel.kind == ChannelKind::User);
    users.max_by_key(|channel| (channel.enabled, channel.id))
}
