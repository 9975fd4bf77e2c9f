//! `ward token …`: who may call the API.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::Options;
use super::client::{Client, segment};
use super::device::show_items;
use super::output::{print_json, print_text, remark, text_at};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// List the tokens: by whom, since when, last used when.
    List,
    /// Make a token. It is printed this once; whoever has it may do what you may do.
    Create {
        /// Whose it is or what for, as records will show it.
        name: String,
    },
    /// Take a token back: it opens nothing from then on.
    Revoke {
        /// The token's id, from 'ward token list'.
        id: String,
    },
}

pub(super) fn run(command: TokenCommand, options: &Options) -> Result<ExitCode> {
    let client = Client::new(options)?;
    match command {
        TokenCommand::List => {
            let tokens = client.get("/api/v1/tokens")?;
            let columns = [
                ("name", "name"),
                ("begins with", "prefix"),
                ("made", "created_at"),
                ("last used", "last_used_at"),
                ("revoked", "revoked_at"),
                ("id", "id"),
            ];
            show_items(options, tokens.as_array().map_or(&[], Vec::as_slice), &columns, "There is no token.");
        }
        TokenCommand::Create { name } => {
            let (_, made) = client.post("/api/v1/tokens", &json!({ "name": name }))?;
            if options.json {
                print_json(&made);
            } else {
                print_text(&text_at(&made, "secret"));
                remark("Keep it now: it is not shown again.");
            }
        }
        TokenCommand::Revoke { id } => {
            let (_, token) = client.post(&format!("/api/v1/tokens/{}/revoke", segment(&id)), &json!({}))?;
            if options.json {
                print_json(&token);
            } else {
                remark(&format!("The token '{}' opens nothing any more.", text_at(&token, "name")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
