//! Counts connections: in all, by address and by device.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Limits;

/// Connections above the limit that are still told to come back later.
const TOLD_TO_WAIT: usize = 256;

/// The counters of a door.
#[derive(Debug)]
pub(super) struct Admission {
    all: usize,
    per_address: usize,
    per_device: usize,
    proxies: Vec<http_device::Network>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
    devices: HashMap<[u8; 32], usize>,
}

/// A place that is given back when the connection ends.
pub(super) struct Place {
    counts: Arc<Mutex<Counts>>,
    held: Held,
    full: bool,
}

enum Held {
    Address(IpAddr),
    Device([u8; 32]),
}

impl Place {
    /// Whether the connection is one too many, and is to be told to come back later.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: limits.connections,
            per_address: limits.per_address,
            per_device: limits.per_device,
            proxies: limits.proxies.clone(),
            counts: Arc::default(),
        }
    }

    /// Counts a connection from `address`; `None` in a flood, when it is dropped without a word.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        // Behind a proxy all devices come from one address.
        let per_address = match self.proxies.iter().any(|proxy| proxy.contains(address)) {
            true => self.all,
            false => self.per_address,
        };
        let mut counts = self.counts.lock();
        let from_there = counts.addresses.get(&address).copied().unwrap_or(0);
        if counts.all >= self.all.saturating_add(TOLD_TO_WAIT)
            || from_there >= per_address.saturating_add(TOLD_TO_WAIT)
        {
            return None;
        }
        let full = counts.all >= self.all || from_there >= per_address;
        counts.all += 1;
        *counts.addresses.entry(address).or_default() += 1;
        drop(counts);
        Some(Place { counts: Arc::clone(&self.counts), held: Held::Address(address), full })
    }

    /// Counts a connection of the device with this certificate; `None` when it has as many as it may.
    pub(super) fn enter_device(&self, fingerprint: [u8; 32]) -> Option<Place> {
        let mut counts = self.counts.lock();
        let count = counts.devices.entry(fingerprint).or_default();
        if *count >= self.per_device {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { counts: Arc::clone(&self.counts), held: Held::Device(fingerprint), full: false })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        match self.held {
            Held::Address(address) => {
                counts.all = counts.all.saturating_sub(1);
                leave(&mut counts.addresses, &address);
            }
            Held::Device(fingerprint) => leave(&mut counts.devices, &fingerprint),
        }
    }
}

fn leave<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admission() -> Admission {
        let second = Duration::from_secs(1);
        Admission::new(&Limits {
            handshake: second,
            headers: second,
            request: second,
            idle: second,
            connections: 3,
            per_address: 2,
            per_device: 1,
            proxies: vec!["127.0.0.9".parse().unwrap()],
        })
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let admission = admission();
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let places = [admission.enter(one), admission.enter(one)];
        assert!(places.iter().flatten().all(|place| !place.is_full()));
        assert!(admission.enter(one).unwrap().is_full());
        assert!(!admission.enter(two).unwrap().is_full());
    }

    #[test]
    fn a_proxy_stands_for_many_devices() {
        let admission = admission();
        let proxy = IpAddr::from([127, 0, 0, 9]);
        let places: Vec<_> = (0..3).map(|_| admission.enter(proxy).unwrap()).collect();
        assert!(places.iter().all(|place| !place.is_full()));
        assert!(admission.enter(proxy).unwrap().is_full());
    }

    #[test]
    fn a_place_is_free_again_when_the_connection_ends() {
        let admission = admission();
        let address = IpAddr::from([127, 0, 0, 1]);
        let first = admission.enter(address);
        let second = admission.enter(address);
        assert!(admission.enter(address).unwrap().is_full());
        drop((first, second));
        assert!(!admission.enter(address).unwrap().is_full());
        assert!(admission.counts.lock().addresses.is_empty());
    }

    #[test]
    fn a_flood_is_dropped() {
        let admission = admission();
        let address = IpAddr::from([127, 0, 0, 1]);
        let held: Vec<Option<Place>> = (0..2 + TOLD_TO_WAIT).map(|_| admission.enter(address)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(admission.enter(address).is_none());
    }

    #[test]
    fn one_device_has_a_limit_of_its_own() {
        let admission = admission();
        let place = admission.enter_device([7; 32]);
        assert!(place.is_some());
        assert!(admission.enter_device([7; 32]).is_none());
        assert!(admission.enter_device([8; 32]).is_some());
    }
}
