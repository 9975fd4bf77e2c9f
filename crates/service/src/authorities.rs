//! The certificate authorities of the devices: the one that issues, the older ones that are still trusted, and the certificate that
//! signs profiles.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clock::Timestamp;
use pki::seal::{Place, Sealer};
use pki::{Authority, AuthorityKind, Certificate, KeyKind, NewCertificate, PrivateKey, Usage, trust};
use serde_json::json;
use store::{AuthorityId, Connection, SealedBytes};

use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{AuthorityView, RollRequest};
use crate::{Context, Error};

mod network;

/// How long the certificate that signs profiles is valid. It is made anew at every start.
const SIGNER_LIFE: Duration = Duration::from_secs(398 * 86_400);
/// Days that an authority is valid: longer than any device lives.
const AUTHORITY_DAYS: u32 = 20 * 365;

/// For what an authority issues. The two never mix: what opens the one door does not open the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Realm {
    /// Identities of enrolments, for the MDM door.
    Devices,
    /// Identities for the hospital's network (802.1X).
    Network,
}

/// The authorities, as loaded from the database.
pub struct Authorities {
    context: Context,
    loaded: ArcSwap<Loaded>,
    /// Held while a network authority is made, so that two first uses make one.
    making: tokio::sync::Mutex<()>,
}

/// One state of the authorities; a request works with one from beginning to end.
pub struct Loaded {
    /// The authority that issues.
    pub active: Issuer,
    /// Those that issued before and are still trusted, newest first.
    pub older: Vec<Issuer>,
    /// The authorities of the network, the one that issues first; none before its first use.
    pub network: Vec<Issuer>,
    /// What signs profiles.
    pub signer: Signer,
}

/// An authority with its row.
pub struct Issuer {
    /// The row.
    pub id: AuthorityId,
    /// The authority with its keys.
    pub authority: Authority,
}

/// What signs configuration profiles.
pub struct Signer {
    /// The certificate, issued by the active authority.
    pub certificate: Certificate,
    /// Its key, which lives in memory only.
    pub key: PrivateKey,
}

impl Authorities {
    /// Reads and opens the authorities of the store.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is none: the store has not been initialized.
    pub async fn load(context: &Context) -> Result<Self, Error> {
        let loaded = read(context).await?;
        let making = tokio::sync::Mutex::new(());
        Ok(Self { context: context.clone(), loaded: ArcSwap::from_pointee(loaded), making })
    }

    /// The present state.
    #[must_use]
    pub fn current(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Makes a new authority that issues from now on. The older ones stay trusted until the devices have renewed, which the
    /// renewal brings about by itself.
    ///
    /// # Errors
    /// When the keys cannot be made or the row cannot be written.
    pub async fn roll(&self, kind: AuthorityKind, act: Act) -> Result<(), Error> {
        self.renew(Realm::Devices, kind, act).await
    }

    /// Makes the authority that issues in a realm from now on.
    async fn renew(&self, realm: Realm, kind: AuthorityKind, act: Act) -> Result<(), Error> {
        let organization: String = self.context.settings.organization.chars().take(40).collect();
        let now = self.context.now();
        let authority = create(kind, format!("{organization} {} authority", realm.word()), now).await?;
        let (sealer, clock) = (Arc::clone(&self.context.sealer), Arc::clone(&self.context.clock));
        let row = row(&sealer, (AuthorityId::new(&*clock), realm), &authority, now)?;
        self.context
            .store
            .tx("roll_authority", move |tx| {
                let of_realm = |old: &store::Authority| old.active && old.kind == realm.word();
                for mut old in store::Authority::list(tx)?.into_iter().filter(of_realm) {
                    old.active = false;
                    old.save(tx)?;
                }
                row.insert(tx)?;
                audit::record(tx, now, &act)
            })
            .await?;
        self.loaded.store(Arc::new(read(&self.context).await?));
        Ok(())
    }

    /// Rolls the authority for an operator, with keys of the kind that the present one has unless asked otherwise.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a reason; else as [`Authorities::roll`].
    pub async fn roll_for(
        &self,
        operator: &Operator,
        request: RollRequest,
    ) -> Result<Vec<AuthorityView>, Error> {
        let reason = audit::reason(&request.reason)?;
        let present = matches!(self.current().active.authority.key().kind(), KeyKind::P256);
        let kind =
            if request.elliptic.unwrap_or(present) { AuthorityKind::P256 } else { AuthorityKind::Rsa2048 };
        let act = Act::new(operator, "authority.roll")
            .of_class(catalog::Class::D3)
            .with(json!({ "reason": reason }));
        self.roll(kind, act).await?;
        Ok(self.list())
    }

    /// The authorities as operators see them, the issuing one first.
    #[must_use]
    pub fn list(&self) -> Vec<AuthorityView> {
        self.list_of(Realm::Devices)
    }
}

impl Realm {
    /// The kind of its authorities in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Devices => "device",
            Self::Network => "network",
        }
    }
}

impl Loaded {
    /// The certificates of all authorities, the issuing one first.
    #[must_use]
    pub fn certificates(&self) -> Vec<Certificate> {
        self.all().map(|issuer| issuer.authority.certificate().clone()).collect()
    }

