//! Who calls: in mode open the account's root, in mode enforced whoever the signature proves, or, in HTTP
//! APIs that are not AWS's, HTTP Basic or a bearer token.

use std::sync::Arc;

use watchkeep_core::ports::BearerTokenError;
use watchkeep_core::{AccountId, Caller, Principal, Proof, Region};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpOperation;
use watchkeep_wire::protocol::Call;
use watchkeep_wire::sigv4::{self, ErrorFamily, Expected, PresignedV2, Refusal, SignedBody, SignedRequest, Verified};
use watchkeep_wire::{basic, bearer};

use crate::calls::Request;
use crate::config::AuthMode;
use crate::connection::Peer;
use crate::shared::Shared;

/// Whom a call is ascribed to.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) principal: Principal,
    pub(crate) access_key_id: Option<Arc<str>>,
    pub(crate) proof: Proof,
}

impl Identity {
    /// Ascribes a call to it.
    pub(crate) fn ascribe(self, caller: &mut Caller) {
        let Identity { account, region, principal, access_key_id, proof } = self;
        caller.account = account;
        caller.region = region;
        caller.principal = principal;
        caller.access_key_id = access_key_id;
        caller.client.proof = proof;
    }

    /// What a request claims of itself: in mode open that is all there is to know, in mode enforced it is for the record of
    /// calls that are refused before the claim is proven.
    pub(crate) fn claimed(shared: &Shared, request: &SignedRequest<'_>) -> Self {
        let scope = sigv4::scope_hint(request);
        let region = scope.as_ref().and_then(|scope| scope.region.parse().ok());
        let key = scope.map(|scope| scope.access_key_id);
        let key = key.or_else(|| basic::read(request.headers).map(|presented| presented.access_key_id));
        Identity {
            account: shared.config.account,
            region: region.unwrap_or_else(|| shared.config.region.clone()),
            principal: match shared.config.auth {
                AuthMode::Open => Principal::Root,
                AuthMode::Enforced => Principal::Anonymous,
            },
            access_key_id: key.map(|key| key.chars().take(128).collect::<String>().into()),
            proof: Proof::AccessKey,
        }
    }
}

/// Finds out who makes a call of AWS's protocols.
///
/// # Errors
/// The [`Refusal`] as the error that the call's protocol has for it.
pub(crate) async fn of_aws_call(
    shared: &Shared,
    call: &Call,
    request: &Request,
    claimed: Identity,
    body: SignedBody<'_>,
) -> Result<(Identity, Option<Verified>), ServiceError> {
    if shared.config.auth == AuthMode::Open {
        return Ok((claimed, None));
    }
    let signed = request.signed();
    if call.service.name == "s3"
        && let Some(presented) = PresignedV2::read(&signed)
    {
        let outcome = by_version_2(shared, request, &presented).await;
        return outcome.map(|identity| (identity, None)).map_err(|refusal| {
            tracing::debug!(?refusal, "not authenticated");
            refusal.into_error(ErrorFamily::of(call.protocol))
        });
    }
    match verify(shared, call.service.signing_name, &signed, body).await {
        Ok(Some((identity, verified))) => Ok((identity, Some(verified))),
        Ok(None) if call.operation.unsigned || is_proof_itself(call) || decides_itself(call) => Ok((claimed, None)),
        outcome => {
            let refusal = outcome.err().unwrap_or(Refusal::NoCredentials);
            tracing::debug!(?refusal, "not authenticated");
            Err(refusal.into_error(ErrorFamily::of(call.protocol)))
        }
    }
}

/// Who presigned a URL with Signature Version 2. It is of no Region.
async fn by_version_2(shared: &Shared, request: &Request, presented: &PresignedV2) -> Result<Identity, Refusal> {
    let now = shared.ports.clock.now();
    let credential = shared.ports.credentials.find(&presented.access_key_id).await;
    presented.check(&request.signed(), request.resource(), credential.as_ref(), now)?;
    // `check` refuses a key without a credential.
    let credential = credential.ok_or_else(|| Refusal::UnknownKey(presented.access_key_id.clone()))?;
    Ok(Identity {
        account: credential.account,
        region: shared.config.region.clone(),
        principal: credential.principal,
        access_key_id: Some(presented.access_key_id.as_str().into()),
        proof: Proof::AccessKey,
    })
}

/// Operations that need no signature though the models do not say so, because what they name is known to nobody but who was told it:
/// the links in SNS's messages are calls of these.
const PROOF_ITSELF: &[(&str, &str)] = &[("sns", "ConfirmSubscription"), ("sns", "Unsubscribe")];

fn is_proof_itself(call: &Call) -> bool {
    PROOF_ITSELF.contains(&(call.service.name, call.operation.name))
}

/// Services that let nobody in particular in where a resource's policy does: S3's buckets may be anybody's to read.
const DECIDE_THEMSELVES: &[&str] = &["s3"];

fn decides_itself(call: &Call) -> bool {
    DECIDE_THEMSELVES.contains(&call.service.name)
}

