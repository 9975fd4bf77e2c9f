//! What each check-in carries. Field names are Apple's keys; none but the identity is required.

use plist::{Dictionary, Value};
use secrecy::{ExposeSecret, SecretString};

use crate::fields::{bytes, put, secret, text, truth};
use crate::{Identifiers, SecretBytes};

/// A device begins an enrolment, or its enrolment profile was installed again. Not proof of an enrolment: `TokenUpdate` is.
/// Apple: "Authenticate".
#[derive(Debug, Clone, Default)]
pub struct Authenticate {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `Topic`: the push topic of the profile.
    pub topic: Option<String>,
    /// `DeviceName`, on a Mac.
    pub device_name: Option<String>,
    /// `Model`, on a Mac.
    pub model: Option<String>,
    /// `ModelName`, on a Mac.
    pub model_name: Option<String>,
    /// `OSVersion`.
    pub os_version: Option<String>,
    /// `BuildVersion`.
    pub build_version: Option<String>,
    /// `ProductName`, such as `iPhone17,1`.
    pub product_name: Option<String>,
    /// `SerialNumber`; never in a User Enrollment, absent on virtual machines.
    pub serial_number: Option<String>,
    /// `IMEI`.
    pub imei: Option<String>,
    /// `MEID`.
    pub meid: Option<String>,
}

impl Authenticate {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        let from = &mut from;
        Self {
            identifiers,
            topic: text(from, "Topic"),
            device_name: text(from, "DeviceName"),
            model: text(from, "Model"),
            model_name: text(from, "ModelName"),
            os_version: text(from, "OSVersion"),
            build_version: text(from, "BuildVersion"),
            product_name: text(from, "ProductName"),
            serial_number: text(from, "SerialNumber"),
            imei: text(from, "IMEI"),
            meid: text(from, "MEID"),
        }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "Topic", self.topic.clone());
        put(into, "DeviceName", self.device_name.clone());
        put(into, "Model", self.model.clone());
        put(into, "ModelName", self.model_name.clone());
        put(into, "OSVersion", self.os_version.clone());
        put(into, "BuildVersion", self.build_version.clone());
        put(into, "ProductName", self.product_name.clone());
        put(into, "SerialNumber", self.serial_number.clone());
        put(into, "IMEI", self.imei.clone());
        put(into, "MEID", self.meid.clone());
    }
}

/// The push address of a channel; it may come at any time, or once in the life of an enrolment. Apple: "TokenUpdate".
#[derive(Debug, Clone, Default)]
pub struct TokenUpdate {
    /// Who speaks; with user keys it is a user channel's.
    pub identifiers: Identifiers,
    /// `Topic`: must be that of a push certificate.
    pub topic: Option<String>,
    /// `Token`: the APNs device token; its length is not promised.
    pub token: Option<SecretBytes>,
    /// `PushMagic`: goes into every push.
    pub push_magic: Option<SecretString>,
    /// `UnlockToken`: absent or empty means that nothing was said, not that there is none any more.
    pub unlock_token: Option<SecretBytes>,
    /// `AwaitingConfiguration`: absent says nothing, in particular not `false`.
    pub awaiting_configuration: Option<bool>,
}

impl TokenUpdate {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        let from = &mut from;
        Self {
            identifiers,
            topic: text(from, "Topic"),
            token: secret(from, "Token"),
            push_magic: text(from, "PushMagic").map(SecretString::from),
            unlock_token: secret(from, "UnlockToken"),
            awaiting_configuration: truth(from, "AwaitingConfiguration"),
        }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "Topic", self.topic.clone());
        put(into, "Token", self.token.as_ref().map(data));
        put(into, "PushMagic", self.push_magic.as_ref().map(ExposeSecret::expose_secret));
        put(into, "UnlockToken", self.unlock_token.as_ref().map(data));
        put(into, "AwaitingConfiguration", self.awaiting_configuration);
    }
}

/// The enrolment profile was removed; best effort, sent once. Apple: "CheckOut".
#[derive(Debug, Clone, Default)]
pub struct CheckOut {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `Topic`.
    pub topic: Option<String>,
}

impl CheckOut {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        Self { identifiers, topic: text(&mut from, "Topic") }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "Topic", self.topic.clone());
    }
}

/// A bootstrap token to escrow. Apple: "SetBootstrapToken".
#[derive(Debug, Clone, Default)]
pub struct SetBootstrapToken {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `BootstrapToken`: `None`, be it missing or empty, means that the stored one is to be removed.
    pub bootstrap_token: Option<SecretBytes>,
    /// `AwaitingConfiguration`.
    pub awaiting_configuration: Option<bool>,
}

