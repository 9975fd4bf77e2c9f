//! The certificates that an authority makes, its own included.

use std::net::IpAddr;

use clock::Timestamp;
use der::Encode as _;
use der::asn1::Ia5String;
use der::oid::AssociatedOid as _;
use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::pkey::{PKey, Public};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509NameRef};
use x509_cert::ext::pkix::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};

use super::{Authority, NewCertificate, Subject, Usage};
use crate::{Certificate, Digest, Error, KeyKind, PrivateKey, PublicKey, Result, name, random_bytes};

const WHAT: &str = "the certificate to be issued";

pub(super) fn self_signed(
    key: &PrivateKey,
    common_name: &str,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<Certificate> {
    let subject = name::build(&[("CN".to_owned(), common_name.to_owned())])?;
    let public = PublicKey::from_der(&key.public_key_der()?)?;
    let mut builder = begin(public.as_openssl(), &subject, not_before, not_after)?;
    builder.set_serial_number(&*serial(None)?)?;
    builder.set_issuer_name(&subject)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    let mut usage = KeyUsage::new();
    usage.critical().key_cert_sign().crl_sign().digital_signature();
    if matches!(key.kind(), KeyKind::Rsa(_)) {
        // SCEP clients encrypt their request to the authority itself.
        usage.key_encipherment();
    }
    builder.append_extension(usage.build()?)?;
    let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(id)?;
    finish(builder, key)
}

/// A certificate in which a client vouches for its own key, as SCEP asks of one that has none yet.
pub(crate) fn self_signed_client(
    key: &PrivateKey,
    subject: &Subject,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<Certificate> {
    let subject = name::build(subject)?;
    let public = PublicKey::from_der(&key.public_key_der()?)?;
    let mut builder = begin(public.as_openssl(), &subject, not_before, not_after)?;
    builder.set_serial_number(&*serial(None)?)?;
    builder.set_issuer_name(&subject)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().key_encipherment().build()?)?;
    finish(builder, key)
}

pub(super) fn registration_authority(
    authority: &Authority,
    key: &PrivateKey,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<Certificate> {
    let common_name: String =
        authority.certificate.common_name().unwrap_or_default().chars().take(60).collect();
    let subject = name::build(&[("CN".to_owned(), format!("{common_name} RA"))])?;
    let public = PublicKey::from_der(&key.public_key_der()?)?;
    let mut builder = begin(public.as_openssl(), &subject, not_before, not_after)?;
    builder.set_serial_number(&*serial(None)?)?;
    let issuer = issued_by(&mut builder, authority)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().key_encipherment().build()?)?;
    identifiers(&mut builder, authority, &issuer)?;
    finish(builder, &authority.key)
}

pub(super) fn issue(authority: &Authority, new: &NewCertificate) -> Result<Certificate> {
    if new.subject.is_empty() {
        return Err(Error::malformed(
            "the subject",
            "it is empty, and macOS presents no certificate without one",
        ));
    }
    let public = PublicKey::from_der(&new.public_key_der)?;
    let not_after = new.not_after.min(authority.certificate.not_after());
    if new.not_before >= not_after {
        return Err(Error::malformed(WHAT, "it would never be valid"));
    }
    let mut builder = begin(public.as_openssl(), &*name::build(&new.subject)?, new.not_before, not_after)?;
    builder.set_serial_number(&*serial(new.serial.as_deref())?)?;
    let issuer = issued_by(&mut builder, authority)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    extensions(&mut builder, &new.usage, public.kind())?;
    identifiers(&mut builder, authority, &issuer)?;
    if let (Usage::Client, Some(url)) = (&new.usage, &authority.list_url) {
        builder.append_extension(distribution_point(url)?)?;
    }
    finish(builder, &authority.key)
}

/// Where the revocation list is to be had, as one distribution point with one address.
fn distribution_point(url: &str) -> Result<X509Extension> {
    let encoding = |error: der::Error| Error::malformed("the address of the revocation list", error);
    let uri = GeneralName::UniformResourceIdentifier(Ia5String::new(url).map_err(encoding)?);
    let points = CrlDistributionPoints(vec![DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![uri])),
        reasons: None,
        crl_issuer: None,
    }]);
    let value = points.to_der().map_err(encoding)?;
    let oid = Asn1Object::from_str(&CrlDistributionPoints::OID.to_string())?;
    Ok(X509Extension::new_from_der(&oid, false, &*Asn1OctetString::new_from_bytes(&value)?)?)
}

