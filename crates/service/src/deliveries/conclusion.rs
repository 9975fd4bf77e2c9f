//! What may be claimed of a delivery, and no more.
//!
//! A device's answer to an erase proves that it answered. `error_may_have_erased` exists because a Mac with the default
//! `ObliterationBehavior` answers `Error` and erases (Apple: "EraseDeviceCommand"); `delivered_no_reply` because a device answers
//! once and does not repeat an answer that was lost.

use catalog::Platform;
use store::DeliveryState;

use crate::views::ConclusionView;

/// What the conclusion depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Apple's name of the command.
    pub(crate) request_type: &'a str,
    /// The platform, as far as it is known.
    pub(crate) platform: Option<Platform>,
    /// The `ObliterationBehavior` of an erase.
    pub(crate) obliteration: Option<&'a str>,
    /// The state of the delivery.
    pub(crate) state: DeliveryState,
    /// How often it was handed out.
    pub(crate) hand_outs: u64,
    /// Whether there is evidence beyond the device's own word.
    pub(crate) verified: bool,
}

/// The conclusion, as a stable word and as a sentence.
pub(crate) fn conclude(known: &Known<'_>) -> ConclusionView {
    let (code, sentence) = match known.request_type {
        "EraseDevice" => erase(known),
        _ => ordinary(known),
    };
    ConclusionView { code: code.to_owned(), sentence: sentence.to_owned() }
}

