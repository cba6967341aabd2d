//! One suite for the catalog, run against SQLite and against PostgreSQL.

#[path = "catalog/of_clusters.rs"]
mod of_clusters;
mod support;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Clock, ManualClock, Random, Region, SeededRandom, SystemClock, TimestampMs};
use watchkeep_store::journal::Lsn;
use watchkeep_store::{
    Catalog, CatalogError, CatalogUrl, Collection, ColumnStats, DuckType, EntryChange, NodeHome, NodeName, Publish,
    Resource, ResourceKey, SegmentRow, Versioned,
};

use of_clusters::{one_member_works_at_a_time, whoever_opens_a_clusters_node_changes_its_resources};

/// Where a test's catalog is, and how time passes there.
struct Place {
    url: CatalogUrl,
    clock: Arc<ManualClock>,
}

impl Place {
    async fn open(&self) -> Catalog {
        self.open_as("node-1").await
    }

    async fn open_as(&self, node: &str) -> Catalog {
        Catalog::open(&self.url, node.parse().unwrap(), self.clock.clone()).await.unwrap()
    }

    /// Lets 60 ms pass: by hand for SQLite, while PostgreSQL has a clock of its own.
    async fn wait(&self) {
        match self.url {
            CatalogUrl::Sqlite(_) => self.clock.advance(Duration::from_millis(60)),
            CatalogUrl::Postgres(_) => SystemClock::new().sleep(Duration::from_millis(60)).await,
        }
    }
}

/// Runs each test of the suite on an empty catalog made by `place`.
macro_rules! suite {
    ($place:expr, $runtime:expr, [$($test:ident),* $(,)?]) => {
        $($runtime.block_on($test($place(stringify!($test))));)*
    };
}

macro_rules! whole_suite {
    ($place:expr, $runtime:expr) => {
        suite!(
            $place,
            $runtime,
            [
                resources_are_created_changed_and_deleted,
                resources_survive_and_versions_do_not_repeat,
                lists_follow_the_bytes_of_names,
                one_kind_has_one_cache,
                concurrent_writers_agree_with_the_database,
                a_write_ends_though_its_caller_stopped_waiting,
                another_nodes_write_is_learnt_of,
                random_writes_equal_a_model,
                what_is_too_large_is_refused,
                counters_never_repeat,
                publishing_is_all_or_nothing,
                snapshots_are_in_commit_order,
                ended_segments_are_kept_until_forgotten,
                watermarks_belong_to_their_node,
                the_last_to_open_a_node_wins,
                leases_change_hands,
                one_member_works_at_a_time,
                whoever_opens_a_clusters_node_changes_its_resources,
                readers_change_nothing,
                newer_schemas_are_refused,
                a_catalog_is_always_the_same_and_an_older_one_becomes_one,
                a_node_has_one_home,
                a_changed_resource_is_damage,
                entries_are_sorted_and_durable,
                entries_change_together_or_not_at_all,
                entries_change_with_the_resource_that_they_belong_to,
                a_reset_leaves_only_what_must_stay,
                the_lake_shows_live_segments,
            ]
        );
    };
}

#[test]
fn sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| Place { url: CatalogUrl::Sqlite(directory.path().join(name)), clock: clock() };
    whole_suite!(place, runtime());
}

#[test]
fn postgres() {
    let Some(server) = support::Postgres::start() else { return };
    let runtime = runtime();
    let admin: sqlx::postgres::PgConnectOptions = server.url("postgres").parse().unwrap();
    let create = |name: &str| {
        // PostgreSQL shortens names of more than 63 bytes by itself, which it may: they still differ.
        let statement = sqlx::AssertSqlSafe(format!("create database {name}"));
        runtime.block_on(async {
            use sqlx::{ConnectOptions, Executor};
            let mut connection = support::patiently(|| admin.connect()).await;
            connection.execute(statement).await.unwrap();
        });
        Place { url: server.url(name).parse().unwrap(), clock: clock() }
    };
    whole_suite!(create, runtime);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(TimestampMs(1_750_000_000_123)))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Alarm {
    text: String,
    number: u64,
}

impl Resource for Alarm {
    const KIND: &'static str = "alarm";
}

#[derive(Debug, Serialize, Deserialize)]
struct Rule;

impl Resource for Rule {
    const KIND: &'static str = "rule";
}

/// Claims a kind that is taken.
#[derive(Debug, Serialize, Deserialize)]
struct Impostor;

impl Resource for Impostor {
    const KIND: &'static str = "alarm";
}

fn alarm(number: u64) -> Alarm {
    // What JSON and SQL like to trip over.
    Alarm { text: format!("'; drop table resource; -- \"\\\0\u{1f514} {number}"), number }
}

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn key(name: &str) -> ResourceKey {
    ResourceKey::new(account(), &region("eu-central-1"), name)
}

fn names<R>(found: &[Arc<Versioned<R>>]) -> Vec<&str> {
    found.iter().map(|resource| resource.key.name.as_str()).collect()
}