    /// All authorities, the issuing one first.
    pub fn all(&self) -> impl Iterator<Item = &Issuer> {
        std::iter::once(&self.active).chain(&self.older)
    }

    /// The authorities of a realm, the issuing one first.
    #[must_use]
    pub fn of(&self, realm: Realm) -> Vec<&Issuer> {
        match realm {
            Realm::Devices => self.all().collect(),
            Realm::Network => self.network.iter().collect(),
        }
    }

    /// Whether one of the authorities issued `certificate` for a client. Those of the network do not count. Dates are not looked at: devices whose certificate has
    /// expired are repaired, not cut off.
    #[must_use]
    pub fn issued(&self, certificate: &Certificate) -> bool {
        certificate.has_client_auth()
            && trust::verify_chain(certificate, &self.certificates(), &[], None).is_ok()
    }
}

/// A new authority; RSA keys are made away from the threads that serve connections.
pub(crate) async fn create(kind: AuthorityKind, name: String, now: Timestamp) -> Result<Authority, Error> {
    let made = tokio::task::spawn_blocking(move || Authority::create(kind, &name, now, AUTHORITY_DAYS)).await;
    Ok(made.map_err(|error| Error::Internal(error.to_string()))??)
}

/// The row of an authority, its keys sealed to their places.
pub(crate) fn row(
    sealer: &Sealer,
    (id, realm): (AuthorityId, Realm),
    authority: &Authority,
    now: Timestamp,
) -> Result<store::Authority, Error> {
    let seal = |column, key: &PrivateKey| -> Result<SealedBytes, Error> {
        Ok(SealedBytes(sealer.seal(&place(column, &id), &key.to_pkcs8_der()?)?))
    };
    let sealed_ra_key = authority.ra().map(|(_, key)| seal("sealed_ra_key", key)).transpose()?;
    Ok(store::Authority {
        id,
        kind: realm.word().to_owned(),
        certificate_der: authority.certificate().der().to_vec(),
        sealed_key: seal("sealed_key", authority.key())?,
        ra_certificate_der: authority.ra().map(|(certificate, _)| certificate.der().to_vec()),
        sealed_ra_key,
        not_after: authority.certificate().not_after(),
        created_at: now,
        active: true,
    })
}

async fn read(context: &Context) -> Result<Loaded, Error> {
    let rows = context.store.read("authorities", |connection: &mut Connection| {
        store::Authority::list(connection).map_err(Error::from)
    });
    let rows: Vec<store::Authority> = rows.await?;
    let ground = context.clone();
    let opened = tokio::task::spawn_blocking(move || open_all(&ground, &rows)).await;
    opened.map_err(|error| Error::Internal(error.to_string()))?
}

fn open_all(context: &Context, rows: &[store::Authority]) -> Result<Loaded, Error> {
    let mut active = None;
    let (mut older, mut network) = (Vec::new(), Vec::new());
    for row in rows {
        let issuer = open(context, row)?;
        if row.kind == Realm::Network.word() {
            // They come newest first, and the newest is the one that issues.
            network.push(issuer);
        } else if row.active && active.is_none() {
            active = Some(issuer)
        } else {
            older.push(issuer)
        }
    }
    let active = active.ok_or_else(|| {
        Error::Conflict(
            "there is no certificate authority yet: prepare the data folder with `ward init`".to_owned(),
        )
    })?;
    let signer = new_signer(&active.authority, &context.settings.organization, context.now())?;
    Ok(Loaded { active, older, network, signer })
}

fn new_signer(authority: &Authority, organization: &str, now: Timestamp) -> Result<Signer, Error> {
    let key = PrivateKey::generate_rsa_2048()?;
    let name: String = organization.chars().take(50).collect();
    let certificate = authority.issue(&NewCertificate {
        public_key_der: key.public_key_der()?,
        subject: vec![("CN".to_owned(), format!("{name} profiles"))],
        not_before: now - Duration::from_secs(86_400),
        not_after: now + SIGNER_LIFE,
        usage: Usage::ProfileSigning,
        serial: None,
    })?;
    Ok(Signer { certificate, key })
}

fn open(context: &Context, row: &store::Authority) -> Result<Issuer, Error> {
    let sealer = &context.sealer;
    let key = |column, sealed: &SealedBytes| -> Result<PrivateKey, Error> {
        Ok(PrivateKey::from_pkcs8_der(&sealer.open(&place(column, &row.id), &sealed.0)?)?)
    };
    let ra = match (&row.ra_certificate_der, &row.sealed_ra_key) {
        (Some(der), Some(sealed)) => Some((Certificate::from_der(der)?, key("sealed_ra_key", sealed)?)),
        _ => None,
    };
    let certificate = Certificate::from_der(&row.certificate_der)?;
    let authority = Authority::new(certificate, key("sealed_key", &row.sealed_key)?, ra)?
        .publishing_at(list_url(&context.settings.public_url, row.id));
    Ok(Issuer { id: row.id, authority })
}

/// Where the revocation list of an authority is to be had.
pub(crate) fn list_url(public_url: &str, id: AuthorityId) -> String {
    format!("{public_url}/crl/{id}")
}

fn place<'a>(column: &'static str, id: &'a AuthorityId) -> Place<'a> {
    Place { table: "authorities", column, row: id.as_bytes(), version: 1 }
}
