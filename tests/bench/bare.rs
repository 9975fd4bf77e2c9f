//! The bare HTTP stack: Ward's own listener with a handler that reads the body and answers nothing.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::put;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use ward::listener::{Limits, Listener, free_port};

/// A process that serves nothing.
pub(crate) struct Bare {
    child: Child,
    pub(crate) port: u16,
}

impl Bare {
    pub(crate) async fn start() -> Result<Self> {
        let port = free_port(0)?;
        let own = std::env::current_exe()?;
        let child = Command::new(own).args(["bare", &port.to_string()]).stdin(Stdio::null()).spawn()?;
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Self { child, port });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("the bare server did not start")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn serve(port: u16) -> Result<()> {
    let second = Duration::from_secs(1);
    let limits = Limits {
        handshake: second * 10,
        headers: second * 15,
        request: second * 60,
        idle: second * 75,
        connections: 10_000,
        per_address: 10_000,
        per_device: 10_000,
        proxies: Vec::new(),
    };
    let listener =
        Listener::bind(([127, 0, 0, 1], port).into(), None, limits).await.context("bare server")?;
    let router = Router::new().route("/mdm", put(|_body: Bytes| async {}));
    listener.serve(router, CancellationToken::new(), second).await;
    Ok(())
}
