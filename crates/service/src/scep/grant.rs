//! Who may have a certificate: the bearer of a challenge, once, or the holder of the certificate that is to be replaced.

use pki::{Certificate, Fingerprint};
use protocol_scep::{MessageType, Request};
use serde_json::json;
use store::{
    AuthorityId, Connection, Enrollment, EnrollmentLink, Identity, IdentityId, Issuance, IssuanceId,
    IssuancePurpose, Tx,
};

use crate::audit::{self, Act};
use crate::authorities::Realm;
use crate::{Context, Error, enrollment, lifecycle, network};

/// What a request claims: by what it thinks itself entitled, and what tells its repetition from another one.
#[derive(Clone)]
pub(super) struct Claim {
    realm: Realm,
    challenge_hash: Option<[u8; 32]>,
    /// The certificate that signed a RenewalReq.
    renews: Option<Fingerprint>,
    transaction: Vec<u8>,
    key_digest: [u8; 32],
}

/// Leave to issue one certificate.
pub(super) struct Ticket {
    /// The common name that it gets, whatever was asked for.
    pub(super) common_name: String,
    issuance: Issuance,
    is_new: bool,
}

/// What a claim entitles to.
pub(super) enum Granted {
    /// A certificate.
    Ticket(Box<Ticket>),
    /// The certificate (DER) that the same request got before.
    Again(Vec<u8>),
}

/// The claim, or in words for the log why it entitles to nothing.
type Verdict = Result<Granted, &'static str>;

impl Claim {
    /// Reads the claim of a request.
    pub(super) fn of(realm: Realm, request: &Request) -> Self {
        let challenge = request.csr.challenge_password();
        let renews = (request.header.message_type == MessageType::RenewalReq)
            .then(|| request.header.signer.fingerprint());
        Self {
            realm,
            challenge_hash: challenge.as_ref().map(enrollment::challenge_hash),
            renews,
            transaction: request.header.transaction().to_vec(),
            key_digest: request.csr.key_digest(),
        }
    }

    pub(super) const fn realm(&self) -> Realm {
        self.realm
    }

    /// Whether a permission is one for this address: no challenge is good at the other one.
    fn fits(&self, issuance: &Issuance) -> bool {
        (issuance.purpose == IssuancePurpose::Network) == (self.realm == Realm::Network)
    }

    fn is_same_as(&self, issuance: &Issuance) -> bool {
        issuance.transaction_id.as_deref() == Some(&self.transaction)
            && issuance.key_digest.as_deref() == Some(&self.key_digest)
    }
}

/// Judges a claim. Nothing is written.
pub(super) fn check(connection: &mut Connection, context: &Context, claim: &Claim) -> Result<Verdict, Error> {
    if let Some(hash) = &claim.challenge_hash
        && let Some(issuance) = Issuance::find_by_challenge_hash(connection, hash)?
        && claim.fits(&issuance)
    {
        return by_challenge(connection, context, claim, issuance);
    }
    match claim.renews {
        // Identities for the network are renewed by their profile alone.
        Some(signer) if claim.realm == Realm::Devices => by_certificate(connection, context, claim, signer),
        _ => Ok(Err("the challenge is wrong")),
    }
}

