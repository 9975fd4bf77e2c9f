//! The check-in messages and the beginnings of reports, key by key (Apple: "Check-in").

use plist::{Dictionary, Value};

use super::Model;
use super::state::{Enrolment, Line, State, User};

/// The `UserID` of every user of a Shared iPad.
pub(crate) const SHARED_USER: &str = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";

/// A dictionary of `entries`.
pub(crate) fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Dictionary {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The keys that say who speaks.
pub(crate) fn identify(into: &mut Dictionary, state: &State, user: Option<&User>) {
    let user_key = match &state.enrollment_id {
        Some(id) => {
            into.insert("EnrollmentID".to_owned(), id.clone().into());
            "EnrollmentUserID"
        }
        None => {
            into.insert("UDID".to_owned(), state.hardware.udid.clone().into());
            "UserID"
        }
    };
    let Some(user) = user else { return };
    into.insert(user_key.to_owned(), user.id.clone().into());
    into.insert("UserShortName".to_owned(), user.short_name.clone().into());
    if user.id != SHARED_USER {
        into.insert("UserLongName".to_owned(), user.long_name.clone().into());
        into.insert("NotOnConsole".to_owned(), (!user.on_console).into());
    }
}

/// `Authenticate`.
pub(crate) fn authenticate(state: &State, topic: &str) -> Dictionary {
    let hardware = &state.hardware;
    let mut message = dictionary([
        ("MessageType", "Authenticate".into()),
        ("Topic", topic.to_owned().into()),
        ("DeviceName", hardware.name.clone().into()),
        ("ModelName", hardware.model_name().into()),
        ("Model", hardware.order_number().into()),
        ("ProductName", hardware.product().into()),
        ("OSVersion", hardware.os.clone().into()),
        ("BuildVersion", hardware.build().into()),
    ]);
    if state.enrollment_id.is_none() {
        message.insert("SerialNumber".to_owned(), hardware.serial.clone().into());
        if let Some(imei) = &hardware.imei {
            message.insert("IMEI".to_owned(), imei.clone().into());
        }
    }
    identify(&mut message, state, None);
    message
}

/// `TokenUpdate` for one channel. `AwaitingConfiguration` is told while it is true; an absent key says nothing.
pub(crate) fn token_update(state: &State, enrolment: &Enrolment, line: &Line) -> Dictionary {
    let mut message = dictionary([
        ("MessageType", "TokenUpdate".into()),
        ("Topic", enrolment.mdm.topic.clone().into()),
        ("Token", Value::Data(line.token.clone())),
        ("PushMagic", line.magic.clone().into()),
    ]);
    identify(&mut message, state, line.user.as_ref());
    if line.user.is_none() {
        if let Some(token) = &enrolment.unlock_token {
            message.insert("UnlockToken".to_owned(), Value::Data(token.clone()));
        }
        if enrolment.awaiting_configuration {
            message.insert("AwaitingConfiguration".to_owned(), true.into());
        }
        if state.hardware.model.is_mac() {
            message.insert("NotOnConsole".to_owned(), false.into());
        }
    }
    message
}

/// `CheckOut`.
pub(crate) fn check_out(state: &State, topic: &str) -> Dictionary {
    let mut message = dictionary([("MessageType", "CheckOut".into()), ("Topic", topic.to_owned().into())]);
    identify(&mut message, state, None);
    message
}

/// `SetBootstrapToken`; without a token it removes the one that the server has.
pub(crate) fn set_bootstrap_token(state: &State, token: Option<&[u8]>, awaiting: bool) -> Dictionary {
    let mut message = dictionary([("MessageType", "SetBootstrapToken".into())]);
    if let Some(token) = token {
        message.insert("BootstrapToken".to_owned(), Value::Data(token.to_vec()));
    }
    if awaiting {
        message.insert("AwaitingConfiguration".to_owned(), true.into());
    }
    identify(&mut message, state, None);
    message
}

/// A check-in message with no keys but its type.
pub(crate) fn plain(state: &State, kind: &str, user: Option<&User>) -> Dictionary {
    let mut message = dictionary([("MessageType", kind.to_owned().into())]);
    identify(&mut message, state, user);
    message
}

/// A report with `status`, about `command` unless the device is idle.
pub(crate) fn report(state: &State, status: &str, command: Option<&str>, user: Option<&User>) -> Dictionary {
    let mut message = dictionary([("Status", status.to_owned().into())]);
    if let Some(uuid) = command {
        message.insert("CommandUUID".to_owned(), uuid.to_owned().into());
    }
    identify(&mut message, state, user);
    message
}

/// Whether a device of this model and OS has an unlock token.
pub(crate) const fn has_unlock_token(model: Model) -> bool {
    matches!(model, Model::IPhone | Model::IPad)
}
