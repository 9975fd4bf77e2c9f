//! What the enrolment page says, in the words of somebody who holds the phone. It follows from the rights that the profile asks for.

use catalog::Ownership;
use clock::Timestamp;

/// An enrolment link as the person sees it who opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Who manages the device.
    pub organization: String,
    /// For whom the link was made.
    pub owner: Option<String>,
    /// What kind of device this is about.
    pub introduction: &'static str,
    /// What can be seen.
    pub can_see: &'static [&'static str],
    /// What can be done.
    pub can_do: &'static [&'static str],
    /// What can neither be seen nor done.
    pub cannot: &'static [&'static str],
    /// Whether the person can remove the profile.
    pub removable: bool,
    /// Until when the link works.
    pub expires_at: Timestamp,
}

impl Offer {
    /// The offer of a link with this ownership.
    #[must_use]
    pub fn new(
        organization: &str,
        owner: Option<String>,
        ownership: Ownership,
        expires_at: Timestamp,
    ) -> Self {
        let (introduction, can_see, can_do): (_, &[&str], &[&str]) = match ownership {
            Ownership::Corporate => (CORPORATE, &HOSPITAL_SEES, &HOSPITAL_DOES),
            Ownership::Shared => (SHARED, &HOSPITAL_SEES, &HOSPITAL_DOES),
            Ownership::Personal => (PERSONAL, &PERSONAL_SEES, &PERSONAL_DOES),
        };
        let cannot: &[&str] = if ownership == Ownership::Personal { &PERSONAL_NEVER } else { &NEVER };
        let organization = organization.to_owned();
        Self { organization, owner, introduction, can_see, can_do, cannot, removable: true, expires_at }
    }
}

const CORPORATE: &str =
    "This page is for a device that belongs to the organisation and is given to one person.";
const SHARED: &str =
    "This page is for a device that belongs to the organisation and is used by several people.";
const PERSONAL: &str = "This page is for your own device. If your organisation offers sign-in with a work account instead, prefer it: \
    it shows less of your device.";

const HOSPITAL_SEES: [&str; 4] = [
    "The model, serial number, phone number and software version",
    "The names of all installed apps, profiles and certificates",
    "Whether a passcode is set and the storage is encrypted",
    "The place of the device, but only while it is in Lost Mode, and the device then says so",
];
const HOSPITAL_DOES: [&str; 4] = [
    "Install and remove settings, certificates and work apps",
    "Lock the device, remove its passcode, and put it into Lost Mode",
    "Restart it, shut it down and update its software",
    "Erase it completely",
];
const PERSONAL_SEES: [&str; 3] = [
    "The model, serial number and software version",
    "The names of all installed apps, your own included",
    "Whether a passcode is set and the storage is encrypted",
];
const PERSONAL_DOES: [&str; 2] =
    ["Install and remove work settings, certificates and work apps", "Ask for a passcode on the device"];
const NEVER: [&str; 3] = [
    "Read messages, mail, photos, notes, or the content of any app",
    "See what is visited in Safari, or who is called",
    "Listen, or look through the camera",
];
const PERSONAL_NEVER: [&str; 5] = [
    "Erase the device, lock it, or remove its passcode",
    "Know where the device is",
    "Read messages, mail, photos, notes, or the content of any app",
    "See what is visited in Safari, or who is called",
    "Listen, or look through the camera",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_device_is_promised_not_to_be_erased_or_located_and_the_others_are_warned() {
        let offer = |ownership| Offer::new("St. Elsewhere", None, ownership, Timestamp::from_millis(0));
        let personal = offer(Ownership::Personal);
        assert!(personal.cannot.iter().any(|line| line.contains("Erase")));
        assert!(personal.cannot.iter().any(|line| line.contains("where the device is")));
        assert!(!personal.can_do.iter().any(|line| line.contains("Erase") || line.contains("Lock")));
        for ownership in [Ownership::Corporate, Ownership::Shared] {
            assert!(offer(ownership).can_do.iter().any(|line| line.contains("Erase")));
        }
    }
}
