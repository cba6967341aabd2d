//! The service on a store of its own, on a clock that stands still.

mod aliases;
mod data_keys;
mod encryption;
mod grants;
mod identifiers;
mod keys;
mod lifetime;
mod macs;
mod policies;
mod rotation;
mod states;
mod tags;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchkeep_core::ports::{SealingError, SecretSealing, ServiceEvent, ServiceEvents};
use watchkeep_core::{AccountId, BoxFuture, Caller, ManualClock, Principal, SecretBytes, SeededRandom, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    CreateAliasRequest, CreateKeyRequest, DecryptRequest, DescribeKeyRequest, EncryptRequest, KeyMetadata,
};
use watchkeep_store::{Store, StoreConfig};

use crate::Keys;

/// 2023-11-14T22:13:20Z.
pub(super) const NOW: i64 = 1_700_000_000_000;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// Seals by a rule that anybody can undo, but binds the purpose as the real one does.
struct Seals;

impl SecretSealing for Seals {
    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, SealingError> {
        let hidden: Vec<u8> = secret.iter().map(|byte| byte ^ 0x55).collect();
        Ok(format!("{purpose}={}", hex::encode(hidden)))
    }

    fn open(&self, purpose: &str, sealed: &str) -> Result<SecretBytes, SealingError> {
        let hidden = sealed.strip_prefix(purpose).and_then(|rest| rest.strip_prefix('='));
        let hidden = hidden.and_then(|hidden| hex::decode(hidden).ok()).ok_or(SealingError::Unopenable)?;
        Ok(hidden.iter().map(|byte| byte ^ 0x55).collect::<Vec<u8>>().into())
    }
}

/// Remembers what happened, each with the kind of rotation if it is one.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<ServiceEvent>>);

impl Heard {
    /// What happened to a key.
    pub(super) fn of(&self, key_id: &str) -> Vec<String> {
        let heard = self.0.lock().unwrap();
        let of_key = heard.iter().filter(|event| event.resource_arn == arn(key_id));
        let told = |event: &ServiceEvent| {
            assert_eq!(event.details["keyId"], key_id);
            match event.details.get("rotationType") {
                Some(cause) => format!("{} {}", event.name, cause.as_str().unwrap()),
                None => event.name.to_owned(),
            }
        };
        of_key.map(told).collect()
    }
}

impl ServiceEvents for Heard {
    fn happened(&self, event: ServiceEvent) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(event);
        Box::pin(std::future::ready(()))
    }
}

/// An open service.
pub(super) struct Fixture {
    pub keys: Arc<Keys>,
    pub store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub caller: Caller,
    pub heard: Arc<Heard>,
    random: Arc<SeededRandom>,
    directory: Arc<tempfile::TempDir>,
}

impl Fixture {
    pub(super) async fn new() -> Fixture {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::new(TimestampMs(NOW)));
        Fixture::open(directory, clock, Arc::new(SeededRandom::new(1))).await
    }

    async fn open(directory: Arc<tempfile::TempDir>, clock: Arc<ManualClock>, random: Arc<SeededRandom>) -> Fixture {
        let config = StoreConfig::small(directory.path());
        let store = Store::open(config, &[], clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        let heard = Arc::new(Heard::default());
        let keys = Keys::open(&store, clock.clone(), random.clone(), Arc::new(Seals), heard.clone()).await.unwrap();
        Fixture { keys, store, clock, caller: caller(), heard, random, directory }
    }

    /// The same data, opened again as after a crash.
    pub(super) async fn reopen(self) -> Fixture {
        let Fixture { keys, store, clock, random, directory, .. } = self;
        drop(keys);
        assert_eq!(Arc::strong_count(&store), 1, "nobody holds the store");
        drop(store);
        Fixture::open(directory, clock, random).await
    }

    /// A new key for encryption; its id.
    pub(super) async fn key(&self) -> String {
        self.create(CreateKeyRequest::default()).await.unwrap().key_id
    }

    /// A new key for HMAC; its id.
    pub(super) async fn hmac_key(&self, spec: &str) -> String {
        let input = CreateKeyRequest {
            key_spec: Some(spec.into()),
            key_usage: Some("GENERATE_VERIFY_MAC".into()),
            ..Default::default()
        };
        self.create(input).await.unwrap().key_id
    }

    pub(super) async fn create(&self, input: CreateKeyRequest) -> Result<KeyMetadata, ServiceError> {
        let created = crate::create_key::create_key(&self.keys, &self.caller, input).await?;
        Ok(created.key_metadata.unwrap())
    }

    pub(super) async fn describe(&self, key_id: &str) -> Result<KeyMetadata, ServiceError> {
        let input = DescribeKeyRequest { key_id: key_id.into(), ..Default::default() };
        let described = crate::keys::describe_key(&self.keys, &self.caller, input).await?;
        Ok(described.key_metadata.unwrap())
    }

    pub(super) async fn alias(&self, name: &str, target: &str) -> Result<(), ServiceError> {
        let input = CreateAliasRequest { alias_name: name.into(), target_key_id: target.into() };
        crate::aliases::create_alias(&self.keys, &self.caller, input).await.map(drop)
    }

    pub(super) async fn encrypt(&self, key_id: &str, plaintext: &str) -> Result<Vec<u8>, ServiceError> {
        self.encrypt_in(key_id, plaintext, &[]).await
    }

    pub(super) async fn encrypt_in(
        &self,
        key_id: &str,
        plaintext: &str,
        pairs: &[(&str, &str)],
    ) -> Result<Vec<u8>, ServiceError> {
        let input = EncryptRequest {
            key_id: key_id.into(),
            plaintext: plaintext.into(),
            encryption_context: Some(context(pairs)),
            ..Default::default()
        };
        let encrypted = crate::encrypt::encrypt(&self.keys, &self.caller, input).await?;
        Ok(encrypted.ciphertext_blob.unwrap())
    }

    pub(super) async fn decrypt(&self, blob: &[u8]) -> Result<String, ServiceError> {
        self.decrypt_with(DecryptRequest { ciphertext_blob: Some(blob.to_vec()), ..Default::default() }).await
    }

    pub(super) async fn decrypt_with(&self, input: DecryptRequest) -> Result<String, ServiceError> {
        let decrypted = crate::encrypt::decrypt(&self.keys, &self.caller, input).await?;
        Ok(String::from_utf8(decrypted.plaintext.unwrap()).unwrap())
    }

    /// Time passes, and the work in the background is done.
    pub(super) async fn days_pass(&self, days: u32) {
        self.clock.advance(DAY * days);
        self.keys.do_what_is_due().await;
    }
}

pub(super) fn context(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn arn(key_id: &str) -> String {
    format!("arn:aws:kms:us-east-1:000000000000:key/{key_id}")
}

/// The code and text of an error.
pub(super) fn error<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.err().map(|error| error.to_string()).unwrap_or_default()
}

/// The code of an error.
pub(super) fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.err().map(|error| error.code.to_string()).unwrap_or_default()
}
