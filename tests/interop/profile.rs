//! Profiles as other programs see them: Python's `plistlib` reads and rewrites each starting point, `openssl cms` opens what is signed
//! and what is encrypted.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow};
use clock::Timestamp;
use pki::{Authority, AuthorityKind};
use plist::Value;
use protocol_profile::{Description, Rendered, Values, encrypt, render, sign};

use crate::programs::{OPENSSL, python, ready, run};

/// Stands for the server's signing identity, and for a device's.
static IDENTITY: LazyLock<Authority> = LazyLock::new(|| {
    let now = Timestamp::from_millis(1_800_000_000_000);
    Authority::create(AuthorityKind::Rsa2048, "Interop", now, 3650).expect("an authority")
});

/// Every starting point, rendered with stand-ins.
fn shipped() -> Result<Vec<(String, Rendered)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles");
    let mut made = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.display().to_string();
        let description = Description::parse(&std::fs::read_to_string(&path)?, &name)
            .map_err(|problems| anyhow!("{problems:?}"))?;
        let template = description.to_template();
        let rendered =
            render(&template, &Values::stand_ins(&template)).map_err(|unset| anyhow!("{name}: {unset:?}"))?;
        made.push((template.name().to_owned(), rendered));
    }
    assert!(made.len() >= 9, "the starting points are where the test looks");
    Ok(made)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn each_starting_point_survives_a_round_trip_through_plistlib() -> Result<()> {
    if !ready("profiles and plistlib", &[], true)? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let mut files: Vec<(PathBuf, Rendered)> = Vec::new();
    for (name, rendered) in shipped()? {
        let file = folder.path().join(name);
        std::fs::write(&file, rendered.to_xml())?;
        files.push((file, rendered));
    }
    let names: Vec<String> = files.iter().map(|(file, _)| text(file)).collect();
    let printed = python("profile.py", &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    assert_eq!(printed["files"], files.len());
    for (file, rendered) in files {
        for ending in ["xml", "binary"] {
            let again = Value::from_file(format!("{}.{ending}", text(&file)))?;
            assert_eq!(again.as_dictionary(), Some(&rendered.dictionary), "{} as {ending}", text(&file));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_signed_profile_is_opened_by_openssl() -> Result<()> {
    if !ready("signed profiles and openssl", &[OPENSSL], false)? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let authority = text(&folder.path().join("authority.pem"));
    std::fs::write(&authority, IDENTITY.certificate().to_pem())?;
    for (name, rendered) in shipped()? {
        let file = folder.path().join(&name);
        std::fs::write(&file, sign(&rendered.to_xml(), IDENTITY.certificate(), IDENTITY.key(), &[])?)?;
        let (file, purpose) = (text(&file), ["-purpose", "any", "-CAfile", authority.as_str()]);
        let mut arguments =
            vec!["cms", "-verify", "-binary", "-inform", "DER", "-no_check_time", "-in", &file];
        arguments.extend(purpose);
        assert_eq!(run(OPENSSL, &arguments).await?, rendered.to_xml(), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn an_encrypted_profile_is_opened_by_openssl_with_the_key_of_the_device_only() -> Result<()> {
    if !ready("encrypted profiles and openssl", &[OPENSSL], false)? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = |name: &str| text(&folder.path().join(name));
    let other =
        Authority::create(AuthorityKind::Rsa2048, "Other", Timestamp::from_millis(1_800_000_000_000), 3650)?;
    for (name, authority) in [("device", &*IDENTITY), ("other", &other)] {
        std::fs::write(path(&format!("{name}.pem")), authority.certificate().to_pem())?;
        std::fs::write(path(&format!("{name}.key")), authority.key().to_pkcs8_pem()?)?;
    }
    for (name, rendered) in shipped()? {
        let sealed = encrypt(&rendered, &[IDENTITY.certificate()])?;
        let message =
            sealed.get("EncryptedPayloadContent").and_then(Value::as_data).context("no envelope")?;
        std::fs::write(path("message"), message)?;
        let open = |who: &str| {
            let (message, certificate, key) =
                (path("message"), path(&format!("{who}.pem")), path(&format!("{who}.key")));
            let arguments = ["cms", "-decrypt", "-binary", "-inform", "DER", "-in"].map(str::to_owned);
            let rest = ["-recip".to_owned(), certificate, "-inkey".to_owned(), key];
            arguments.into_iter().chain([message]).chain(rest).collect::<Vec<String>>()
        };
        let device = open("device");
        let content = run(OPENSSL, &device.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        assert_eq!(
            Some(&Value::from_reader_xml(content.as_slice())?),
            rendered.dictionary.get("PayloadContent"),
            "{name}"
        );
        let other = open("other");
        assert!(run(OPENSSL, &other.iter().map(String::as_str).collect::<Vec<_>>()).await.is_err(), "{name}");
    }
    Ok(())
}
