//! Signing keys, derived once a day per key, Region and service.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::limits::CACHED_KEYS_MAX;

/// A signing key, ready to sign.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// The key of this secret for a day (`20260115`), a Region and a service's signing name.
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let mut first = Vec::with_capacity(4 + secret.len());
        first.extend(b"AWS4");
        first.extend(secret.as_bytes());
        let mut key = hmac(&first, date.as_bytes());
        for part in [region, service, "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        SigningKey(keyed(&key))
    }

    /// The signature of a text, in lower-case hex.
    pub fn sign(&self, text: &[u8]) -> String {
        hex::encode(self.clone().0.chain_update(text).finalize().into_bytes())
    }

    /// Whether `signature` is that of the text; takes as long for a wrong one as for a right one.
    pub fn verify(&self, text: &[u8], signature: &str) -> bool {
        self.sign(text).as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

/// The keys of today's callers. Deriving one costs four HMACs, more than the rest of a verification.
#[derive(Default)]
pub struct KeyCache {
    hasher: RandomState,
    /// By the hash of the entry's identity, which the entry repeats, so that a look-up allocates nothing.
    entries: Mutex<HashMap<u64, Entry>>,
}

struct Entry {
    access_key_id: String,
    secret: String,
    date: String,
    region: String,
    service: String,
    key: SigningKey,
}

impl KeyCache {
    /// The signing key, derived now or earlier.
    pub fn get(&self, access_key_id: &str, secret: &str, date: &str, region: &str, service: &str) -> SigningKey {
        let hash = self.hasher.hash_one((access_key_id, date, region, service));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&hash)
            && (&*entry.access_key_id, &*entry.date, &*entry.region, &*entry.service)
                == (access_key_id, date, region, service)
            && bool::from(entry.secret.as_bytes().ct_eq(secret.as_bytes()))
        {
            return entry.key.clone();
        }
        let key = SigningKey::derive(secret, date, region, service);
        if entries.len() >= CACHED_KEYS_MAX {
            // Yesterday's keys go this way too; the callers of today are derived anew.
            entries.clear();
        }
        let entry = Entry {
            access_key_id: access_key_id.into(),
            secret: secret.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
            key: key.clone(),
        };
        entries.insert(hash, entry);
        key
    }
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyCache")
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(text).finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so the second arm is never taken.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "notarealsecret/watchkeep+0123456789ABCDEF";

    #[test]
    fn derives_the_published_key() {
        let mut key = hmac(format!("AWS4{SECRET}").as_bytes(), b"20260115");
        for part in ["us-east-1", "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        assert_eq!(hex::encode(key), "13f92b21a8a0f8414cad55afd29055265a1be726a3c0a353c10293cca7e8be80");
        let derived = SigningKey::derive(SECRET, "20260115", "us-east-1", "s3");
        assert_eq!(derived.sign(b"text"), hex::encode(hmac(&key, b"text")));
    }

    #[test]
    fn the_cache_tells_keys_apart_and_stays_small() {
        let cache = KeyCache::default();
        let first = cache.get("A", "secret", "20260115", "r", "logs").sign(b"x");
        assert_eq!(cache.get("A", "secret", "20260115", "r", "logs").sign(b"x"), first);
        for (key, secret, date, region, service) in [
            ("A", "changed", "20260115", "r", "logs"),
            ("A", "secret", "20260116", "r", "logs"),
            ("A", "secret", "20260115", "q", "logs"),
            ("A", "secret", "20260115", "r", "s3"),
        ] {
            assert_ne!(cache.get(key, secret, date, region, service).sign(b"x"), first);
        }
        for index in 0..CACHED_KEYS_MAX + 10 {
            cache.get(&index.to_string(), "s", "d", "r", "s");
        }
        assert!(cache.entries.lock().unwrap().len() <= CACHED_KEYS_MAX);
    }
}