impl SetBootstrapToken {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        Self {
            identifiers,
            bootstrap_token: secret(&mut from, "BootstrapToken"),
            awaiting_configuration: truth(&from, "AwaitingConfiguration"),
        }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "BootstrapToken", self.bootstrap_token.as_ref().map(data));
        put(into, "AwaitingConfiguration", self.awaiting_configuration);
    }
}

/// The escrowed bootstrap token is wanted. Apple: "GetBootstrapToken".
#[derive(Debug, Clone, Default)]
pub struct GetBootstrapToken {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `AwaitingConfiguration`.
    pub awaiting_configuration: Option<bool>,
}

impl GetBootstrapToken {
    pub(super) fn read(identifiers: Identifiers, from: &Dictionary) -> Self {
        Self { identifiers, awaiting_configuration: truth(from, "AwaitingConfiguration") }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "AwaitingConfiguration", self.awaiting_configuration);
    }
}

/// A network or mobile user of a Mac signs in: first without, then with a digest. Apple: "UserAuthenticate".
#[derive(Debug, Clone, Default)]
pub struct UserAuthenticate {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `DigestResponse`: derived from the user's password.
    pub digest_response: Option<SecretString>,
}

impl UserAuthenticate {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        Self { identifiers, digest_response: text(&mut from, "DigestResponse").map(SecretString::from) }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "DigestResponse", self.digest_response.as_ref().map(ExposeSecret::expose_secret));
    }
}

/// Declarative management, tunnelled through check-in. Apple: "DeclarativeManagement" (check-in).
#[derive(Debug, Clone, Default)]
pub struct DeclarativeManagement {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `Endpoint`, verbatim; empty when the device gave none.
    pub endpoint: String,
    /// `Data`: JSON, with the endpoint `status`.
    pub data: Option<Vec<u8>>,
}

impl DeclarativeManagement {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        let endpoint = text(&mut from, "Endpoint").unwrap_or_default();
        Self { identifiers, endpoint, data: bytes(&mut from, "Data") }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        put(into, "Endpoint", Some(self.endpoint.clone()).filter(|endpoint| !endpoint.is_empty()));
        put(into, "Data", self.data.clone().map(Value::Data));
    }
}

/// A token of a named service is wanted. Apple: "GetToken".
#[derive(Debug, Clone, Default)]
pub struct GetToken {
    /// Who speaks.
    pub identifiers: Identifiers,
    /// `TokenServiceType`, such as `com.apple.maid`; empty when the device gave none.
    pub token_service_type: String,
    /// `TokenParameters`, for `com.apple.watch.pairing`.
    pub token_parameters: Option<TokenParameters>,
}

/// The parameters of a watch's pairing.
#[derive(Debug, Clone, Default)]
pub struct TokenParameters {
    /// `SecurityToken`.
    pub security_token: Option<SecretString>,
    /// `PhoneUDID`.
    pub phone_udid: Option<String>,
    /// `WatchUDID`.
    pub watch_udid: Option<String>,
}

impl GetToken {
    pub(super) fn read(identifiers: Identifiers, mut from: Dictionary) -> Self {
        let token_service_type = text(&mut from, "TokenServiceType").unwrap_or_default();
        let parameters = from.remove("TokenParameters").and_then(Value::into_dictionary);
        let token_parameters = parameters.map(|mut from| TokenParameters {
            security_token: text(&mut from, "SecurityToken").map(SecretString::from),
            phone_udid: text(&mut from, "PhoneUDID"),
            watch_udid: text(&mut from, "WatchUDID"),
        });
        Self { identifiers, token_service_type, token_parameters }
    }

    pub(super) fn put(&self, into: &mut Dictionary) {
        let kind = Some(self.token_service_type.clone()).filter(|kind| !kind.is_empty());
        put(into, "TokenServiceType", kind);
        let parameters = self.token_parameters.as_ref().map(|parameters| {
            let mut into = Dictionary::new();
            let token = parameters.security_token.as_ref();
            put(&mut into, "SecurityToken", token.map(ExposeSecret::expose_secret));
            put(&mut into, "PhoneUDID", parameters.phone_udid.clone());
            put(&mut into, "WatchUDID", parameters.watch_udid.clone());
            into
        });
        put(into, "TokenParameters", parameters);
    }
}

/// The device asks for its Return to Service configuration. Apple: "ReturnToService" (check-in).
#[derive(Debug, Clone, Default)]
pub struct ReturnToService {
    /// Who speaks.
    pub identifiers: Identifiers,
}

fn data(secret: &SecretBytes) -> Value {
    Value::Data(secret.expose_secret().to_vec())
}
