//! Looks at the values of commands, payloads and declarations where these decide the class.

use plist::{Dictionary, Value};

use super::context::{Assigned, ClassContext};
use super::{base, class_of_declaration, class_of_payload, gravest, restrictions};
use crate::{Class, Classification, Kind, Ownership, Platform, table::Table};

/// Hours of warning that staff get before an update takes their devices.
const NOTICE_HOURS: i64 = 72;
/// No place on earth is further ahead of UTC, and a deadline is in local time.
const ZONE_HOURS: i64 = 14;
/// The key of attributes that lead an app through the network on another way.
const NETWORK_ATTRIBUTES: [&str; 5] =
    ["VPNUUID", "ContentFilterUUID", "DNSProxyUUID", "RelayUUID", "CellularSliceUUID"];

fn flag(dictionary: &Dictionary, key: &str) -> Option<bool> {
    dictionary.get(key).and_then(Value::as_boolean)
}

fn text<'a>(dictionary: &'a Dictionary, key: &str) -> Option<&'a str> {
    dictionary.get(key).and_then(Value::as_string)
}

fn number(dictionary: &Dictionary, key: &str) -> Option<i64> {
    dictionary.get(key).and_then(Value::as_signed_integer)
}

/// The class of a command, from its base and its values.
pub(super) fn command(
    request_type: &str,
    command: &Dictionary,
    base: Classification,
    context: &ClassContext<'_>,
) -> Classification {
    match request_type {
        "DeleteUser" => delete_user(command, base, context),
        "InstallApplication" => install_application(command, base),
        "ScheduleOSUpdate" => schedule_update(command, &base),
        "Settings" => settings(command, base),
        _ => base,
    }
}

fn delete_user(command: &Dictionary, base: Classification, context: &ClassContext<'_>) -> Classification {
    let forced = command.get("ForceDeletion").is_some_and(|value| value.as_boolean() != Some(false));
    let unsaved = !matches!(context.platform, Some(Platform::Ios | Platform::Ipados));
    let reason = if forced {
        "Deletes users with what has not been saved to the cloud yet."
    } else if unsaved {
        "Deletes the user of a Mac with everything in the home folder."
    } else {
        return base;
    };
    Classification::new(Class::D0, reason)
}

fn install_application(command: &Dictionary, base: Classification) -> Classification {
    let attributes = command.get("Attributes").and_then(Value::as_dictionary);
    if attributes.is_some_and(|attributes| NETWORK_ATTRIBUTES.iter().any(|key| attributes.contains_key(key)))
    {
        return Classification::new(Class::D1, "Leads the app through a VPN, filter, DNS proxy or relay.");
    }
    let reason = if command.contains_key("ManifestURL") {
        "Installs an app from an address, which Apple has not seen."
    } else if command.contains_key("Configuration") {
        "Tells the app which servers and accounts to use."
    } else if command.contains_key("ChangeManagementState") {
        "Takes over an app that the user installed, with its data."
    } else {
        return base;
    };
    Classification::new(Class::D2, reason)
}

fn schedule_update(command: &Dictionary, base: &Classification) -> Classification {
    let updates = command.get("Updates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let classes = updates.iter().map(|update| {
        match update.as_dictionary().and_then(|update| text(update, "InstallAction")) {
            Some("DownloadOnly") => Classification::new(Class::None, "Downloads an update."),
            Some("NotifyOnly") => Classification::new(Class::D2, "Tells the user about an update."),
            _ => base.clone(),
        }
    });
    gravest(classes).unwrap_or_else(|| base.clone())
}

fn settings(command: &Dictionary, base: Classification) -> Classification {
    let Some(items) = command.get("Settings").and_then(Value::as_array) else {
        return Classification::new(Class::D0, "The settings cannot be read, so the worst is assumed.");
    };
    let unreadable = || Classification::new(Class::D0, "A setting cannot be read, so the worst is assumed.");
    let classes = items.iter().map(|item| item.as_dictionary().map_or_else(unreadable, setting));
    gravest(classes).unwrap_or(base)
}

