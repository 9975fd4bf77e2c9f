//! The nine check-in messages, told apart by `MessageType`.
//! Apple: "Check-in" (developer.apple.com/documentation/devicemanagement/check-in).

use plist::Dictionary;

use crate::{Error, Identifiers, fields};

mod messages;

pub use messages::{
    Authenticate, CheckOut, DeclarativeManagement, GetBootstrapToken, GetToken, ReturnToService,
    SetBootstrapToken, TokenParameters, TokenUpdate, UserAuthenticate,
};

/// A check-in. Nothing but `MessageType` and an identity is demanded of a device.
#[derive(Debug, Clone)]
pub enum Checkin {
    /// A device starts over, or renews its profile.
    Authenticate(Authenticate),
    /// A channel's push address, and other secrets.
    TokenUpdate(TokenUpdate),
    /// The profile was removed.
    CheckOut(CheckOut),
    /// A bootstrap token to keep, or to forget.
    SetBootstrapToken(SetBootstrapToken),
    /// The bootstrap token is wanted back.
    GetBootstrapToken(GetBootstrapToken),
    /// A network or mobile user of a Mac signs in.
    UserAuthenticate(UserAuthenticate),
    /// Declarative management, tunnelled.
    DeclarativeManagement(DeclarativeManagement),
    /// A token of a named service is wanted.
    GetToken(GetToken),
    /// The device asks how it should return to service.
    ReturnToService(ReturnToService),
}

impl Checkin {
    /// Reads a check-in from a parsed dictionary. Unknown keys are ignored.
    ///
    /// # Errors
    /// Without `MessageType` or an identity, and for an unknown `MessageType`.
    pub fn from_dictionary(mut from: Dictionary) -> Result<Self, Error> {
        let kind = fields::identity(&mut from, "MessageType")?
            .ok_or(Error::Missing { message: "the check-in", key: "MessageType" })?;
        let read: fn(Identifiers, Dictionary) -> Self = match kind.as_str() {
            "Authenticate" => |ids, from| Self::Authenticate(Authenticate::read(ids, from)),
            "TokenUpdate" => |ids, from| Self::TokenUpdate(TokenUpdate::read(ids, from)),
            "CheckOut" => |ids, from| Self::CheckOut(CheckOut::read(ids, from)),
            "SetBootstrapToken" => |ids, from| Self::SetBootstrapToken(SetBootstrapToken::read(ids, from)),
            "GetBootstrapToken" => |ids, from| Self::GetBootstrapToken(GetBootstrapToken::read(ids, &from)),
            "UserAuthenticate" => |ids, from| Self::UserAuthenticate(UserAuthenticate::read(ids, from)),
            "DeclarativeManagement" => {
                |ids, from| Self::DeclarativeManagement(DeclarativeManagement::read(ids, from))
            }
            "GetToken" => |ids, from| Self::GetToken(GetToken::read(ids, from)),
            "ReturnToService" => |ids, _| Self::ReturnToService(ReturnToService { identifiers: ids }),
            _ => return Err(Error::UnknownMessageType(kind.chars().take(64).collect())),
        };
        let identifiers = Identifiers::take(&mut from)?;
        Ok(read(identifiers, from))
    }

    /// The message as a device would send it.
    #[must_use]
    pub fn to_dictionary(&self) -> Dictionary {
        let mut into = Dictionary::new();
        into.insert("MessageType".into(), self.message_type().into());
        self.identifiers().put(&mut into);
        match self {
            Self::Authenticate(message) => message.put(&mut into),
            Self::TokenUpdate(message) => message.put(&mut into),
            Self::CheckOut(message) => message.put(&mut into),
            Self::SetBootstrapToken(message) => message.put(&mut into),
            Self::GetBootstrapToken(message) => message.put(&mut into),
            Self::UserAuthenticate(message) => message.put(&mut into),
            Self::DeclarativeManagement(message) => message.put(&mut into),
            Self::GetToken(message) => message.put(&mut into),
            Self::ReturnToService(_) => {}
        }
        into
    }

    /// The identity keys of the message.
    #[must_use]
    pub const fn identifiers(&self) -> &Identifiers {
        match self {
            Self::Authenticate(message) => &message.identifiers,
            Self::TokenUpdate(message) => &message.identifiers,
            Self::CheckOut(message) => &message.identifiers,
            Self::SetBootstrapToken(message) => &message.identifiers,
            Self::GetBootstrapToken(message) => &message.identifiers,
            Self::UserAuthenticate(message) => &message.identifiers,
            Self::DeclarativeManagement(message) => &message.identifiers,
            Self::GetToken(message) => &message.identifiers,
            Self::ReturnToService(message) => &message.identifiers,
        }
    }

    /// Apple's name of the message.
    #[must_use]
    pub const fn message_type(&self) -> &'static str {
        match self {
            Self::Authenticate(_) => "Authenticate",
            Self::TokenUpdate(_) => "TokenUpdate",
            Self::CheckOut(_) => "CheckOut",
            Self::SetBootstrapToken(_) => "SetBootstrapToken",
            Self::GetBootstrapToken(_) => "GetBootstrapToken",
            Self::UserAuthenticate(_) => "UserAuthenticate",
            Self::DeclarativeManagement(_) => "DeclarativeManagement",
            Self::GetToken(_) => "GetToken",
            Self::ReturnToService(_) => "ReturnToService",
        }
    }
}

#[cfg(test)]
mod tests;
