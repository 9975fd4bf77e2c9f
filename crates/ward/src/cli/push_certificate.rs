//! `ward push-certificate …`: ask Apple for one, install it, see when it ends.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Options;
use super::client::{Client, usage};
use super::device::show_items;
use super::output::{at, print_fields, print_json, print_text, remark};

#[derive(Debug, Subcommand)]
pub(super) enum PushCertificateCommand {
    /// Make a key and a request for a certificate. Ward keeps the key.
    ///
    /// An MDM vendor signs the request; what comes back from the vendor is uploaded at https://identity.apple.com/pushcert
    /// with the hospital's Apple Account (the same one every year: another account means another topic, and every
    /// device would have to enrol again).
    Request {
        /// Where the request is written, in DER.
        #[arg(long, value_name = "FILE", default_value = "push.csr")]
        out: PathBuf,
    },
    /// Install a certificate: PEM with or without its key, or PKCS#12.
    Install {
        /// The file from Apple, or certificate and key in one PEM file, or a .p12.
        file: PathBuf,
        /// A file with the password of a PKCS#12 file.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Yes, this topic is new here, and devices that are enrolled keep the old one.
        #[arg(long)]
        new_topic: bool,
    },
    /// List the certificates and when they end.
    List,
}

pub(super) fn run(command: PushCertificateCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        PushCertificateCommand::Request { out } => {
            let (_, request) = client.post("/api/v1/push-certificates/requests", &json!({}))?;
            if options.json {
                print_json(&request);
                return Ok(ExitCode::SUCCESS);
            }
            let der = BASE64_STANDARD.decode(at(&request, "csr_der_base64").as_str().unwrap_or_default())?;
            std::fs::write(&out, der).with_context(|| format!("cannot write {}", out.display()))?;
            print_text(&out.display().to_string());
            remark(at(&request, "advice").as_str().unwrap_or_default());
        }
        PushCertificateCommand::Install { file, password_file, new_topic } => {
            let body = install_body(&file, password_file.as_deref(), new_topic)?;
            let (_, installed) = client.post("/api/v1/push-certificates", &body)?;
            if options.json {
                print_json(&installed);
            } else {
                let fields =
                    [("Topic", "topic"), ("Valid until", "not_after"), ("Enrolments", "enrollments")];
                print_fields(at(&installed, "certificate"), &fields);
                for warning in at(&installed, "warnings").as_array().into_iter().flatten() {
                    remark(&format!("Warning: {}", warning.as_str().unwrap_or_default()));
                }
            }
        }
        PushCertificateCommand::List => {
            let items = client.get("/api/v1/push-certificates")?;
            let columns = [
                ("topic", "topic"),
                ("valid until", "not_after"),
                ("days left", "days_left"),
                ("active", "active"),
                ("enrolments", "enrollments"),
                ("installed", "installed_at"),
            ];
            let nothing = "No push certificate is installed: devices cannot be woken. See 'ward push-certificate request --help'.";
            show_items(options, items.as_array().map_or(&[], Vec::as_slice), &columns, nothing);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn install_body(file: &Path, password_file: Option<&Path>, new_topic: bool) -> Result<Value> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let bytes = read(file)?;
    if bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Ok(json!({ "pem": String::from_utf8_lossy(&bytes), "confirm_unknown_topic": new_topic }));
    }
    let password = match password_file {
        Some(path) => String::from_utf8(read(path)?).map_err(|_| usage("the password file is not text"))?,
        None => String::new(),
    };
    let password = password.trim_end_matches(['\r', '\n']);
    let bundle = BASE64_STANDARD.encode(bytes);
    Ok(json!({ "pkcs12": bundle, "password": password, "confirm_unknown_topic": new_topic }))
}
