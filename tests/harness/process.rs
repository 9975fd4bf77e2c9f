//! A Ward in a process of its own, to be stopped and killed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::World;

/// A running `ward serve`. Dropping it kills it.
pub struct WardProcess {
    child: Child,
}

/// The program under test: beside the test's own binary, or named by `WARD_PROGRAM`.
///
/// # Errors
/// It has not been built.
pub fn ward_program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("WARD_PROGRAM") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(|deps| deps.parent()).context("the test has no folder")?;
    let program = folder.join("ward");
    if !program.exists() {
        bail!("{} is not there; build it with 'cargo build -p ward'", program.display());
    }
    Ok(program)
}

impl WardProcess {
    /// Starts `ward serve` for a prepared world and waits until it is ready. The configuration comes from the world's file.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start(world: &World) -> Result<Self> {
        let mut command = Command::new(ward_program()?);
        Self::start_command(world, command.arg("serve").arg("--config").arg(world.config_file())).await
    }

    /// The same with a command that wraps the program, such as a tracer.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start_command(world: &World, command: &mut Command) -> Result<Self> {
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start ward")?;
        let mut process = Self { child };
        for _ in 0..300 {
            if let Some(status) = process.child.try_wait()? {
                bail!("ward ended at once: {status}");
            }
            if matches!(world.api.get("/readyz").await, Ok(answer) if answer.status == 200) {
                return Ok(process);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("ward did not become ready")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// It cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM to the program that the started one wraps, and waits for the end of both: a tracer holds signals back.
    ///
    /// # Errors
    /// There is no wrapped program, or it ends with a failure.
    pub fn terminate_wrapped(&mut self) -> Result<()> {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let wrapped = children.split_whitespace().next().context("nothing is wrapped")?;
        let status = Command::new("kill").arg("-TERM").arg(wrapped).status()?;
        anyhow::ensure!(status.success(), "kill did not work");
        let ended = self.child.wait()?;
        anyhow::ensure!(ended.success(), "ward ended with {ended}");
        Ok(())
    }

    /// SIGTERM, and waits for a clean end.
    ///
    /// # Errors
    /// It ends with a failure.
    pub fn terminate(&mut self) -> Result<()> {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        anyhow::ensure!(status.success(), "kill did not work");
        let ended = self.child.wait()?;
        anyhow::ensure!(ended.success(), "ward ended with {ended}");
        Ok(())
    }
}

impl Drop for WardProcess {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
