//! Who speaks: the identity keys of a message, and the one key that they make.

use std::fmt;

use plist::Dictionary;

use crate::{Error, fields};

/// The `UserID` of every user of a Shared iPad; such users are told apart by `UserShortName`.
pub const SHARED_IPAD_USER_ID: &str = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";

/// The identity keys of a check-in or a report, as received. Values are opaque: case and form are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identifiers {
    /// `UDID`: the hardware, in device enrolments.
    pub udid: Option<String>,
    /// `EnrollmentID`: the enrolment, in User Enrollments, which never give a UDID.
    pub enrollment_id: Option<String>,
    /// `EnrollmentUserID`: the user of a User Enrollment on a Mac.
    pub enrollment_user_id: Option<String>,
    /// `UserID`: the user, on the user channel of a device enrolment.
    pub user_id: Option<String>,
    /// `UserShortName`: the account name; on Shared iPad the Managed Apple Account.
    pub user_short_name: Option<String>,
    /// `UserLongName`: the name to show.
    pub user_long_name: Option<String>,
    /// `NotOnConsole`: the user is signed in on the Mac, but not at its screen.
    pub not_on_console: Option<bool>,
}

impl Identifiers {
    /// Takes the identity keys out of a message.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] without a UDID and an EnrollmentID, [`Error::WrongType`] where one is no string.
    pub(crate) fn take(from: &mut Dictionary) -> Result<Self, Error> {
        let identifiers = Self {
            udid: fields::identity(from, "UDID")?,
            enrollment_id: fields::identity(from, "EnrollmentID")?,
            enrollment_user_id: fields::identity(from, "EnrollmentUserID")?,
            user_id: fields::identity(from, "UserID")?,
            user_short_name: fields::identity(from, "UserShortName")?,
            user_long_name: fields::text(from, "UserLongName"),
            not_on_console: fields::truth(from, "NotOnConsole"),
        };
        if identifiers.udid.is_none() && identifiers.enrollment_id.is_none() {
            return Err(Error::NoIdentity);
        }
        Ok(identifiers)
    }

    /// Puts the identity keys into a message.
    pub fn put(&self, into: &mut Dictionary) {
        fields::put(into, "UDID", self.udid.clone());
        fields::put(into, "EnrollmentID", self.enrollment_id.clone());
        fields::put(into, "EnrollmentUserID", self.enrollment_user_id.clone());
        fields::put(into, "UserID", self.user_id.clone());
        fields::put(into, "UserShortName", self.user_short_name.clone());
        fields::put(into, "UserLongName", self.user_long_name.clone());
        fields::put(into, "NotOnConsole", self.not_on_console);
    }

    /// The channel that speaks. A message with any user key is never the device's own: were it taken as such, a user's push token
    /// would overwrite the device's.
    ///
    /// # Errors
    /// [`Error::NoIdentity`], and [`Error::UnnamedSharedIpadUser`] for a temporary session of a Shared iPad.
    pub fn resolve(&self) -> Result<EnrollmentKey, Error> {
        let user = self.user_id.as_ref().or(self.enrollment_user_id.as_ref());
        let key = |device: &String, user: Option<&String>, kind| EnrollmentKey {
            device: device.clone(),
            user: user.cloned(),
            kind,
        };
        if let Some(udid) = &self.udid {
            let Some(user) = user else { return Ok(key(udid, None, ChannelKind::Device)) };
            if !user.eq_ignore_ascii_case(SHARED_IPAD_USER_ID) {
                return Ok(key(udid, Some(user), ChannelKind::User));
            }
            let name = self.user_short_name.as_ref().ok_or(Error::UnnamedSharedIpadUser)?;
            return Ok(key(udid, Some(name), ChannelKind::SharedIpad));
        }
        let enrollment = self.enrollment_id.as_ref().ok_or(Error::NoIdentity)?;
        let user = self.enrollment_user_id.as_ref().or(self.user_id.as_ref());
        let kind =
            if user.is_some() { ChannelKind::UserEnrollment } else { ChannelKind::UserEnrollmentDevice };
        Ok(key(enrollment, user, kind))
    }
}

/// What kind of channel a message belongs to. The names are NanoMDM's enrolment types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelKind {
    /// The device, known by its UDID.
    Device,
    /// A user of a Mac, known by UDID and UserID.
    User,
    /// The device of a User Enrollment, known by its EnrollmentID.
    UserEnrollmentDevice,
    /// The user of a User Enrollment on a Mac.
    UserEnrollment,
    /// A user of a Shared iPad, known by UDID and UserShortName.
    SharedIpad,
}

impl ChannelKind {
    /// Whether this is a user channel.
    #[must_use]
    pub const fn is_user(self) -> bool {
        matches!(self, Self::User | Self::UserEnrollment | Self::SharedIpad)
    }
}

/// The key of a channel. Its text is NanoMDM's composite id, so that its data can be taken over; the parts may contain colons,
/// so the text is never taken apart again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnrollmentKey {
    /// The UDID or the EnrollmentID: certificates are pinned to this part.
    pub device: String,
    /// The user's part, on a user channel.
    pub user: Option<String>,
    /// Which kind of channel it is.
    pub kind: ChannelKind,
}

impl fmt::Display for EnrollmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.device)?;
        self.user.as_ref().map_or(Ok(()), |user| write!(f, ":{user}"))
    }
}

#[cfg(test)]
mod tests;
