//! Profiles as items: taken in, linted, listed, rendered for a device.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::ClassContext;
use protocol_profile::{Description, LintContext, Severity, Template};
use serde_json::json;
use store::{Connection, DeviceItem, Item, ItemId, ItemVersion, ItemVersionId, Tx};
use uuid::Uuid;

use super::known::Known;
use super::resolve::Reason;
use super::{Desired, optional};
use crate::audit::{self, Act};
use crate::escrow::key;
use crate::operators::Operator;
use crate::views::{
    FindingView, ProfileRequest, ProfileVersionView, ProfileView, ReasonView, RenderQuery, RenderedView,
    UploadedView,
};
use crate::{Context, Error, targets};

/// The largest profile that is taken in, in bytes.
const LARGEST: usize = 2 * 1024 * 1024;
/// The longest name.
const LONGEST: usize = 100;

/// What came, read.
struct Upload {
    name: String,
    source: &'static str,
    body: Vec<u8>,
    template: Template,
    override_reason: Option<String>,
}

impl Desired {
    /// Takes a profile in: as a new item, or as the next version of the item with this name. The same again makes no version.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no profile, and for errors of the linter without a written reason to override them;
    /// [`Error::Conflict`] when another item has the identifier.
    pub async fn upload(&self, operator: &Operator, request: ProfileRequest) -> Result<UploadedView, Error> {
        let upload = read(request)?;
        if upload.template.identifier() == format!("{}.enrollment", self.context.settings.profile_identifier)
        {
            let reason = "this is the identifier of the profile that keeps devices under management";
            return Err(Error::invalid("profile.identifier", reason));
        }
        if upload.template.variables().any(|variable| variable.source.ends_with("ward.escrow_certificate")) {
            key::ensure(&self.context).await?;
        }
        let (desired, operator) = (self.clone(), operator.clone());
        self.context.store.tx("upload_profile", move |tx| desired.keep(tx, &operator, &upload)).await
    }

    fn keep(&self, tx: &mut Tx<'_>, operator: &Operator, upload: &Upload) -> Result<UploadedView, Error> {
        let (context, now) = (&self.context, self.context.now());
        let template = &upload.template;
        let known = Item::find_by_name(tx, &upload.name)?;
        let newest = match &known {
            Some(item) => ItemVersion::newest(tx, item.id)?,
            None => None,
        };
        let digest = pki::sha256(&upload.body).to_vec();
        if let (Some(item), Some(newest)) = (&known, &newest)
            && newest.digest == digest
        {
            return Ok(UploadedView { profile: self.view(tx, item)?, is_new: false });
        }
        check_identifier(tx, template, known.as_ref(), newest.as_ref())?;
        let replaced = match &newest {
            Some(newest) => Some(self.versions.open(tx, &context.sealer, newest.id)?.template.clone()),
            None => None,
        };
        let lint = lint(template, replaced, context, upload.override_reason.as_deref())?;
        let item = match known {
            Some(item) => item,
            None => {
                let (id, name) = (ItemId::new(&*context.clock), upload.name.clone());
                let (kind, created_by) = ("profile".to_owned(), operator.name.clone());
                let item = Item { id, name, kind, created_at: now, created_by, archived_at: None };
                item.insert(tx)?;
                item
            }
        };
        let number = newest.map_or(1, |newest| newest.version.saturating_add(1));
        let version = self.version(operator, upload, (item.id, number), (digest, &lint))?;
        version.insert(tx)?;
        let detail = json!({ "version": number, "identifier": version.identifier, "class": version.class, "override": version.override_reason });
        let act = Act::new(operator, "profile.upload").on(format!("item:{}", item.id)).with(detail);
        audit::record(tx, now, &act)?;
        Ok(UploadedView { profile: self.view(tx, &item)?, is_new: true })
    }

    fn version(
        &self,
        operator: &Operator,
        upload: &Upload,
        (item_id, version): (ItemId, i32),
        (digest, lint): (Vec<u8>, &[FindingView]),
    ) -> Result<ItemVersion, Error> {
        let context = &self.context;
        let (template, sealer) = (&upload.template, &context.sealer);
        let id = ItemVersionId::new(&*context.clock);
        let whole = template.as_dictionary();
        let class = catalog::class_of_profile(
            &whole,
            &ClassContext { now: Some(context.now()), ..ClassContext::default() },
        );
        let stored = serde_json::to_vec(template).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(ItemVersion {
            id,
            item_id,
            version,
            source: upload.source.to_owned(),
            sealed_source: ItemVersion::seal_source(sealer, id, &upload.body)?,
            sealed_template: ItemVersion::seal_template(sealer, id, &stored)?,
            digest,
            identifier: template.identifier().to_owned(),
            payload_types: json!(template.payload_types()).to_string(),
            carries_network: template.carries_network(),
            class: class.class.as_str().to_owned(),
            class_reason: class.reason.to_string(),
            lint: json!(lint).to_string(),
            override_reason: upload.override_reason.clone(),
            created_at: context.now(),
            created_by: operator.name.clone(),
        })
    }

