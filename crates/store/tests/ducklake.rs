//! The open files, read by a stock DuckDB through its `ducklake` extension while the store has them open: at every moment DuckDB
//! sees each published row once.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;
use watchkeep_core::{ManualClock, SeededRandom, TimestampMs};
use watchkeep_store::{
    CatalogConfig, Column, ColumnKind, Keep, Label, Rows, Scan, Store, StoreConfig, Table, TableOwner,
};

const HOUR_MS: i64 = 3_600_000;
const START: TimestampMs = TimestampMs(1_750_000_000_000);
const GROUP: usize = 0;
const TIME: usize = 1;

/// One column of every kind.
static EVENTS: Table = Table {
    name: "log_events",
    id: 1,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::nullable("value", ColumnKind::F64),
        Column::new("source", ColumnKind::Text),
        Column::new("message", ColumnKind::Bytes),
    ],
    time: TIME,
    sort: &[GROUP, TIME],
    retention_key: &[GROUP],
    text: Some(4),
    bloom: &[],
    window_ms: HOUR_MS,
    labels: &[Label { name: "group", of: GROUP }],
};

/// Group 13 was deleted; the others have names, one of them none.
struct Owner;

impl TableOwner for Owner {
    fn keep(&self, key: &[u64]) -> Keep {
        if key == [13] { Keep::Drop } else { Keep::Forever }
    }

    fn label(&self, _label: &str, id: u64) -> Option<String> {
        (id != u64::MAX).then(|| format!("/app/gr'öße-{id}"))
    }
}

/// A DuckDB in a process of its own, attached to a data directory for as long as it lives.
struct DuckDb {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Answers each line of SQL by a line of JSON: a list of rows, or an error's text.
const READER: &str = r#"
import glob, json, os, sys
import duckdb
connection = duckdb.connect()
for package in sys.argv[1:]:
    folder = os.path.dirname(__import__(package).__file__)
    (extension,) = glob.glob(folder + "/extensions/v" + duckdb.__version__ + "/*.duckdb_extension")
    connection.execute(f"load '{extension}'")
for line in sys.stdin:
    try:
        answer = connection.execute(line).fetchall()
    except Exception as error:
        answer = str(error)
    print(json.dumps(answer, default=lambda value: value.decode() if isinstance(value, bytes) else str(value)), flush=True)
"#;

impl DuckDb {
    /// Starts one, if there is a Python that has DuckDB and the extensions that the catalog needs, and attaches as `lake` what
    /// follows `ducklake:` in DuckLake's addresses.
    fn attach(catalog: &str) -> Option<DuckDb> {
        DuckDb::attach_with(catalog, "read_only")
    }

    /// The same with other options.
    fn attach_with(catalog: &str, options: &str) -> Option<DuckDb> {
        let driver = if catalog.starts_with("postgres:") { "postgres" } else { "sqlite" };
        let extensions = ["duckdb_extension_ducklake".to_owned(), format!("duckdb_extension_{driver}_scanner")];
        let Some(python) = support::python(&format!("duckdb, {}", extensions.join(", "))) else {
            support::skipped(&format!(
                "no Python that has duckdb, {}, see WATCHKEEP_TEST_PYTHON: the open files were not read with a {driver} catalog",
                extensions.join(", ")
            ));
            return None;
        };
        let mut process = Command::new(python)
            .args(["-c", READER])
            .args(extensions)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut duckdb = DuckDb { process, questions, answers };
        duckdb.ask(&format!("attach 'ducklake:{}' as lake ({options})", catalog.replace('\'', "''")));
        Some(duckdb)
    }