async fn resources_are_created_changed_and_deleted(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    assert!(alarms.is_empty() && alarms.get(&key("cpu")).is_none());

    let created = alarms.create(key("cpu"), alarm(1)).await.unwrap();
    assert_eq!((created.number, &created.key), (1, &key("cpu")));
    assert_eq!(alarms.get(&key("cpu")).unwrap(), created);
    let again = alarms.create(key("cpu"), alarm(2)).await;
    assert!(matches!(again, Err(CatalogError::Exists { kind: "alarm", name }) if name == "cpu"));
    assert_eq!(alarms.get(&key("cpu")).unwrap(), created);

    let updated = alarms.update(&created, alarm(3)).await.unwrap();
    assert_eq!(alarms.get(&key("cpu")).unwrap(), updated);
    let stale = alarms.update(&created, alarm(4)).await;
    assert!(matches!(stale, Err(CatalogError::Conflict { kind: "alarm", .. })));
    assert_eq!(alarms.get(&key("cpu")).unwrap().number, 3);

    // The same name elsewhere is another resource.
    let elsewhere = ResourceKey::new(account(), &region("us-east-1"), "cpu");
    let global = ResourceKey::global(account(), "cpu");
    alarms.create(elsewhere.clone(), alarm(5)).await.unwrap();
    alarms.put(global.clone(), alarm(6)).await.unwrap();
    alarms.put(key("cpu"), alarm(7)).await.unwrap();
    let numbers: Vec<u64> = alarms.all().iter().map(|resource| resource.number).collect();
    assert_eq!(numbers, [6, 7, 5]);

    assert!(alarms.delete(&key("cpu")).await.unwrap());
    assert!(!alarms.delete(&key("cpu")).await.unwrap());
    assert!(alarms.get(&key("cpu")).is_none() && alarms.get(&elsewhere).is_some() && alarms.get(&global).is_some());
    let gone = alarms.update(&updated, alarm(8)).await;
    assert!(matches!(gone, Err(CatalogError::Conflict { .. })));
    assert_eq!(alarms.len(), 2);
}

async fn resources_survive_and_versions_do_not_repeat(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    let mut versions = HashSet::new();
    let mut first = None;
    for round in 0..100 {
        let created = alarms.create(key("cpu"), alarm(round)).await.unwrap();
        assert!(versions.insert(created.version));
        first.get_or_insert(created);
        alarms.delete(&key("cpu")).await.unwrap();
    }
    let before = alarms.put(key("cpu\0with\u{10ffff}"), alarm(1_000)).await.unwrap();
    catalog.close().await;

    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    assert_eq!(alarms.all(), [before]);
    // Created anew it is not what it was, however often that happens.
    let anew = alarms.create(key("cpu"), alarm(1)).await.unwrap();
    assert!(versions.insert(anew.version));
    let stale = alarms.update(&first.unwrap(), alarm(2)).await;
    assert!(matches!(stale, Err(CatalogError::Conflict { .. })));
}

async fn lists_follow_the_bytes_of_names(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    let sorted =
        ["/aws/a", "/aws/a/1", "/aws/a/10", "/aws/a/2", "/aws/aa", "/aws/b", "A", "Z", "a", "_", "z", "ä", "€", "𝄞"];
    let mut sorted = sorted.to_vec();
    sorted.sort_unstable_by_key(|name| name.as_bytes());
    for name in sorted.iter().rev() {
        alarms.create(key(name), alarm(0)).await.unwrap();
    }
    alarms.create(ResourceKey::global(account(), "/aws/global"), alarm(0)).await.unwrap();
    alarms.create(ResourceKey::new(account(), &region("eu-central-2"), "/aws/next"), alarm(0)).await.unwrap();
    alarms.create(ResourceKey::new(AccountId::DEFAULT, &region("eu-central-1"), "/aws/other"), alarm(0)).await.unwrap();

    let here = region("eu-central-1");
    let check = |prefix: &str, after: Option<&str>, limit: usize| {
        let listed = alarms.list(&account(), Some(&here), prefix, after, limit);
        let expected =
            sorted.iter().filter(|name| name.starts_with(prefix) && after.is_none_or(|after| **name > after));
        assert_eq!(names(&listed), expected.copied().take(limit).collect::<Vec<_>>(), "{prefix} {after:?} {limit}");
    };
    for prefix in ["", "/", "/aws/a", "/aws/a/", "/aws/b", "a", "nothing", "𝄞", "\u{10ffff}"] {
        for after in
            [None, Some(""), Some("/"), Some("/aws/a"), Some("/aws/a/1"), Some("/aws/zz"), Some("z"), Some("𝄞")]
        {
            for limit in [0, 1, 3, usize::MAX] {
                check(prefix, after, limit);
            }
        }
    }
    assert_eq!(names(&alarms.list(&account(), None, "", None, 10)), ["/aws/global"]);

    assert_eq!(alarms.delete_prefix(&account(), Some(&here), "/aws/a/").await.unwrap(), 3);
    assert_eq!(alarms.delete_prefix(&account(), Some(&here), "/aws/a/").await.unwrap(), 0);
    assert_eq!(names(&alarms.list(&account(), Some(&here), "/aws", None, 10)), ["/aws/a", "/aws/aa", "/aws/b"]);
    assert_eq!(alarms.delete_prefix(&account(), Some(&here), "").await.unwrap(), 11);
    assert_eq!(alarms.len(), 3);
    in_step(&place, &alarms).await;
}

async fn one_kind_has_one_cache(place: Place) {
    let catalog = place.open().await;
    let (one, two) =
        (catalog.collection::<Alarm>().await.unwrap(), catalog.clone().collection::<Alarm>().await.unwrap());
    one.create(key("cpu"), alarm(1)).await.unwrap();
    assert_eq!(two.get(&key("cpu")).unwrap().number, 1);
    assert!(matches!(catalog.collection::<Impostor>().await, Err(CatalogError::KindTaken { kind: "alarm" })));
    let rules = catalog.collection::<Rule>().await.unwrap();
    rules.create(key("cpu"), Rule).await.unwrap();
    assert_eq!((one.len(), rules.len()), (1, 1));
}

/// The cache holds what another node, opening the catalog now, would read.
async fn in_step(place: &Place, alarms: &Collection<Alarm>) {
    let other = place.open_as("onlooker").await;
    let read = other.collection::<Alarm>().await.unwrap().all();
    assert_eq!(alarms.all(), read);
    other.close().await;
}