/// The state in a few words, for lists.
pub(crate) fn wording(known: &Known<'_>) -> &'static str {
    if known.verified {
        return "verified";
    }
    match (known.state, known.request_type) {
        (DeliveryState::Queued, _) => "queued",
        (DeliveryState::Pushed, _) => "queued, device woken",
        (DeliveryState::HandedOut, _) => "delivered, waiting for the answer",
        (DeliveryState::NotNow, _) => "put off by the device",
        (DeliveryState::Acknowledged, _) => "acknowledged",
        (DeliveryState::Error, "EraseDevice") if may_have_erased(known) => "error, may have erased",
        (DeliveryState::Error, "EraseDevice") => "error, not erased",
        (DeliveryState::Error, _) => "error",
        (DeliveryState::FormatError, _) => "not understood by the device",
        (DeliveryState::Cancelled, _) => "cancelled",
        (DeliveryState::Expired, _) => "expired, never delivered",
        (DeliveryState::Superseded, _) if known.hand_outs > 0 => {
            "delivered, no reply before the enrolment ended"
        }
        (DeliveryState::Superseded, _) => "dropped, the enrolment ended",
        (DeliveryState::NoReply, _) => "delivered, no reply",
    }
}

/// Only a Mac erases after an error, and only if nobody told it not to; an unknown platform may be a Mac.
fn may_have_erased(known: &Known<'_>) -> bool {
    known.platform.is_none_or(|platform| platform == Platform::MacOs)
        && known.obliteration != Some("DoNotObliterate")
}

fn erase(known: &Known<'_>) -> (&'static str, &'static str) {
    if known.verified {
        return ("verified", "The device was erased: it came back in a way that only an erased device can.");
    }
    match known.state {
        DeliveryState::HandedOut => (
            "delivered",
            "The device fetched the erase and has not answered. Whether it is erased is not known.",
        ),
        DeliveryState::NoReply => (
            "delivered_no_reply",
            "The device fetched the erase and never answered. It may be erased or not: nothing that Ward has seen tells.",
        ),
        DeliveryState::Superseded if known.hand_outs > 0 => (
            "delivered_no_reply",
            "The device fetched the erase, did not answer, and enrolled again in a way that does not prove an erase.",
        ),
        DeliveryState::Acknowledged => {
            ("acknowledged", "The device says that it will erase itself. Nothing has proven yet that it did.")
        }
        DeliveryState::Error if may_have_erased(known) => (
            "error_may_have_erased",
            "The device answered with an error. A Mac may answer so and erase nevertheless: look before you rely on either.",
        ),
        DeliveryState::Error => {
            ("error_not_erased", "The device answered with an error and did not erase itself.")
        }
        _ => ordinary(known),
    }
}

fn ordinary(known: &Known<'_>) -> (&'static str, &'static str) {
    if known.verified {
        return (
            "verified",
            "The device says that it did it, and a later report of the device shows the effect.",
        );
    }
    match known.state {
        DeliveryState::Queued => ("requested", "The command waits. The device has not been woken for it."),
        DeliveryState::Pushed => {
            ("requested", "The command waits. Apple accepted a push; the device has not come for it.")
        }
        DeliveryState::HandedOut => ("delivered", "The device fetched the command and has not answered."),
        DeliveryState::NotNow => {
            ("deferred", "The device has the command and put it off; it will be offered again.")
        }
        DeliveryState::Acknowledged => {
            ("acknowledged", "The device says that it did it. No later report has shown the effect.")
        }
        DeliveryState::Error => ("error", "The device says that it could not do it."),
        DeliveryState::FormatError => ("error", "The device could not read the command and did nothing."),
        DeliveryState::Cancelled => ("cancelled", "The command was taken back before the device fetched it."),
        DeliveryState::Expired => {
            ("expired", "The device did not come for the command in time. It never got it.")
        }
        DeliveryState::Superseded if known.hand_outs > 0 => (
            "delivered_no_reply",
            "The device fetched the command and did not answer before its enrolment ended.",
        ),
        DeliveryState::Superseded => {
            ("superseded", "The enrolment ended before the device came for the command.")
        }
        DeliveryState::NoReply => (
            "delivered_no_reply",
            "The device fetched the command and never answered. What became of it is not known.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erase_on(
        platform: Option<Platform>,
        obliteration: Option<&'static str>,
        state: DeliveryState,
    ) -> String {
        let known = Known {
            request_type: "EraseDevice",
            platform,
            obliteration,
            state,
            hand_outs: 1,
            verified: false,
        };
        conclude(&known).code
    }

    #[test]
    fn an_error_of_a_mac_admits_that_it_may_have_erased() {
        let mac = Some(Platform::MacOs);
        assert_eq!(erase_on(mac, None, DeliveryState::Error), "error_may_have_erased");
        assert_eq!(erase_on(mac, Some("Default"), DeliveryState::Error), "error_may_have_erased");
        assert_eq!(erase_on(mac, Some("DoNotObliterate"), DeliveryState::Error), "error_not_erased");
        assert_eq!(erase_on(Some(Platform::Ios), None, DeliveryState::Error), "error_not_erased");
        assert_eq!(erase_on(None, None, DeliveryState::Error), "error_may_have_erased");
    }

    #[test]
    fn no_state_without_evidence_claims_that_a_device_was_erased() {
        for state in DeliveryState::ALL {
            for platform in [None, Some(Platform::Ios), Some(Platform::MacOs)] {
                let known = Known {
                    request_type: "EraseDevice",
                    platform,
                    obliteration: None,
                    state: *state,
                    hand_outs: 1,
                    verified: false,
                };
                let conclusion = conclude(&known);
                assert_ne!(conclusion.code, "verified");
                for lie in ["was erased", "wiped"] {
                    assert!(
                        !conclusion.sentence.contains(lie) && !wording(&known).contains(lie),
                        "{state}: {conclusion:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_lost_reply_is_delivered_no_reply() {
        assert_eq!(erase_on(Some(Platform::Ios), None, DeliveryState::NoReply), "delivered_no_reply");
        assert_eq!(erase_on(Some(Platform::Ios), None, DeliveryState::Superseded), "delivered_no_reply");
        let known = Known {
            request_type: "EraseDevice",
            platform: None,
            obliteration: None,
            state: DeliveryState::NoReply,
            hand_outs: 5,
            verified: false,
        };
        assert_eq!(wording(&known), "delivered, no reply");
    }
}
