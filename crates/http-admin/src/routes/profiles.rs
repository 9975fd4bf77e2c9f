//! Profiles that devices should have, and the secrets that they refer to.

use axum::extract::State;
use axum::response::Response;
use service::views::{
    Consent, NamedSecretRequest, NamedSecretView, ProblemView, ProfileRequest, ProfileVersionView,
    ProfileView, RenderQuery, RenderedView, UploadedView,
};

use crate::json::{Json, Path, Query, done_or_shown};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// All profiles with their newest versions.
#[utoipa::path(
    get, path = "/api/v1/profiles", tag = "profiles", security(("bearer" = [])),
    responses((status = 200, body = Vec<ProfileView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_profiles(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<ProfileView>>, Problem> {
    Ok(Json(services.desired.profiles().await?))
}

/// Takes a profile in, as a new one or as the next version of the one with this name. The linter runs; its errors refuse the profile
/// unless a written reason overrides them. Nothing is sent to any device: an assignment says which version devices get.
#[utoipa::path(
    post, path = "/api/v1/profiles", tag = "profiles", security(("bearer" = [])), request_body = ProfileRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = UploadedView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn upload_profile(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<ProfileRequest>,
) -> Result<Json<UploadedView>, Problem> {
    Ok(Json(services.desired.upload(&operator, request).await?))
}

/// The versions of a profile, the newest first.
#[utoipa::path(
    get, path = "/api/v1/profiles/{profile}/versions", tag = "profiles", security(("bearer" = [])),
    params(("profile" = String, Path, description = "Name or id")),
    responses((status = 200, body = Vec<ProfileVersionView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_profile_versions(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(profile): Path<String>,
) -> Result<Json<Vec<ProfileVersionView>>, Problem> {
    Ok(Json(services.desired.profile_versions(profile).await?))
}

/// A profile as one device would get it now, with secrets hidden, or why it cannot be made for it.
#[utoipa::path(
    get, path = "/api/v1/profiles/{profile}/render", tag = "profiles", security(("bearer" = [])),
    params(("profile" = String, Path, description = "Name or id"), RenderQuery),
    responses((status = 200, body = RenderedView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn render_profile(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(profile): Path<String>,
    Query(query): Query<RenderQuery>,
) -> Result<Json<RenderedView>, Problem> {
    Ok(Json(services.desired.render(profile, query).await?))
}

/// The named secrets, without their values.
#[utoipa::path(
    get, path = "/api/v1/secrets/named", tag = "profiles", security(("bearer" = [])),
    responses((status = 200, body = Vec<NamedSecretView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_named_secrets(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<NamedSecretView>>, Problem> {
    Ok(Json(services.desired.secrets().await?))
}

/// Sets a secret that profiles refer to by this name. It is never shown again; profiles that use it are installed anew.
#[utoipa::path(
    put, path = "/api/v1/secrets/named/{name}", tag = "profiles", security(("bearer" = [])), request_body = NamedSecretRequest,
    params(Consent, ("name" = String, Path)),
    responses((status = 200, body = NamedSecretView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn set_named_secret(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(name): Path<String>,
    Query(consent): Query<Consent>,
    Json(request): Json<NamedSecretRequest>,
) -> Result<Response, Problem> {
    done_or_shown(services.desired.set_secret(&operator, name, request, consent).await)
}