async fn concurrent_writers_agree_with_the_database(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    alarms.create(key("counter"), alarm(0)).await.unwrap();
    let mut writers = Vec::new();
    for writer in 0..8 {
        let alarms = alarms.clone();
        writers.push(tokio::spawn(async move {
            let mut created = 0;
            for round in 0..10 {
                // Everybody adds one, however often somebody else was quicker.
                let add = |counter: &mut Alarm| {
                    *counter = alarm(counter.number + 1);
                    true
                };
                assert!(alarms.change(&key("counter"), add).await.unwrap().is_some());
                assert_eq!(alarms.change(&key("counter"), |_| false).await.unwrap(), None);
                assert_eq!(alarms.change(&key("none"), add).await.unwrap(), None);
                let contested = key(&format!("contested-{round}"));
                created += u64::from(alarms.create(contested.clone(), alarm(writer)).await.is_ok());
                alarms.put(key("last"), alarm(writer)).await.unwrap();
                if round % 3 == writer % 3 {
                    alarms.delete(&key("last")).await.unwrap();
                }
            }
            created
        }));
    }
    let mut created = 0;
    for writer in writers {
        created += writer.await.unwrap();
    }
    assert_eq!(created, 10);
    assert_eq!(alarms.get(&key("counter")).unwrap().number, 80);
    in_step(&place, &alarms).await;
}

async fn a_write_ends_though_its_caller_stopped_waiting(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    for number in 0..50 {
        let name = key(&format!("alarm-{number}"));
        let write = alarms.create(name, alarm(number));
        let mut write = Box::pin(write);
        // Polled once, then dropped: as when a client hangs up.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = write.as_mut().poll(&mut context);
        drop(write);
    }
    // Nobody waits for them, so it is looked whether they are all there.
    support::patiently(async || match alarms.len() {
        50 => Ok(()),
        fewer => Err(format!("{fewer} of 50")),
    })
    .await;
    in_step(&place, &alarms).await;
}

async fn another_nodes_write_is_learnt_of(place: Place) {
    let (one, two) = (place.open_as("one").await, place.open_as("two").await);
    let (ones, twos) = (one.collection::<Alarm>().await.unwrap(), two.collection::<Alarm>().await.unwrap());
    ones.create(key("cpu"), alarm(1)).await.unwrap();
    assert!(matches!(twos.create(key("cpu"), alarm(2)).await, Err(CatalogError::Exists { .. })));
    let seen = twos.get(&key("cpu")).unwrap();
    assert_eq!(seen.number, 1);
    twos.update(&seen, alarm(3)).await.unwrap();

    let old = ones.get(&key("cpu")).unwrap();
    assert!(matches!(ones.update(&old, alarm(4)).await, Err(CatalogError::Conflict { .. })));
    assert_eq!(ones.get(&key("cpu")).unwrap().number, 3);
    ones.delete(&key("cpu")).await.unwrap();
    let old = twos.get(&key("cpu")).unwrap();
    assert!(matches!(twos.update(&old, alarm(5)).await, Err(CatalogError::Conflict { .. })));
    assert!(twos.get(&key("cpu")).is_none());
}

async fn random_writes_equal_a_model(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    let mut model: BTreeMap<ResourceKey, u64> = BTreeMap::new();
    let random = SeededRandom::new(11);
    let below = |limit: u64| random.next_u64() % limit;
    for step in 0..300 {
        let region = ["a", "b"].get(below(3) as usize).map(|name| region(name));
        let name: String = (0..below(3)).map(|_| ['x', 'y', 'é'][below(3) as usize]).collect();
        let key = ResourceKey { account: account(), region, name };
        match below(8) {
            0 | 1 => {
                assert_eq!(alarms.create(key.clone(), alarm(step)).await.is_ok(), !model.contains_key(&key));
                model.entry(key).or_insert(step);
            }
            2 | 3 => {
                alarms.put(key.clone(), alarm(step)).await.unwrap();
                model.insert(key, step);
            }
            4 | 5 => {
                if let Some(current) = alarms.get(&key) {
                    alarms.update(&current, alarm(step)).await.unwrap();
                    model.insert(key, step);
                }
            }
            6 => assert_eq!(alarms.delete(&key).await.unwrap(), model.remove(&key).is_some()),
            _ => {
                let gone = |other: &ResourceKey| other.region == key.region && other.name.starts_with(&key.name);
                let expected = model.keys().filter(|other| gone(other)).count() as u64;
                let deleted = alarms.delete_prefix(&account(), key.region.as_ref(), &key.name).await.unwrap();
                assert_eq!(deleted, expected);
                model.retain(|other, _| !gone(other));
            }
        }
        let cached: BTreeMap<_, _> =
            alarms.all().iter().map(|resource| (resource.key.clone(), resource.number)).collect();
        assert_eq!(cached, model, "after step {step}");
    }
    in_step(&place, &alarms).await;
}

async fn what_is_too_large_is_refused(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    let long = alarms.put(key(&"x".repeat(4_097)), alarm(0)).await;
    assert!(matches!(long, Err(CatalogError::TooLarge { bytes: 4_097, limit: 4_096, .. })));
    let big = Alarm { text: "x".repeat(8 << 20), number: 0 };
    assert!(matches!(alarms.put(key("big"), big).await, Err(CatalogError::TooLarge { what: "its document", .. })));
    let most = Alarm { text: "x".repeat((8 << 20) - 30), number: 0 };
    alarms.put(key("most"), most.clone()).await.unwrap();
    assert_eq!(alarms.all().len(), 1);
    in_step(&place, &alarms).await;
}

