//! Erasing, and the end of Setup Assistant.

use plist::{Dictionary, Value};

use super::security::is_pin;
use super::{After, Failure, Outcome, ReturnToService};
use crate::device::profile::{flag, text};
use crate::device::state::{Phase, State};
use crate::device::{DeviceSpec, Model};

/// `EraseDevice`. The data go once the answer is on its way, whether it arrives or not.
pub(super) fn erase(state: &State, spec: &DeviceSpec, keys: &Dictionary) -> (Outcome, After) {
    let model = state.hardware.model;
    if let Some(pin) = text(keys, "PIN").filter(|_| model == Model::MacIntel)
        && !is_pin(&pin)
    {
        return (Outcome::Failed(Failure::mdm(12008, "The PIN must have six digits.")), After::Nothing);
    }
    if model.is_mac() && spec.erase_says_error {
        let failure = Failure {
            domain: "MDMClientError",
            code: 72,
            text: "Erase All Content and Settings failed.".to_owned(),
        };
        let behaviour = text(keys, "ObliterationBehavior").unwrap_or_else(|| "Default".to_owned());
        let after = if behaviour == "DoNotObliterate" { After::Nothing } else { After::Erase(None) };
        return (Outcome::Failed(failure), after);
    }
    let wanted =
        keys.get("ReturnToService").and_then(Value::as_dictionary).filter(|keys| flag(keys, "Enabled"));
    let possible = matches!(model, Model::IPhone | Model::IPad) && state.hardware.os_at_least(17);
    let comeback = wanted.filter(|_| possible).map(|keys| ReturnToService {
        mdm_profile: keys.get("MDMProfileData").and_then(Value::as_data).map(<[u8]>::to_vec),
        wifi_profile: keys.get("WiFiProfileData").and_then(Value::as_data).map(<[u8]>::to_vec),
    });
    (Outcome::done(), After::Erase(comeback))
}

/// `DeviceConfigured`: lets the user out of Setup Assistant.
pub(super) fn configured(state: &mut State) -> Outcome {
    let Some(enrolment) = state.enrolment.as_mut().filter(|enrolment| enrolment.awaiting_configuration)
    else {
        return Outcome::Failed(Failure::mdm(12021, "The device does not await its configuration."));
    };
    enrolment.awaiting_configuration = false;
    state.phase = Phase::InUse;
    Outcome::done()
}
