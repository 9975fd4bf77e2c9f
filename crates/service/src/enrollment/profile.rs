//! The one place that makes a profile with an MDM payload: for enrolment, renewal and Return to Service.

use pki::Certificate;
use protocol_profile::{AccessRights, EnrollmentProfile, ScepPayload};
use secrecy::SecretString;
use store::Enrollment;

use crate::authorities::Loaded;
use crate::{Context, Error};

/// What differs between two enrolment profiles of one server.
pub(crate) struct ProfileOrder<'a> {
    /// The push topic. It must never change during an enrolment.
    pub(crate) topic: &'a str,
    /// The rights. None may be added during an enrolment.
    pub(crate) access_rights: AccessRights,
    /// The challenge of this copy.
    pub(crate) challenge: SecretString,
    /// The common name of the identity.
    pub(crate) common_name: &'a str,
}

/// The profile of this order, unsigned.
///
/// # Errors
/// When a configured anchor is no certificate.
pub(crate) fn build(
    context: &Context,
    authorities: &Loaded,
    order: ProfileOrder<'_>,
) -> Result<EnrollmentProfile, Error> {
    let settings = &context.settings;
    let url = &settings.public_url;
    let subject = subject(&settings.organization, order.common_name);
    let scep = ScepPayload::new(format!("{url}/scep"), "Ward".to_owned(), order.challenge, subject);
    let mut profile = EnrollmentProfile::new(
        format!("{}.enrollment", settings.profile_identifier),
        settings.organization.clone(),
        format!("{url}/mdm"),
        order.topic.to_owned(),
        order.access_rights,
        scep,
    );
    profile.check_in_url = settings.split_check_in.then(|| format!("{url}/checkin"));
    profile.ca_certificates = authorities.certificates();
    for anchor in &settings.tls_anchors {
        profile.ca_certificates.push(Certificate::from_der(anchor)?);
    }
    Ok(profile)
}

/// The profile of this order, signed.
///
/// # Errors
/// When signing fails.
pub(crate) fn sign(authorities: &Loaded, profile: &EnrollmentProfile) -> Result<Vec<u8>, Error> {
    let signer = &authorities.signer;
    let chain = [authorities.active.authority.certificate().clone()];
    profile.sign(&signer.certificate, &signer.key, &chain).map_err(|error| Error::Internal(error.to_string()))
}

/// The subject of a device identity: literal, because devices expand no variables, and never empty.
pub(crate) fn subject(organization: &str, common_name: &str) -> Vec<(String, String)> {
    let organization: String = organization.chars().take(64).collect();
    vec![("O".to_owned(), organization), ("CN".to_owned(), common_name.to_owned())]
}

/// SHA-256 of the profile that an enrolment should have, less what differs with every copy: a device that has one of another digest is
/// sent the profile again.
///
/// # Errors
/// When a configured anchor is no certificate.
pub(crate) fn digest(
    context: &Context,
    authorities: &Loaded,
    topic: &str,
    access_rights: AccessRights,
) -> Result<[u8; 32], Error> {
    let (challenge, common_name) = (SecretString::from(""), "Ward device");
    let order = ProfileOrder { topic, access_rights, challenge, common_name };
    Ok(build(context, authorities, order)?.digest_without_challenge())
}

/// The rights that an enrolment has. A device refuses a profile that adds one.
pub(crate) fn rights_of(enrollment: &Enrollment) -> AccessRights {
    let stored = u32::try_from(enrollment.access_rights).ok().and_then(|bits| AccessRights::new(bits).ok());
    stored.unwrap_or(AccessRights::for_ownership(enrollment.ownership))
}