async fn counters_never_repeat(place: Place) {
    let catalog = place.open().await;
    for expected in 1..=200 {
        assert_eq!(catalog.next_id("segment").await.unwrap(), expected);
    }
    assert_eq!(catalog.next_id("stream").await.unwrap(), 1);
    let other = place.open_as("other").await;
    let mut seen: HashSet<u64> = (1..=200).collect();
    let mut askers = Vec::new();
    for asker in 0..4 {
        let catalog = if asker % 2 == 0 { catalog.clone() } else { other.clone() };
        askers.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..100 {
                ids.push(catalog.next_id("segment").await.unwrap());
            }
            assert!(ids.is_sorted());
            ids
        }));
    }
    for asker in askers {
        for id in asker.await.unwrap() {
            assert!(seen.insert(id), "{id} twice");
        }
    }
    let most = seen.iter().max().copied().unwrap();
    catalog.close().await;
    assert!(place.open().await.next_id("segment").await.unwrap() > most);
    // A counter of this name is not the one that numbers snapshots.
    assert_eq!(other.next_id("snapshot").await.unwrap(), 1);
}

fn segment(id: u64) -> SegmentRow {
    SegmentRow {
        id,
        table: "log_events".to_owned(),
        level: 1,
        window_start: -3_600_000,
        window_ms: 3_600_000,
        min_time: -5,
        max_time: i64::MAX,
        rows: 1_000,
        bytes: 20_000,
        raw_bytes: 90_000,
        footer_bytes: 700,
        path: format!("segments/log_events/{id}.parquet"),
        min_key: 0,
        max_key: u64::MAX,
        data_key: None,
        columns: "[]".to_owned(),
    }
}

fn adding(ids: impl IntoIterator<Item = u64>) -> Publish {
    Publish { add: ids.into_iter().map(segment).collect(), ..Publish::default() }
}

async fn live(catalog: &Catalog) -> Vec<u64> {
    catalog.live_segments().await.unwrap().iter().map(|segment| segment.id).collect()
}

async fn publishing_is_all_or_nothing(place: Place) {
    let catalog = place.open().await;
    catalog.publish(Publish { watermarks: vec![(1, Lsn(10)), (2, Lsn(7))], ..adding([1, 2]) }).await.unwrap();
    assert_eq!(catalog.live_segments().await.unwrap(), [segment(1), segment(2)]);

    // Each of these fails at another place; none leaves a trace.
    let stats = SegmentRow { columns: "{}".to_owned(), ..segment(6) };
    for (failing, told) in [
        (Publish { end: vec![1], ..adding([3, 2]) }, "the catalog's database failed"),
        (Publish { end: vec![1, 99], watermarks: vec![(1, Lsn(11))], ..adding([4]) }, "segment 99 is not live"),
        (Publish { end: vec![1, 1], watermarks: vec![(1, Lsn(11))], ..adding([4]) }, "segment 1 is not live"),
        (
            Publish { end: vec![1], watermarks: vec![(2, Lsn(8)), (1, Lsn(9))], ..adding([5]) },
            "the watermark of table 1 is already beyond 9",
        ),
        (
            Publish { add: vec![segment(5), stats], end: vec![1], ..Publish::default() },
            "column statistics of segment 6",
        ),
    ] {
        let error = catalog.publish(failing).await.unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
        assert_eq!(live(&catalog).await, [1, 2]);
        let watermarks = catalog.watermarks().await.unwrap();
        assert_eq!((watermarks.len(), watermarks[&1], watermarks[&2]), (2, Lsn(10), Lsn(7)));
        assert!(catalog.ended_segments(TimestampMs(i64::MAX)).await.unwrap().is_empty());
    }

    catalog
        .publish(Publish { end: vec![1, 2], watermarks: vec![(1, Lsn(10)), (2, Lsn(8))], ..adding([6]) })
        .await
        .unwrap();
    assert_eq!(live(&catalog).await, [6]);
    assert_eq!(catalog.watermarks().await.unwrap()[&2], Lsn(8));
}

async fn snapshots_are_in_commit_order(place: Place) {
    let (one, two) = (place.open_as("one").await, place.open_as("two").await);
    let mut publishers = Vec::new();
    for publisher in 0..4_u64 {
        let catalog = if publisher % 2 == 0 { one.clone() } else { two.clone() };
        publishers.push(tokio::spawn(async move {
            let mut last = None;
            for round in 0..20 {
                let tx = catalog.publish(adding([publisher * 100 + round])).await.unwrap();
                assert!(Some(tx) > last);
                last = Some(tx);
                // Whoever reads after the commit sees it.
                assert!(live(&catalog).await.contains(&(publisher * 100 + round)));
            }
            last.unwrap()
        }));
    }
    let mut last = None;
    for publisher in publishers {
        last = last.max(Some(publisher.await.unwrap()));
    }
    // No number was skipped: 80 publishes, 80 snapshots.
    assert_eq!(last.unwrap().0, 80);
}

async fn ended_segments_are_kept_until_forgotten(place: Place) {
    let catalog = place.open().await;
    catalog.register_table("log_events", &[("message".to_owned(), DuckType::Bytes)]).await.unwrap();
    let stats = ColumnStats { name: "message".to_owned(), nulls: Some(0), ..ColumnStats::default() };
    let with_stats = SegmentRow { columns: serde_json::to_string(&[stats]).unwrap(), ..segment(1) };
    catalog
        .publish(Publish { add: vec![with_stats.clone(), segment(2), segment(3)], ..Publish::default() })
        .await
        .unwrap();
    let before = catalog.publish(Publish { end: vec![1], ..Publish::default() }).await.unwrap();
    place.wait().await;
    let all = catalog.ended_segments(TimestampMs(i64::MAX)).await.unwrap();
    assert_eq!(all, [with_stats]);
    assert!(catalog.ended_segments(TimestampMs(1_000)).await.unwrap().is_empty());
    if matches!(place.url, CatalogUrl::Sqlite(_)) {
        // It was ended when the clock stood 60 ms earlier, which is not before that time.
        let ended_at = place.clock.now().plus_ms(-60);
        assert!(catalog.ended_segments(ended_at).await.unwrap().is_empty());
        assert_eq!(catalog.ended_segments(ended_at.plus_ms(1)).await.unwrap().len(), 1);
    }
    // Live and unknown ones stay what they are.
    catalog.forget_segments(&[1, 2, 77]).await.unwrap();
    assert!(catalog.ended_segments(TimestampMs(i64::MAX)).await.unwrap().is_empty());
    assert_eq!(live(&catalog).await, [2, 3]);
    assert!(catalog.publish(Publish { end: vec![3], ..Publish::default() }).await.unwrap() > before);
}

