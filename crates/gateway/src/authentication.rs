//! Who calls: in mode open the account's root, in mode enforced whoever the signature proves.

use std::sync::Arc;

use watchkeep_core::{AccountId, Principal, Region};
use watchkeep_model::ServiceError;
use watchkeep_wire::protocol::Call;
use watchkeep_wire::sigv4::{self, ErrorFamily, Expected, Refusal, SignedRequest, Verified};

use crate::config::AuthMode;
use crate::shared::Shared;

/// Whom a call is ascribed to.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) principal: Principal,
    pub(crate) access_key_id: Option<Arc<str>>,
}

impl Identity {
    /// What a request claims of itself: in mode open that is all there is to know, in mode enforced it is for the record of
    /// calls that are refused before the claim is proven.
    pub(crate) fn claimed(shared: &Shared, request: &SignedRequest<'_>) -> Self {
        let scope = sigv4::scope_hint(request);
        let region = scope.as_ref().and_then(|scope| scope.region.parse().ok());
        Identity {
            account: shared.config.account,
            region: region.unwrap_or_else(|| shared.config.region.clone()),
            principal: match shared.config.auth {
                AuthMode::Open => Principal::Root,
                AuthMode::Enforced => Principal::Anonymous,
            },
            access_key_id: scope.map(|scope| scope.access_key_id.chars().take(128).collect::<String>().into()),
        }
    }
}

/// Finds out who calls. `body` is the body as it came.
///
/// # Errors
/// The [`Refusal`] as the error that the call's protocol has for it.
pub(crate) async fn authenticate(
    shared: &Shared,
    call: &Call,
    request: &SignedRequest<'_>,
    claimed: Identity,
    body: &[u8],
) -> Result<(Identity, Option<Verified>), ServiceError> {
    if shared.config.auth == AuthMode::Open {
        return Ok((claimed, None));
    }
    verify(shared, call, request, claimed, body).await.map_err(|refusal| {
        tracing::debug!(?refusal, "not authenticated");
        refusal.into_error(ErrorFamily::of(call.protocol))
    })
}

async fn verify(
    shared: &Shared,
    call: &Call,
    request: &SignedRequest<'_>,
    claimed: Identity,
    body: &[u8],
) -> Result<(Identity, Option<Verified>), Refusal> {
    let Some(presented) = sigv4::read(request)? else {
        return if call.operation.unsigned { Ok((claimed, None)) } else { Err(Refusal::NoCredentials) };
    };
    let now = shared.ports.clock.now();
    let expected = Expected { service: call.service.signing_name, now };
    let claims = shared.verifier.check_claims(request, &presented, expected)?;
    let credential = shared.ports.credentials.find(&claims.scope.access_key_id).await;
    let verified = shared.verifier.check_signature(request, &presented, &claims, credential.as_ref(), body, now)?;
    // `check_signature` refuses a key without a credential.
    let credential = credential.ok_or_else(|| Refusal::UnknownKey(claims.scope.access_key_id.clone()))?;
    let identity = Identity {
        account: credential.account,
        region: claims.region,
        principal: credential.principal,
        access_key_id: Some(claims.scope.access_key_id.into()),
    };
    Ok((identity, Some(verified)))
}
