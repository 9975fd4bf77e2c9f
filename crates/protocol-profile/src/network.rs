//! Which profiles carry the network: whatever can cut the way to the server, or bring it.

use plist::{Dictionary, Value};

/// Payload types by which a device reaches the server, or by which it can lose it.
const TYPES: &[&str] = &[
    "com.apple.wifi.managed",
    "com.apple.proxy.http.global",
    "com.apple.SystemConfiguration",
    "com.apple.dnsSettings.managed",
    "com.apple.dnsProxy.managed",
    "com.apple.vpn.managed",
    "com.apple.vpn.managed.applayer",
    "com.apple.vpn.managed.appmapping",
    "com.apple.relay.managed",
    "com.apple.webcontent-filter",
    "com.apple.familycontrols.contentfilter",
    "com.apple.cellular",
    "com.apple.cellularprivatenetwork.managed",
    "com.apple.apn.managed",
    "com.apple.security.certificaterevocation",
];

/// Trust in the server of an 802.1X network, which a profile beside it may rely on.
const TRUST: &[&str] = &["com.apple.security.root", "com.apple.security.pkcs1", "com.apple.security.pem"];
/// Beside this payload a certificate is what recovery keys are encrypted to, and nothing trusts it with a connection.
const ESCROW: &str = "com.apple.security.FDERecoveryKeyEscrow";

/// Ends of the types of wired networks: `com.apple.firstactiveethernet.managed`, `com.apple.globalethernet.managed`.
const WIRED: &str = "ethernet.managed";

/// Keys that, when true, keep a device to the networks that profiles bring.
const CONFINING: [&str; 2] = ["forceWiFiToAllowedNetworksOnly", "forceWiFiWhitelisting"];

/// Whether installing, changing or removing this profile can cut the way to the server: Wi-Fi, wired 802.1X, proxy, DNS, VPN, relay,
/// filter, mobile data, the certificates of authorities (802.1X may rest on them), and what confines a device to given networks. An
/// encrypted profile, which cannot be looked into, counts.
#[must_use]
pub fn carries_network(profile: &Dictionary) -> bool {
    if profile.contains_key("EncryptedPayloadContent") {
        return true;
    }
    let payloads = profile.get("PayloadContent").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let payloads = payloads.iter().filter_map(Value::as_dictionary);
    let of_type = |payload: &Dictionary, types: &[&str]| {
        types.contains(&payload.get("PayloadType").and_then(Value::as_string).unwrap_or_default())
    };
    let escrows = payloads.clone().any(|payload| of_type(payload, &[ESCROW]));
    payloads.clone().any(payload_carries_network) || (!escrows && payloads.clone().any(|p| of_type(p, TRUST)))
}

fn payload_carries_network(payload: &Dictionary) -> bool {
    let payload_type = payload.get("PayloadType").and_then(Value::as_string).unwrap_or_default();
    match payload_type {
        "com.apple.applicationaccess" => {
            CONFINING.iter().any(|key| payload.get(key).and_then(Value::as_boolean) == Some(true))
        }
        "com.apple.MCX" => payload.keys().any(|key| key.contains("WiFi") || key.contains("Airport")),
        // Preferences of a domain that is itself such a payload.
        "com.apple.ManagedClient.preferences" => payload
            .get("PayloadContent")
            .and_then(Value::as_dictionary)
            .is_some_and(|domains| domains.keys().any(|domain| is_network_type(domain))),
        other => is_network_type(other),
    }
}

fn is_network_type(payload_type: &str) -> bool {
    TYPES.contains(&payload_type) || payload_type.ends_with(WIRED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(payloads: &[(&str, &[(&str, bool)])]) -> Dictionary {
        let content = payloads.iter().map(|(payload_type, flags)| {
            let mut payload: Dictionary =
                flags.iter().map(|(key, value)| ((*key).to_owned(), Value::Boolean(*value))).collect();
            payload.insert("PayloadType".to_owned(), (*payload_type).into());
            Value::Dictionary(payload)
        });
        [("PayloadContent".to_owned(), Value::Array(content.collect()))].into_iter().collect()
    }

    #[test]
    fn what_can_cut_the_way_to_the_server_carries_the_network() {
        for payload_type in [
            "com.apple.wifi.managed",
            "com.apple.firstactiveethernet.managed",
            "com.apple.globalethernet.managed",
            "com.apple.proxy.http.global",
            "com.apple.dnsSettings.managed",
            "com.apple.vpn.managed",
            "com.apple.relay.managed",
            "com.apple.webcontent-filter",
            "com.apple.security.root",
        ] {
            assert!(carries_network(&profile(&[(payload_type, &[])])), "{payload_type}");
        }
        let confined: &[(&str, bool)] = &[("forceWiFiToAllowedNetworksOnly", true)];
        assert!(carries_network(&profile(&[("com.apple.applicationaccess", confined)])));
        let sealed = [("EncryptedPayloadContent".to_owned(), Value::Data(vec![1]))].into_iter().collect();
        assert!(carries_network(&sealed), "what cannot be looked into counts");
    }

    #[test]
    fn what_leaves_the_network_alone_does_not() {
        let open: &[(&str, bool)] = &[("forceWiFiToAllowedNetworksOnly", false), ("allowCamera", false)];
        assert!(!carries_network(&profile(&[("com.apple.applicationaccess", open)])));
        assert!(!carries_network(&profile(&[("com.apple.mobiledevice.passwordpolicy", &[])])));
        let escrow =
            profile(&[("com.apple.security.pkcs1", &[]), ("com.apple.security.FDERecoveryKeyEscrow", &[])]);
        assert!(!carries_network(&escrow), "the certificate of the escrow is no trust");
    }
}
