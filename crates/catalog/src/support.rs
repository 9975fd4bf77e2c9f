//! Holds what the schema says for an operating system against what is known of a device.

use crate::entry::{Kind, Mode, Support, Systems};
use crate::refusal::Rule;
use crate::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, Platform, Version, rights};

/// What is asked about, for the sentences and for what silence means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// Apple's name of the command, payload, declaration or key.
    pub name: &'a str,
    /// The kind of an entry; `None` for a key, which inherits what its entry says.
    pub kind: Option<Kind>,
}

/// A rule that the device breaks, and the sentence about it.
#[derive(Clone, Debug)]
pub(crate) struct Objection {
    /// Which rule.
    pub rule: Rule,
    /// The sentence.
    pub advice: String,
    /// The device takes it all the same: worth saying, no reason to refuse.
    pub harmless: bool,
}

impl Objection {
    fn new(rule: Rule, advice: String) -> Self {
        Self { rule, advice, harmless: false }
    }
}

/// Everything that speaks against sending it to this device. What is not known of the device speaks against nothing.
pub(crate) fn objections(
    subject: Subject<'_>,
    systems: &Systems,
    gone: Option<Version>,
    facts: &DeviceFacts,
) -> Vec<Objection> {
    match facts.platform {
        Some(platform) => objections_on(subject, systems, gone, facts, platform),
        None => objections_everywhere(subject, systems, gone, facts),
    }
}

/// For a device of unknown platform: only what speaks against it on every platform that has it.
fn objections_everywhere(
    subject: Subject<'_>,
    systems: &Systems,
    gone: Option<Version>,
    facts: &DeviceFacts,
) -> Vec<Objection> {
    let without_version = DeviceFacts { os_version: None, ..facts.clone() };
    let mut common: Option<Vec<Objection>> = None;
    for platform in Platform::ALL {
        if systems.of(platform).is_none_or(|support| !support.available) && !systems.is_empty() {
            continue;
        }
        let here = objections_on(subject, systems, gone, &without_version, platform);
        common = Some(match common {
            None => here,
            Some(before) => {
                before.into_iter().filter(|one| here.iter().any(|other| other.rule == one.rule)).collect()
            }
        });
    }
    common.unwrap_or_default()
}

fn objections_on(
    subject: Subject<'_>,
    systems: &Systems,
    gone: Option<Version>,
    facts: &DeviceFacts,
    platform: Platform,
) -> Vec<Objection> {
    let name = subject.name;
    let Some(support) = systems.of(platform) else {
        let silent = Support { available: true, ..Support::default() };
        return match subject.kind {
            None => by_version(name, &silent, gone, facts, platform).into_iter().collect(),
            Some(_) => vec![not_on_platform(name, systems, platform)],
        };
    };
    if !support.available {
        return vec![not_on_platform(name, systems, platform)];
    }
    let context = Context { name, kind: subject.kind, support, facts, platform };
    let mut found = Vec::new();
    found.extend(by_version(name, support, gone, facts, platform));
    found.extend(context.by_supervision());
    found.extend(context.by_automation());
    found.extend(context.by_enrollment());
    found.extend(context.by_declared_enrollment());
    found.extend(context.by_shared_ipad());
    found.extend(context.by_channel());
    found.extend(context.by_declared_scope());
    found.extend(context.by_rights());
    found
}

fn not_on_platform(name: &str, systems: &Systems, platform: Platform) -> Objection {
    let advice = format!(
        "{name} does not exist on {platform}, only on {}. Leave {} out.",
        systems.in_words(),
        platform.device_word()
    );
    Objection::new(Rule::Platform, advice)
}

fn by_version(
    name: &str,
    support: &Support,
    gone: Option<Version>,
    facts: &DeviceFacts,
    platform: Platform,
) -> Option<Objection> {
    let version = facts.os_version?;
    if let Some(introduced) = support.introduced.filter(|introduced| version < *introduced) {
        let advice = format!(
            "{name} needs {platform} {introduced} or later, and this device has {version}. Update the device first."
        );
        return Some(Objection::new(Rule::OsTooOld, advice));
    }
    let instead =
        crate::successor::of(name).map_or_else(String::new, |successor| format!(" Use {successor}."));
    if let Some(removed) = support.removed.or(gone).filter(|removed| version >= *removed) {
        let advice = format!(
            "Apple removed {name} with {platform} {removed}, and this device has {version}.{instead}"
        );
        return Some(Objection::new(Rule::Removed, advice));
    }
    let deprecated = support.deprecated.filter(|deprecated| version >= *deprecated)?;
    let advice = format!("Apple advises against {name} since {platform} {deprecated}.{instead}");
    Some(Objection { rule: Rule::Deprecated, advice, harmless: true })
}

/// One support entry against one device.
struct Context<'a> {
    name: &'a str,
    kind: Option<Kind>,
    support: &'a Support,
    facts: &'a DeviceFacts,
    platform: Platform,
}

