//! Whether a certificate leads to a root that we trust.

use clock::Timestamp;
use openssl::stack::Stack;
use openssl::x509::X509StoreContext;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};

use crate::{Certificate, Error, Result};

/// The longest chain, leaf and root not counted.
const DEPTH: i32 = 8;

/// Verifies that `leaf` leads to one of `roots`, by way of any of `intermediates`.
///
/// A root need not be self-signed. With `at` every certificate has to be valid at that moment; without it dates are
/// ignored, for device identities that may be served after their end. Purposes and revocation are the caller's.
///
/// # Errors
/// [`Error::Untrusted`] with OpenSSL's words; [`Error::Crypto`].
pub fn verify_chain(
    leaf: &Certificate,
    roots: &[Certificate],
    intermediates: &[Certificate],
    at: Option<Timestamp>,
) -> Result<()> {
    let mut store = X509StoreBuilder::new()?;
    for root in roots {
        store.add_cert(root.to_openssl()?)?;
    }
    let mut parameters = X509VerifyParam::new()?;
    let mut flags = X509VerifyFlags::PARTIAL_CHAIN;
    match at {
        Some(at) => parameters.set_time(at.as_seconds()),
        None => flags |= X509VerifyFlags::NO_CHECK_TIME,
    }
    parameters.set_flags(flags)?;
    parameters.set_depth(DEPTH);
    store.set_param(&parameters)?;
    let mut chain = Stack::new()?;
    for intermediate in intermediates {
        chain.push(intermediate.to_openssl()?)?;
    }
    let leaf = leaf.to_openssl()?;
    let mut context = X509StoreContext::new()?;
    let outcome = context.init(&store.build(), &leaf, &chain, |context| {
        Ok((context.verify_cert()?, context.error().error_string()))
    })?;
    match outcome {
        (true, _) => Ok(()),
        (false, why) => Err(Error::Untrusted(why.to_owned())),
    }
}

#[cfg(test)]
mod tests;
