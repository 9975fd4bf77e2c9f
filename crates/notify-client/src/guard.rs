//! Which hosts may be connected to, and at which addresses: what keeps a configured URL from reaching inside.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The hosts of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostRules {
    public: BTreeSet<String>,
    private: BTreeSet<String>,
}

/// Why a host or an address was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The host is not listed.
    #[error("the host {0} is not in streams.allowed_hosts")]
    Unlisted(String),
    /// An address that is not public, of a host that is not listed as private.
    #[error(
        "the host {0} has the address {1}, which is not public; list it in streams.private_hosts if that is meant"
    )]
    Private(String, IpAddr),
    /// An address that nobody may be told at.
    #[error("the host {0} has the address {1}, to which Ward never connects")]
    Never(String, IpAddr),
    /// Plain HTTP to an address that is not this machine.
    #[error("plain http is for this machine alone; the host {0} has the address {1}")]
    Plain(String, IpAddr),
}

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Public,
    Private,
    Loopback,
    Never,
}

impl HostRules {
    /// Hosts that must have public addresses, and hosts that may have private ones.
    #[must_use]
    pub fn new(public: impl IntoIterator<Item = String>, private: impl IntoIterator<Item = String>) -> Self {
        let lower = |host: String| host.to_ascii_lowercase();
        Self {
            public: public.into_iter().map(lower).collect(),
            private: private.into_iter().map(lower).collect(),
        }
    }

    /// Whether the host is listed at all.
    ///
    /// # Errors
    /// [`Refused::Unlisted`].
    pub fn knows(&self, host: &str) -> Result<(), Refused> {
        let host = host.to_ascii_lowercase();
        if self.public.contains(&host) || self.private.contains(&host) {
            return Ok(());
        }
        Err(Refused::Unlisted(host))
    }

    /// Whether the host may be connected to at this address; `plain`: without TLS.
    ///
    /// # Errors
    /// Any of [`Refused`].
    pub fn admit(&self, host: &str, address: IpAddr, plain: bool) -> Result<(), Refused> {
        self.knows(host)?;
        let private = self.private.contains(&host.to_ascii_lowercase());
        let reach = reach(address);
        match reach {
            Reach::Never => return Err(Refused::Never(host.to_owned(), address)),
            Reach::Private | Reach::Loopback if !private => {
                return Err(Refused::Private(host.to_owned(), address));
            }
            Reach::Public | Reach::Private | Reach::Loopback => {}
        }
        if plain && reach != Reach::Loopback {
            return Err(Refused::Plain(host.to_owned(), address));
        }
        Ok(())
    }
}

/// Sorts an address by the special-purpose registries (RFC 6890 and its updates).
fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => reach_v4(mapped),
            None => reach_v6(address),
        },
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    if address.is_loopback() {
        return Reach::Loopback;
    }
    let shared = a == 100 && (64..128).contains(&b);
    if address.is_private() || shared {
        return Reach::Private;
    }
    let protocol = a == 192 && b == 0 && c == 0;
    let relay = a == 192 && b == 88 && c == 99;
    let measuring = a == 198 && (18..20).contains(&b);
    let never = a == 0
        || a >= 224
        || address.is_link_local()
        || address.is_documentation()
        || protocol
        || relay
        || measuring;
    if never { Reach::Never } else { Reach::Public }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let [a, b, ..] = address.segments();
    if address.is_loopback() {
        return Reach::Loopback;
    }
    // Where one cloud answers questions about credentials, among the addresses of private networks.
    let metadata = a == 0xfd00 && b == 0x0ec2;
    if a & 0xfe00 == 0xfc00 && !metadata {
        return Reach::Private;
    }
    let global = a & 0xe000 == 0x2000;
    let tunnel = a == 0x2002 || (a == 0x2001 && b < 0x0200);
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    if global && !tunnel && !documentation { Reach::Public } else { Reach::Never }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> HostRules {
        HostRules::new(["hooks.example.com".to_owned()], ["SIEM.hospital.internal".to_owned()])
    }

    fn admit(host: &str, address: &str, plain: bool) -> Result<(), Refused> {
        rules().admit(host, address.parse().unwrap(), plain)
    }

    #[test]
    fn a_host_that_is_not_listed_is_refused_whatever_its_address() {
        let refused = admit("evil.example.com", "93.184.216.34", false);
        assert_eq!(refused, Err(Refused::Unlisted("evil.example.com".to_owned())));
    }

    #[test]
    fn a_listed_host_may_be_public_and_only_one_listed_as_private_may_be_private() {
        for address in ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"] {
            assert_eq!(admit("Hooks.example.com", address, false), Ok(()), "{address}");
            assert_eq!(admit("siem.hospital.internal", address, false), Ok(()), "{address}");
        }
        for address in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::1", "fd12::1"]
        {
            let refused = admit("hooks.example.com", address, false);
            assert!(matches!(refused, Err(Refused::Private(..))), "{address}: {refused:?}");
            assert_eq!(admit("siem.hospital.internal", address, false), Ok(()), "{address}");
        }
        assert!(matches!(admit("hooks.example.com", "::ffff:10.0.0.1", false), Err(Refused::Private(..))));
    }

    #[test]
    fn link_local_multicast_and_reserved_addresses_are_refused_for_everybody() {
        for address in [
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::ffff:169.254.169.254",
            "fe80::1",
            "ff02::1",
            "::",
            "fd00:ec2::254",
            "2002:a9fe:a9fe::1",
            "64:ff9b::a9fe:a9fe",
            "2001:0:1::1",
            "2001:db8::1",
        ] {
            let refused = admit("siem.hospital.internal", address, false);
            assert!(matches!(refused, Err(Refused::Never(..))), "{address}: {refused:?}");
        }
    }

    #[test]
    fn plain_http_reaches_this_machine_alone() {
        assert_eq!(admit("siem.hospital.internal", "127.0.0.1", true), Ok(()));
        assert!(matches!(admit("siem.hospital.internal", "10.0.0.1", true), Err(Refused::Plain(..))));
        assert!(matches!(admit("hooks.example.com", "93.184.216.34", true), Err(Refused::Plain(..))));
    }
}