async fn watermarks_belong_to_their_node(place: Place) {
    let (one, two) = (place.open_as("one").await, place.open_as("two").await);
    one.publish(Publish { watermarks: vec![(u16::MAX, Lsn(u64::MAX >> 1))], ..Publish::default() }).await.unwrap();
    two.publish(Publish { watermarks: vec![(u16::MAX, Lsn(1))], ..Publish::default() }).await.unwrap();
    assert_eq!(one.watermarks().await.unwrap()[&u16::MAX], Lsn(u64::MAX >> 1));
    assert_eq!(two.watermarks().await.unwrap()[&u16::MAX], Lsn(1));
}

async fn the_last_to_open_a_node_wins(place: Place) {
    let first = place.open().await;
    first.publish(adding([1])).await.unwrap();
    let second = place.open().await;
    let fenced = |e: CatalogError| matches!(e, CatalogError::Fenced { node } if node == "node-1");
    assert!(first.publish(adding([2])).await.is_err_and(fenced));
    assert!(first.lease("alarms", Duration::from_secs(1)).await.is_err_and(fenced));
    assert!(first.forget_segments(&[1]).await.is_err_and(fenced));
    assert!(first.reset().await.is_err_and(fenced));
    second.publish(adding([3])).await.unwrap();
    assert_eq!(live(&first).await, [1, 3]);
    // Nodes of other names are nobody's rivals.
    place.open_as("node-2").await.publish(adding([4])).await.unwrap();
    second.publish(adding([5])).await.unwrap();
}

async fn leases_change_hands(place: Place) {
    let (one, two) = (place.open_as("one").await, place.open_as("two").await);
    let long = Duration::from_secs(600);
    let short = Duration::from_millis(50);

    let held = one.lease("alarms", long).await.unwrap().unwrap();
    assert_eq!((held.name.as_str(), held.epoch), ("alarms", 1));
    assert_eq!(two.lease("alarms", long).await.unwrap(), None);
    assert!(two.lease("compaction", long).await.unwrap().is_some());
    let renewed = one.lease("alarms", short).await.unwrap().unwrap();
    assert_eq!(renewed.epoch, 1);
    one.publish_under(&held, adding([1])).await.unwrap();

    // It runs out; another takes it; the first one's work is refused even though it does not know.
    place.wait().await;
    let lost = |e: CatalogError| matches!(e, CatalogError::LeaseLost { name } if name == "alarms");
    assert!(one.publish_under(&held, adding([2])).await.is_err_and(lost));
    let taken = two.lease("alarms", long).await.unwrap().unwrap();
    assert_eq!(taken.epoch, 2);
    assert!(one.publish_under(&renewed, adding([2])).await.is_err_and(lost));
    assert_eq!(one.lease("alarms", long).await.unwrap(), None);
    two.publish_under(&taken, adding([3])).await.unwrap();
    assert_eq!(live(&one).await, [1, 3]);

    // Given back it is free at once; giving back what is lost harms nobody.
    one.release(&held).await.unwrap();
    assert_eq!(one.lease("alarms", long).await.unwrap(), None);
    two.release(&taken).await.unwrap();
    assert!(two.publish_under(&taken, adding([4])).await.is_err_and(lost));
    assert_eq!(one.lease("alarms", short).await.unwrap().unwrap().epoch, 3);

    // A lease that ran out and was taken again by the same node is a new one: another may have held it meanwhile.
    place.wait().await;
    assert_eq!(one.lease("alarms", long).await.unwrap().unwrap().epoch, 4);

    // A node that restarts does not inherit.
    let again = place.open_as("one").await;
    assert_eq!(again.lease("alarms", long).await.unwrap(), None);
}

async fn readers_change_nothing(place: Place) {
    // Nothing is there yet.
    let node = NodeName::default();
    let missing = Catalog::open_to_read(&place.url, node.clone(), place.clock.clone()).await.unwrap_err();
    assert!(matches!(missing, CatalogError::File { .. } | CatalogError::OlderSchema { found: 0, .. }), "{missing}");

    let catalog = place.open().await;
    catalog.publish(adding([1])).await.unwrap();
    catalog.collection::<Alarm>().await.unwrap().create(key("cpu"), alarm(1)).await.unwrap();

    let reader = Catalog::open_to_read(&place.url, node, place.clock.clone()).await.unwrap();
    assert_eq!(live(&reader).await, [1]);
    let alarms = reader.collection::<Alarm>().await.unwrap();
    assert_eq!(alarms.len(), 1);
    let read_only = |e: CatalogError| matches!(e, CatalogError::ReadOnly);
    assert!(alarms.create(key("disk"), alarm(1)).await.is_err_and(read_only));
    assert!(alarms.delete(&key("cpu")).await.is_err_and(read_only));
    assert!(reader.publish(adding([2])).await.is_err_and(read_only));
    assert!(reader.reset().await.is_err_and(read_only));
    assert_eq!(alarms.len(), 1);
    reader.check().await.unwrap();
    // The writer is not fenced off by it.
    catalog.publish(adding([2])).await.unwrap();
    assert_eq!(live(&reader).await, [1, 2]);
}

