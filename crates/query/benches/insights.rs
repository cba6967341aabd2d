//! What people ask of a million lines: counts by a field, averages and percentiles by a field, the newest, a rare word, and SQL.
//!
//! Budgets, on two cores: a count by a field 15 ms, a percentile and an average by a field 40 ms, the newest twenty 3 ms.
#![allow(missing_docs, reason = "criterion's macros make functions without them")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use watchkeep_core::{BoxFuture, ManualClock, SeededRandom, TimestampMs};
use watchkeep_lang::insights::Plan;
use watchkeep_lang::insights::event::EventGroup;
use watchkeep_lang::insights::plan::{Language, Source};
use watchkeep_query::{
    Answer, Control, Engine, EventTable, Group, InsightsQuery, LookupTable, Masks, Pointer, QueryError, Settings,
    SqlQuery, SqlRequest, Surroundings,
};
use watchkeep_store::{Column, ColumnKind, Rows, Store, StoreConfig, Table};

const LINES: i64 = 1_000_000;
const LINES_AN_APPEND: i64 = 10_000;
/// A day of lines.
const STEP_MS: i64 = 86;

static TABLE: Table = Table {
    name: "log_events",
    id: 1,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("stream_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("ingested", ColumnKind::I64),
        Column::new("bytes", ColumnKind::U64),
        Column::new("message", ColumnKind::Text),
        Column::nullable("transformed", ColumnKind::Text),
        Column::nullable("masks", ColumnKind::Bytes),
        Column::nullable("entity", ColumnKind::Text),
    ],
    time: 2,
    sort: &[0, 1, 2],
    retention_key: &[0, 1],
    text: Some(5),
    bloom: &[],
    window_ms: 24 * 60 * 60 * 1000,
    labels: &[],
};

const EVENTS: EventTable = EventTable {
    table: &TABLE,
    group: 0,
    stream: 1,
    ingested: 3,
    bytes: 4,
    message: 5,
    transformed: Some(6),
    masks: Some(7),
    entity: Some(8),
};

struct World;

impl Surroundings for World {
    fn stream_name(&self, stream: u64) -> Option<Arc<str>> {
        Some(format!("stream-{stream}").into())
    }

    fn groups(&self, _source: &Source) -> Result<Vec<Group>, QueryError> {
        Ok(vec![group()])
    }

    fn lookup_table<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Arc<LookupTable>, QueryError>> {
        Box::pin(async { Ok(Arc::default()) })
    }

    fn unmasked(&self, _at: Pointer, _message: &str, _masks: &[u8]) -> Option<String> {
        None
    }
}

fn group() -> Group {
    Group {
        id: 1,
        shown: EventGroup::new("000000000000", "us-east-1", "/app/web"),
        may_be_transformed: false,
        indexed: Arc::new([]),
    }
}

/// A line of a web server, about 250 bytes.
fn line(n: i64) -> String {
    let random = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let level = ["INFO", "INFO", "INFO", "WARN", "ERROR"][(random % 5) as usize];
    let service = ["checkout", "cart", "search", "login"][(random >> 3 & 3) as usize];
    let status = [200, 200, 200, 404, 500][(random >> 5) as usize % 5];
    let duration = (random >> 8) as f64 % 5000.0 / 10.0;
    let rare = if n == LINES / 2 { " xylophone" } else { "" };
    format!(
        r#"{{"time":"2026-01-01T00:00:00.{:03}Z","level":"{level}","service":"{service}","status":{status},"duration":{duration},"request":"{random:032x}","path":"/api/v1/items/{}","message":"request handled by worker {}{rare}"}}"#,
        n % 1000,
        random % 10_000,
        random % 64,
    )
}

struct Lines {
    runtime: Runtime,
    engine: Engine,
    _directory: tempfile::TempDir,
}

impl Lines {
    fn new() -> Lines {
        let runtime = Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(TimestampMs(LINES * STEP_MS)));
        let store = runtime.block_on(async {
            let config = StoreConfig::new(directory.path());
            let random = Arc::new(SeededRandom::new(1));
            let store = Store::open(config, &[&TABLE], clock.clone(), random, |error| panic!("{error}")).await.unwrap();
            for start in (0..LINES).step_by(LINES_AN_APPEND as usize) {
                let mut rows = Rows::new(&TABLE);
                for n in start..start + LINES_AN_APPEND {
                    let message = line(n);
                    rows.u64(1);
                    rows.u64((n % 4) as u64);
                    rows.i64(n * STEP_MS);
                    rows.i64(n * STEP_MS);
                    rows.u64(message.len() as u64);
                    rows.text(&message);
                    rows.null();
                    rows.null();
                    rows.null();
                    rows.end_row();
                }
                store.append(rows).await.unwrap();
                if start % (LINES / 4) == 0 {
                    store.seal_now().await.unwrap();
                }
            }
            store.seal_now().await.unwrap();
            store.compact_now().await.unwrap();
            store
        });
        Lines { engine: Engine::new(store, clock, Settings::default()), runtime, _directory: directory }
    }

    fn query(&self, text: &str) -> Answer {
        let query = InsightsQuery {
            plan: Arc::new(Plan::parse(text, Language::Cwli).unwrap()),
            groups: vec![group()],
            time: 0..i64::MAX,
            started: TimestampMs(0),
            limit: 10_000,
            masks: Masks::Stay,
        };
        self.runtime.block_on(self.engine.run(&query, EVENTS, Arc::new(World), Control::default())).unwrap()
    }

    fn sql(&self, text: &str) -> Answer {
        let query = SqlQuery::parse(text).unwrap();
        let groups = query.sources().iter().map(|_| vec![group()]).collect();
        let request = SqlRequest { query, groups, time: 0..i64::MAX, limit: 10_000 };
        self.runtime.block_on(self.engine.run_sql(request, EVENTS, Arc::new(World), Control::default())).unwrap()
    }
}

fn queries(criterion: &mut Criterion) {
    let lines = Lines::new();
    let cases = [
        ("count by a field", "stats count(*) as n by service", 4),
        ("percentile and average by a field", "stats pct(duration, 95) as p, avg(duration) as a by service", 4),
        ("count by time", "stats count(*) as n by bin(1h)", 24),
        ("count by stream", "stats count(*) as n by @logStream", 4),
        ("count by two fields, filtered", "filter status >= 500 | stats count(*) as n by service, level", 12),
        ("newest 20", "fields @timestamp, @message | limit 20", 20),
        ("newest 20 errors", "filter level = 'ERROR' | fields @timestamp, service | limit 20", 20),
        ("rare word", "filter @message like 'xylophone' | fields @timestamp", 1),
        ("slowest 20", "fields @timestamp, duration | sort duration desc | limit 20", 20),
        ("average by two fields", "stats count(*) as n, avg(duration) as a by service, status", 12),
        ("10 most frequent paths", "stats count(*) as n by path | sort n desc | limit 10", 10),
        ("common term", "filter @message like 'checkout' | stats count(*) as n", 1),
    ];
    let mut group = criterion.benchmark_group("insights, 1 million lines");
    group.sample_size(20);
    for (name, text, rows) in cases {
        assert_eq!(lines.query(text).rows.len(), rows, "{text}");
        group.bench_function(name, |bencher| bencher.iter(|| lines.query(text)));
    }
    let count = "SELECT service, count(*) AS n FROM `/app/web` GROUP BY service";
    assert_eq!(lines.sql(count).rows.len(), 4);
    group.bench_function("SQL: count by a field", |bencher| bencher.iter(|| lines.sql(count)));
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
