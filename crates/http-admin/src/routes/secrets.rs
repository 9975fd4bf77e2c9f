//! Escrowed secrets: reading one is an act that is recorded.

use axum::Extension;
use axum::extract::State;
use service::views::{EscrowCertificateView, ProblemView, RevealRequest, RevealedSecretView};
use uuid::Uuid;

use crate::idempotency::NotKept;
use crate::json::{Json, Path};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The certificate to which Macs encrypt their recovery keys, for an escrow profile. It is made when it is first asked for.
#[utoipa::path(
    get, path = "/api/v1/escrow-certificate", tag = "secrets", security(("bearer" = [])),
    responses((status = 200, body = EscrowCertificateView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_escrow_certificate(
    _: SignedIn,
    State(services): State<AdminServices>,
) -> Result<Json<EscrowCertificateView>, Problem> {
    Ok(Json(services.escrow.certificate().await?))
}

/// Shows a secret that a person needs: the PIN of a lock or an erase, a recovery lock, firmware or administrator password, a recovery
/// key, an Activation Lock bypass code, the place of a lost device. The act and its reason are recorded before the answer, once for each
/// reason, and the answer is not kept: a repeated request does not get it. Where Apple gives a way the value is changed on the device
/// within the hour. Secrets that only the server uses (unlock and bootstrap tokens) are never shown.
#[utoipa::path(
    post, path = "/api/v1/secrets/{id}/reveal", tag = "secrets", security(("bearer" = [])), request_body = RevealRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RevealedSecretView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn reveal_secret(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
    Json(request): Json<RevealRequest>,
) -> Result<(Extension<NotKept>, Json<RevealedSecretView>), Problem> {
    Ok((Extension(NotKept), Json(services.escrow.reveal(&operator, id, request).await?)))
}