async fn newer_schemas_are_refused(place: Place) {
    place.open().await.close().await;
    execute(&place.url, "insert into schema_version (version) values (1000)").await;
    let newer = |e: CatalogError| matches!(e, CatalogError::NewerSchema { found: 1000, known: 7 });
    assert!(Catalog::open(&place.url, NodeName::default(), place.clock.clone()).await.is_err_and(newer));
    assert!(Catalog::open_to_read(&place.url, NodeName::default(), place.clock.clone()).await.is_err_and(newer));

    // One that was upgraded in part goes on where it stopped: here it was, but for the number.
    execute(&place.url, "delete from schema_version where version > 1").await;
    let older = |e: CatalogError| matches!(e, CatalogError::OlderSchema { found: 1, known: 7 });
    assert!(Catalog::open_to_read(&place.url, NodeName::default(), place.clock.clone()).await.is_err_and(older));
}

async fn a_catalog_is_always_the_same_and_an_older_one_becomes_one(place: Place) {
    let catalog = place.open().await;
    assert_eq!(catalog.identity("first").await.unwrap(), "first");
    catalog.reset().await.unwrap();
    assert_eq!(catalog.identity("second").await.unwrap(), "first");
    catalog.close().await;
    let catalog = place.open().await;
    assert_eq!(catalog.identity("third").await.unwrap(), "first");
    catalog.collection::<Alarm>().await.unwrap().create(key("old"), alarm(1)).await.unwrap();
    catalog.close().await;
    // As the version before it left it.
    for statement in [
        "drop view ducklake_data_file",
        "drop view ducklake_table_stats",
        "drop table entry",
        "drop table data_key",
        "alter table segment drop column data_key",
        "drop table identity",
        "drop table journal_group",
        "drop table member",
        "drop table member_proof",
        "alter table resource drop column crc",
        "alter table node drop column home",
        "delete from schema_version where version > 2",
    ] {
        execute(&place.url, statement).await;
    }
    let catalog = place.open().await;
    assert_eq!(catalog.identity("anew").await.unwrap(), "anew");
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    assert_eq!(alarms.get(&key("old")).unwrap().value, alarm(1));
    catalog.check().await.unwrap();
}

async fn a_node_has_one_home(place: Place) {
    let open = async |home: Option<(&str, bool)>| {
        let home = home.map(|(id, other_is_lost)| NodeHome { id: id.to_owned(), other_is_lost });
        Catalog::open_from(&place.url, NodeName::default(), home, place.clock.clone()).await
    };
    open(None).await.unwrap();
    let first = open(Some(("here", false))).await.unwrap();
    let taken = open(Some(("there", false))).await;
    assert!(matches!(taken, Err(CatalogError::NodeTaken { .. })), "{taken:?}");
    // It was not fenced off by the attempt.
    first.publish(adding([1])).await.unwrap();
    open(Some(("here", false))).await.unwrap();
    open(Some(("there", true))).await.unwrap();
    assert!(matches!(open(Some(("here", false))).await, Err(CatalogError::NodeTaken { .. })));
}

async fn a_changed_resource_is_damage(place: Place) {
    let changes = [
        "update resource set document = replace(document, 'cpu', 'gpu') where kind = 'alarm'",
        "update resource set version = version + 1 where kind = 'alarm'",
        "update resource set region = 'us-west-2' where kind = 'alarm'",
        "update resource set crc = crc + 1 where kind = 'alarm'",
    ];
    for change in changes {
        let catalog = place.open().await;
        let alarms = catalog.collection::<Alarm>().await.unwrap();
        let value = Alarm { text: "cpu is busy".into(), number: 1 };
        alarms.put(key("cpu"), value.clone()).await.unwrap();
        catalog.collection::<Rule>().await.unwrap().put(key("of another kind"), Rule).await.unwrap();
        catalog.check().await.unwrap();
        execute(&place.url, change).await;
        let damaged = |e: &CatalogError| e.to_string().contains("alarm \"cpu\": its checksum does not fit");
        assert!(catalog.check().await.is_err_and(|e| damaged(&e)), "{change}");
        let read = place.open().await.collection::<Alarm>().await;
        assert!(read.is_err_and(|e| damaged(&e)), "{change}");
        execute(&place.url, "delete from resource").await;
        catalog.close().await;
    }
}

fn put_entry(kind: &'static str, key: &[u8], value: &[u8]) -> EntryChange {
    EntryChange::Put { kind, key: key.to_vec(), value: value.to_vec() }
}

async fn entries_are_sorted_and_durable(place: Place) {
    let catalog = place.open().await;
    let entries = catalog.entries();
    let keys: [&[u8]; 5] = [b"a", b"a\0", b"a\xff", b"b", b"\xff\xff"];
    for (index, key) in keys.iter().enumerate().rev() {
        entries.commit(vec![put_entry("one", key, &[index as u8]), put_entry("two", key, b"other")]).await.unwrap();
    }
    let range = async |from: &[u8], to: &[u8], limit: usize| -> Vec<u8> {
        let read = entries.range("one", from, to, limit).await.unwrap();
        read.into_iter().map(|entry| entry.value[0]).collect()
    };
    assert_eq!(range(b"", &[255; 3], 10).await, [0, 1, 2, 3, 4]);
    assert_eq!(range(b"a\0", b"b", 10).await, [1, 2]);
    assert_eq!(range(b"", &[255; 3], 2).await, [0, 1]);
    assert_eq!(entries.get("one", b"b").await.unwrap().as_deref(), Some(&[3][..]));
    assert_eq!(entries.get("none", b"b").await.unwrap(), None);
    let remove = vec![
        EntryChange::Delete { kind: "one", key: b"b".to_vec() },
        EntryChange::DeleteRange { kind: "one", from: b"a\0".to_vec(), to: b"a\xff".to_vec() },
        put_entry("one", b"a", b"\x09"),
    ];
    entries.commit(remove).await.unwrap();
    assert_eq!(range(b"", &[255; 3], 10).await, [9, 2, 4]);
    catalog.check().await.unwrap();
    execute(&place.url, "update entry set crc = crc + 1 where kind = 'two'").await;
    assert!(
        catalog.check().await.is_err_and(|error| error.to_string().contains("two \"a\": its checksum does not fit"))
    );
    execute(&place.url, "update entry set crc = crc - 1 where kind = 'two'").await;
    let again = place.open().await;
    let read = again.entries().range("two", b"", &[255; 3], 10).await.unwrap();
    assert_eq!(read.len(), 5);
    again.reset().await.unwrap();
    assert!(again.entries().range("two", b"", &[255; 3], 10).await.unwrap().is_empty());
}

