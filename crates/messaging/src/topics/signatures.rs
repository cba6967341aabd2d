//! Signatures of late. What is signed is the same for all subscriptions that get the same text, and signing is what costs most of a
//! delivery.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::limits::SIGNATURES_MAX;
use super::resources::SignatureVersion;
use super::signing::Signer;

/// The signatures of the newest messages.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_message: HashMap<Key, Vec<Signed>>,
    order: VecDeque<Key>,
}

/// A message's number, and how it is signed.
type Key = (u64, SignatureVersion);

/// A text and its signature.
type Signed = (Arc<str>, String);

impl Signatures {
    /// The signature of this text, which is what is signed of the message with this number.
    ///
    /// # Errors
    ///
    /// It cannot be signed.
    pub(crate) async fn of(
        &self,
        seq: u64,
        version: SignatureVersion,
        text: String,
        signer: Arc<Signer>,
    ) -> Result<String, String> {
        if let Some(known) = self.find(seq, version, &text) {
            return Ok(known);
        }
        let text: Arc<str> = text.into();
        let signed = text.clone();
        // It takes some milliseconds, in which others may do something else.
        let signing = tokio::task::spawn_blocking(move || signer.sign(version, &signed)).await;
        let signature = signing.map_err(|error| error.to_string())??;
        self.add(seq, version, text, signature.clone());
        Ok(signature)
    }

    fn find(&self, seq: u64, version: SignatureVersion, text: &str) -> Option<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let known = inner.by_message.get(&(seq, version))?;
        known.iter().find(|(signed, _)| **signed == *text).map(|(_, signature)| signature.clone())
    }

    fn add(&self, seq: u64, version: SignatureVersion, text: Arc<str>, signature: String) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (seq, version);
        if !inner.by_message.contains_key(&key) {
            inner.order.push_back(key);
        }
        // As many as there are protocols with a text of their own.
        inner.by_message.entry(key).or_default().push((text, signature));
        while inner.order.len() > SIGNATURES_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.by_message.remove(&oldest);
        }
    }
}
