//! The service on a store of its own, on a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::ports::{BearerTokenError, BearerTokens as _, TokenHolder};
use watchkeep_core::{AccountId, Caller, ManualClock, Principal, SeededRandom, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::iam::{
    CreateServiceSpecificCredentialRequest, DeleteServiceSpecificCredentialRequest,
    ListServiceSpecificCredentialsRequest, ResetServiceSpecificCredentialRequest, ServiceSpecificCredential,
    UpdateServiceSpecificCredentialRequest,
};
use watchkeep_store::{Store, StoreConfig};

use crate::Identity;
use crate::service_specific_credentials::{
    create_service_specific_credential, delete_service_specific_credential, list_service_specific_credentials,
    reset_service_specific_credential, update_service_specific_credential,
};

/// 2023-11-14T22:13:20Z.
const NOW: i64 = 1_700_000_000_000;

const LOGS: &str = "logs.amazonaws.com";

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Fixture {
    identity: Arc<Identity>,
    store: Arc<Store>,
    clock: Arc<ManualClock>,
    caller: Caller,
    random: Arc<SeededRandom>,
    directory: Arc<tempfile::TempDir>,
}

impl Fixture {
    async fn new() -> Fixture {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::new(TimestampMs(NOW)));
        Fixture::open(directory, clock, Arc::new(SeededRandom::new(1))).await
    }

    async fn open(directory: Arc<tempfile::TempDir>, clock: Arc<ManualClock>, random: Arc<SeededRandom>) -> Fixture {
        let config = StoreConfig::small(directory.path());
        let store = Store::open(config, &[], clock.clone(), random.clone(), |error| panic!("{error}")).await.unwrap();
        let identity = Identity::open(&store, clock.clone(), random.clone()).await.unwrap();
        let mut caller = Caller::service("-", AccountId::DEFAULT, Default::default());
        caller.principal = Principal::Root;
        Fixture { identity, store, clock, caller, random, directory }
    }

    /// The same data, opened again as after a crash.
    async fn reopen(self) -> Fixture {
        let Fixture { identity, store, clock, random, directory, .. } = self;
        drop((identity, store));
        Fixture::open(directory, clock, random).await
    }

    async fn create(
        &self,
        user: &str,
        service: &str,
        days: Option<i32>,
    ) -> Result<ServiceSpecificCredential, ServiceError> {
        let input = CreateServiceSpecificCredentialRequest {
            user_name: user.into(),
            service_name: service.into(),
            credential_age_days: days,
        };
        let created = create_service_specific_credential(&self.identity, &self.caller, input).await?;
        Ok(created.service_specific_credential.unwrap())
    }

    async fn set_status(&self, id: &str, status: &str) -> Result<(), ServiceError> {
        let input = UpdateServiceSpecificCredentialRequest {
            user_name: None,
            service_specific_credential_id: id.into(),
            status: status.into(),
        };
        update_service_specific_credential(&self.identity, &self.caller, input).await.map(drop)
    }

    async fn delete(&self, user: Option<&str>, id: &str) -> Result<(), ServiceError> {
        let input = DeleteServiceSpecificCredentialRequest {
            user_name: user.map(str::to_owned),
            service_specific_credential_id: id.into(),
        };
        delete_service_specific_credential(&self.identity, &self.caller, input).await.map(drop)
    }

    /// The ids and statuses of a list.
    async fn list(&self, input: ListServiceSpecificCredentialsRequest) -> Result<Vec<(String, String)>, ServiceError> {
        let listed = list_service_specific_credentials(&self.identity, &self.caller, input).await?;
        let listed = listed.service_specific_credentials.unwrap().into_iter();
        Ok(listed.map(|entry| (entry.service_specific_credential_id, entry.status)).collect())
    }

    async fn holder(&self, token: &str) -> Result<TokenHolder, BearerTokenError> {
        self.identity.find(LOGS, token).await
    }
}

fn code<T>(outcome: Result<T, ServiceError>) -> String {
    outcome.err().map(|error| error.query_code.to_string()).unwrap_or_default()
}

fn secret(credential: &ServiceSpecificCredential) -> &str {
    credential.service_credential_secret.as_deref().unwrap()
}

#[tokio::test]
async fn a_token_stands_for_its_user_until_it_expires() {
    let fixture = Fixture::new().await;
    let created = fixture.create("root", LOGS, Some(30)).await.unwrap();
    assert_eq!(created.expiration_date.map(|date| date.0), Some(NOW + 30 * DAY.as_millis() as i64));
    assert_eq!(created.service_credential_alias.as_deref(), Some("root-at-000000000000"));
    assert!(created.service_password.is_none() && created.service_user_name.is_none());
    let id = created.service_specific_credential_id.clone();
    let holder = TokenHolder { account: AccountId::DEFAULT, principal: Principal::Root, credential_id: id.clone() };
    assert_eq!(fixture.holder(secret(&created)).await, Ok(holder.clone()));
    // It is good for its service alone.
    assert_eq!(
        fixture.identity.find("monitoring.amazonaws.com", secret(&created)).await,
        Err(BearerTokenError::Invalid)
    );
    let altered = secret(&created).replace('=', "") + "AAAA";
    for other in [secret(&created).to_lowercase().as_str(), altered.as_str(), "", "ACWL"] {
        assert_eq!(fixture.holder(other).await, Err(BearerTokenError::Invalid), "{other}");
    }
    let fixture = fixture.reopen().await;
    fixture.clock.advance(DAY * 30 - Duration::from_millis(1));
    assert_eq!(fixture.holder(secret(&created)).await, Ok(holder));
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(fixture.holder(secret(&created)).await, Err(BearerTokenError::Expired));
    assert_eq!(fixture.list(Default::default()).await.unwrap(), [(id.clone(), "Expired".to_owned())]);
    // What has expired is not switched on again.
    fixture.set_status(&id, "Active").await.unwrap();
    assert_eq!(fixture.holder(secret(&created)).await, Err(BearerTokenError::Expired));
}

