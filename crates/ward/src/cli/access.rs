//! The file that tells the command line which server to talk to, and as whom.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// A server and a token for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessFile {
    /// The operators' address, `http://localhost:8080` or `https://…`.
    pub server: String,
    /// The operator's bearer token.
    #[serde(deserialize_with = "secret")]
    pub token: SecretString,
    /// A PEM file with the root of the server's certificate, when the system does not know it.
    #[serde(default)]
    pub roots: Option<PathBuf>,
}

impl AccessFile {
    /// The access of the environment (`WARD_SERVER` with `WARD_TOKEN`), else of the named file, else of the usual places.
    ///
    /// # Errors
    /// There is none, or the file is not what it should be.
    pub fn find(named: Option<&Path>) -> Result<Self> {
        if let (Ok(server), Ok(token)) = (std::env::var("WARD_SERVER"), std::env::var("WARD_TOKEN")) {
            let roots = std::env::var_os("WARD_ROOTS").map(PathBuf::from);
            return Ok(Self { server, token: token.into(), roots });
        }
        let usual = [Some(PathBuf::from("ward-demo/access.toml")), home_file()];
        let path = match named {
            Some(path) => path.to_owned(),
            None => usual.into_iter().flatten().find(|path| path.exists()).ok_or_else(|| {
                anyhow!(
                    "which server? Name an access file with --access (made by 'ward init' or 'ward demo'), \
                     or put it at ~/.config/ward/access.toml"
                )
            })?,
        };
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text)
            .map_err(|error| anyhow!("{} is no access file: {}", path.display(), error.message()))
    }

    /// Writes the file, readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text =
            String::from("# Whoever has this file acts as this operator. Keep it as you keep a key.\n");
        let quote = |value: &str| toml::Value::String(value.to_owned()).to_string();
        text.push_str(&format!("server = {}\n", quote(&self.server)));
        text.push_str(&format!("token = {}\n", quote(self.token.expose_secret())));
        if let Some(roots) = &self.roots {
            text.push_str(&format!("roots = {}\n", quote(&roots.display().to_string())));
        }
        crate::init::write_private(path, text.as_bytes())
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

fn home_file() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    Some(config?.join("ward/access.toml"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_access_file_is_read_back_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        let access = AccessFile {
            server: "https://ward.example.org".to_owned(),
            token: "ward_op_secret".to_owned().into(),
            roots: None,
        };
        access.write(&path).unwrap();
        let read = AccessFile::find(Some(&path)).unwrap();
        assert_eq!(read.server, access.server);
        assert_eq!(read.token.expose_secret(), "ward_op_secret");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{read:?}").contains("ward_op_secret"));
    }
}