fn setting(item: &Dictionary) -> Classification {
    let name = text(item, "Item").unwrap_or_default();
    let usual = base("setting", name);
    let harmless = |harmless: bool, reason: &'static str| {
        if harmless { Classification::new(Class::None, reason) } else { usual.clone() }
    };
    match name {
        "DataRoaming" | "Bluetooth" => {
            harmless(flag(item, "Enabled") == Some(true), "Switches something on.")
        }
        "DiagnosticSubmission" | "AppAnalytics" => {
            harmless(flag(item, "Enabled") == Some(false), "Ends the sending of data.")
        }
        "MDMOptions" => {
            let options = item.get("MDMOptions").and_then(Value::as_dictionary);
            let locks = options
                .and_then(|options| options.get("ActivationLockAllowedWhileSupervised"))
                .and_then(Value::as_boolean);
            harmless(options.is_some() && locks != Some(true), "Changes options of the management.")
        }
        "ApplicationAttributes" => {
            let attributes = item.get("Attributes").and_then(Value::as_dictionary);
            // Attributes that are absent are taken away, so only a harmless set is harmless; without any, all go.
            harmless(
                attributes.is_some_and(|attributes| {
                    !attributes.is_empty()
                        && !NETWORK_ATTRIBUTES.iter().any(|key| attributes.contains_key(key))
                }),
                "Changes attributes of an app.",
            )
        }
        _ => usual,
    }
}

/// The class of a payload, from its base and its values.
pub(super) fn payload(
    payload_type: &str,
    payload: &Dictionary,
    base: Classification,
    context: &ClassContext<'_>,
) -> Classification {
    match payload_type {
        "com.apple.mobiledevice.passwordpolicy" => {
            let voids =
                flag(payload, "changeAtNextAuth") == Some(true) || payload.contains_key("maxPINAgeInDays");
            passcode(payload, "maxFailedAttempts", voids, base, context)
        }
        "com.apple.applicationaccess" => restrictions::classify(payload, base),
        "com.apple.security.smartcard" => smart_card(payload, base),
        "com.apple.declarations" => declarations(payload, base, context),
        "com.apple.ManagedClient.preferences" => preferences(payload, base, context),
        _ => base,
    }
}

fn passcode(
    policy: &Dictionary,
    limit_key: &str,
    voids: bool,
    base: Classification,
    context: &ClassContext<'_>,
) -> Classification {
    let rest = if voids {
        Classification::new(Class::D1, "Voids passcodes: users are locked out until they choose a new one.")
    } else {
        base
    };
    let Some(value) = policy.get(limit_key) else { return rest };
    // Eleven is Apple's word for no limit. What is not a number is not known to be harmless.
    let limit = value.as_signed_integer().unwrap_or_default();
    if limit >= 11 {
        return rest;
    }
    let floor = if context.ownership == Some(Ownership::Corporate)
        || context.ownership == Some(Ownership::Personal)
    {
        6
    } else {
        10
    };
    let wipes = |reason: &'static str| Classification::new(Class::D0, reason);
    let found = match context.assigned_limit {
        _ if limit < floor => {
            wipes("So few wrong passcodes erase an iPhone or iPad that a pocket or a child can do it.")
        }
        Assigned::Unknown => {
            wipes("Wrong passcodes erase an iPhone or iPad, and whether this lowers the limit is not known.")
        }
        Assigned::Limit(before) if limit < before => {
            wipes("Lowers the number of wrong passcodes that erase an iPhone or iPad.")
        }
        Assigned::Limit(_) => return rest,
        Assigned::Nothing => {
            Classification::new(Class::D1, "From now on wrong passcodes erase an iPhone or iPad.")
        }
    };
    found.graver(rest)
}

fn smart_card(payload: &Dictionary, base: Classification) -> Classification {
    let denies = flag(payload, "enforceSmartCard") == Some(true)
        || flag(payload, "allowSmartCard") == Some(false)
        || number(payload, "checkCertificateTrust").is_some_and(|level| level > 0);
    if denies {
        return Classification::new(
            Class::D1,
            "Voids passwords, or cards that cannot be checked: users are locked out.",
        );
    }
    base
}

