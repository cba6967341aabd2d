//! Import tasks, from an event data store that the test makes up.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use watchkeep_core::ports::{
    EventDataStoreError, EventDataStoreFacts, EventDataStores, MetricPlace, StoredEvent, StoredEventPlace,
};
use watchkeep_core::{BoxFuture, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    CancelImportTaskRequest, CreateImportTaskRequest, DescribeImportTaskBatchesRequest, DescribeImportTasksRequest,
    GetLogEventsRequest, Import, ImportFilter, PutRetentionPolicyRequest,
};
use watchkeep_store::Append;

use super::{Fixture, NOW, error, get};
use crate::limits::DAY_MS;
use crate::{Incoming, Stored, Tap, imports};

const ROLE: &str = "arn:aws:iam::000000000000:role/importer";

/// Stores by their numbers, all with the same events; a reading gives two of them.
struct Stores {
    events: Vec<StoredEvent>,
    /// Why stores are not read.
    error: Mutex<Option<EventDataStoreError>>,
    /// How many readings of each store may happen, and have happened.
    turns: Mutex<(usize, HashMap<String, usize>)>,
}

impl Stores {
    /// A store with events of these times, their offsets from [`NOW`].
    fn with(offsets: &[i64]) -> Arc<Stores> {
        let event = |(seq, offset): (usize, &i64)| StoredEvent {
            place: StoredEventPlace { time_ms: NOW + offset, seq: seq as u64 },
            record: format!("{{\"n\":{seq}}}"),
        };
        let events = offsets.iter().enumerate().map(event).collect();
        Arc::new(Stores { events, error: Mutex::default(), turns: Mutex::new((usize::MAX, HashMap::new())) })
    }

    /// Lets so many readings of each store happen from now on.
    fn allow(&self, turns: usize) {
        *self.turns.lock().unwrap() = (turns, HashMap::new());
    }

    fn takes_turn(&self, store: &str) -> bool {
        let mut turns = self.turns.lock().unwrap();
        let allowed = turns.0;
        let taken = turns.1.entry(store.to_owned()).or_default();
        let may = *taken < allowed;
        *taken += usize::from(may);
        may
    }

    fn set(&self, error: EventDataStoreError) {
        *self.error.lock().unwrap() = Some(error);
    }

