//! Log groups under KMS keys.

use std::path::{Path, PathBuf};

use watchkeep_core::ports::EncryptionContext;
use watchkeep_model::logs::{
    AssociateKmsKeyRequest, CreateLookupTableRequest, DescribeLogGroupsRequest, DisassociateKmsKeyRequest,
    StartQueryRequest,
};

use super::*;
use crate::LOG_EVENTS;

const RED: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-1111-1111-1111-111111111111";
const BLUE: &str = "arn:aws:kms:us-east-1:000000000000:key/22222222-2222-2222-2222-222222222222";
const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g";
const RESULTS: &str = "arn:aws:logs:us-east-1:000000000000:query-result:*";

/// How long a key is trusted, and a little more.
const TRUST_MS: i64 = 61_000;

/// What a group or an identifier names.
#[derive(Clone, Copy)]
pub(super) enum Of<'t> {
    Group(&'t str),
    Resource(&'t str),
}

impl Of<'_> {
    fn parts(self) -> (Option<String>, Option<String>) {
        match self {
            Of::Group(name) => (Some(name.to_owned()), None),
            Of::Resource(arn) => (None, Some(arn.to_owned())),
        }
    }
}

impl Fixture {
    pub(super) async fn associate(&self, of: Of<'_>, key: &str) -> Result<Unit, ServiceError> {
        let (log_group_name, resource_identifier) = of.parts();
        let input = AssociateKmsKeyRequest { log_group_name, resource_identifier, kms_key_id: key.into() };
        crate::kms_keys::associate_kms_key(&self.logs, &self.caller, input).await
    }

    pub(super) async fn disassociate(&self, of: Of<'_>) -> Result<Unit, ServiceError> {
        let (log_group_name, resource_identifier) = of.parts();
        let input = DisassociateKmsKeyRequest { log_group_name, resource_identifier };
        crate::kms_keys::disassociate_kms_key(&self.logs, &self.caller, input).await
    }

    async fn kms_key(&self) -> Option<String> {
        let input = DescribeLogGroupsRequest::default();
        let groups = crate::log_groups::describe_log_groups(&self.logs, &self.caller, input).await.unwrap().log_groups;
        groups.unwrap().remove(0).kms_key_id
    }

    /// A group `g` with a stream `s`.
    async fn with_group() -> Fixture {
        let fixture = Fixture::new().await;
        fixture.group("g").await;
        fixture.stream("g", "s").await;
        fixture
    }

    /// The codes of putting an event, and of both ways to read.
    async fn codes(&self) -> [String; 3] {
        let code = |error: Option<ServiceError>| error.map(|error| error.code.to_string()).unwrap_or_default();
        let put = self.try_put("g", "s", &[(1, "another")]).await.err();
        let got = self.get(get("g", "s")).await.err();
        [code(put), code(got), code(self.filter(filter("g")).await.err())]
    }

    /// Files of the data directory that hold these bytes.
    pub(crate) fn files_with(&self, bytes: &str) -> Vec<PathBuf> {
        fn walk(directory: &Path, bytes: &[u8], found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, bytes, found);
                } else if memchr::memmem::find(&std::fs::read(&path).unwrap(), bytes).is_some() {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.path(), bytes.as_bytes(), &mut found);
        found
    }
}

fn denied() -> [String; 3] {
    ["AccessDeniedException"; 3].map(str::to_owned)
}