impl Context<'_> {
    fn by_supervision(&self) -> Option<Objection> {
        let needed = self.support.supervised == Some(true);
        (needed && self.facts.supervised == Some(false)).then(|| {
            let advice = format!(
                "{} works on supervised devices only, and this one is not. A device becomes supervised by \
                 automated enrolment, after it has been erased.",
                self.name
            );
            Objection::new(Rule::NotSupervised, advice)
        })
    }

    fn by_automation(&self) -> Option<Objection> {
        let needed = self.support.automated == Some(true);
        (needed && self.facts.enrollment != EnrollmentType::Automated).then(|| {
            let advice = format!(
                "{} is only for devices that enrolled automatically from Apple Business or School Manager. \
                 This one enrolled in another way.",
                self.name
            );
            Objection::new(Rule::NotAutomated, advice)
        })
    }

    fn by_enrollment(&self) -> Option<Objection> {
        let is_user = self.facts.enrollment == EnrollmentType::User;
        let name = self.name;
        let advice = match self.support.user_enrollment {
            Some(Mode::Forbidden) if is_user => {
                format!(
                    "User Enrollment does not allow {name}: the device is personal, and Apple keeps it from us."
                )
            }
            Some(Mode::Ignored) if is_user => {
                let advice =
                    format!("A device under User Enrollment ignores {name}: it has no effect there.");
                return Some(Objection { rule: Rule::EnrollmentKind, advice, harmless: true });
            }
            Some(Mode::Required) if !is_user => {
                format!("{name} works under User Enrollment only, and this device enrolled in another way.")
            }
            _ => return None,
        };
        Some(Objection::new(Rule::EnrollmentKind, advice))
    }

    fn by_declared_enrollment(&self) -> Option<Objection> {
        let allowed = self.support.enrollments?;
        let is_user = self.facts.enrollment == EnrollmentType::User;
        let (works, who) = match (is_user, self.facts.supervised) {
            (true, _) => (allowed.user, "User Enrollment"),
            (false, Some(true)) => (allowed.supervised, "supervised devices"),
            (false, Some(false)) => (allowed.device, "devices without supervision"),
            (false, None) => (allowed.supervised || allowed.device, "device enrolment"),
        };
        if works {
            return None;
        }
        let rule = if !is_user && allowed.supervised { Rule::NotSupervised } else { Rule::EnrollmentKind };
        let advice =
            format!("{} is not available for {who} on {}. Leave this device out.", self.name, self.platform);
        Some(Objection::new(rule, advice))
    }

    fn by_shared_ipad(&self) -> Option<Objection> {
        let shared = self.facts.shared_ipad?;
        let name = self.name;
        let advice = match self.support.shared_ipad {
            Some(Mode::Forbidden) if shared => {
                format!("{name} does not work on a Shared iPad. Leave it out.")
            }
            Some(Mode::Ignored) if shared => {
                let advice = format!("A Shared iPad ignores {name}: it has no effect there.");
                return Some(Objection { rule: Rule::SharedIpad, advice, harmless: true });
            }
            Some(Mode::Required) if !shared => {
                format!("{name} works on a Shared iPad only, and this device is not one.")
            }
            _ => return None,
        };
        Some(Objection::new(Rule::SharedIpad, advice))
    }

    fn by_channel(&self) -> Option<Objection> {
        let user = self.facts.channel == ChannelKind::User;
        let works = match self.platform {
            Platform::MacOs if user => self.support.user_channel,
            Platform::MacOs => self.support.device_channel,
            // Apple's tables speak of a user channel of iOS for Shared iPad alone.
            Platform::Ios | Platform::Ipados if user && self.facts.shared_ipad == Some(false) => {
                self.kind.map(|_| false)
            }
            Platform::Ios | Platform::Ipados if user => self.support.shared_user_channel,
            Platform::Ios | Platform::Ipados if self.facts.shared_ipad == Some(true) => {
                self.support.shared_device_channel
            }
            Platform::Ios | Platform::Ipados => None,
            Platform::TvOs | Platform::VisionOs | Platform::WatchOs => {
                self.kind.filter(|_| user).map(|_| false)
            }
        };
        (works == Some(false)).then(|| Objection::new(Rule::Channel, self.channel_advice(user)))
    }

    fn by_declared_scope(&self) -> Option<Objection> {
        let on_shared = self.facts.shared_ipad == Some(true);
        let scopes =
            if on_shared { self.support.shared_scopes.or(self.support.scopes) } else { self.support.scopes }?;
        let user = self.facts.channel == ChannelKind::User;
        if (user && scopes.user) || (!user && scopes.system) {
            return None;
        }
        if on_shared && !scopes.user && !scopes.system {
            return Some(Objection::new(
                Rule::SharedIpad,
                format!("{} does not work on a Shared iPad. Leave it out.", self.name),
            ));
        }
        // Whether an iPad is shared may be unknown, and a user's channel exists there only if it is.
        let unknown =
            self.facts.shared_ipad.is_none() && self.support.shared_scopes.is_some_and(|shared| shared.user);
        (!(user && unknown)).then(|| Objection::new(Rule::Channel, self.channel_advice(user)))
    }

    fn channel_advice(&self, user: bool) -> String {
        if user {
            format!("{} does not work on a user's channel. Send it to the device instead.", self.name)
        } else {
            format!("{} works on a user's channel only. Send it to a user of the device instead.", self.name)
        }
    }

    fn by_rights(&self) -> Option<Objection> {
        let needed = self.support.access_right.filter(|right| *right > 0)?;
        let granted = self.facts.access_rights?;
        (granted & needed != needed).then(|| {
            let why = if self.facts.ownership == Ownership::Personal {
                "Personal devices never grant it."
            } else {
                "A right cannot be added later: the device has to enrol again with a profile that asks for it."
            };
            let words = rights::in_words(needed);
            let advice =
                format!("{} needs the right to {words}, which this device did not grant. {why}", self.name);
            Objection::new(Rule::AccessRights, advice)
        })
    }
}