#[tokio::test]
async fn credentials_are_switched_off_reset_and_deleted() {
    let fixture = Fixture::new().await;
    let first = fixture.create("root", LOGS, None).await.unwrap();
    let id = first.service_specific_credential_id.clone();
    fixture.set_status(&id, "Inactive").await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.holder(secret(&first)).await, Err(BearerTokenError::Invalid));
    fixture.set_status(&id, "Active").await.unwrap();
    assert!(fixture.holder(secret(&first)).await.is_ok());
    assert_eq!(code(fixture.set_status(&id, "Expired").await), "ValidationError");

    let input = ResetServiceSpecificCredentialRequest {
        user_name: Some("root".into()),
        service_specific_credential_id: id.clone(),
    };
    let reset = reset_service_specific_credential(&fixture.identity, &fixture.caller, input).await.unwrap();
    let reset = reset.service_specific_credential.unwrap();
    assert_eq!(reset.service_specific_credential_id, id);
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.holder(secret(&first)).await, Err(BearerTokenError::Invalid));
    assert!(fixture.holder(secret(&reset)).await.is_ok());

    fixture.delete(None, &id).await.unwrap();
    assert_eq!(fixture.holder(secret(&reset)).await, Err(BearerTokenError::Invalid));
    assert_eq!(code(fixture.delete(None, &id).await), "NoSuchEntity");
    // The next has the same alias, and another token.
    let next = fixture.create("root", LOGS, None).await.unwrap();
    assert_eq!(next.service_credential_alias, first.service_credential_alias);
    assert_eq!(fixture.holder(secret(&reset)).await, Err(BearerTokenError::Invalid));
}

#[tokio::test]
async fn a_user_has_two_for_a_service() {
    let fixture = Fixture::new().await;
    let (one, two) = tokio::join!(fixture.create("root", LOGS, None), fixture.create("root", LOGS, Some(1)));
    let (one, two) = (one.unwrap(), two.unwrap());
    let aliases = [&one, &two].map(|created| created.service_credential_alias.as_deref().unwrap());
    assert_eq!(aliases, ["root-at-000000000000", "root+1-at-000000000000"]);
    assert!(fixture.holder(secret(&one)).await.is_ok() && fixture.holder(secret(&two)).await.is_ok());
    assert_eq!(code(fixture.create("root", LOGS, None).await), "LimitExceeded");
    // One that has expired is one of the two all the same.
    fixture.clock.advance(DAY);
    assert_eq!(code(fixture.create("root", LOGS, None).await), "LimitExceeded");

    let first_page = ListServiceSpecificCredentialsRequest { max_items: Some(1), ..Default::default() };
    let page = list_service_specific_credentials(&fixture.identity, &fixture.caller, first_page).await.unwrap();
    assert_eq!((page.is_truncated, page.service_specific_credentials.map(|page| page.len())), (Some(true), Some(1)));
    let rest = ListServiceSpecificCredentialsRequest { marker: page.marker, ..Default::default() };
    let page = list_service_specific_credentials(&fixture.identity, &fixture.caller, rest).await.unwrap();
    assert_eq!((page.is_truncated, page.service_specific_credentials.map(|page| page.len())), (Some(false), Some(1)));
    let all = ListServiceSpecificCredentialsRequest {
        all_users: Some(true),
        service_name: Some(LOGS.into()),
        ..Default::default()
    };
    assert_eq!(fixture.list(all).await.unwrap().len(), 2);
    fixture.delete(Some("root"), &one.service_specific_credential_id).await.unwrap();
    assert!(fixture.create("root", LOGS, None).await.is_ok());
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let fixture = Fixture::new().await;
    let id = fixture.create("root", LOGS, None).await.unwrap().service_specific_credential_id;
    assert_eq!(code(fixture.create("alice", LOGS, None).await), "NoSuchEntity");
    assert_eq!(code(fixture.create("root", "codecommit.amazonaws.com", None).await), "NotSupportedService");
    assert_eq!(code(fixture.delete(Some("alice"), &id).await), "NoSuchEntity");
    let list = |user: Option<&str>, service: Option<&str>, all_users| ListServiceSpecificCredentialsRequest {
        user_name: user.map(str::to_owned),
        service_name: service.map(str::to_owned),
        all_users,
        ..Default::default()
    };
    for (input, expected) in [
        (list(Some("alice"), None, None), "NoSuchEntity"),
        (list(None, Some("bedrock.amazonaws.com"), None), "NotSupportedService"),
        (list(Some("root"), None, Some(true)), "ValidationError"),
        (list(Some("root"), Some(LOGS), Some(false)), ""),
    ] {
        assert_eq!(code(fixture.list(input).await), expected);
    }
    let other =
        Fixture { caller: Caller { account: "111122223333".parse().unwrap(), ..fixture.caller.clone() }, ..fixture };
    assert_eq!(code(other.delete(None, &id).await), "NoSuchEntity");
    assert!(other.list(Default::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn tokens_are_nowhere_on_disk() {
    let fixture = Fixture::new().await;
    let created = fixture.create("root", LOGS, None).await.unwrap();
    fixture.store.close().await;
    let secret = secret(&created).as_bytes();
    let files: Vec<_> = walk(fixture.directory.path());
    assert!(!files.is_empty());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
    }
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
