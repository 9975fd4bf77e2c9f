//! Why a profile is not taken.

/// What is wrong with a profile that somebody gave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not an acceptable property list.
    #[error("the profile cannot be read: {0}")]
    PropertyList(#[from] plist_guard::Error),
    /// The signature cannot be read or does not fit.
    #[error("the signature of the profile is not good: {0}")]
    Signature(pki::Error),
    /// Encrypting failed.
    #[error("the profile cannot be encrypted: {0}")]
    Encryption(pki::Error),
    /// A signature without the profile in it, or around another signature.
    #[error("the signed file holds no profile")]
    NothingSigned,
    /// Not a configuration profile.
    #[error("this is no configuration profile: {0}")]
    NotAProfile(&'static str),
    /// It carries MDM.
    #[error("the profile holds com.apple.mdm; only enrolment and renewal may make such a profile")]
    ContainsMdm,
    /// It cannot be looked into.
    #[error("the profile holds encrypted content, so nobody can tell what it does; give it unencrypted")]
    Encrypted,
}
