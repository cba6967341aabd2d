//! Whom bearer tokens stand for.

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{BearerTokenError, BearerTokens, TokenHolder};

use crate::resources::{Status, account_of, credential_key};
use crate::{Identity, token, users};

impl BearerTokens for Identity {
    fn find<'a>(&'a self, service: &'a str, token: &'a str) -> BoxFuture<'a, Result<TokenHolder, BearerTokenError>> {
        Box::pin(std::future::ready(self.holder(service, token)))
    }
}

impl Identity {
    fn holder(&self, service: &str, token: &str) -> Result<TokenHolder, BearerTokenError> {
        let alias = token::alias(token);
        let account = alias.as_deref().and_then(account_of);
        let key = account.zip(alias).map(|(account, alias)| credential_key(account, service, &alias));
        let credential = key.and_then(|key| self.credentials.get(&key));
        let is_right = token::is_of(token, credential.as_ref().map(|credential| credential.token_sha256.as_str()));
        let credential = credential.filter(|_| is_right).ok_or(BearerTokenError::Invalid)?;
        match credential.status(self.clock.now()) {
            Status::Active => {}
            Status::Inactive => return Err(BearerTokenError::Invalid),
            Status::Expired => return Err(BearerTokenError::Expired),
        }
        Ok(TokenHolder {
            account: credential.key.account,
            principal: users::principal(&credential.user).ok_or(BearerTokenError::Invalid)?,
            credential_id: credential.id.clone(),
        })
    }
}