async fn entries_change_with_the_resource_that_they_belong_to(place: Place) {
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    let put = |number, changes| alarms.put_with_entries(key("a"), alarm(number), changes);
    put(1, vec![put_entry("one", b"a", b"x"), put_entry("one", b"b", b"y")]).await.unwrap();
    let too_large = vec![put_entry("one", b"c", b"x"), put_entry("one", b"d", &vec![0; 5 << 20])];
    assert!(matches!(put(2, too_large).await, Err(CatalogError::TooLarge { .. })));
    put(3, vec![EntryChange::Delete { kind: "one", key: b"a".to_vec() }]).await.unwrap();
    // Opened elsewhere: neither of them changes any more.
    let again = place.open().await;
    assert!(matches!(put(4, vec![put_entry("one", b"e", b"x")]).await, Err(CatalogError::Fenced { .. })));
    let read = again.entries().range("one", b"", &[255; 3], 10).await.unwrap();
    assert_eq!(read.iter().map(|entry| entry.key.as_slice()).collect::<Vec<_>>(), [b"b"]);
    assert_eq!(again.collection::<Alarm>().await.unwrap().get(&key("a")).unwrap().number, 3);
}

async fn entries_change_together_or_not_at_all(place: Place) {
    let catalog = place.open().await;
    let entries = catalog.entries();
    let too_large = vec![put_entry("one", b"a", b"x"), put_entry("one", b"b", &vec![0; 5 << 20])];
    assert!(matches!(entries.commit(too_large).await, Err(CatalogError::TooLarge { .. })));
    assert_eq!(entries.get("one", b"a").await.unwrap(), None);
    // Many at once share transactions, and each is there when it was told so.
    let commits = (0..200_u32).map(|number| {
        let entries = entries.clone();
        tokio::spawn(async move {
            let key = number.to_be_bytes();
            entries.commit(vec![put_entry("one", &key, b"1"), put_entry("two", &key, b"2")]).await.unwrap();
            entries.get("two", &key).await.unwrap().unwrap()
        })
    });
    for commit in commits.collect::<Vec<_>>() {
        assert_eq!(commit.await.unwrap(), b"2");
    }
    assert_eq!(entries.range("one", b"", &[255; 5], 1_000).await.unwrap().len(), 200);
    // Who was fenced off changes nothing more (C-2).
    let _other = place.open().await;
    let fenced = entries.commit(vec![put_entry("one", b"late", b"x")]).await;
    assert!(matches!(fenced, Err(CatalogError::Fenced { .. })), "{fenced:?}");
}

async fn a_reset_leaves_only_what_must_stay(place: Place) {
    let catalog = place.open().await;
    catalog.register_table("log_events", &[("message".to_owned(), DuckType::Bytes)]).await.unwrap();
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    alarms.create(key("cpu"), alarm(1)).await.unwrap();
    catalog.publish(Publish { watermarks: vec![(1, Lsn(10))], ..adding([1, 2]) }).await.unwrap();
    catalog.publish(Publish { end: vec![1], ..Publish::default() }).await.unwrap();
    let lease = catalog.lease("alarms", Duration::from_secs(600)).await.unwrap().unwrap();
    let id = catalog.next_id("segment").await.unwrap();

    catalog.reset().await.unwrap();
    assert!(alarms.is_empty() && live(&catalog).await.is_empty());
    assert!(catalog.ended_segments(TimestampMs(i64::MAX)).await.unwrap().is_empty());
    assert_eq!(catalog.watermarks().await.unwrap()[&1], Lsn(10));
    assert!(catalog.publish_under(&lease, adding([9])).await.is_err());
    assert!(catalog.next_id("segment").await.unwrap() > id);
    in_step(&place, &alarms).await;

    alarms.create(key("cpu"), alarm(2)).await.unwrap();
    catalog.publish(adding([1])).await.unwrap();
    in_step(&place, &alarms).await;
}

