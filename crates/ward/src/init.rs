//! `ward init`: makes a new server's configuration, keys, certificate authority, database and first operator.

use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clock::{Clock, SystemClock};
use pki::seal::Sealer;
use pki::{Authority, AuthorityKind, NewCertificate, PrivateKey, Usage};
use service::sealing::KeySource as _;
use service::setup::{AuthoritySource, InitOptions};

use crate::cli::AccessFile;
use crate::config::{Config, TEMPLATE};
use crate::key_source::Source;
use crate::paths::Paths;

/// Days that a certificate of Ward's own making for TLS is valid: the most that Apple's devices accept.
const TLS_DAYS: u64 = 397;

/// What `ward init` can be told.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The configuration file to make; keys and data go into its folder.
    #[arg(long, default_value = "ward.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// The hospital's name, as staff should read it on their devices.
    #[arg(long)]
    pub organization: String,
    /// The address that devices use, such as `https://mdm.hospital.example`; it stays for good.
    #[arg(long, value_name = "URL")]
    pub public_url: String,
    /// The address that operators use: http://localhost:PORT, or https://NAME with a certificate.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    pub operators_url: String,
    /// Use this certificate authority (PEM) for device identities instead of making one.
    #[arg(long, value_name = "FILE", requires = "authority_key")]
    pub authority: Option<PathBuf>,
    /// The key (PEM) of --authority.
    #[arg(long, value_name = "FILE", requires = "authority")]
    pub authority_key: Option<PathBuf>,
    /// Where the key that seals the database is kept.
    #[command(flatten)]
    pub sealing_key: KeyArgs,
    /// Make an authority on P-256 instead of RSA; SCEP then gets an RSA helper certificate.
    #[arg(long, conflicts_with = "authority")]
    pub elliptic: bool,
}

/// Where the key that seals the database is kept; a file in the data folder when nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct KeyArgs {
    /// Keep the key that seals the database in this file; it is made if it is not there.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_credential", "key_command"])]
    pub key_file: Option<PathBuf>,
    /// Take the key that seals the database from this credential of systemd's.
    #[arg(long, value_name = "NAME", conflicts_with = "key_command")]
    pub key_credential: Option<String>,
    /// Take the key that seals the database from this program: its words, separated by spaces.
    #[arg(long, value_name = "PROGRAM")]
    pub key_command: Option<String>,
}

/// Carries out `ward init` and tells what to do next.
///
/// # Errors
/// Something is there already, or a file cannot be made.
pub fn run(args: &InitArgs) -> Result<()> {
    if args.config.exists() {
        bail!(
            "{} is there already; 'ward serve' starts it, or choose another --config",
            args.config.display()
        );
    }
    let text = configuration_text(args);
    Config::parse(&text)?;
    let folder = args.config.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    write_file(&args.config, text.as_bytes(), 0o640)?;
    let config = Config::load(&args.config)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the run time")?;
    let access = runtime.block_on(initialize(&config, args, Arc::new(SystemClock)))?;
    let access_path = folder.join("access.toml");
    access.write(&access_path)?;
    crate::cli::remark(&next_steps(args, &config, &access_path));
    Ok(())
}

/// Makes folders, keys, authority and database as `config` says; the first operator's access.
///
/// # Errors
/// The data folder has been initialized before, or a file cannot be made.
pub async fn initialize(config: &Config, args: &InitArgs, clock: Arc<dyn Clock>) -> Result<AccessFile> {
    let paths = Paths::new(config);
    if paths.sealing_key.exists() || paths.database.exists() {
        bail!("{} holds a server already", config.data.display());
    }
    for folder in [&config.data, &paths.keys, &paths.tls] {
        make_folder(folder)?;
    }
    let source = Source::present(config);
    let master = source.read_or_make().context("cannot have a key-encrypting key")?;
    make_tls_certificate(config, clock.as_ref())?;
    let sealer = Arc::new(Sealer::new(master));
    let store = crate::serve::open_store(config, &sealer).await?;
    let authority = match (&args.authority, &args.authority_key) {
        (Some(certificate), Some(key)) => {
            AuthoritySource::Pem { certificate: read(certificate)?, key: read(key)? }
        }
        _ if args.elliptic => AuthoritySource::New(AuthorityKind::P256),
        _ => AuthoritySource::New(AuthorityKind::Rsa2048),
    };
    let options = InitOptions { organization: config.organization.clone(), authority };
    let outcome = service::setup::initialize(&store, &clock, &sealer, options)
        .await
        .context("cannot prepare the database")?;
    store.close().await;
    let roots = config.operators.public_url.starts_with("https://").then(|| paths.tls_root.clone());
    Ok(AccessFile { server: config.operators.public_url.clone(), token: outcome.admin_token, roots })
}

