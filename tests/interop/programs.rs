//! Finding and running the programs.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

/// A program, and the Debian package that has it.
pub(crate) type Program = (&'static str, &'static str);

pub(crate) const OPENSSL: Program = ("openssl", "openssl");
pub(crate) const CURL: Program = ("curl", "curl");
pub(crate) const SCEPCLIENT: Program = ("scepclient", "scep");
pub(crate) const STRONGSWAN: Program =
    ("pki", "strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins");

/// Whether everything for a test is here: the programs, and with `python` the virtual environment. If not, says so, or fails in CI.
pub(crate) fn ready(test: &str, programs: &[Program], python: bool) -> Result<bool> {
    let mut missing: Vec<String> = programs
        .iter()
        .filter(|(name, _)| find(name).is_none())
        .map(|(name, package)| format!("{name} is not installed (apt-get install {package})"))
        .collect();
    if python && !interpreter().exists() {
        missing
            .push("there is no .venv with tests/interop/requirements.txt (scripts/test makes it)".to_owned());
    }
    if missing.is_empty() {
        return Ok(true);
    }
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        bail!("CI skips nothing, but {}", missing.join(", "));
    }
    // Past the capture of the test runner: whoever reads the output of a good run shall see what was not tested.
    writeln!(std::io::stderr(), "SKIPPED: {test}: {}", missing.join(", "))?;
    Ok(false)
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn interpreter() -> PathBuf {
    root().join(".venv/bin/python")
}

/// Runs one of the Python programs beside this file and reads the JSON that it prints.
pub(crate) async fn python(script: &str, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(interpreter());
    // No compiled files beside the sources.
    command.arg("-B").arg(root().join("tests/interop").join(script)).args(arguments);
    let output = command.output().await?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("{script} {arguments:?} printed no JSON: {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// Runs a program; what it printed, or what it complained about.
pub(crate) async fn run(program: Program, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program.0).args(arguments).output().await?;
    if !output.status.success() {
        bail!("{} {arguments:?}: {}", program.0, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// As [`run`], with the output as text.
pub(crate) async fn text(program: Program, arguments: &[&str]) -> Result<String> {
    Ok(String::from_utf8(run(program, arguments).await?)?)
}
