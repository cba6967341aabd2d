//! Keys of owners, and a master key, for tests: they lock and open, and keep nothing secret.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use watchkeep_core::ports::{DataKey, DataKeyError, DataKeys, EncryptionContext, SealingError, SecretSealing};
use watchkeep_core::{AccountId, BoxFuture, Random, Region, SecretBytes, SeededRandom};

/// Keys that can be disabled. What they wrap is hidden, not safe.
#[derive(Debug)]
pub struct Owners {
    random: SeededRandom,
    disabled: Mutex<HashSet<String>>,
    deleted: Mutex<HashSet<String>>,
}

impl Owners {
    pub fn new() -> Arc<Owners> {
        Arc::new(Owners { random: SeededRandom::new(99), disabled: Mutex::default(), deleted: Mutex::default() })
    }

    pub fn disable(&self, key: &str) {
        self.disabled.lock().unwrap().insert(key.to_owned());
    }

    pub fn enable(&self, key: &str) {
        self.disabled.lock().unwrap().remove(key);
    }

    pub fn delete(&self, key: &str) {
        self.deleted.lock().unwrap().insert(key.to_owned());
    }

    fn check(&self, key: &str) -> Result<(), DataKeyError> {
        if self.deleted.lock().unwrap().contains(key) {
            return Err(DataKeyError::NotFound(key.to_owned()));
        }
        match self.disabled.lock().unwrap().contains(key) {
            true => Err(DataKeyError::Disabled(key.to_owned())),
            false => Ok(()),
        }
    }
}

fn hide(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0x5a).collect()
}

impl DataKeys for Owners {
    fn find<'a>(&'a self, _: (AccountId, &'a Region), key: &'a str) -> BoxFuture<'a, Result<String, DataKeyError>> {
        Box::pin(async move { self.check(key).map(|()| key.to_owned()) })
    }

    fn generate<'a>(
        &'a self,
        key: &'a str,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<DataKey, DataKeyError>> {
        Box::pin(async move {
            self.check(key)?;
            let mut plaintext = vec![0; 32];
            self.random.fill(&mut plaintext);
            let wrapped = [format!("{key} {context:?} ").as_bytes(), &hide(&plaintext)].concat();
            Ok(DataKey { plaintext: SecretBytes::from(plaintext), wrapped })
        })
    }

    fn unwrap<'a>(
        &'a self,
        key: &'a str,
        context: &'a EncryptionContext,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretBytes, DataKeyError>> {
        Box::pin(async move {
            self.check(key)?;
            let hidden = wrapped.strip_prefix(format!("{key} {context:?} ").as_bytes());
            hidden.map(|hidden| SecretBytes::from(hide(hidden))).ok_or(DataKeyError::Unopenable)
        })
    }
}

/// A master key of that kind.
pub struct Master;

impl SecretSealing for Master {
    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, SealingError> {
        let hidden: String = hide(secret).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{purpose} {hidden}"))
    }

    fn open(&self, purpose: &str, sealed: &str) -> Result<SecretBytes, SealingError> {
        let hidden = sealed.strip_prefix(purpose).and_then(|rest| rest.strip_prefix(' '));
        let hidden = hidden.ok_or(SealingError::Unopenable)?;
        let byte = |at: usize| u8::from_str_radix(&hidden[at..at + 2], 16).unwrap();
        Ok(SecretBytes::from(hide(&(0..hidden.len()).step_by(2).map(byte).collect::<Vec<_>>())))
    }
}
