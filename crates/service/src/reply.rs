//! What the device door sends back, decided here and turned into bytes there.

use std::fmt;

use gate::Permit;

/// The answer to a check-in or a report. What can change a device carries the gate's permit.
pub enum Reply {
    /// Success without a body: zero bytes.
    Nothing,
    /// A property list with a secret of the device's own, for example its bootstrap token. It changes nothing on the device.
    OwnSecret(Vec<u8>),
    /// A property list: a command, or a ReturnToService configuration.
    Plist {
        /// The bytes to send.
        body: Vec<u8>,
        /// The leave to send them.
        permit: Permit,
    },
    /// A JSON document of declarative management.
    Json {
        /// The bytes to send.
        body: Vec<u8>,
        /// The leave to send them.
        permit: Permit,
    },
    /// The declaration is gone: the device removes its copy.
    DeclarationGone(Permit),
    /// The user is not managed during this session.
    UserDeclined(Permit),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::OwnSecret(_) => "OwnSecret",
            Self::Plist { .. } => "Plist",
            Self::Json { .. } => "Json",
            Self::DeclarationGone(_) => "DeclarationGone",
            Self::UserDeclined(_) => "UserDeclined",
        })
    }
}
