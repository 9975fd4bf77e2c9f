//! Apps: kiosks that defeat the log-off, lists that hide what staff need, notifications that stay silent.

use plist::{Dictionary, Value};

use super::subject::Opened;
use super::{Findings, LintContext, Severity};

/// Web apps on the home screen run as this one; a list without it hides them all.
const WEB_APPS: &str = "com.apple.webapp";
/// Lists of the only apps that run.
const ALLOW_LISTS: [&str; 2] = ["allowListedAppBundleIDs", "whitelistedAppBundleIDs"];
/// Lists of apps that do not run.
const BLOCK_LISTS: [&str; 2] = ["blockedAppBundleIDs", "blacklistedAppBundleIDs"];

pub(super) fn look(findings: &mut Findings<'_>, context: &LintContext) {
    let subject = findings.subject;
    for payload in subject.of_type("com.apple.app.lock") {
        kiosk(findings, payload, context);
    }
    for payload in subject.of_type("com.apple.applicationaccess") {
        for key in ALLOW_LISTS {
            allow_list(findings, payload, key, context);
        }
        for key in BLOCK_LISTS {
            block_list(findings, payload, key, context);
        }
        ratings(findings, payload);
    }
    for payload in subject.of_type("com.apple.notificationsettings") {
        silence(findings, payload, context);
    }
}

fn kiosk(findings: &mut Findings<'_>, payload: &Opened<'_>, context: &LintContext) {
    let Some(app) = payload.table("App") else { return };
    let options = app.get("Options").and_then(Value::as_dictionary);
    if options.and_then(|options| options.get("DisableAutoLock")).and_then(Value::as_boolean) != Some(true) {
        return;
    }
    let name = app.get("Identifier").and_then(Value::as_string).unwrap_or_default();
    let may_show = context.phi_apps.contains(name)
        || (!payload.is_fixed("App.Identifier") && !context.phi_apps.is_empty())
        || findings.subject.template.patient_data;
    let severity = if may_show { Severity::Error } else { Severity::Warning };
    findings.add(
        severity,
        "kiosk-keeps-screen-on",
        payload.path("App.Options.DisableAutoLock"),
        "The screen never locks: whoever passes by reads what the last person left open.",
        "Take DisableAutoLock out, or write an [[exception]] with its reason, owner and end.",
    );
}

fn allow_list(findings: &mut Findings<'_>, payload: &Opened<'_>, key: &str, context: &LintContext) {
    let Some(allowed) = payload.texts(key) else { return };
    if !payload.is_fixed(key) {
        return;
    }
    let needed = context.phi_apps.iter().map(String::as_str).chain([WEB_APPS]);
    let missing: Vec<&str> = needed.filter(|app| !allowed.contains(app)).collect();
    if !missing.is_empty() {
        findings.add(
            Severity::Error,
            "app-list-hides-needed-app",
            payload.path(key),
            format!("Only the listed apps run, and these are not listed: {}.", missing.join(", ")),
            "Add them. com.apple.webapp stands for all web clips.",
        );
    } else if context.phi_apps.is_empty() {
        findings.add(
            Severity::Note,
            "app-list-hides-needed-app",
            payload.path(key),
            "Which apps staff cannot work without is not known here.",
            "Name them with --phi-app, and the list is held against them.",
        );
    }
}

fn block_list(findings: &mut Findings<'_>, payload: &Opened<'_>, key: &str, context: &LintContext) {
    let blocked = payload.texts(key).unwrap_or_default();
    let needed = |app: &&&str| context.phi_apps.contains(**app) || **app == WEB_APPS;
    let hidden: Vec<&str> = blocked.iter().filter(needed).copied().collect();
    if !hidden.is_empty() {
        findings.add(
            Severity::Error,
            "app-list-hides-needed-app",
            payload.path(key),
            format!("This hides what staff need: {}.", hidden.join(", ")),
            "Take them out of the list.",
        );
    }
}

fn ratings(findings: &mut Findings<'_>, payload: &Opened<'_>) {
    if payload.number("ratingApps").is_some_and(|rating| rating < 1000) {
        findings.add(
            Severity::Warning,
            "app-list-hides-needed-app",
            payload.path("ratingApps"),
            "Apps above this rating vanish from devices, clinical ones among them: many are rated 17+.",
            "Take it out, or name your apps in ratingAppsExemptedBundleIDs (iOS 26.1).",
        );
    }
}

fn silence(findings: &mut Findings<'_>, payload: &Opened<'_>, context: &LintContext) {
    let apps = payload.keys.get("NotificationSettings").and_then(Value::as_array);
    let each = apps.into_iter().flatten().filter_map(Value::as_dictionary).enumerate();
    let text = |app: &Dictionary| app.get("BundleIdentifier").and_then(Value::as_string).map(str::to_owned);
    for (index, app) in each {
        let enabled = app.get("NotificationsEnabled").and_then(Value::as_boolean) != Some(false);
        let Some(name) = text(app).filter(|name| !enabled && context.phi_apps.contains(name)) else {
            continue;
        };
        findings.add(
            Severity::Error,
            "silences-needed-app",
            payload.path(&format!("NotificationSettings[{index}]")),
            format!("{name} can no longer call anybody: its notifications are off."),
            "Leave NotificationsEnabled out for apps that page staff.",
        );
    }
}
