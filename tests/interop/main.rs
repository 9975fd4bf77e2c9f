//! Ward against programs that others wrote: `openssl`, Python's `plistlib` and `requests`, three SCEP clients, `curl`.
//!
//! `device.py` is a device that shares no line with Ward. A program that is not here makes its tests say SKIPPED; with `CI=true` it
//! makes them fail.

mod device;
mod door;
mod profile;
mod programs;
mod scep;