    /// All profiles, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn profiles(&self) -> Result<Vec<ProfileView>, Error> {
        let desired = self.clone();
        self.context
            .store
            .read("list_profiles", move |c| {
                let items = Item::list(c)?;
                items.iter().map(|item| desired.view(c, item)).collect::<Result<Vec<_>, Error>>()
            })
            .await
    }

    /// The versions of a profile, the newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn profile_versions(&self, name: String) -> Result<Vec<ProfileVersionView>, Error> {
        let desired = self.clone();
        self.context
            .store
            .read("list_profile_versions", move |c| {
                let item = find_item(c, &name)?;
                let rows = ItemVersion::list_of(c, item.id)?;
                rows.iter().map(|row| desired.version_view(c, row)).collect::<Result<Vec<_>, Error>>()
            })
            .await
    }

    /// A profile as one device would get it now, with secrets hidden.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the profile, its version or the device.
    pub async fn render(&self, name: String, query: RenderQuery) -> Result<RenderedView, Error> {
        let desired = self.clone();
        self.context
            .store
            .read("render_profile", move |c| {
                let item = find_item(c, &name)?;
                let row = find_version(c, &item, query.version)?;
                let version = desired.versions.open(c, &desired.context.sealer, row.id)?;
                let target =
                    targets::find(c, &query.device).map_err(|miss| miss.into_error(&query.device))?;
                let known = Known::of(c, &target.enrollment)?;
                let values = known.values(c, &desired.context, &version.template)?;
                let made = super::fitting(&version.template, &values, &known.subject.facts);
                Ok::<_, Error>(match made {
                    Ok(made) => RenderedView {
                        xml: Some(String::from_utf8_lossy(&made.to_xml()).into_owned()),
                        uuid: Some(made.uuid_text()),
                        reasons: Vec::new(),
                    },
                    Err(reasons) => RenderedView {
                        xml: None,
                        uuid: None,
                        reasons: reasons.iter().map(reason_view).collect(),
                    },
                })
            })
            .await
    }

    fn view(&self, connection: &mut Connection, item: &Item) -> Result<ProfileView, Error> {
        let newest = ItemVersion::newest(connection, item.id)?;
        let newest = newest.ok_or_else(|| Error::Internal(format!("item {} has no version", item.id)))?;
        let devices: BTreeMap<String, i64> = DeviceItem::count_states(connection, item.id)?
            .into_iter()
            .map(|(state, count)| (state.as_str().to_owned(), count))
            .collect();
        Ok(ProfileView {
            id: item.id.0,
            name: item.name.clone(),
            newest: self.version_view(connection, &newest)?,
            devices,
            created_at: item.created_at,
            created_by: item.created_by.clone(),
        })
    }

    fn version_view(
        &self,
        connection: &mut Connection,
        row: &ItemVersion,
    ) -> Result<ProfileVersionView, Error> {
        let version = self.versions.open(connection, &self.context.sealer, row.id)?;
        let template = &version.template;
        Ok(ProfileVersionView {
            id: row.id.0,
            version: row.version,
            source: row.source.clone(),
            identifier: row.identifier.clone(),
            payload_types: serde_json::from_str(&row.payload_types).unwrap_or_default(),
            variables: template.variables().map(|variable| variable.source.clone()).collect(),
            secrets: template.secrets().into_iter().map(str::to_owned).collect(),
            platforms: template.platforms().iter().map(|platform| platform.as_str().to_owned()).collect(),
            encrypted: template.is_encrypted(),
            carries_network: row.carries_network,
            class: row.class.clone(),
            class_reason: row.class_reason.clone(),
            lint: serde_json::from_str(&row.lint).unwrap_or_default(),
            override_reason: row.override_reason.clone(),
            created_at: row.created_at,
            created_by: row.created_by.clone(),
        })
    }
}

