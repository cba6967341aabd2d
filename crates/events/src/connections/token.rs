//! Tokens of OAuth: client credentials are exchanged for one, which is kept in memory until it expires or is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use watchkeep_delivery::{ApiCall, CallError};

use super::auth::{OAuth, Scheme};
use crate::core::Core;
use crate::limits::{API_CALL_TIME, TOKEN_EARLY_MS, TOKENS_MAX};
use crate::resources::ConnectionDocument;
use crate::url::{encoded, with_query};

/// The tokens in memory, by the ids of connections.
#[derive(Default)]
pub(crate) struct Tokens {
    of_connections: Mutex<HashMap<String, Token>>,
}

struct Token {
    changes: u64,
    text: Arc<str>,
    expires_ms: i64,
}

/// Why there is no token. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoToken {
    /// The secret is gone, or cannot be opened.
    #[error("the connection has no secret")]
    NoSecret,
    /// The endpoint could not be called.
    #[error("the authorization endpoint: {0}")]
    Call(CallError),
    /// It answered with this status.
    #[error("the authorization endpoint answered {0}")]
    Status(u16),
    /// The answer holds no token.
    #[error("the authorization endpoint answered without an access_token")]
    NoAnswer,
}

impl Tokens {
    /// Forgets the token of a connection.
    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Token>> {
        self.of_connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// The token of a connection: the one at hand, or a new one.
    pub(crate) async fn token(&self, document: &ConnectionDocument) -> Result<Arc<str>, NoToken> {
        let now_ms = self.clock.now().0;
        let known = self.tokens.lock().get(&document.id).and_then(|token| {
            let is_good = token.changes == document.changes && now_ms < token.expires_ms;
            is_good.then(|| token.text.clone())
        });
        match known {
            Some(token) => Ok(token),
            None => self.fetch_token(document).await,
        }
    }

    /// A new token of a connection.
    pub(crate) async fn fetch_token(&self, document: &ConnectionDocument) -> Result<Arc<str>, NoToken> {
        let auth = self.secrets(document).map_err(|_| NoToken::NoSecret)?;
        let Scheme::OAuth(o_auth) = auth.scheme else { return Err(NoToken::NoSecret) };
        let asked_ms = self.clock.now().0;
        let answer = self.ports.webhooks.call(request(&o_auth)).await.map_err(NoToken::Call)?;
        if !(200..300).contains(&answer.status) {
            return Err(NoToken::Status(answer.status));
        }
        let answer: Value = serde_json::from_slice(&answer.body).map_err(|_| NoToken::NoAnswer)?;
        let text: Arc<str> = answer.get("access_token").and_then(Value::as_str).ok_or(NoToken::NoAnswer)?.into();
        let seconds = answer.get("expires_in").and_then(|seconds| {
            // Some servers write it as a text.
            seconds.as_i64().or_else(|| seconds.as_str()?.parse().ok())
        });
        let expires_ms = seconds.map_or(i64::MAX, |seconds| {
            asked_ms.saturating_add(seconds.saturating_mul(1_000)).saturating_sub(TOKEN_EARLY_MS)
        });
        let mut tokens = self.tokens.lock();
        if tokens.len() >= TOKENS_MAX {
            tokens.clear();
        }
        let token = Token { changes: document.changes, text: text.clone(), expires_ms };
        tokens.insert(document.id.clone(), token);
        Ok(text)
    }
}

fn request(o_auth: &OAuth) -> ApiCall {
    let own = [
        ("grant_type", "client_credentials"),
        ("client_id", &o_auth.client_id),
        ("client_secret", &o_auth.client_secret),
    ];
    let added = o_auth.added.body.iter().map(|one| (one.key.as_str(), one.value.as_str()));
    let kept = own.iter().copied().filter(|(name, _)| !o_auth.added.body.iter().any(|one| one.key == *name));
    let form: Vec<(&str, &str)> = kept.chain(added).collect();
    let text = form.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
    let text = text.collect::<Vec<_>>().join("&");
    let query = o_auth.added.query.iter().map(|one| (one.key.clone(), one.value.clone()));
    let mut headers = vec![
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("accept".to_owned(), "application/json".to_owned()),
    ];
    headers.extend(o_auth.added.headers.iter().map(|one| (one.key.clone(), one.value.clone())));
    ApiCall {
        method: o_auth.method.clone(),
        url: with_query(&o_auth.endpoint, query),
        headers,
        body: text.into(),
        time: API_CALL_TIME,
    }
}