/// The template with the answers of `args` in it.
pub(crate) fn configuration_text(args: &InitArgs) -> String {
    let quote = |value: &str| toml::Value::String(value.to_owned()).to_string();
    let mut text =
        TEMPLATE.replace("organization = \"Ward\"", &format!("organization = {}", quote(&args.organization)));
    text = text.replace(
        "public_url = \"https://localhost:8443\"",
        &format!("public_url = {}", quote(&args.public_url)),
    );
    text = text.replace(
        "public_url = \"http://localhost:8080\"",
        &format!("public_url = {}", quote(&args.operators_url)),
    );
    if let Some(path) = &args.sealing_key.key_file {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let line = format!("key_file = {}", quote(&path.display().to_string()));
        text = text.replace("# key_file = \"data/keys/sealing.key\"", &line);
    }
    if let Some(name) = &args.sealing_key.key_credential {
        text = text.replace("# key_credential = \"ward-key\"", &format!("key_credential = {}", quote(name)));
    }
    if let Some(program) = &args.sealing_key.key_command {
        let words: Vec<String> = program.split_whitespace().map(quote).collect();
        text = text.replacen("\nkey_command = []", &format!("\nkey_command = [{}]", words.join(", ")), 1);
    }
    if args.operators_url.starts_with("https://") {
        text = text.replace(
            "# certificate = \"data/tls/operators.pem\"",
            "certificate = \"data/tls/operators.pem\"",
        );
        text = text.replace("# key = \"data/tls/operators.key\"", "key = \"data/tls/operators.key\"");
    }
    text
}

/// A certificate for each door from a root of Ward's own, so that the server can be tried before a trusted one is there.
fn make_tls_certificate(config: &Config, clock: &dyn Clock) -> Result<()> {
    let paths = Paths::new(config);
    let doors = [
        (Some(&config.devices.certificate), Some(&config.devices.key), &config.devices.public_url),
        (config.operators.certificate.as_ref(), config.operators.key.as_ref(), &config.operators.public_url),
    ];
    let now = clock.now();
    let day = Duration::from_secs(86_400);
    let root = Authority::create(AuthorityKind::P256, "Ward TLS trial root", now, 3650)?;
    let mut used = false;
    for (certificate, key, url) in doors {
        let (Some(certificate), Some(key)) = (certificate, key) else { continue };
        if certificate.exists() {
            continue;
        }
        let host = host_of(url);
        let ip: Vec<IpAddr> = host.parse().into_iter().collect();
        let dns_names = if ip.is_empty() { vec![host.clone()] } else { Vec::new() };
        let private = PrivateKey::generate_p256()?;
        let issued = root.issue(&NewCertificate {
            public_key_der: private.public_key_der()?,
            subject: vec![("CN".to_owned(), host)],
            not_before: now - Duration::from_secs(600),
            not_after: now + day * u32::try_from(TLS_DAYS).unwrap_or(397),
            usage: Usage::Server { dns_names, ip },
            serial: None,
        })?;
        let chain = format!("{}{}", issued.to_pem(), root.certificate().to_pem());
        write_file(certificate, chain.as_bytes(), 0o644)?;
        write_file(key, private.to_pkcs8_pem()?.as_ref(), 0o600)?;
        used = true;
    }
    if used {
        write_file(&paths.tls_root, root.certificate().to_pem().as_bytes(), 0o644)?;
    }
    Ok(())
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => authority.to_owned(),
    }
}

fn next_steps(args: &InitArgs, config: &Config, access: &Path) -> String {
    let config_file = args.config.display();
    format!(
        "Ward is ready in {folder}.\n\n\
         Next:\n\
         1. Put a certificate that Safari trusts for {url} at\n   {certificate} and its key at {key}\n   \
         (a trial one is there now; phones do not trust it).\n\
         2. Start the server:            ward serve --config {config_file}\n\
         3. Get a push certificate:      ward push-certificate request --help\n\
         4. Make an enrolment link:      ward enroll link --owner 'Ada Lovelace' --qr\n\n\
         Your access is in {access}; move it to ~/.config/ward/access.toml or name it with --access.\n\
         Keep a copy of the key in {sealing} in a safe place: without it nobody can read the secrets in the database.",
        folder = config.data.display(),
        url = config.devices.public_url,
        certificate = config.devices.certificate.display(),
        key = config.devices.key.display(),
        access = access.display(),
        sealing = Source::present(config).describe(),
    )
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Writes a new file with the given mode, and its bytes to the disk.
fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(context)?;
    file.write_all(bytes).with_context(context)?;
    file.sync_all().with_context(context)
}

/// Writes a file that only its owner can read, in place of what was there.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.exists() {
        std::fs::remove_file(path).with_context(|| format!("cannot replace {}", path.display()))?;
    }
    write_file(path, bytes, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_a_url() {
        assert_eq!(host_of("https://mdm.example.org"), "mdm.example.org");
        assert_eq!(host_of("https://mdm.example.org:8443"), "mdm.example.org");
        assert_eq!(host_of("http://localhost:8080/"), "localhost");
    }

    #[test]
    fn the_answers_stand_in_the_configuration() {
        let args = InitArgs {
            config: "ward.toml".into(),
            organization: "St. \"Example\"".to_owned(),
            public_url: "https://mdm.example.org".to_owned(),
            operators_url: "https://ward.example.org".to_owned(),
            authority: None,
            authority_key: None,
            elliptic: false,
            sealing_key: KeyArgs { key_command: Some("kms read \"key\"".to_owned()), ..KeyArgs::default() },
        };
        let config = Config::parse(&configuration_text(&args)).unwrap();
        assert_eq!(config.organization, "St. \"Example\"");
        assert_eq!(config.devices.public_url, "https://mdm.example.org");
        assert_eq!(config.operators.public_url, "https://ward.example.org");
        assert!(config.operators.certificate.is_some());
        assert_eq!(config.secrets.key_command, ["kms", "read", "\"key\""]);
    }
}