fn declarations(payload: &Dictionary, base: Classification, context: &ClassContext<'_>) -> Classification {
    let Some(list) = payload.get("Declarations").and_then(Value::as_array) else { return base };
    let classes = list.iter().map(|one| {
        let json = one.as_data().and_then(|data| serde_json::from_slice::<serde_json::Value>(data).ok());
        let declaration = json.and_then(|json| crate::json::plain(&json)).and_then(Value::into_dictionary);
        declaration.map_or_else(|| base.clone(), |declaration| class_of_declaration(&declaration, context))
    });
    gravest(classes).unwrap_or_else(|| base.clone())
}

/// Preferences of any program. Those of a domain that is itself a payload type count as that payload.
fn preferences(payload: &Dictionary, base: Classification, context: &ClassContext<'_>) -> Classification {
    let Some(domains) = payload.get("PayloadContent").and_then(Value::as_dictionary) else { return base };
    let mut found = base.clone();
    for (domain, states) in domains {
        if Table::get().find(Kind::Payload, domain).is_empty()
            || domain.starts_with("com.apple.ManagedClient")
        {
            continue;
        }
        let lists =
            states.as_dictionary().into_iter().flat_map(Dictionary::values).filter_map(Value::as_array);
        for settings in lists.flatten().filter_map(Value::as_dictionary) {
            let inner = settings.get("mcx_preference_settings").and_then(Value::as_dictionary);
            let mut inner = inner.cloned().unwrap_or_default();
            inner.insert("PayloadType".to_owned(), Value::String(domain.clone()));
            found = found.graver(class_of_payload(&inner, context));
        }
    }
    found
}

/// The class of a declaration, from its base and its values.
pub(super) fn declaration(
    declared: &str,
    payload: &Dictionary,
    base: Classification,
    context: &ClassContext<'_>,
) -> Classification {
    match declared {
        "com.apple.configuration.passcode.settings" => {
            let voids = flag(payload, "ChangeAtNextAuth") == Some(true)
                || number(payload, "MaximumPasscodeAgeInDays").is_some_and(|days| days > 0);
            passcode(payload, "MaximumFailedAttempts", voids, base, context)
        }
        "com.apple.configuration.app.managed" => managed_app(payload, base),
        "com.apple.configuration.softwareupdate.enforcement.specific" => deadline(payload, base, context),
        _ => base,
    }
}

fn managed_app(payload: &Dictionary, base: Classification) -> Classification {
    let attributes = payload.get("Attributes").and_then(Value::as_dictionary);
    if attributes.is_some_and(|attributes| {
        attributes.keys().any(|key| {
            ["VPN", "ContentFilter", "DNSProxy", "Relay", "Cellular"].iter().any(|w| key.starts_with(w))
        })
    }) {
        return Classification::new(Class::D1, "Leads the app through a VPN, filter, DNS proxy or relay.");
    }
    if payload.contains_key("ManifestURL") || payload.contains_key("AppComposedIdentifier") {
        return Classification::new(
            Class::D2,
            "Installs an app from an address, or takes one over that others installed.",
        );
    }
    let configured = ["AppConfig", "ExtensionConfigs", "LegacyAppConfigAssetReference"];
    if configured.iter().any(|key| payload.contains_key(key)) {
        return Classification::new(Class::D2, "Tells the app which servers and accounts to use.");
    }
    base
}

fn deadline(payload: &Dictionary, base: Classification, context: &ClassContext<'_>) -> Classification {
    let soon = || {
        Classification::new(Class::D1, "Restarts the device into an update with less than 72 hours' notice.")
    };
    let Some(local) = text(payload, "TargetLocalDateTime") else { return soon() };
    // The text has no zone; taken as UTC it is off by at most a zone, which the margin covers.
    let Ok(at) = format!("{}Z", local.trim_end_matches('Z')).parse::<clock::Timestamp>() else {
        return soon();
    };
    let Some(now) = context.now else { return soon() };
    let hours = (at.as_seconds() - now.as_seconds()) / 3600;
    if hours < NOTICE_HOURS + ZONE_HOURS {
        return soon();
    }
    let (from, until) = context.clinical_hours;
    let hour = at.as_seconds().rem_euclid(86_400) / 3600;
    if hour >= i64::from(from) && hour < i64::from(until) {
        return Classification::new(
            Class::D1,
            "Restarts the device into an update in hours when staff depend on it.",
        );
    }
    base
}
