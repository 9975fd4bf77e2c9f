//! The server of the demo: its folder, and what an administrator does over the API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clock::Clock;
use serde_json::{Value, json};
use simulator::apple::SimulatedApple;

use super::DemoArgs;
use crate::cli::{AccessFile, Client, at};
use crate::config::Config;
use crate::init::{self, InitArgs};
use crate::listener::free_port;
use crate::paths::Paths;

/// How long the devices may take to tell about themselves.
const PATIENCE: Duration = Duration::from_secs(60);

/// An initialized server of the demo.
pub(super) struct Stage {
    pub(super) config: Config,
    pub(super) access_file: PathBuf,
    access: AccessFile,
}

impl Stage {
    pub(super) async fn build(
        args: &DemoArgs,
        apple: &SimulatedApple,
        push_port: u16,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let (devices, operators) = (free_port(args.devices_port)?, free_port(args.operators_port)?);
        let init = InitArgs {
            config: args.folder.join("ward.toml"),
            organization: "St. Example Hospital".to_owned(),
            public_url: format!("https://localhost:{devices}"),
            operators_url: format!("http://localhost:{operators}"),
            authority: None,
            authority_key: None,
            sealing_key: init::KeyArgs::default(),
            elliptic: false,
        };
        let text = init::configuration_text(&init)
            .replace("\"0.0.0.0:8443\"", &format!("\"127.0.0.1:{devices}\""))
            .replace("\"127.0.0.1:8080\"", &format!("\"127.0.0.1:{operators}\""))
            .replace("host = \"api.push.apple.com\"", "host = \"localhost\"")
            .replace("port = 443", &format!("port = {push_port}"))
            .replace("# roots = \"apns-roots.pem\"", "roots = \"apple.pem\"");
        std::fs::write(args.folder.join("apple.pem"), apple.ca_pem())?;
        std::fs::write(&init.config, text)
            .with_context(|| format!("cannot write {}", init.config.display()))?;
        let config = Config::load(&init.config)?;
        let access = init::initialize(&config, &init, clock).await?;
        let access_file = args.folder.join("access.toml");
        access.write(&access_file)?;
        Ok(Self { config, access_file, access })
    }

    /// The root that the devices of the demo trust, as phones trust public ones.
    pub(super) fn tls_root(&self) -> Result<Vec<u8>> {
        let path = Paths::new(&self.config).tls_root;
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Installs a push certificate of the simulated Apple; its topic.
    pub(super) async fn install_push_certificate(&self, apple: &SimulatedApple) -> Result<String> {
        let issued = apple.issue_push_certificate(1, 365)?;
        let pem = std::str::from_utf8(&issued.pem)?.to_owned();
        self.post("/api/v1/push-certificates", json!({ "pem": pem })).await?;
        Ok(issued.topic)
    }

    /// Makes an enrolment link with enough uses for a demo.
    pub(super) async fn link(&self, ownership: &str) -> Result<String> {
        let body =
            json!({ "ownership": ownership, "label": "demo", "uses_limit": 10_000, "expires_in_hours": 24 });
        let made = self.post("/api/v1/links", body).await?;
        at(&made, "url").as_str().map(str::to_owned).context("the server made no link")
    }

    /// Waits until so many devices have answered the questions that follow an enrolment; how many have.
    pub(super) async fn wait_until_known(&self, devices: usize) -> Result<usize> {
        let began = std::time::Instant::now();
        loop {
            let items = self.call(|client| client.list("/api/v1/devices", &[], usize::MAX)).await?;
            let known = items
                .iter()
                .filter(|device| at(device, "pending") == 0 && at(device, "supervised").is_boolean())
                .count();
            if known >= devices || began.elapsed() > PATIENCE {
                return Ok(known);
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    pub(super) async fn post(&self, path: &'static str, body: Value) -> Result<Value> {
        Ok(self.call(move |client| client.post(path, &body)).await?.1)
    }

    pub(super) async fn put(&self, path: &'static str, body: Value) -> Result<()> {
        self.call(move |client| client.change(reqwest::Method::PUT, path, Some(&body))).await?;
        Ok(())
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Client) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let access = self.access.clone();
        tokio::task::spawn_blocking(move || work(&Client::with_access(access)?)).await?
    }
}