async fn the_lake_shows_live_segments(place: Place) {
    let catalog = place.open().await;
    let column = |name: &str, kind| (name.to_owned(), kind);
    let columns = [column("timestamp", DuckType::I64), column("message", DuckType::Bytes)];
    catalog.register_table("log_events", &columns).await.unwrap();
    catalog.set_data_path("/data/").await.unwrap();
    let stats =
        |name: &str| ColumnStats { name: name.into(), nulls: Some(3), min: Some("-5".into()), max: Some("9".into()) };
    let json = serde_json::to_string(&[stats("timestamp"), stats("hidden")]).unwrap();
    let first = SegmentRow { columns: json, ..segment(1) };
    catalog.publish(Publish { add: vec![first, segment(2)], ..Publish::default() }).await.unwrap();
    // Of a table that nobody registered.
    let hidden = SegmentRow { table: "hidden".to_owned(), ..segment(3) };
    // Nobody else could read it.
    let encrypted = SegmentRow { data_key: Some(7), ..segment(4) };
    catalog.publish(Publish { add: vec![hidden, encrypted], end: vec![2], ..Publish::default() }).await.unwrap();
    assert_eq!(catalog.live_segments().await.unwrap().iter().filter_map(|row| row.data_key).collect::<Vec<_>>(), [7]);

    let show = async |sql: &'static str| select(&place.url, sql).await;
    let schema = "select cast(schema_version as text) from ducklake_snapshot order by snapshot_id desc limit 1";
    assert_eq!(show("select value from ducklake_metadata where \"key\" = 'data_path'").await, ["/data/"]);
    assert_eq!(
        show("select column_name || ' ' || column_type from ducklake_column order by column_order").await,
        ["timestamp int64", "message blob"]
    );
    assert_eq!(
        show("select path || ' ' || begin_snapshot || ' ' || coalesce(end_snapshot, 0) from ducklake_data_file order by data_file_id").await,
        ["segments/log_events/1.parquet 2 0", "segments/log_events/2.parquet 2 3"]
    );
    assert_eq!(
        show("select data_file_id || ' ' || column_id || ' ' || null_count || ' ' || min_value || ' ' || max_value from ducklake_file_column_stats").await,
        ["1 1 3 -5 9"]
    );
    assert_eq!(show("select record_count || ' ' || file_size_bytes from ducklake_table_stats").await, ["1000 20000"]);
    assert_eq!(show(schema).await, ["1"]);

    // Registering what is there changes nothing; a column more, fewer, or of another type is a new schema.
    let snapshots = "select cast(count(*) as text) from ducklake_snapshot";
    assert_eq!(show(snapshots).await, ["4"]);
    catalog.register_table("log_events", &columns).await.unwrap();
    assert_eq!(show(snapshots).await, ["4"]);
    let changed =
        [column("ingested", DuckType::U64), column("timestamp", DuckType::I64), column("message", DuckType::Text)];
    catalog.register_table("log_events", &changed).await.unwrap();
    assert_eq!(
        show("select column_id || ' ' || column_name || ' ' || column_type from ducklake_column where end_snapshot is null order by column_order").await,
        ["3 ingested uint64", "1 timestamp int64", "4 message varchar"]
    );
    assert_eq!(
        show("select source_name from ducklake_name_mapping order by column_id").await,
        ["timestamp", "ingested", "message"]
    );
    assert_eq!(show(schema).await, ["2"]);

    // Snapshots go with the segments that they alone showed.
    catalog.forget_segments(&[2]).await.unwrap();
    assert_eq!(show("select cast(snapshot_id as text) from ducklake_snapshot order by snapshot_id").await, ["3", "4"]);
}

/// Runs a statement behind the catalog's back.
async fn execute(url: &CatalogUrl, sql: &'static str) {
    select(url, sql).await;
}

/// The first column of an answer, text, as another program would see it.
async fn select(url: &CatalogUrl, sql: &'static str) -> Vec<String> {
    use sqlx::{ConnectOptions, Row};
    match url {
        CatalogUrl::Sqlite(path) => {
            let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
            sqlx::query(sql).fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get(0)).collect()
        }
        CatalogUrl::Postgres(url) => {
            let mut connection = url.parse::<sqlx::postgres::PgConnectOptions>().unwrap().connect().await.unwrap();
            sqlx::query(sql).fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get(0)).collect()
        }
    }
}

#[tokio::test]
async fn files_that_cannot_be_catalogs_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let open = async |path: &std::path::Path| {
        Catalog::open(&CatalogUrl::Sqlite(path.to_owned()), NodeName::default(), clock()).await.unwrap_err()
    };
    let no_directory = open(&directory.path().join("missing/catalog.sqlite")).await;
    assert!(
        matches!(&no_directory, CatalogError::File { path, .. } if path.ends_with("missing/catalog.sqlite")),
        "{no_directory}"
    );
    // Even root cannot create a file there.
    let not_writable = open(std::path::Path::new("/proc/catalog.sqlite")).await;
    assert!(
        matches!(&not_writable, CatalogError::File { path, .. } if path == "/proc/catalog.sqlite"),
        "{not_writable}"
    );
    let other = directory.path().join("other");
    std::fs::write(&other, "This is no database, though it is longer than a hundred bytes. ".repeat(3)).unwrap();
    let damaged = open(&other).await;
    assert!(matches!(damaged, CatalogError::Damaged(_)), "{damaged}");
}

#[tokio::test]
async fn damage_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place { url: CatalogUrl::Sqlite(directory.path().join("catalog.sqlite")), clock: clock() };
    let catalog = place.open().await;
    let alarms = catalog.collection::<Alarm>().await.unwrap();
    for number in 0..200 {
        alarms.create(key(&format!("{number:0100}")), alarm(number)).await.unwrap();
    }
    catalog.check().await.unwrap();
    catalog.close().await;

    let CatalogUrl::Sqlite(path) = &place.url else { unreachable!() };
    let mut bytes = std::fs::read(path).unwrap();
    let found: Vec<usize> =
        (0..bytes.len() - 100).filter(|at| bytes[*at..].starts_with(b"00000000000000000000000000")).collect();
    let victim = found[found.len() / 2];
    bytes[victim - 200..victim].fill(0xff);
    std::fs::write(path, bytes).unwrap();
    let damaged = match Catalog::open_to_read(&place.url, NodeName::default(), clock()).await {
        Ok(catalog) => catalog.check().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(damaged, CatalogError::Damaged(_)), "{damaged}");
}

#[tokio::test]
async fn a_missing_server_is_told_without_its_password() {
    let url: CatalogUrl = "postgres://watch:hush@127.0.0.1:9/keep".parse().unwrap();
    let error = Catalog::open(&url, NodeName::default(), clock()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Unreachable { .. }));
    let text = error.to_string();
    assert!(text.starts_with("cannot reach postgres://watch@127.0.0.1:9/keep: ") && !text.contains("hush"), "{text}");
}