/// Finds out who makes a call of an HTTP API: by a signature, by an access key in HTTP Basic, or, if the operation takes them, by a
/// bearer token.
///
/// # Errors
/// With status 401.
pub(crate) async fn of_api_call(
    shared: &Shared,
    operation: &HttpOperation,
    request: &SignedRequest<'_>,
    peer: &Peer,
    claimed: Identity,
    body: SignedBody<'_>,
) -> Result<(Identity, Option<Verified>), ServiceError> {
    if shared.config.auth == AuthMode::Open {
        return Ok((claimed, None));
    }
    if basic::is_presented(request.headers) {
        return by_basic(shared, request, peer).await.map(|identity| (identity, None));
    }
    if let Some(service) = operation.bearer_tokens_of
        && bearer::is_presented(request.headers)
    {
        return by_bearer_token(shared, service, request, peer).await.map(|identity| (identity, None));
    }
    let scope = sigv4::scope_hint(request).map(|scope| scope.service);
    let signing_name =
        scope.as_deref().filter(|name| operation.is_signed_as(name)).unwrap_or(operation.service.signing_name);
    match verify(shared, signing_name, request, body).await {
        Ok(Some((identity, verified))) => Ok((identity, Some(verified))),
        outcome => {
            let refusal = outcome.err().unwrap_or(Refusal::NoCredentials);
            tracing::debug!(?refusal, "not authenticated");
            Err(ServiceError { status: 401, ..refusal.into_error(ErrorFamily::RestJson) })
        }
    }
}

async fn by_basic(shared: &Shared, request: &SignedRequest<'_>, peer: &Peer) -> Result<Identity, ServiceError> {
    if !is_unheard(peer) {
        return Err(refused("HTTP Basic is accepted over TLS, or from this machine; sign the request otherwise."));
    }
    let presented = basic::read(request.headers);
    let presented = presented.ok_or_else(|| refused("The Authorization header is not valid HTTP Basic."))?;
    let credential = shared.ports.credentials.find(&presented.access_key_id).await;
    let right = presented.is_right(credential.as_ref(), shared.ports.clock.now());
    match credential {
        Some(credential) if right => Ok(Identity {
            account: credential.account,
            region: shared.config.region.clone(),
            principal: credential.principal,
            access_key_id: Some(presented.access_key_id.into()),
            proof: Proof::AccessKey,
        }),
        _ => Err(refused("The access key id or the secret access key is wrong.")),
    }
}

/// Whom a bearer token stands for, at an operation that takes those of this service (I-2). It is of no Region.
async fn by_bearer_token(
    shared: &Shared,
    service: &str,
    request: &SignedRequest<'_>,
    peer: &Peer,
) -> Result<Identity, ServiceError> {
    if !is_unheard(peer) {
        return Err(refused("Bearer tokens are accepted over TLS, or from this machine; sign the request otherwise."));
    }
    let token = bearer::read(request.headers);
    let token = token.ok_or_else(|| refused("The Authorization header is not a valid bearer token."))?;
    match shared.ports.bearer_tokens.find(service, token).await {
        Ok(holder) => Ok(Identity {
            account: holder.account,
            region: shared.config.region.clone(),
            principal: holder.principal,
            access_key_id: Some(holder.credential_id.into()),
            proof: Proof::BearerToken,
        }),
        Err(BearerTokenError::Invalid) => Err(refused("The bearer token included in the request is invalid.")),
        Err(BearerTokenError::Expired) => {
            let message = "The bearer token included in the request is expired.";
            Err(ServiceError::common("ExpiredTokenException", "ExpiredToken", 401, message))
        }
    }
}

fn refused(message: &str) -> ServiceError {
    ServiceError::common("UnrecognizedClientException", "InvalidClientTokenId", 401, message)
}

/// Whether nobody on the way hears a secret that this peer tells.
fn is_unheard(peer: &Peer) -> bool {
    peer.tls.is_some() || peer.address.ip().to_canonical().is_loopback()
}

/// Verifies a request's signature; `Ok(None)` if it has none.
async fn verify(
    shared: &Shared,
    signing_name: &str,
    request: &SignedRequest<'_>,
    body: SignedBody<'_>,
) -> Result<Option<(Identity, Verified)>, Refusal> {
    let Some(presented) = sigv4::read(request)? else { return Ok(None) };
    let now = shared.ports.clock.now();
    let expected = Expected { service: signing_name, now };
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
        proof: Proof::AccessKey,
    };
    Ok(Some((identity, verified)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_over_tls_or_from_this_machine() {
        let tls = || Some(("TLSv1.3".to_owned(), "TLS_AES_128_GCM_SHA256".to_owned()));
        for (address, tls, unheard) in [
            ("127.0.0.1:50000", None, true),
            ("[::1]:50000", None, true),
            ("[::ffff:127.0.0.1]:50000", None, true),
            ("10.0.0.4:50000", None, false),
            ("[::ffff:10.0.0.4]:50000", None, false),
            ("10.0.0.4:50000", tls(), true),
        ] {
            assert_eq!(is_unheard(&Peer { address: address.parse().unwrap(), tls }), unheard, "{address}");
        }
    }
}
