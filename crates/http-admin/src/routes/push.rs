//! Waking devices, and the certificates for it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use service::views::{
    InstallPushCertificateRequest, InstalledPushCertificateView, ProblemView, PushAnswer,
    PushCertificateRequestRequest, PushCertificateRequestView, PushCertificateView, PushRequest,
};

use crate::json::{Json, answer};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Wakes devices, whether or not something is queued for them.
#[utoipa::path(
    post, path = "/api/v1/push", tag = "push", security(("bearer" = [])), request_body = PushRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = PushAnswer), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn send_push(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<PushRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::ACCEPTED, &services.commands.wake(&operator, request).await?))
}

/// The push certificates, those in use first.
#[utoipa::path(
    get, path = "/api/v1/push-certificates", tag = "push", security(("bearer" = [])),
    responses((status = 200, body = Vec<PushCertificateView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_push_certificates(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<Vec<PushCertificateView>>, Problem> {
    Ok(Json(services.push_certificates.list().await?))
}

/// Installs a push certificate at once, without a restart. Another topic is added beside the ones that are there.
#[utoipa::path(
    post, path = "/api/v1/push-certificates", tag = "push", security(("bearer" = [])),
    request_body = InstallPushCertificateRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = InstalledPushCertificateView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn install_push_certificate(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<InstallPushCertificateRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.push_certificates.install(&operator, request).await?))
}

/// Makes a key, which stays sealed in the server, and a request for a certificate.
#[utoipa::path(
    post, path = "/api/v1/push-certificates/requests", tag = "push", security(("bearer" = [])),
    request_body = PushCertificateRequestRequest, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = PushCertificateRequestView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn request_push_certificate(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<PushCertificateRequestRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.push_certificates.request(&operator, request).await?))
}