fn read(request: ProfileRequest) -> Result<Upload, Error> {
    let ProfileRequest { name, toml, mobileconfig, encrypt, override_reason } = request;
    let (source, body, template) = match (toml, mobileconfig) {
        (Some(text), None) => {
            if text.len() > LARGEST {
                return Err(Error::invalid("toml", format!("is larger than {LARGEST} bytes")));
            }
            let file =
                name.as_deref().map_or_else(|| "profile.toml".to_owned(), |name| format!("{name}.toml"));
            let description = Description::parse(&text, &file).map_err(|problems| {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Error::invalid("toml", lines.join("\n"))
            })?;
            ("toml", text.into_bytes(), description.to_template())
        }
        (None, Some(encoded)) => {
            if encoded.len() > LARGEST * 4 / 3 + 4 {
                return Err(Error::invalid("mobileconfig", format!("is larger than {LARGEST} bytes")));
            }
            let body = STANDARD
                .decode(encoded.trim())
                .map_err(|_| Error::invalid("mobileconfig", "is not Base64"))?;
            let template = Template::from_mobileconfig(&body)
                .map_err(|error| Error::invalid("mobileconfig", error.to_string()))?;
            ("mobileconfig", body, template.with_encryption(encrypt))
        }
        _ => return Err(Error::invalid("toml", "send either toml or mobileconfig")),
    };
    let name = name.unwrap_or_else(|| template.name().to_owned()).trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(Error::invalid("name", format!("must have 1 to {LONGEST} characters")));
    }
    let override_reason =
        override_reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    Ok(Upload { name, source, body, template, override_reason })
}

/// Two items with one identifier would replace each other on a device, and a version with another would leave the old one behind.
fn check_identifier(
    connection: &mut Connection,
    template: &Template,
    known: Option<&Item>,
    newest: Option<&ItemVersion>,
) -> Result<(), Error> {
    let identifier = template.identifier();
    if let Some(newest) = newest.filter(|newest| newest.identifier != identifier) {
        let words = format!(
            "the versions of '{}' have the identifier '{}', and this one has '{identifier}': it would be another profile on the device",
            known.map(|item| item.name.as_str()).unwrap_or_default(),
            newest.identifier
        );
        return Err(Error::Conflict(words));
    }
    let owner = ItemVersion::identifier_owner(connection, identifier, known.map(|item| item.id))?;
    if let Some(owner) = owner {
        let name = Item::find(connection, owner)?.name;
        return Err(Error::Conflict(format!(
            "the profile '{name}' has the identifier '{identifier}' already"
        )));
    }
    Ok(())
}

fn lint(
    template: &Template,
    replaced: Option<Template>,
    context: &Context,
    override_reason: Option<&str>,
) -> Result<Vec<FindingView>, Error> {
    let settings = &context.settings;
    let hospital = LintContext {
        phi_apps: settings.clinical_apps.iter().cloned().collect(),
        max_auto_lock_minutes: settings.max_auto_lock_minutes.into(),
        now: Some(context.now()),
        replaced,
        ..LintContext::default()
    };
    let findings = protocol_profile::lint(&[template], &hospital);
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| {
            format!("{}: {}: {} {}", finding.rule, finding.key_path, finding.message, finding.advice)
                .trim_end()
                .to_owned()
        })
        .collect();
    if !errors.is_empty() && override_reason.is_none() {
        let words = format!(
            "the linter finds errors; override_reason takes it all the same, in writing:\n{}",
            errors.join("\n")
        );
        return Err(Error::invalid("profile", words));
    }
    Ok(findings
        .into_iter()
        .map(|finding| FindingView {
            rule: finding.rule.to_owned(),
            severity: finding.severity.as_str().to_owned(),
            key_path: finding.key_path,
            message: finding.message,
            advice: finding.advice,
        })
        .collect())
}

/// The item with this name or id.
pub(super) fn find_item(connection: &mut Connection, name: &str) -> Result<Item, Error> {
    let missing = || Error::not_found("profile", name);
    if let Some(item) = Item::find_by_name(connection, name)? {
        return Ok(item);
    }
    let id: Uuid = name.parse().map_err(|_| missing())?;
    optional(Item::find(connection, ItemId(id)))?.ok_or_else(missing)
}

/// A version of an item by its number; the newest without one.
pub(super) fn find_version(
    connection: &mut Connection,
    item: &Item,
    number: Option<i32>,
) -> Result<ItemVersion, Error> {
    let missing = || Error::not_found("version", number.unwrap_or_default());
    let versions = ItemVersion::list_of(connection, item.id)?;
    let wanted = number.filter(|number| *number != 0);
    versions
        .into_iter()
        .find(|version| wanted.is_none_or(|wanted| wanted == version.version))
        .ok_or_else(missing)
}

/// A reason as it is shown.
pub(super) fn reason_view(reason: &Reason) -> ReasonView {
    ReasonView {
        code: reason.code.clone(),
        text: reason.text.clone(),
        assignment: reason.assignment.map(|id| id.0),
        group: reason.group.map(|id| id.0),
        key: reason.key.clone(),
    }
}