/// Judges a claim again and uses it up, in the transaction that stores the certificate.
pub(super) fn redeem(
    tx: &mut Tx<'_>,
    context: &Context,
    claim: &Claim,
    (authority, certificate): (AuthorityId, &Certificate),
) -> Result<Verdict, Error> {
    let mut ticket = match check(tx, context, claim)? {
        Ok(Granted::Ticket(ticket)) => ticket,
        other => return Ok(other),
    };
    let now = context.now();
    ticket.issuance.transaction_id = Some(claim.transaction.clone());
    ticket.issuance.key_digest = Some(claim.key_digest.to_vec());
    ticket.issuance.first_used_at = Some(now);
    if ticket.is_new {
        ticket.issuance.insert(tx)?;
    }
    if claim.realm == Realm::Network {
        network::grant::store(tx, context, &ticket.issuance, (authority, certificate))?;
        ticket.issuance.save(tx)?;
        return Ok(Ok(Granted::Ticket(ticket)));
    }
    let identity = Identity {
        id: IdentityId::new(&*context.clock),
        fingerprint: certificate.fingerprint().as_bytes().to_vec(),
        serial_hex: certificate.serial_hex(),
        authority_id: authority,
        issuance_id: ticket.issuance.id,
        // A renewed certificate belongs to its enrolment from the start; the first one of an enrolment is pinned by Authenticate.
        enrollment_id: ticket
            .issuance
            .enrollment_id
            .filter(|_| ticket.issuance.purpose == IssuancePurpose::Renew),
        subject: certificate.subject().to_owned(),
        der: certificate.der().to_vec(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        issued_at: now,
        first_seen_at: None,
        last_seen_at: None,
        revoked_at: None,
        revoked_reason: None,
    };
    identity.insert(tx)?;
    ticket.issuance.identity_id = Some(identity.id);
    ticket.issuance.save(tx)?;
    let detail = json!({ "serial": identity.serial_hex, "purpose": ticket.issuance.purpose, "not_after": identity.not_after });
    audit::record(
        tx,
        now,
        &Act::by_ward("identity.issued").on(format!("identity:{}", identity.id)).with(detail),
    )?;
    Ok(Ok(Granted::Ticket(ticket)))
}

fn by_challenge(
    connection: &mut Connection,
    context: &Context,
    claim: &Claim,
    issuance: Issuance,
) -> Result<Verdict, Error> {
    let now = context.now();
    if issuance.revoked_at.is_some() {
        return Ok(Err("the challenge was taken back"));
    }
    if let Some(id) = issuance.link_id {
        let link = EnrollmentLink::find(connection, id)?;
        if link.revoked_at.is_some() || link.stopped_at.is_some() {
            return Ok(Err("the enrolment link was revoked or stopped"));
        }
        if issuance.first_used_at.is_none() && link.uses_limit.is_some_and(|limit| link.uses >= limit) {
            return Ok(Err("the enrolment link has been used up"));
        }
    }
    if issuance.purpose == IssuancePurpose::Renew
        && let Some(id) = issuance.enrollment_id
        && !lifecycle::is_live(Enrollment::find(connection, id)?.state)
    {
        return Ok(Err("the enrolment to be renewed is over"));
    }
    if issuance.purpose == IssuancePurpose::Network
        && let Some(why) = network::grant::refusal(connection, &issuance)?
    {
        return Ok(Err(why));
    }
    if let Some(used) = issuance.first_used_at {
        // Setup Assistant repeats a request whose answer was lost. The same key gets the same certificate, and nobody else any.
        let repeated = claim.is_same_as(&issuance) && now.since(used) <= context.settings.challenge_repeat;
        return again(connection, repeated, &issuance, "the challenge has been used");
    }
    if now >= issuance.expires_at {
        return Ok(Err("the challenge has expired"));
    }
    Ok(Ok(ticket(issuance, false)))
}

fn by_certificate(
    connection: &mut Connection,
    context: &Context,
    claim: &Claim,
    signer: Fingerprint,
) -> Result<Verdict, Error> {
    let now = context.now();
    let Some(old) = Identity::find_by_fingerprint(connection, signer.as_bytes())? else {
        return Ok(Err("the certificate to be renewed was not issued here"));
    };
    let Some(id) = old.enrollment_id else {
        return Ok(Err("the certificate to be renewed belongs to no enrolment"));
    };
    let epoch = Enrollment::find(connection, id)?;
    if old.revoked_at.is_some() || !lifecycle::is_live(epoch.state) {
        return Ok(Err("the certificate to be renewed is revoked, or its enrolment is over"));
    }
    if old.not_after + context.settings.expired_grace < now {
        return Ok(Err("the certificate to be renewed expired too long ago"));
    }
    let earlier = Issuance::list_for_enrollment(connection, id)?
        .into_iter()
        .find(|issuance| claim.is_same_as(issuance));
    if let Some(earlier) = earlier {
        let recent =
            earlier.first_used_at.is_some_and(|used| now.since(used) <= context.settings.challenge_repeat);
        return again(connection, recent, &earlier, "the renewal has been answered");
    }
    if epoch.identity_id != Some(old.id) {
        return Ok(Err("the certificate to be renewed has been replaced"));
    }
    let issuance = Issuance {
        id: IssuanceId::new(&*context.clock),
        purpose: IssuancePurpose::Renew,
        // Nobody knows a challenge with this hash.
        challenge_hash: pki::random_bytes::<32>().to_vec(),
        link_id: None,
        enrollment_id: Some(id),
        delivery_seq: None,
        ownership: epoch.ownership,
        owner: epoch.owner,
        subject: enrollment::common_name(),
        created_at: now,
        expires_at: now,
        transaction_id: None,
        key_digest: None,
        first_used_at: None,
        identity_id: None,
        topic: None,
        profile_digest: None,
        revoked_at: None,
    };
    Ok(Ok(ticket(issuance, true)))
}

fn ticket(issuance: Issuance, is_new: bool) -> Granted {
    Granted::Ticket(Box::new(Ticket { common_name: issuance.subject.clone(), issuance, is_new }))
}

fn again(
    connection: &mut Connection,
    repeated: bool,
    issuance: &Issuance,
    otherwise: &'static str,
) -> Result<Verdict, Error> {
    if repeated && issuance.purpose == IssuancePurpose::Network {
        let issued = network::grant::issued(connection, issuance)?;
        return Ok(issued.map(Granted::Again).ok_or(otherwise));
    }
    match issuance.identity_id.filter(|_| repeated) {
        Some(id) => Ok(Ok(Granted::Again(Identity::find(connection, id)?.der))),
        None => Ok(Err(otherwise)),
    }
}
