//! The load: scripts for wrk, and its runs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tests::World;

use crate::machine::CpuTime;

/// Results that one second of a run may need at most; a run that needs more is refused, because it would end with idle polls.
const RESULTS_PER_SECOND: usize = 4_000;

/// An enrolled device.
pub(crate) struct Device {
    pub(crate) udid: String,
    pub(crate) certificate: Vec<u8>,
}

/// What one run gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) per_core_second: f64,
}

/// What both scripts share: the devices' headers, and the counting of answers that are not 200.
const COMMON: &str = r#"
local headers = {}
for i, certificate in ipairs(certificates) do
  headers[i] = { ["Client-Cert"] = ":" .. certificate .. ":", ["Content-Type"] = "application/x-apple-aspen-mdm; charset=UTF-8" }
end
local head = '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd"><plist version="1.0"><dict>'
local n = 0
done = function(summary, latency, requests)
  io.write(string.format("FIGURES %d %d %d\n", summary.requests, summary.duration, summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"#;

/// Every device says Idle in turn.
pub(crate) fn idle_script(folder: &Path, devices: &[Device]) -> Result<PathBuf> {
    let text = format!(
        "{}{COMMON}{}",
        lua_devices(devices)?,
        r#"
request = function()
  n = n % #udids + 1
  return wrk.format("PUT", "/mdm", headers[n], head .. "<key>Status</key><string>Idle</string><key>UDID</key><string>" .. udids[n] .. "</string></dict></plist>")
end
"#
    );
    write(folder.join("idle.lua"), &text)
}

/// Every device acknowledges its commands in turn; each answer is the device's next command.
pub(crate) async fn results_script(world: &World, devices: &[Device], seconds: u64) -> Result<PathBuf> {
    let wanted = usize::try_from(seconds)? * RESULTS_PER_SECOND;
    let udids: Vec<&str> = devices.iter().map(|device| device.udid.as_str()).collect();
    let mut uuids = String::from("commands = {\n");
    for _ in 0..wanted.div_ceil(devices.len()) {
        let uuid = uuid::Uuid::new_v4().to_string().to_uppercase();
        let body = json!({
            "targets": udids, "push": false, "command_uuid": uuid,
            "command": {"RequestType": "DeviceInformation", "Queries": ["DeviceName"]}
        });
        let answer = world.api.post("/api/v1/commands", &body).await?;
        if answer.status != 201 {
            bail!("the commands were not queued: {answer:?}");
        }
        writeln!(uuids, "'{uuid}',")?;
    }
    uuids.push_str("}\n");
    let text = format!(
        "{}{uuids}{COMMON}{}",
        lua_devices(devices)?,
        r#"
local round = 0
request = function()
  n = n + 1
  if n > #udids then n = 1; round = round + 1 end
  local body
  if round == 0 or round > #commands then
    body = head .. "<key>Status</key><string>Idle</string>"
  else
    body = head .. "<key>Status</key><string>Acknowledged</string><key>CommandUUID</key><string>" .. commands[round] .. "</string><key>QueryResponses</key><dict><key>DeviceName</key><string>iPad of bed 12, ward 3</string></dict>"
  end
  return wrk.format("PUT", "/mdm", headers[n], body .. "<key>UDID</key><string>" .. udids[n] .. "</string></dict></plist>")
end
"#
    );
    write(world.folder.path().join("results.lua"), &text)
}

/// Whether the results of a run were all results.
pub(crate) fn enough_results(run: &Figures) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let most = RESULTS_PER_SECOND as f64;
    if run.per_second > most {
        bail!("{:.0} results a second are more than the {most} that were queued", run.per_second);
    }
    Ok(())
}

fn lua_devices(devices: &[Device]) -> Result<String> {
    let mut text = String::from("certificates = {\n");
    for device in devices {
        writeln!(text, "'{}',", BASE64_STANDARD.encode(&device.certificate))?;
    }
    text.push_str("}\nudids = {\n");
    for device in devices {
        writeln!(text, "'{}',", device.udid)?;
    }
    text.push_str("}\n");
    Ok(text)
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf> {
    std::fs::write(&path, text)?;
    Ok(path)
}

/// One run of wrk against a server on this machine whose process is `id`.
pub(crate) fn run(port: u16, id: u32, connections: usize, seconds: u64, script: &Path) -> Result<Figures> {
    let before = CpuTime::of(id)?;
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"])
        .arg(script)
        .arg(format!("http://127.0.0.1:{port}/mdm"))
        .output()
        .context("cannot run wrk")?;
    let used = CpuTime::of(id)?.since(before);
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("FIGURES "))
        .with_context(|| format!("wrk said {text}"))?;
    let figures: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [requests, micros, errors] = figures[..] else { bail!("wrk said {line}") };
    if errors > 0.0 {
        bail!("{errors} of {requests} requests were not answered with 200");
    }
    Ok(Figures { per_second: requests / (micros / 1_000_000.0), per_core_second: requests / used })
}
