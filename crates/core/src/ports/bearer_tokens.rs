//! Bearer tokens: secrets that prove a caller by themselves, without a signature.

use crate::{AccountId, BoxFuture, Principal};

/// Whom a bearer token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHolder {
    /// The account that the token belongs to.
    pub account: AccountId,
    /// Who calls with it.
    pub principal: Principal,
    /// The public id of the credential, `ACCA...`.
    pub credential_id: String,
}

/// Why a bearer token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerTokenError {
    /// It is unknown, was replaced or deleted, is inactive, or is for another service.
    #[error("the bearer token is invalid")]
    Invalid,
    /// It was right, and its time is over.
    #[error("the bearer token is expired")]
    Expired,
}

/// Finds out whom bearer tokens stand for. IAM's side of calls that are not signed.
pub trait BearerTokens: Send + Sync {
    /// Whom this token stands for with this service, by its service principal (`logs.amazonaws.com`).
    fn find<'a>(&'a self, service: &'a str, token: &'a str) -> BoxFuture<'a, Result<TokenHolder, BearerTokenError>>;
}

/// There are no tokens.
#[derive(Debug, Clone, Copy)]
pub struct NoBearerTokens;

impl BearerTokens for NoBearerTokens {
    fn find<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<TokenHolder, BearerTokenError>> {
        Box::pin(std::future::ready(Err(BearerTokenError::Invalid)))
    }
}
