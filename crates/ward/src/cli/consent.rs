//! `--dry-run` and `--confirm`: what a change would do to devices, and the leave to do it to more than ten.

use anyhow::Result;
use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::Options;
use super::assignment::print_change;
use super::client::Client;
use super::output::at;

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Consent {
    /// Only show what it would do to devices.
    #[arg(long)]
    dry_run: bool,
    /// The number of devices that it touches, when there are more than ten.
    #[arg(long, value_name = "DEVICES")]
    confirm: Option<i64>,
}

impl Consent {
    /// Sends a change. `None`: it was only shown, and has been printed.
    pub(super) fn change(
        self,
        (client, options): (&Client, &Options),
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>> {
        let confirm = self.confirm.map(|devices| format!("&confirm_devices={devices}")).unwrap_or_default();
        let answer = client.change(method, &format!("{path}?dry_run={}{confirm}", self.dry_run), body)?;
        if self.dry_run && at(&answer, "outcome").as_str() == Some("preview") {
            print_change(&answer, options);
            return Ok(None);
        }
        Ok(Some(answer))
    }
}
