//! Two processes over one PostgreSQL catalog that has the journal: whoever opens it next has all that was acknowledged, and the
//! one before can acknowledge nothing more.

#[path = "support/mod.rs"]
mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Clock, SeededRandom, SystemClock};
use watchkeep_store::{
    BlobConfig, CatalogConfig, CatalogError, Column, ColumnKind, JournalError, JournalPlace, MemoryBlobs, Resource,
    ResourceKey, Rows, Scan, Store, StoreConfig, StoreError, Table,
};

static LINES: Table = Table {
    name: "lines",
    id: 1,
    columns: &[Column::new("time", ColumnKind::I64), Column::new("text", ColumnKind::Text)],
    time: 0,
    sort: &[0],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: 3_600_000,
    labels: &[],
};

#[derive(Debug, Serialize, Deserialize)]
struct State(u64);

impl Resource for State {
    const KIND: &'static str = "state";
}

/// A process: its own directory, the others' catalog and segments.
struct Process {
    store: Arc<Store>,
    stopped: Arc<AtomicBool>,
    _directory: tempfile::TempDir,
}

/// What the processes share.
struct Cluster {
    url: String,
    blobs: Arc<MemoryBlobs>,
    opened: Mutex<u64>,
}

impl Cluster {
    async fn open_in(
        &self,
        directory: &Path,
        journal: JournalPlace,
    ) -> Result<(Arc<Store>, Arc<AtomicBool>), StoreError> {
        let stopped = Arc::new(AtomicBool::new(false));
        let seed = {
            let mut opened = self.opened.lock().unwrap();
            *opened += 1;
            *opened
        };
        let config = StoreConfig {
            catalog: CatalogConfig::Postgres(self.url.clone()),
            blobs: BlobConfig::Given(self.blobs.clone()),
            journal,
            ..StoreConfig::small(directory)
        };
        let told = stopped.clone();
        let fatal = move |_: &JournalError| told.store(true, Ordering::SeqCst);
        let (clock, random) = (Arc::new(SystemClock::new()), Arc::new(SeededRandom::new(seed)));
        let store = Store::open(config, &[&LINES], clock, random, fatal).await?;
        Ok((store, stopped))
    }

    async fn open(&self) -> Process {
        let directory = tempfile::tempdir().unwrap();
        let (store, stopped) = self.open_in(directory.path(), JournalPlace::Catalog).await.unwrap();
        Process { store, stopped, _directory: directory }
    }
}

impl Process {
    async fn append(&self, from: u64, count: u64) -> Result<(), StoreError> {
        let mut rows = Rows::new(&LINES);
        for number in from..from + count {
            rows.i64(1_795_305_600_000 + number as i64);
            rows.text(&format!("line {number}"));
            rows.end_row();
        }
        self.store.append(rows).await.map(drop)
    }

    async fn lines(&self) -> Vec<u64> {
        let scan = |store: &Store| {
            let mut found = Vec::new();
            let mut take = |batch: &watchkeep_store::Batch| {
                found.extend((0..batch.len()).map(|row| batch.text(1, row)["line ".len()..].parse::<u64>().unwrap()));
                ControlFlow::Continue(())
            };
            store.scan(&Scan::new(&LINES), &mut take).unwrap();
            found.sort_unstable();
            found
        };
        self.store.blocking(scan).await
    }
}

/// Runs a test on a database of its own; not at all where PostgreSQL is not installed.
fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Cluster) -> F) {
    let Some(server) = support::Postgres::start() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let admin: sqlx::postgres::PgConnectOptions = server.url("postgres").parse().unwrap();
        support::patiently(|| sqlx::ConnectOptions::connect(&admin)).await;
        let cluster = Cluster { url: server.url("postgres"), blobs: Arc::default(), opened: Mutex::default() };
        test(cluster).await;
    });
}

fn expected(count: u64) -> Vec<u64> {
    (0..count).collect()
}

#[test]
fn the_next_process_has_all_that_was_acknowledged_and_the_one_before_adds_nothing() {
    on_postgres(|cluster| async move {
        let one = cluster.open().await;
        one.append(0, 100).await.unwrap();
        let states = one.store.catalog().collection::<State>().await.unwrap();
        let key = ResourceKey::global(AccountId::DEFAULT, "alarm");
        let state = states.create(key.clone(), State(1)).await.unwrap();
        one.store.seal_now().await.unwrap();
        one.append(100, 50).await.unwrap();
        one.append(150, 1).await.unwrap();
        assert_eq!(one.lines().await, expected(151));

        // The first is not gone, it was only silent for too long.
        let two = cluster.open().await;
        assert_eq!(two.lines().await, expected(151));
        assert!(one.append(1_000, 1).await.is_err());
        // The process would have ended, be it a moment after the append failed.
        support::patiently(async || one.stopped.load(Ordering::SeqCst).then_some(()).ok_or("it goes on")).await;
        let refused = states.update(&state, State(2)).await;
        assert!(matches!(refused, Err(CatalogError::Fenced { .. })), "{refused:?}");
        assert!(one.store.seal_now().await.is_err());

        two.append(151, 9).await.unwrap();
        two.store.seal_now().await.unwrap();
        let states = two.store.catalog().collection::<State>().await.unwrap();
        assert_eq!(states.get(&key).unwrap().value.0, 1);
        assert_eq!(two.lines().await, expected(160));
        assert!(!two.stopped.load(Ordering::SeqCst));
        two.store.close().await;

        let three = cluster.open().await;
        assert_eq!(three.lines().await, expected(160));
    });
}

#[test]
fn appends_race_with_a_takeover_and_each_is_acknowledged_and_kept_or_neither() {
    on_postgres(|cluster| async move {
        let cluster = Arc::new(cluster);
        let one = Arc::new(cluster.open().await);
        let writing: Vec<_> = (0..4u64)
            .map(|writer| {
                let one = one.clone();
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for number in 0.. {
                        let line = writer * 1_000_000 + number;
                        match one.append(line, 1).await {
                            Ok(()) => acknowledged.push(line),
                            Err(_) => break,
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        SystemClock::new().sleep(Duration::from_millis(300)).await;
        let two = cluster.open().await;
        let mut acknowledged = Vec::new();
        for writer in writing {
            acknowledged.extend(writer.await.unwrap());
        }
        let found = two.lines().await;
        assert!(!acknowledged.is_empty());
        let lost: Vec<_> = acknowledged.iter().filter(|line| found.binary_search(line).is_err()).collect();
        assert!(lost.is_empty(), "{} acknowledged, lost: {lost:?}", acknowledged.len());
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "a line is there twice");
    });
}

#[test]
fn a_catalog_belongs_to_one_server_or_to_a_cluster() {
    on_postgres(|cluster| async move {
        let alone = tempfile::tempdir().unwrap();
        let of_cluster = cluster.open().await;
        let refused = cluster.open_in(alone.path(), JournalPlace::Directory).await.unwrap_err();
        assert!(matches!(refused, StoreError::Catalog(CatalogError::NodeTaken { .. })), "{refused}");
        of_cluster.append(0, 1).await.unwrap();
        assert_eq!(of_cluster.lines().await, [0]);
    });
}