#[tokio::test]
async fn a_key_is_associated_replaced_and_taken_away() {
    let fixture = Fixture::with_group().await;
    fixture.owners.disable(BLUE);
    let elsewhere = RED.replace("us-east-1", "eu-west-1");
    let refusal = "InvalidParameterException: The specified KMS key does not exist or is not allowed to be used with \
                   Arn 'arn:aws:logs:us-east-1:000000000000:log-group:g'";
    for key in [BLUE, &elsewhere, "11111111-1111-1111-1111-111111111111", "alias/red"] {
        assert_eq!(error(fixture.associate(Of::Group("g"), key).await), refusal, "{key}");
    }
    assert_eq!(fixture.kms_key().await, None);
    fixture.associate(Of::Group("g"), RED).await.unwrap();
    assert_eq!(fixture.kms_key().await.as_deref(), Some(RED));
    fixture.owners.enable(BLUE);
    fixture.associate(Of::Resource(GROUP), BLUE).await.unwrap();
    let fixture = fixture.reopen(true).await;
    assert_eq!(fixture.kms_key().await.as_deref(), Some(BLUE));
    fixture.disassociate(Of::Resource(GROUP)).await.unwrap();
    fixture.disassociate(Of::Group("g")).await.unwrap();
    assert_eq!(fixture.kms_key().await, None);

    let missing = "ResourceNotFoundException: The specified log group does not exist.";
    assert_eq!(error(fixture.associate(Of::Group("other"), RED).await), missing);
    assert_eq!(error(fixture.disassociate(Of::Resource(&format!("{GROUP}2"))).await), missing);
    for arn in [
        "g",
        "arn:aws:logs:us-east-1:000000000000:query-result:1",
        "arn:aws:s3:::b",
        "arn:aws:logs:us-east-1:000000000000:query-result",
    ] {
        assert!(error(fixture.associate(Of::Resource(arn), RED).await).starts_with("InvalidParameter"), "{arn}");
    }
    for (name, arn) in [(None, None), (Some("g".to_owned()), Some(GROUP.to_owned()))] {
        let input = AssociateKmsKeyRequest { log_group_name: name, resource_identifier: arn, kms_key_id: RED.into() };
        let outcome = crate::kms_keys::associate_kms_key(&fixture.logs, &fixture.caller, input).await;
        assert!(error(outcome).starts_with("InvalidParameterException"));
    }
    let input =
        CreateLogGroupRequest { log_group_name: "born".into(), kms_key_id: Some(RED.into()), ..Default::default() };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    assert_eq!(fixture.kms_key().await.as_deref(), Some(RED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_encrypted_on_disk_from_then_on() {
    let fixture = Fixture::with_group().await;
    fixture.put("g", "s", &[(0, "in the clear")]).await;
    fixture.associate(Of::Group("g"), RED).await.unwrap();
    fixture.put("g", "s", &[(1, "a well kept secret")]).await;
    let all = ["in the clear", "a well kept secret"];
    assert_eq!(fixture.messages("g", "s").await, all);
    assert!(!fixture.files_with("in the clear").is_empty(), "the search finds what is there");
    assert_eq!(fixture.files_with("well kept"), [] as [PathBuf; 0], "in the journal");
    let fixture = fixture.reopen(false).await;
    assert_eq!(fixture.messages("g", "s").await, all);
    fixture.store.seal_now().await.unwrap();
    fixture.store.compact_now().await.unwrap();
    assert_eq!(fixture.messages("g", "s").await, all);
    assert_eq!(fixture.files_with("well kept"), [] as [PathBuf; 0], "in segments");
    let keys = fixture.store.data_keys_of(&LOG_EVENTS, i64::MIN..i64::MAX);
    assert_eq!(keys.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
    fixture.disassociate(Of::Group("g")).await.unwrap();
    fixture.put("g", "s", &[(2, "clear again")]).await;
    assert!(!fixture.files_with("clear again").is_empty());
    assert_eq!(fixture.messages("g", "s").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_put_or_read_as_long_as_the_key_is_disabled_and_nothing_is_lost() {
    let mut fixture = Fixture::with_group().await;
    fixture.group("h").await;
    fixture.stream("h", "s").await;
    fixture.put("h", "s", &[(0, "of another group")]).await;
    fixture.put("g", "s", &[(-100, "before there was a key")]).await;
    fixture.associate(Of::Group("g"), RED).await.unwrap();
    fixture.put("g", "s", &[(0, "secret")]).await;
    for sealed in [false, true] {
        fixture.owners.disable(RED);
        fixture.advance(TRUST_MS);
        assert_eq!(fixture.codes().await, denied(), "sealed: {sealed}");
        let text = error(fixture.get(get("g", "s")).await);
        assert!(text.ends_with(&format!("the KMS key is disabled: {RED}")), "{text}");
        let early = GetLogEventsRequest { end_time: Some(NOW - 50), ..get("g", "s") };
        assert_eq!(messages(&fixture.get(early).await.unwrap()), ["before there was a key"]);
        assert_eq!(fixture.messages("h", "s").await, ["of another group"]);
        assert_eq!(fixture.kms_key().await.as_deref(), Some(RED), "groups are described all the same");
        // A start does not need the key.
        fixture = fixture.reopen(sealed).await;
        assert_eq!(fixture.codes().await, denied(), "sealed: {sealed}");
        assert_eq!(fixture.described("g").await.stored_bytes, Some(0), "what cannot be read is not counted");
        fixture.owners.enable(RED);
        fixture.advance(TRUST_MS);
        assert_eq!(fixture.messages("g", "s").await, ["before there was a key", "secret"]);
        assert_eq!(fixture.described("g").await.stored_bytes, Some(22 + 6 + 2 * 26), "once it can, it is");
        fixture.store.seal_now().await.unwrap();
    }
    assert_eq!(fixture.codes().await, ["", "", ""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_of_what_cannot_be_decrypted_fail() {
    let fixture = Fixture::with_group().await;
    fixture.put("g", "s", &[(-7_000_000, "before there was a key")]).await;
    fixture.associate(Of::Group("g"), RED).await.unwrap();
    fixture.put("g", "s", &[(-1000, "secret")]).await;
    let sql = || StartQueryRequest {
        log_group_name: None,
        query_language: Some("SQL".into()),
        ..queries::request("SELECT `@message` FROM g LIMIT 1")
    };
    let ended = async |input: StartQueryRequest| {
        let id = fixture.start(input).await.unwrap();
        fixture.ended(&id).await
    };
    for _ in 0..2 {
        let found = ended(queries::request("fields @message")).await;
        assert_eq!(queries::rows(&found), ["@message secret"]);
        fixture.owners.disable(RED);
        fixture.advance(TRUST_MS);
        for query in ["fields @message", "stats count(*)", "fields @message | limit 1"] {
            let found = ended(queries::request(query)).await;
            assert_eq!((found.status.as_deref(), found.results), (Some("Failed"), Some(vec![])), "{query}");
        }
        assert_eq!(ended(sql()).await.status.as_deref(), Some("Failed"));
        fixture.owners.enable(RED);
        fixture.advance(TRUST_MS);
        assert_eq!(queries::rows(&ended(sql()).await), ["@message secret"]);
        fixture.store.seal_now().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_of_queries_are_encrypted_under_the_key_of_the_account() {
    let fixture = Fixture::with_group().await;
    fixture.associate(Of::Group("g"), BLUE).await.unwrap();
    fixture.put("g", "s", &[(-1000, "well kept")]).await;
    fixture.associate(Of::Resource(RESULTS), RED).await.unwrap();
    let id = fixture.start(queries::request("fields @message")).await.unwrap();
    let found = fixture.ended(&id).await;
    assert_eq!((found.status.as_deref(), found.encryption_key.as_deref()), (Some("Complete"), Some(RED)));
    assert_eq!(fixture.files_with("well kept"), [] as [PathBuf; 0]);
    fixture.owners.disable(RED);
    fixture.advance(TRUST_MS);
    let refused = "AccessDeniedException: The results of the query are encrypted under a KMS key that cannot be used.";
    assert_eq!(error(fixture.results(&id).await), refused);
    let second = fixture.start(queries::request("fields @message")).await.unwrap();
    assert_eq!(fixture.ended(&second).await.status.as_deref(), Some("Failed"), "nothing is kept in clear instead");
    fixture.owners.enable(RED);
    fixture.advance(TRUST_MS);
    assert_eq!(queries::rows(&fixture.results(&id).await.unwrap()), ["@message well kept"]);
    // Nor is it kept as a table, which has no key.
    let table = CreateLookupTableRequest {
        lookup_table_name: "t".into(),
        query_id: Some(id),
        ..CreateLookupTableRequest::default()
    };
    let refused = crate::queries::create_lookup_table(&fixture.logs, &fixture.caller, table).await;
    assert!(error(refused).contains("is encrypted under a KMS key"));
    assert_eq!(fixture.files_with("well kept"), [] as [PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_under_an_earlier_key_needs_that_one() {
    let fixture = Fixture::with_group().await;
    fixture.associate(Of::Group("g"), RED).await.unwrap();
    fixture.put("g", "s", &[(0, "red")]).await;
    fixture.associate(Of::Group("g"), BLUE).await.unwrap();
    fixture.put("g", "s", &[(500, "blue")]).await;
    assert_eq!(fixture.messages("g", "s").await, ["red", "blue"]);
    fixture.owners.disable(RED);
    fixture.advance(TRUST_MS);
    let late = || GetLogEventsRequest { start_time: Some(NOW + 400), ..get("g", "s") };
    assert_eq!(messages(&fixture.get(late()).await.unwrap()), ["blue"]);
    let refused = "AccessDeniedException: Log events are encrypted under a KMS key that cannot be used.";
    assert_eq!(error(fixture.get(get("g", "s")).await), refused);
    fixture.disassociate(Of::Group("g")).await.unwrap();
    assert_eq!(error(fixture.filter(filter("g")).await), refused, "whatever the group's key is now");
    fixture.owners.enable(RED);
    fixture.advance(TRUST_MS);
    assert_eq!(fixture.messages("g", "s").await, ["red", "blue"]);
    // Deleted, its events are as if they had expired.
    fixture.owners.delete(RED);
    fixture.advance(TRUST_MS);
    assert_eq!(fixture.messages("g", "s").await, ["blue"]);
    // That of a key which the group still has is an error.
    fixture.owners.delete(BLUE);
    fixture.advance(TRUST_MS);
    assert_eq!(fixture.messages("g", "s").await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_group_whose_key_is_deleted_cannot_be_read_or_written() {
    let fixture = Fixture::with_group().await;
    fixture.associate(Of::Group("g"), RED).await.unwrap();
    fixture.put("g", "s", &[(0, "red")]).await;
    fixture.owners.delete(RED);
    fixture.advance(TRUST_MS);
    assert_eq!(fixture.codes().await, denied());
}

#[tokio::test]
async fn results_of_queries_have_a_key_of_their_own() {
    let fixture = Fixture::with_group().await;
    let key = |fixture: &Fixture| {
        let (logs, caller) = (fixture.logs.clone(), fixture.caller.clone());
        async move { logs.query_results_key(caller.account, &caller.region).await }
    };
    assert!(key(&fixture).await.unwrap().is_none());
    fixture.associate(Of::Resource(RESULTS), RED).await.unwrap();
    let fixture = fixture.reopen(true).await;
    let (kms_key, data_key) = key(&fixture).await.unwrap().unwrap();
    assert_eq!(kms_key, RED);
    let context = EncryptionContext::from([("aws:logs:arn".to_owned(), RESULTS.to_owned())]);
    assert!(Arc::ptr_eq(&fixture.store.encryption_key(RED, &context).await.unwrap(), &data_key));
    assert_eq!(fixture.kms_key().await, None);
    fixture.owners.disable(RED);
    fixture.advance(TRUST_MS);
    assert!(error(key(&fixture).await).starts_with("AccessDeniedException"));
    fixture.disassociate(Of::Resource(RESULTS)).await.unwrap();
    assert!(key(&fixture).await.unwrap().is_none());
}
