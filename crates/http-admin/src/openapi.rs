//! The description of the API (OpenAPI 3.1), generated from the handlers.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::AdminServices;
use crate::routes::{
    audit, authorities, commands, deliveries, desired, devices, enrollments, events, groups, identities,
    jobs, links, network, organisation, people, places, profiles, push, rollouts, sealing, secrets, server,
    sinks, tokens,
};

/// Every route that needs a token, with its description.
pub(crate) fn described() -> OpenApiRouter<AdminServices> {
    let router = OpenApiRouter::with_openapi(header())
        .routes(routes!(server::show_server))
        .routes(routes!(server::list_checks))
        .routes(routes!(devices::list_devices))
        .routes(routes!(devices::export_devices))
        .routes(routes!(devices::show_device))
        .routes(routes!(devices::list_facts))
        .routes(routes!(devices::show_fact_history))
        .routes(routes!(devices::list_secrets))
        .routes(routes!(enrollments::list_enrollments))
        .routes(routes!(enrollments::show_enrollment))
        .routes(routes!(enrollments::list_quarantine))
        .routes(routes!(enrollments::release_enrollment))
        .routes(routes!(enrollments::reject_enrollment))
        .routes(routes!(commands::send_command, commands::list_commands))
        .routes(routes!(commands::list_command_types))
        .routes(routes!(commands::show_command))
        .routes(routes!(commands::cancel_command))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::show_delivery))
        .routes(routes!(deliveries::cancel_delivery))
        .routes(routes!(links::create_link, links::list_links))
        .routes(routes!(links::show_link))
        .routes(routes!(links::revoke_link))
        .routes(routes!(places::list_places, places::create_place))
        .routes(routes!(places::show_place, places::change_place, places::archive_place))
        .routes(routes!(places::set_variable, places::unset_variable))
        .routes(routes!(people::list_people, people::create_person))
        .routes(routes!(people::show_person, people::change_person))
        .routes(routes!(people::leave_person))
        .routes(routes!(organisation::show_placement, organisation::place_device))
        .routes(routes!(organisation::list_labels))
        .routes(routes!(organisation::set_label, organisation::unset_label))
        .routes(routes!(organisation::import_organisation))
        .routes(routes!(organisation::export_organisation))
        .routes(routes!(push::send_push))
        .routes(routes!(push::install_push_certificate, push::list_push_certificates))
        .routes(routes!(push::request_push_certificate))
        .routes(routes!(authorities::list_authorities))
        .routes(routes!(authorities::roll_authority))
        .routes(routes!(identities::list_identities));
    with_the_rest(router)
}

/// The second half of the routes.
fn with_the_rest(router: OpenApiRouter<AdminServices>) -> OpenApiRouter<AdminServices> {
    router
        .routes(routes!(identities::revoke_identity))
        .routes(routes!(network::show_network))
        .routes(routes!(network::prepare_network))
        .routes(routes!(network::roll_network_authority))
        .routes(routes!(network::list_network_identities))
        .routes(routes!(network::show_network_access))
        .routes(routes!(network::revoke_network_access))
        .routes(routes!(network::restore_network_access))
        .routes(routes!(profiles::list_profiles, profiles::upload_profile))
        .routes(routes!(profiles::list_profile_versions))
        .routes(routes!(profiles::render_profile))
        .routes(routes!(profiles::list_named_secrets))
        .routes(routes!(profiles::set_named_secret))
        .routes(routes!(desired::list_assignments, desired::create_assignment))
        .routes(routes!(desired::change_assignment, desired::remove_assignment))
        .routes(routes!(desired::list_device_items))
        .routes(routes!(desired::list_actions))
        .routes(routes!(desired::show_action))
        .routes(routes!(desired::apply_action))
        .routes(routes!(desired::list_incidents))
        .routes(routes!(desired::close_incident))
        .routes(routes!(secrets::reveal_secret))
        .routes(routes!(secrets::show_escrow_certificate))
        .routes(routes!(sealing::show_sealing))
        .routes(routes!(sealing::rotate_data_key))
        .routes(routes!(sealing::replace_key_encrypting_key))
        .routes(routes!(sealing::list_reveals))
        .routes(routes!(groups::create_group, groups::list_groups))
        .routes(routes!(groups::show_group, groups::change_group, groups::delete_group))
        .routes(routes!(groups::list_members))
        .routes(routes!(groups::list_troubles))
        .routes(routes!(groups::add_member, groups::remove_member))
        .routes(routes!(groups::list_device_groups))
        .routes(routes!(groups::test_rule))
        .routes(routes!(sinks::list_sinks))
        .routes(routes!(sinks::show_sink))
        .routes(routes!(sinks::test_sink))
        .routes(routes!(sinks::replay_sink))
        .routes(routes!(sinks::skip_event))
        .routes(routes!(rollouts::list_rollouts))
        .routes(routes!(rollouts::show_rollout))
        .routes(routes!(rollouts::halt_rollout))
        .routes(routes!(rollouts::resume_rollout))
        .routes(routes!(rollouts::advance_rollout))
        .routes(routes!(rollouts::roll_back_rollout))
        .routes(routes!(audit::list_audit_events))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(events::watch_events))
}

/// The description as a document. It does not depend on a running server.
#[must_use]
pub fn document() -> OpenApi {
    described().into_openapi()
}

fn header() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Ward")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The operators' interface of Ward. Errors are problem documents (RFC 9457) with stable codes.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let mut document = OpenApiBuilder::new().info(info).build();
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The operator's token")).build();
    document
        .components
        .get_or_insert_with(Default::default)
        .add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}