    fn check(&self) -> Result<(), EventDataStoreError> {
        self.error.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl EventDataStores for Stores {
    fn find(&self, _: &MetricPlace, arn: &str) -> Result<EventDataStoreFacts, EventDataStoreError> {
        self.check()?;
        let id = arn.rsplit('/').next().filter(|id| *id != "none").ok_or(EventDataStoreError::NotFound)?;
        Ok(EventDataStoreFacts { id: id.to_owned(), cutoff: TimestampMs(NOW - 366 * DAY_MS), kms_key: None })
    }

    fn read<'a>(
        &'a self,
        _: &'a MetricPlace,
        arn: &'a str,
        time: Range<i64>,
        after: Option<StoredEventPlace>,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, EventDataStoreError>> {
        Box::pin(async move {
            while !self.takes_turn(arn) {
                tokio::task::yield_now().await;
            }
            self.check()?;
            let events = self.events.iter().filter(|event| time.contains(&event.place.time_ms));
            Ok(events.filter(|event| after.is_none_or(|after| event.place > after)).take(2).cloned().collect())
        })
    }
}

/// Nobody is told of history.
struct NotTold;

impl Tap for NotTold {
    fn tap(&self, incoming: &Incoming<'_>, _: &mut Append) -> Option<Stored> {
        panic!("told of {} events", incoming.events.len())
    }
}

fn arn(store: &str) -> String {
    format!("arn:aws:cloudtrail:us-east-1:000000000000:eventdatastore/{store}")
}

fn request(store: &str) -> CreateImportTaskRequest {
    CreateImportTaskRequest { import_source_arn: arn(store), import_role_arn: ROLE.into(), import_filter: None }
}

fn filtered(start: Option<i64>, end: Option<i64>) -> CreateImportTaskRequest {
    let filter = ImportFilter { start_event_time: start.map(|at| NOW + at), end_event_time: end.map(|at| NOW + at) };
    CreateImportTaskRequest { import_filter: Some(filter), ..request("s") }
}

impl Fixture {
    async fn with_stores(stores: &Arc<Stores>) -> Fixture {
        let fixture = Fixture::new().await;
        fixture.logs.set_event_data_stores(stores.clone());
        fixture.logs.set_taps(vec![Arc::new(NotTold)]);
        fixture
    }

    async fn import(&self, input: CreateImportTaskRequest) -> Result<String, ServiceError> {
        imports::create_import_task(&self.logs, &self.caller, input).await.map(|created| created.import_id.unwrap())
    }

    async fn imports(&self, input: DescribeImportTasksRequest) -> Vec<Import> {
        imports::describe_import_tasks(&self.logs, &self.caller, input).await.unwrap().imports.unwrap()
    }

    async fn described_import(&self, import: &str) -> Import {
        let input = DescribeImportTasksRequest { import_id: Some(import.into()), ..Default::default() };
        self.imports(input).await.remove(0)
    }

    /// Waits until the task has this status; the task.
    async fn until(&self, import: &str, status: &str) -> Import {
        for _ in 0..100_000 {
            let task = self.described_import(import).await;
            if task.import_status.as_deref() == Some(status) {
                return task;
            }
            tokio::task::yield_now().await;
        }
        panic!("{:?}", self.described_import(import).await)
    }

    /// Waits until the task has this many bytes.
    async fn until_bytes(&self, import: &str, bytes: i64) {
        while self.described_import(import).await.import_statistics.unwrap().bytes_imported != Some(bytes) {
            tokio::task::yield_now().await;
        }
    }

    /// The imported events: their times' offsets from [`NOW`] and numbers.
    async fn imported(&self, import: &str) -> Vec<(i64, String)> {
        let input = GetLogEventsRequest { start_from_head: Some(true), ..get("aws/cloudtrail/s", import) };
        let events = self.get(input).await.unwrap().events.unwrap();
        events.into_iter().map(|event| (event.timestamp.unwrap() - NOW, event.message.unwrap())).collect()
    }

    /// The batches' days and statuses, page by page.
    async fn batches(&self, import: &str, limit: Option<i32>, statuses: &[&str]) -> Vec<Vec<String>> {
        let (mut pages, mut next_token) = (Vec::new(), None);
        loop {
            let statuses = statuses.iter().map(|status| (*status).to_owned()).collect();
            let input = DescribeImportTaskBatchesRequest {
                import_id: import.into(),
                batch_import_status: Some(statuses),
                limit,
                next_token,
            };
            let page = imports::describe_import_task_batches(&self.logs, &self.caller, input).await.unwrap();
            let batch = |batch: watchkeep_model::logs::ImportBatch| {
                let day = batch.batch_id.strip_prefix(import).unwrap().trim_start_matches('-').to_owned();
                format!("{day} {} {}", batch.status, batch.error_message.unwrap_or_default()).trim_end().to_owned()
            };
            pages.push(page.import_batches.unwrap().into_iter().map(batch).collect());
            next_token = page.next_token;
            if next_token.is_none() {
                return pages;
            }
        }
    }

    async fn cancel_import(&self, import: &str) -> Result<String, ServiceError> {
        let input = CancelImportTaskRequest { import_id: import.into() };
        let cancelled = imports::cancel_import_task(&self.logs, &self.caller, input).await;
        cancelled.map(|cancelled| cancelled.import_status.unwrap())
    }
}

fn numbers(events: &[(i64, String)]) -> Vec<&str> {
    events.iter().map(|(_, message)| message.trim_start_matches("{\"n\":").trim_end_matches('}')).collect()
}

#[tokio::test]
async fn a_store_is_imported_as_it_is() {
    let stores = Stores::with(&[-300 * DAY_MS + 7, -3 * DAY_MS + 1_001, -3 * DAY_MS + 1_999, -5, -1]);
    let fixture = Fixture::with_stores(&stores).await;
    let import = fixture.import(request("s")).await.unwrap();
    let task = fixture.until(&import, "COMPLETED").await;
    let events = fixture.imported(&import).await;
    // An event's time is that of its record: whole seconds.
    let times: Vec<i64> = events.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [-300 * DAY_MS, -3 * DAY_MS + 1_000, -3 * DAY_MS + 1_000, -1_000, -1_000]);
    assert_eq!(numbers(&events), ["0", "1", "2", "3", "4"]);
    assert_eq!(task.import_statistics.unwrap().bytes_imported, Some(5 * 7));
    let group = "arn:aws:logs:us-east-1:000000000000:log-group:aws/cloudtrail/s";
    assert_eq!(task.import_destination_arn.as_deref(), Some(group));
    assert_eq!((task.import_filter, task.error_message), (None, None));
    // The first event was on 2023-01-18; there are batches from then on.
    let pages = fixture.batches(&import, None, &[]).await;
    assert_eq!((pages.len(), pages[0].len(), pages[30].len()), (31, 10, 1));
    assert_eq!((pages[0][0].as_str(), pages[30][0].as_str()), ("2023-01-18 COMPLETED", "2023-11-14 COMPLETED"));
    assert_eq!(fixture.batches(&import, Some(50), &["FAILED", "IN_PROGRESS"]).await.concat(), [""; 0]);
    // Nobody else writes where imports do.
    let put = fixture.try_put("aws/cloudtrail/s", &import, &[(0, "mine")]).await;
    assert!(error(put).contains("InvalidParameterException"));
}

#[tokio::test]
async fn a_filter_goes_by_event_time() {
    let stores = Stores::with(&[-5_500, -4_001, -4_000, -3_000, -2_001, -2_000, -1_000]);
    let fixture = Fixture::with_stores(&stores).await;
    let cases: [(Option<i64>, Option<i64>, &[&str]); 4] = [
        (Some(-4_000), Some(-3_000), &["2", "3", "4"]),
        (Some(-3_000), None, &["3", "4", "5", "6"]),
        (None, Some(-5_000), &["0", "1"]),
        (Some(-500), Some(60_000), &["6"]),
    ];
    for (start, end, expected) in cases {
        let import = fixture.import(filtered(start, end)).await.unwrap();
        let task = fixture.until(&import, "COMPLETED").await;
        assert_eq!(numbers(&fixture.imported(&import).await), expected, "{start:?} {end:?}");
        assert_eq!(task.import_filter.unwrap().start_event_time, start.map(|at| NOW + at));
    }
    let nothing = fixture.import(filtered(Some(-DAY_MS), Some(-DAY_MS))).await.unwrap();
    let task = fixture.until(&nothing, "COMPLETED").await;
    assert_eq!(task.import_statistics.unwrap().bytes_imported, Some(0));
    assert_eq!(fixture.batches(&nothing, None, &[]).await.concat(), [""; 0]);
    let newest_first = fixture.imports(DescribeImportTasksRequest { limit: Some(3), ..Default::default() }).await;
    assert_eq!(newest_first.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused() {
    let stores = Stores::with(&[-1]);
    let fixture = Fixture::with_stores(&stores).await;
    let role = |role: &str| CreateImportTaskRequest { import_role_arn: role.into(), ..request("s") };
    let source = |source: &str| CreateImportTaskRequest { import_source_arn: source.into(), ..request("s") };
    let cases = [
        (source("s"), "ValidationException"),
        (source("arn:aws:cloudtrail:us-east-1:000000000000:trail/t"), "ValidationException"),
        (role("importer"), "ValidationException"),
        (filtered(Some(-1), Some(-2)), "ValidationException"),
        (filtered(Some(-367 * DAY_MS), None), "ValidationException"),
        (request("none"), "ResourceNotFoundException"),
    ];
    for (input, code) in cases {
        assert_eq!(fixture.import(input.clone()).await.unwrap_err().code, code, "{input:?}");
    }
    // One reading of each finds where the store begins; then they wait.
    stores.allow(1);
    let first = fixture.import(request("s")).await.unwrap();
    assert_eq!(fixture.import(request("s")).await.unwrap_err().code, "ConflictException");
    stores.allow(10);
    fixture.until(&first, "COMPLETED").await;
    stores.allow(1);
    for store in ["a", "b", "c"] {
        fixture.import(request(store)).await.unwrap();
    }
    assert_eq!(fixture.import(request("d")).await.unwrap_err().code, "ThrottlingException");
    assert_eq!(fixture.cancel_import(&first).await.unwrap_err().code, "InvalidOperationException");
    assert_eq!(fixture.cancel_import("none").await.unwrap_err().code, "ResourceNotFoundException");
    let batches = DescribeImportTaskBatchesRequest { import_id: "none".into(), ..Default::default() };
    let refused = imports::describe_import_task_batches(&fixture.logs, &fixture.caller, batches).await;
    assert_eq!(refused.unwrap_err().code, "ResourceNotFoundException");
    let open = DescribeImportTasksRequest { import_status: Some("IN_PROGRESS".into()), ..Default::default() };
    assert_eq!(fixture.imports(open).await.len(), 3);
    let of_source = DescribeImportTasksRequest { import_source_arn: Some(arn("a")), ..Default::default() };
    assert_eq!(fixture.imports(of_source).await.len(), 1);
    stores.set(EventDataStoreError::Inactive);
    assert_eq!(fixture.import(request("d")).await.unwrap_err().code, "InvalidOperationException");
}

#[tokio::test]
async fn a_task_is_cancelled_or_fails_where_it_is() {
    let days = [-3 * DAY_MS, -3 * DAY_MS + 1, -2 * DAY_MS, -2 * DAY_MS + 1_000, -1];
    let stores = Stores::with(&days);
    let fixture = Fixture::with_stores(&stores).await;
    stores.allow(3);
    let import = fixture.import(request("s")).await.unwrap();
    // Of the second that was read last, more may come: it does not count yet.
    fixture.until_bytes(&import, 3 * 7).await;
    assert_eq!(fixture.cancel_import(&import).await.unwrap(), "CANCELLED");
    assert_eq!(fixture.cancel_import(&import).await.unwrap_err().code, "InvalidOperationException");
    let days = fixture.batches(&import, None, &[]).await.concat();
    assert_eq!(days, ["2023-11-11 COMPLETED", "2023-11-12 CANCELLED", "2023-11-13 CANCELLED", "2023-11-14 CANCELLED"]);
    stores.allow(10);
    let all = fixture.import(request("s")).await.unwrap();
    fixture.until(&all, "COMPLETED").await;
    assert_eq!(numbers(&fixture.imported(&import).await), ["0", "1", "2", "3"]);

    stores.allow(2);
    let failing = fixture.import(request("s")).await.unwrap();
    while fixture.imported(&failing).await.len() < 2 {
        tokio::task::yield_now().await;
    }
    stores.set(EventDataStoreError::Inactive);
    stores.allow(10);
    let task = fixture.until(&failing, "FAILED").await;
    assert_eq!(task.error_message.as_deref(), Some("the event data store is pending deletion"));
    let days = fixture.batches(&failing, Some(1), &["FAILED"]).await;
    assert_eq!(days[0], ["2023-11-11 FAILED the event data store is pending deletion"]);
}

/// Whatever a crash interrupts: nothing is missing afterwards, and nothing is there twice.
#[tokio::test]
async fn a_task_goes_on_after_a_crash() {
    let offsets = [-9_500, -9_400, -9_300, -9_200, -9_100, -8_000, -7_999, -7_998, -3_000, -2_000];
    for (readings, unnoted) in [(0, false), (1, false), (2, true), (3, false), (3, true), (5, true)] {
        let stores = Stores::with(&offsets);
        let fixture = Fixture::with_stores(&stores).await;
        stores.allow(1 + readings);
        let import = fixture.import(request("s")).await.unwrap();
        while fixture.imported(&import).await.len() < readings * 2 {
            tokio::task::yield_now().await;
        }
        if unnoted {
            // As if the process had ended before anything was noted.
            fixture.logs.unnote_import(&import).await;
        }
        let fixture = fixture.reopen(false).await;
        assert_eq!(fixture.imported(&import).await.len(), readings * 2);
        stores.allow(1_000);
        fixture.logs.set_event_data_stores(stores);
        fixture.logs.resume_imports();
        let task = fixture.until(&import, "COMPLETED").await;
        assert_eq!(task.import_statistics.unwrap().bytes_imported, Some(10 * 7));
        let found = fixture.imported(&import).await;
        assert_eq!(numbers(&found), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], "{readings} {unnoted}");
    }
}

#[tokio::test]
async fn what_the_group_does_not_keep_is_not_written() {
    let stores = Stores::with(&[-300 * DAY_MS, -2 * DAY_MS]);
    let fixture = Fixture::with_stores(&stores).await;
    let first = fixture.import(request("s")).await.unwrap();
    fixture.until(&first, "COMPLETED").await;
    assert_eq!(fixture.imported(&first).await.len(), 2);
    let policy = PutRetentionPolicyRequest { log_group_name: "aws/cloudtrail/s".into(), retention_in_days: 7 };
    crate::retention::put_retention_policy(&fixture.logs, &fixture.caller, policy).await.unwrap();
    assert_eq!(numbers(&fixture.imported(&first).await), ["1"]);
    let again = fixture.import(request("s")).await.unwrap();
    fixture.until(&again, "COMPLETED").await;
    assert_eq!(numbers(&fixture.imported(&again).await), ["1"]);
}
