//! Who may have an identity for the network: the bearer of a challenge that stood in a profile, once.

use pki::Certificate;
use serde_json::json;
use store::{AuthorityId, Connection, Enrollment, Issuance, NetworkIdentity, NetworkIdentityId, Tx};

use crate::audit::{self, Act};
use crate::{Context, Error};

/// Why the enrolment that a challenge was given to may not use it now, if so.
pub(crate) fn refusal(
    connection: &mut Connection,
    issuance: &Issuance,
) -> Result<Option<&'static str>, Error> {
    let Some(id) = issuance.enrollment_id else { return Ok(Some("the challenge belongs to no enrolment")) };
    let enrollment = Enrollment::find(connection, id)?;
    let refusal = super::refusal(connection, &enrollment)?;
    Ok(refusal.map(|_| "the enrolment may not have an identity for the network"))
}

/// The certificate that a permission was used for.
pub(crate) fn issued(connection: &mut Connection, issuance: &Issuance) -> Result<Option<Vec<u8>>, Error> {
    Ok(NetworkIdentity::find_by_issuance(connection, issuance.id)?.map(|identity| identity.der))
}

/// Stores a certificate that was signed for a permission.
pub(crate) fn store(
    tx: &mut Tx<'_>,
    context: &Context,
    issuance: &Issuance,
    (authority, certificate): (AuthorityId, &Certificate),
) -> Result<(), Error> {
    let missing = || Error::Internal("a network identity without an enrolment".to_owned());
    let enrollment = Enrollment::find(tx, issuance.enrollment_id.ok_or_else(missing)?)?;
    let identity = NetworkIdentity {
        id: NetworkIdentityId::new(&*context.clock),
        fingerprint: certificate.fingerprint().as_bytes().to_vec(),
        serial_hex: certificate.serial_hex(),
        authority_id: authority,
        issuance_id: issuance.id,
        device_id: enrollment.device_id,
        enrollment_id: enrollment.id,
        subject: certificate.subject().to_owned(),
        der: certificate.der().to_vec(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        issued_at: context.now(),
        revoked_at: None,
        revoked_reason: None,
        revoked_by: None,
    };
    identity.insert(tx)?;
    let detail = json!({ "serial": identity.serial_hex, "not_after": identity.not_after });
    let act = Act::by_ward("network.issued").on(format!("device:{}", enrollment.device_id)).with(detail);
    audit::record(tx, context.now(), &act)
}
