//! `ward secrets …`: the keys that seal the database, and what became of secrets that people have seen.

use std::process::ExitCode;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use pki::seal::Sealer;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Options;
use super::client::Client;
use super::device::show_items;
use super::output::{Column, at, print_fields, print_items, print_json, print_text, remark, text_at};

const KEYS: &[Column] = &[
    ("data key", "id"),
    ("seals", "current"),
    ("made", "created_at"),
    ("replaced", "replaced_at"),
    ("values moved to it", "resealed"),
    ("unused since", "retired_at"),
    ("destroyed", "destroyed_at"),
];

const REVEALS: &[Column] = &[
    ("at", "at"),
    ("to", "revealed_by"),
    ("kind", "kind"),
    ("why", "reason"),
    ("before", "earlier"),
    ("changed", "rotation"),
    ("by", "rotate_by"),
    ("done", "rotated_at"),
    ("remark", "detail"),
];

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// Show the keys by their names, how far a rotation is, and what waits to be changed.
    Status,
    /// Put a new data key in force; everything is sealed anew while the server goes on.
    Rotate {
        /// Why: it is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Go over to a new key-encrypting key. Ward makes it where the key is a file; a credential or a program must give the new one.
    Rekey {
        /// Why: it is recorded.
        #[arg(long)]
        reason: String,
    },
    /// Print a new key-encrypting key, for a credential or a key management service. Needs no server.
    NewKey,
    /// List which secrets were shown to whom, and whether the devices have other values by now.
    Reveals {
        /// Only those that should have been changed by now and are not.
        #[arg(long)]
        overdue: bool,
        /// At most so many.
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
}

pub(super) fn run(command: SecretsCommand, options: &Options) -> Result<ExitCode> {
    match command {
        SecretsCommand::Status => show(options, &Client::new(options)?.get("/api/v1/sealing")?),
        SecretsCommand::Rotate { reason } => {
            let path = "/api/v1/sealing/rotate";
            let (_, status) = Client::new(options)?.post(path, &json!({ "reason": reason }))?;
            show(options, &status);
            if !options.json {
                remark(
                    "A new data key seals from now on; 'ward secrets status' shows how far the rest has come.",
                );
            }
        }
        SecretsCommand::Rekey { reason } => {
            let path = "/api/v1/sealing/rekey";
            let (_, status) = Client::new(options)?.post(path, &json!({ "reason": reason }))?;
            show(options, &status);
            if !options.json {
                remark(&format!(
                    "The data keys are wrapped by the key {} from {} now. Put a copy of it into the safe; the key before opens \
                     nothing but older backups.",
                    text_at(&status, "key_encrypting_key.id"),
                    text_at(&status, "key_encrypting_key.source"),
                ));
            }
        }
        SecretsCommand::NewKey => {
            let key = Zeroizing::new(STANDARD.encode(*Sealer::generate_master()));
            print_text(&key);
            remark(
                "Put it where the server will read it, and a copy into the safe. It is not kept anywhere else.",
            );
        }
        SecretsCommand::Reveals { overdue, limit } => {
            let query = [("overdue", overdue.then_some("true"))];
            let items = Client::new(options)?.list("/api/v1/reveals", &query, limit)?;
            show_items(options, &items, REVEALS, "Nothing was shown.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(options: &Options, status: &Value) {
    if options.json {
        return print_json(status);
    }
    print_fields(
        status,
        &[
            ("Key-encrypting key", "key_encrypting_key.id"),
            ("Kept in", "key_encrypting_key.source"),
            ("Shown secrets overdue for a change", "overdue_rotations"),
        ],
    );
    print_items(
        at(status, "data_keys").as_array().map_or(&[], Vec::as_slice),
        KEYS,
        "There is no data key yet.",
    );
    let moving = at(status, "resealing");
    if moving.is_null() {
        return remark("Everything is sealed under the newest key.");
    }
    remark(&format!(
        "Moving to the newest key: pass {}, column {} of {} ({} {}), {} values looked at, {} moved so far.",
        text_at(moving, "pass"),
        text_at(moving, "columns_done"),
        text_at(moving, "columns"),
        text_at(moving, "table"),
        text_at(moving, "column"),
        text_at(moving, "looked_at"),
        text_at(moving, "resealed"),
    ));
    if !at(moving, "last_error").is_null() {
        remark(&format!("It was put off: {}", text_at(moving, "last_error")));
    }
}
