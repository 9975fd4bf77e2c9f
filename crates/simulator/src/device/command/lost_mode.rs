//! Lost Mode (Apple: Enable Lost Mode, Disable Lost Mode, Device Location, Play Lost Mode Sound).

use plist::{Dictionary, Value};

use super::{Failure, Outcome};
use crate::device::messages::dictionary;
use crate::device::profile::text;
use crate::device::state::{LostMode, State};

fn not_lost() -> Outcome {
    Outcome::Failed(Failure::mdm(12067, "The device is not in Lost Mode."))
}

/// `EnableLostMode`: with a message or a phone number. In Lost Mode already, it changes what is shown.
pub(super) fn enable(state: &mut State, keys: &Dictionary) -> Outcome {
    let lost = LostMode {
        message: text(keys, "Message"),
        phone_number: text(keys, "PhoneNumber"),
        footnote: text(keys, "Footnote"),
    };
    if lost.message.is_none() && lost.phone_number.is_none() {
        return Outcome::FormatError(Failure::mdm(12008, "Neither Message nor PhoneNumber is given."));
    }
    state.lost_mode = Some(lost);
    state.screen_locked = true;
    Outcome::done()
}

/// `DisableLostMode`.
pub(super) fn disable(state: &mut State) -> Outcome {
    if state.lost_mode.take().is_some() { Outcome::done() } else { not_lost() }
}

/// `DeviceLocation`: only in Lost Mode, and only if the device knows where it is.
pub(super) fn location(state: &mut State) -> Outcome {
    if state.lost_mode.is_none() {
        return not_lost();
    }
    let Some((latitude, longitude)) = state.location else {
        return Outcome::Failed(Failure::mdm(12068, "The location of the device is unknown."));
    };
    state.counts.locations += 1;
    Outcome::Acknowledged(dictionary([
        ("Latitude", Value::Real(latitude)),
        ("Longitude", Value::Real(longitude)),
        ("HorizontalAccuracy", Value::Real(65.0)),
        ("VerticalAccuracy", Value::Real(10.0)),
        ("Altitude", Value::Real(14.5)),
        ("Speed", Value::Real(-1.0)),
        ("Course", Value::Real(-1.0)),
        ("Timestamp", state.now.to_string().into()),
    ]))
}

/// `PlayLostModeSound`.
pub(super) fn play_sound(state: &mut State) -> Outcome {
    if state.lost_mode.is_none() {
        return not_lost();
    }
    state.counts.sounds += 1;
    Outcome::done()
}
