//! Simulated devices against a tiny scripted server: what they send, when, and what they do to themselves.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod commands;
mod declarations;
mod enrolment;
mod erase;
mod faults;
mod identity;
mod profiles;
mod pusher;
mod server;
mod starting_points;
mod users;
mod waking;

use std::sync::{Arc, LazyLock};

use plist::{Dictionary, Value};
use server::{ProfileOptions, Seen, Server};
use simulator::{DeviceSpec, Model, Network, NetworkOptions, ProfileSource, SimulatedDevice};

/// A network that trusts the test servers. All devices share two keys, because keys are slow to make.
static NETWORK: LazyLock<Arc<Network>> = LazyLock::new(|| {
    let options = NetworkOptions { roots_pem: server::roots(), shared_keys: 2, ..NetworkOptions::default() };
    Network::new(options).unwrap()
});

fn network() -> Arc<Network> {
    Arc::clone(&NETWORK)
}

fn device(model: Model, seed: u64) -> SimulatedDevice {
    SimulatedDevice::new(DeviceSpec::new(model, seed), network())
}

fn source(server: &Server) -> ProfileSource {
    ProfileSource::Bytes(server.profile(&ProfileOptions::default()))
}

/// An enrolled device of `model`, and its server.
async fn enrolled(model: Model) -> (Server, SimulatedDevice) {
    let server = Server::start().await;
    let device = device(model, 1);
    device.enroll(&source(&server)).await.unwrap();
    (server, device)
}

fn text(seen: &Seen, key: &str) -> String {
    seen.message.get(key).and_then(Value::as_string).unwrap_or_default().to_owned()
}

fn data(seen: &Seen, key: &str) -> Vec<u8> {
    seen.message.get(key).and_then(Value::as_data).unwrap_or_default().to_vec()
}

/// The code of the first entry of the `ErrorChain`.
fn error_code(seen: &Seen) -> i64 {
    let chain = seen.message["ErrorChain"].as_array().unwrap();
    chain[0].as_dictionary().unwrap()["ErrorCode"].as_signed_integer().unwrap()
}

/// Sends one command to the device and returns its report.
async fn run(server: &Server, device: &SimulatedDevice, request_type: &str, keys: Dictionary) -> Seen {
    let uuid = server.command(request_type, keys);
    device.poll().await.unwrap();
    let seen = server.script.seen.lock();
    let report = seen.iter().rev().find(|seen| text(seen, "CommandUUID") == uuid);
    report.unwrap_or_else(|| panic!("no report of {uuid}")).clone()
}
