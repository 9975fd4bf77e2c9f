//! What machine this is, and what the kernel says of a process.

use anyhow::{Context, Result};

/// Processor, cores and kernel in one line.
pub(crate) fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let field =
        info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    let model = field.map_or("unknown processor", |(_, model)| model);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    format!(
        "{model}, {cores} cores shared with the load, Linux {}",
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// Seconds of processor time that a process has used.
#[derive(Clone, Copy)]
pub(crate) struct CpuTime(f64);

impl CpuTime {
    /// So far, of this process (`/proc/PID/stat`, fields 14 and 15, in hundredths of a second).
    pub(crate) fn of(id: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("no fields")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(Self(ticks.sum::<Result<f64, _>>()? / 100.0))
    }

    /// The seconds since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0).max(0.01)
    }
}

/// Resident memory of a process.
pub(crate) fn resident_megabytes(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kilobytes / 1024)
}
