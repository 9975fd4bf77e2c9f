//! The three long lists: profiles, certificates, applications.

use plist::{Dictionary, Value};

use super::kinds::{self, Kind};

/// A list that was read, and what of it could not be.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The entries that could be read.
    pub items: Vec<T>,
    /// One sentence for each entry or value that could not.
    pub malformed: Vec<String>,
}

/// An entry of `ProfileList`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledProfile {
    /// `PayloadIdentifier`.
    pub identifier: String,
    /// `PayloadUUID`.
    pub uuid: Option<String>,
    /// `PayloadDisplayName`.
    pub display_name: Option<String>,
    /// `PayloadOrganization`.
    pub organization: Option<String>,
    /// `IsManaged`; never said by Macs.
    pub is_managed: Option<bool>,
    /// `IsEncrypted`.
    pub is_encrypted: Option<bool>,
    /// `PayloadRemovalDisallowed`.
    pub removal_disallowed: Option<bool>,
    /// `Source`: `Declarative Device Management` for those that `RemoveProfile` must not touch.
    pub source: Option<String>,
    /// `PayloadContent`.
    pub payloads: Vec<InstalledProfilePayload>,
}

/// An entry of a profile's `PayloadContent`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledProfilePayload {
    /// `PayloadType`.
    pub payload_type: String,
    /// `PayloadIdentifier`.
    pub identifier: Option<String>,
    /// `PayloadUUID`.
    pub uuid: Option<String>,
}

/// An entry of `CertificateList`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledCertificate {
    /// `CommonName`.
    pub common_name: Option<String>,
    /// `IsIdentity`: the device holds the private key.
    pub is_identity: Option<bool>,
    /// `Data`: the certificate as DER.
    pub data: Vec<u8>,
}

/// An entry of `InstalledApplicationList`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledApplication {
    /// `Identifier`: absent for some applications of a Mac.
    pub identifier: Option<String>,
    /// `Name`.
    pub name: Option<String>,
    /// `Version`.
    pub version: Option<String>,
    /// `ShortVersion`.
    pub short_version: Option<String>,
    /// `BundleSize` in bytes.
    pub bundle_size: Option<u64>,
    /// `Installing`.
    pub installing: Option<bool>,
}

/// Reads `ProfileList`; an entry needs its identifier.
#[must_use]
pub fn profiles(result: &Dictionary) -> Listing<InstalledProfile> {
    read(result, "ProfileList", |entry| {
        let identifier = entry.text("PayloadIdentifier");
        let profile = InstalledProfile {
            uuid: entry.text("PayloadUUID"),
            display_name: entry.text("PayloadDisplayName"),
            organization: entry.text("PayloadOrganization"),
            is_managed: entry.truth("IsManaged"),
            is_encrypted: entry.truth("IsEncrypted"),
            removal_disallowed: entry.truth("PayloadRemovalDisallowed"),
            source: entry.text("Source"),
            payloads: payloads(entry),
            identifier: identifier.unwrap_or_default(),
        };
        entry.required("PayloadIdentifier", !profile.identifier.is_empty()).then_some(profile)
    })
}

/// Reads `CertificateList`; an entry needs its certificate.
#[must_use]
pub fn certificates(result: &Dictionary) -> Listing<InstalledCertificate> {
    read(result, "CertificateList", |entry| {
        let certificate = InstalledCertificate {
            common_name: entry.text("CommonName"),
            is_identity: entry.truth("IsIdentity"),
            data: entry.bytes("Data").unwrap_or_default(),
        };
        entry.required("Data", !certificate.data.is_empty()).then_some(certificate)
    })
}

/// Reads `InstalledApplicationList`.
#[must_use]
pub fn applications(result: &Dictionary) -> Listing<InstalledApplication> {
    read(result, "InstalledApplicationList", |entry| {
        Some(InstalledApplication {
            identifier: entry.text("Identifier"),
            name: entry.text("Name"),
            version: entry.text("Version"),
            short_version: entry.text("ShortVersion"),
            bundle_size: entry.whole("BundleSize"),
            installing: entry.truth("Installing"),
        })
    })
}

/// What is wrong with the entries of a list, by its name as a fact.
pub(crate) fn check(path: &str, items: &[Value]) -> Vec<String> {
    let result = || Dictionary::from_iter([(path.to_owned(), Value::Array(items.to_vec()))]);
    match path {
        "ProfileList" => profiles(&result()).malformed,
        "CertificateList" => certificates(&result()).malformed,
        "InstalledApplicationList" => applications(&result()).malformed,
        _ => Vec::new(),
    }
}

struct Entry<'a> {
    values: &'a Dictionary,
    path: String,
    malformed: &'a mut Vec<String>,
}

impl Entry<'_> {
    fn typed(&mut self, key: &str, kind: Kind) -> Option<Value> {
        let value = self.values.get(key)?;
        let typed = kind.coerce(value);
        if typed.is_none() {
            self.malformed.push(kinds::complaint(&format!("{}.{key}", self.path), kind, value));
        }
        typed
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.typed(key, Kind::Text)?.into_string()
    }

    fn truth(&mut self, key: &str) -> Option<bool> {
        self.typed(key, Kind::Truth)?.as_boolean()
    }

    fn whole(&mut self, key: &str) -> Option<u64> {
        let number = self.typed(key, Kind::Whole)?.as_unsigned_integer();
        if number.is_none() {
            self.malformed.push(format!("{}.{key}: negative", self.path));
        }
        number
    }

    fn bytes(&mut self, key: &str) -> Option<Vec<u8>> {
        self.typed(key, Kind::Bytes)?.into_data()
    }

    fn required(&mut self, key: &str, present: bool) -> bool {
        if !present && !self.values.contains_key(key) {
            self.malformed.push(format!("{}.{key}: missing", self.path));
        }
        present
    }
}

fn payloads(entry: &mut Entry<'_>) -> Vec<InstalledProfilePayload> {
    let items = entry.typed("PayloadContent", Kind::Array).and_then(Value::into_array).unwrap_or_default();
    let mut payloads = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{}.PayloadContent[{index}]", entry.path);
        let Some(values) = item.as_dictionary() else {
            entry.malformed.push(kinds::complaint(&path, Kind::Dictionary, item));
            continue;
        };
        let mut inner = Entry { values, path, malformed: entry.malformed };
        let payload_type = inner.text("PayloadType").unwrap_or_default();
        let payload = InstalledProfilePayload {
            identifier: inner.text("PayloadIdentifier"),
            uuid: inner.text("PayloadUUID"),
            payload_type,
        };
        if inner.required("PayloadType", !payload.payload_type.is_empty()) {
            payloads.push(payload);
        }
    }
    payloads
}

fn read<T>(result: &Dictionary, key: &str, mut read: impl FnMut(&mut Entry<'_>) -> Option<T>) -> Listing<T> {
    let mut listing = Listing { items: Vec::new(), malformed: Vec::new() };
    let items = match result.get(key) {
        Some(Value::Array(items)) => items,
        Some(other) => {
            listing.malformed.push(kinds::complaint(key, Kind::Array, other));
            return listing;
        }
        None => return listing,
    };
    for (index, item) in items.iter().enumerate() {
        let path = format!("{key}[{index}]");
        match item.as_dictionary() {
            Some(values) => {
                let mut entry = Entry { values, path, malformed: &mut listing.malformed };
                listing.items.extend(read(&mut entry));
            }
            None => listing.malformed.push(kinds::complaint(&path, Kind::Dictionary, item)),
        }
    }
    listing
}
