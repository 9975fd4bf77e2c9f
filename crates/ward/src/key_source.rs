//! Where the key-encrypting key comes from: a file, a credential of systemd's, or a program.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::seal::Sealer;
use service::sealing::KeySource;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::init::write_private;
use crate::paths::Paths;

type Key = Zeroizing<[u8; 32]>;

/// The longest text of a key that is read, in bytes.
const LONGEST: u64 = 256;
/// Room for it at once, so that no copy is left behind by growing.
const ROOM: usize = 512;

/// A place that holds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file that only its owner can read.
    File(PathBuf),
    /// What systemd puts into `$CREDENTIALS_DIRECTORY` under this name.
    Credential(String),
    /// A program, its arguments, and how long it may take.
    Command(Vec<String>, Duration),
}

impl Source {
    /// The place of the key in use.
    pub(crate) fn present(config: &Config) -> Self {
        let secrets = &config.secrets;
        let given = Self::of(
            (&secrets.key_file, &secrets.key_credential, &secrets.key_command),
            secrets.key_command_seconds,
        );
        given.unwrap_or_else(|| Self::File(Paths::new(config).sealing_key))
    }

    /// The place of the key before, if one is named.
    fn previous(config: &Config) -> Option<Self> {
        let secrets = &config.secrets;
        let previous =
            (&secrets.previous_key_file, &secrets.previous_key_credential, &secrets.previous_key_command);
        Self::of(previous, secrets.key_command_seconds)
    }

    fn of(
        (file, credential, command): (&Option<PathBuf>, &Option<String>, &Vec<String>),
        seconds: u64,
    ) -> Option<Self> {
        match (file, credential) {
            (Some(path), _) => Some(Self::File(path.clone())),
            (_, Some(name)) => Some(Self::Credential(name.clone())),
            _ if !command.is_empty() => {
                Some(Self::Command(command.clone(), Duration::from_secs(seconds.max(1))))
            }
            _ => None,
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// A sentence that names the place and never what was found there.
    pub(crate) fn read(&self) -> Result<Key> {
        let text = match self {
            Self::File(path) => read_file(path)?,
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    anyhow!(
                        "the key should come as the credential '{name}', but systemd gave none: \
                         is LoadCredential= or LoadCredentialEncrypted= in the unit?"
                    )
                })?;
                read_some(&Path::new(&folder).join(name))?
            }
            Self::Command(words, limit) => ask(words, *limit)?,
        };
        decode(&text).with_context(|| {
            format!(
                "{} holds no key: 64 hexadecimal digits, or 32 bytes in base64, are expected",
                self.describe()
            )
        })
    }

    /// Makes a key in a place that has none yet; a place that Ward cannot write to must have one.
    ///
    /// # Errors
    /// As [`Source::read`], and when the file cannot be written.
    pub(crate) fn read_or_make(&self) -> Result<Key> {
        match self {
            Self::File(path) if !path.exists() => {
                let key = Sealer::generate_master();
                write_private(path, Zeroizing::new(hex::encode(*key)).as_bytes())?;
                Ok(key)
            }
            _ => self.read(),
        }
    }
}

impl KeySource for Source {
    fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("the file {}", path.display()),
            Self::Credential(name) => format!("the credential '{name}'"),
            Self::Command(words, _) => {
                format!("the program {}", words.first().map_or("", String::as_str))
            }
        }
    }

    fn next(&self) -> Result<Key, String> {
        let made = match self {
            // What an interrupted attempt left is used: the database may need it.
            Self::File(path) => Self::File(beside(path, "new")).read_or_make(),
            _ => self.read(),
        };
        made.map_err(|error| format!("{error:#}"))
    }

    fn commit(&self) -> Result<(), String> {
        let Self::File(path) = self else { return Ok(()) };
        put_in_place(path).map_err(|error| {
            format!(
                "the database needs the key in {} now, but it could not be put in the place of {}: {error:#}; do that by hand before the next start",
                beside(path, "new").display(),
                path.display()
            )
        })
    }
}

/// The sealer of a configuration, and the key of the place in use.
///
/// # Errors
/// As [`Source::read`].
pub(crate) fn open(config: &Config) -> Result<(Sealer, Source, Key)> {
    let source = Source::present(config);
    let key = source
        .read()
        .context("cannot read the key-encrypting key; without it the secrets in the database stay closed")?;
    let mut sealer = Sealer::new(key.clone());
    if let Some(previous) = Source::previous(config) {
        let key = previous.read().context("cannot read the previous key-encrypting key")?;
        sealer = sealer.with_previous(key);
    }
    if let Source::File(path) = &source {
        let staged = beside(path, "new");
        if staged.exists() {
            sealer = sealer.with_previous(Source::File(staged).read()?);
        }
    }
    Ok((sealer, source, key))
}

/// `sealing.key` becomes `sealing.key.new`.
pub(crate) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

/// The new key takes the place in one step; the old one stays beside it, for the backups of its time.
fn put_in_place(path: &Path) -> Result<()> {
    let (new, previous) = (beside(path, "new"), beside(path, "previous"));
    if previous.exists() {
        std::fs::remove_file(&previous)?;
    }
    std::fs::hard_link(path, &previous)?;
    std::fs::rename(&new, path)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let text = read_some(path)?;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o007 != 0 {
        bail!("everybody on this machine can read {}: 'chmod 600' it, and start again", path.display());
    }
    Ok(text)
}

fn read_some(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    file.take(LONGEST).read_to_end(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text)
}

/// Runs the program. What it prints on its error channel is not kept: it may hold what must not be in a log.
fn ask(words: &[String], limit: Duration) -> Result<Zeroizing<Vec<u8>>> {
    let (name, arguments) = words.split_first().ok_or_else(|| anyhow!("no program is named"))?;
    let mut child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("the program {name}, which should print the key, cannot be started"))?;
    let output = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        let read = output.map(|output| output.take(LONGEST).read_to_end(&mut text));
        // Who waits has given up when this fails.
        let _ = sender.send((text, read));
    });
    let Ok((text, _)) = receiver.recv_timeout(limit) else {
        child.kill().and_then(|()| child.wait()).with_context(|| format!("{name} cannot be stopped"))?;
        bail!("the program {name} printed no key within {} seconds", limit.as_secs());
    };
    let status = child.wait()?;
    if !status.success() {
        bail!("the program {name}, which should print the key, ended with {status}");
    }
    Ok(text)
}

fn decode(text: &[u8]) -> Result<Key> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() == key.len() {
        key.copy_from_slice(text);
        return Ok(key);
    }
    let dense = text.trim_ascii();
    if hex::decode_to_slice(dense, key.as_mut_slice()).is_ok() {
        return Ok(key);
    }
    let plain = Zeroizing::new(STANDARD.decode(dense).map_err(|_| anyhow!("it is neither form"))?);
    if plain.len() != key.len() {
        bail!("it has another length");
    }
    key.copy_from_slice(&plain);
    Ok(key)
}

#[cfg(test)]
mod tests;