    fn ask(&mut self, sql: &str) -> Value {
        assert!(!sql.contains('\n'));
        writeln!(self.questions, "{sql}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.is_array(), "{sql}: {answer}");
        answer
    }

    fn count(&mut self, condition: &str) -> u64 {
        self.ask(&format!("select count(*) from lake.log_events where {condition}"))[0][0].as_u64().unwrap()
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Appends a hundred rows, a minute apart, of three groups.
async fn append(store: &Store, first: u32) {
    let mut rows = Rows::new(&EVENTS);
    for number in first..first + 100 {
        rows.u64(match number % 4 {
            0 => 13,
            1 => u64::MAX,
            _ => 7,
        });
        rows.i64(START.0 + i64::from(number) * 60_000);
        rows.f64_or_null((number % 2 == 0).then(|| f64::from(number) / 8.0));
        rows.text("web-1'\"");
        let level = if number % 10 == 0 { "ERROR" } else { "INFO" };
        rows.bytes(json!({ "level": level, "number": number }).to_string().as_bytes());
        rows.end_row();
    }
    store.append(rows).await.unwrap();
}

/// How many rows a scan of these finds.
async fn scanned(store: &Arc<Store>, scan: Scan) -> u64 {
    let count = |store: &Store| {
        let mut rows = 0;
        store.scan(&scan, &mut |batch| {
            rows += batch.len() as u64;
            ControlFlow::Continue(())
        })?;
        Ok::<u64, watchkeep_store::StoreError>(rows)
    };
    count(store).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let directory = tempfile::Builder::new().prefix("watchkeep lake'").tempdir().unwrap();
    let config = StoreConfig::small(directory.path().join("data"));
    let catalog = format!("sqlite:{}", config.data_dir.join("catalog.sqlite").display());
    reads_a_store_that_is_open(config.clone(), &catalog).await;

    // A copy elsewhere is read if one says where it is.
    let copied = tempfile::tempdir().unwrap();
    let there = Command::new("cp").arg("-r").arg(&config.data_dir).arg(copied.path()).status().unwrap();
    assert!(there.success());
    std::fs::remove_dir_all(&config.data_dir).unwrap();
    let copied = copied.path().join("data");
    let options = format!("read_only, data_path '{}/', override_data_path true", copied.display());
    let Some(mut duckdb) =
        DuckDb::attach_with(&format!("sqlite:{}", copied.join("catalog.sqlite").display()), &options)
    else {
        return;
    };
    assert_eq!(duckdb.count("group_id = 7"), 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let Some(server) = tokio::task::spawn_blocking(support::Postgres::start).await.unwrap() else { return };
    let directory = tempfile::tempdir().unwrap();
    let url = server.url("postgres");
    support::patiently(async || sqlx::PgConnection::connect(&url).await).await;
    let config = StoreConfig { catalog: CatalogConfig::Postgres(url), ..StoreConfig::small(directory.path()) };
    reads_a_store_that_is_open(config, &format!("postgres:dbname=postgres user=watchkeep host={}", server.socket()))
        .await;
}

async fn reads_a_store_that_is_open(config: StoreConfig, catalog: &str) {
    let clock = Arc::new(ManualClock::new(START));
    let open = async || {
        let random = Arc::new(SeededRandom::new(1));
        let store =
            Store::open(config.clone(), &[&EVENTS], clock.clone(), random, |error| panic!("{error}")).await.unwrap();
        store.set_owner(&EVENTS, Arc::new(Owner));
        store
    };
    let store = open().await;
    let Some(mut duckdb) = DuckDb::attach(catalog) else { return store.close().await };
    assert_eq!(duckdb.count("true"), 0);

    // Rows show with the segment that they are sealed into, and not before.
    append(&store, 0).await;
    assert_eq!((duckdb.count("true"), scanned(&store, Scan::new(&EVENTS)).await), (0, 75));
    store.seal_now().await.unwrap();
    assert_eq!(duckdb.count("true"), 75);
    append(&store, 100).await;
    store.seal_now().await.unwrap();
    agree(&store, &mut duckdb, 150).await;

    // Compaction puts other files in their place, with more columns than are shown.
    let before = store.stats().segments;
    store.compact_now().await.unwrap();
    assert!(store.stats().segments < before);
    agree(&store, &mut duckdb, 150).await;

    // The replaced files go when nobody should need them any more.
    clock.advance(Duration::from_secs(24 * 3600));
    store.retain_now().await.unwrap();
    append(&store, 200).await;
    store.seal_now().await.unwrap();
    agree(&store, &mut duckdb, 225).await;
    assert_eq!(duckdb.count("\"group\" = '/app/gr''öße-7'"), scanned(&store, Scan::new(&EVENTS).ids(GROUP, [7])).await);

    // What a reader does not see is as it was, in another process, too, and after a restart.
    store.close().await;
    drop(store);
    let store = open().await;
    agree(&store, &mut duckdb, 225).await;
    let mut other = DuckDb::attach(catalog).unwrap();
    agree(&store, &mut other, 225).await;
    store.close().await;
}

/// DuckDB finds as many rows as a scan does, by all that its statistics may skip files by, and the values that were written.
async fn agree(store: &Arc<Store>, duckdb: &mut DuckDb, rows: u64) {
    assert_eq!((duckdb.count("true"), scanned(store, Scan::new(&EVENTS)).await), (rows, rows));
    for group in [0, 7, 8, 13, u64::MAX] {
        let expected = scanned(store, Scan::new(&EVENTS).ids(GROUP, [group])).await;
        assert_eq!(duckdb.count(&format!("group_id = {group}")), expected, "{group}");
    }
    for minutes in [-10..0, 0..1, 0..40, 30..130, 99..101, 190..1_000] {
        let time = START.0 + minutes.start * 60_000..START.0 + minutes.end * 60_000;
        let expected = scanned(store, Scan::new(&EVENTS).time(time.clone())).await;
        assert_eq!(duckdb.count(&format!("time >= {} and time < {}", time.start, time.end)), expected, "{minutes:?}");
    }
    assert_eq!(duckdb.count("source = 'web-1''\"' and value is null"), duckdb.count("seq % 2 = 1"));
    let sql = "select decode(message), value, \"group\" from lake.log_events where group_id = 7 order by time limit 2";
    assert_eq!(
        duckdb.ask(sql),
        json!([
            [r#"{"level":"INFO","number":2}"#, 0.25, "/app/gr'öße-7"],
            [r#"{"level":"INFO","number":3}"#, null, "/app/gr'öße-7"],
        ])
    );
    let sql =
        "select decode(message)::json->>'level' as level, count(*) from lake.log_events group by level order by level";
    let levels = duckdb.ask(sql);
    assert_eq!(levels[0][1].as_u64().unwrap() + levels[1][1].as_u64().unwrap(), rows);
}