fn extensions(builder: &mut X509Builder, usage: &Usage, kind: KeyKind) -> Result<()> {
    let mut key_usage = KeyUsage::new();
    key_usage.critical().digital_signature();
    let mut extended = ExtendedKeyUsage::new();
    let rsa = matches!(kind, KeyKind::Rsa(_));
    match usage {
        Usage::Client => {
            if rsa {
                key_usage.key_encipherment();
            }
            extended.client_auth();
        }
        Usage::Server { dns_names, ip } => {
            if rsa {
                key_usage.key_encipherment();
            }
            extended.server_auth();
            alternative_names(builder, dns_names, ip)?;
        }
        Usage::ProfileSigning => {
            extended.email_protection();
        }
    }
    builder.append_extension(key_usage.build()?)?;
    builder.append_extension(extended.build()?)?;
    Ok(())
}

fn alternative_names(builder: &mut X509Builder, dns_names: &[String], ip: &[IpAddr]) -> Result<()> {
    let mut names = SubjectAlternativeName::new();
    if dns_names.is_empty() && ip.is_empty() {
        return Err(Error::malformed(WHAT, "a server needs a name or an address"));
    }
    for dns_name in dns_names {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._*".contains(letter);
        if dns_name.is_empty() || dns_name.len() > 253 || !dns_name.chars().all(plain) {
            return Err(Error::malformed(WHAT, format!("'{dns_name}' is not a DNS name")));
        }
        names.dns(dns_name);
    }
    for address in ip {
        names.ip(&address.to_string());
    }
    let extension = names.build(&builder.x509v3_context(None, None))?;
    builder.append_extension(extension)?;
    Ok(())
}

fn begin(
    key: &PKey<Public>,
    subject: &X509NameRef,
    not_before: Timestamp,
    not_after: Timestamp,
) -> Result<X509Builder> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(not_before.as_seconds())?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after.as_seconds())?)?;
    Ok(builder)
}

fn issued_by(builder: &mut X509Builder, authority: &Authority) -> Result<X509> {
    let issuer = authority.certificate.to_openssl()?;
    builder.set_issuer_name(issuer.subject_name())?;
    Ok(issuer)
}

fn identifiers(builder: &mut X509Builder, authority: &Authority, issuer: &X509) -> Result<()> {
    let context = builder.x509v3_context(Some(issuer), None);
    let own = SubjectKeyIdentifier::new().build(&context)?;
    // An imported authority may lack the identifier that ours would repeat.
    let authority_id = match authority.certificate.subject_key_id() {
        Some(_) => Some(AuthorityKeyIdentifier::new().keyid(true).build(&context)?),
        None => None,
    };
    builder.append_extension(own)?;
    if let Some(extension) = authority_id {
        builder.append_extension(extension)?;
    }
    Ok(())
}

fn finish(mut builder: X509Builder, key: &PrivateKey) -> Result<Certificate> {
    builder.sign(key.as_openssl(), Digest::Sha256.message_digest())?;
    Certificate::from_der(&builder.build().to_der()?)
}

/// 127 random bits, or the caller's bytes. Positive and not zero either way.
fn serial(given: Option<&[u8]>) -> Result<Asn1Integer> {
    let mut random = random_bytes::<16>();
    if let Some(first) = random.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    let bytes = given.unwrap_or(&random);
    let significant = bytes.iter().skip_while(|byte| **byte == 0).count();
    if significant == 0
        || significant > 20
        || (significant == 20 && bytes.get(bytes.len() - 20) >= Some(&0x80))
    {
        return Err(Error::malformed(WHAT, "a serial number has 1 to 159 bits"));
    }
    Ok(BigNum::from_slice(bytes)?.to_asn1_integer()?)
}
