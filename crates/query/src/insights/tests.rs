//! One answer whatever the way (Y-1): rows in memory, in sealed and in compacted segments, by columns and by messages, are queried with
//! the answers of `lang::insights`' evaluation in memory.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use proptest::prelude::*;
use watchkeep_core::{BoxFuture, ManualClock, SeededRandom, TimestampMs};
use watchkeep_lang::insights::Plan;
use watchkeep_lang::insights::event::EventGroup;
use watchkeep_lang::insights::plan::{Language, Source};
use watchkeep_lang::insights::run::{self, LookupTable, OwnedEvent, RunError};
use watchkeep_store::{
    AlsoIn, Column, ColumnKind, FieldPath, Fields, Keep, Rows, Scan, Spelling, Store, StoreConfig, Table, TableOwner,
};

use crate::{
    Answer, Cancel, Control, Engine, EventTable, Group, InsightsQuery, Masks, Pointer, QueryError, Settings,
    Surroundings,
};

static TABLE: Table = Table {
    name: "events",
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
    window_ms: 3_600_000,
    labels: &[],
};

pub(crate) const EVENTS: EventTable = EventTable {
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

/// An event to be.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub group: u64,
    pub stream: u64,
    pub time_ms: i64,
    pub message: String,
    pub transformed: Option<String>,
    pub unmasked: Option<String>,
    pub entity: Option<String>,
}

impl Sample {
    pub(crate) fn new(time_ms: i64, message: &str) -> Sample {
        Sample {
            group: 1,
            stream: 1,
            time_ms,
            message: message.to_owned(),
            transformed: None,
            unmasked: None,
            entity: None,
        }
    }
}

const GROUPS: &[(u64, &str)] = &[(1, "g1"), (2, "g2"), (3, "/aws/lambda/f"), (4, "not asked")];

pub(crate) fn group(id: u64) -> Group {
    let name = GROUPS.iter().find(|(of, _)| *of == id).map_or("", |(_, name)| name);
    Group {
        id,
        shown: EventGroup::new("123456789012", "eu-west-1", name),
        may_be_transformed: true,
        indexed: Arc::new([("level".to_owned(), 0)]),
    }
}

/// What queries ask beside the events.
pub(crate) struct World;

impl Surroundings for World {
    fn stream_name(&self, stream: u64) -> Option<Arc<str>> {
        Some(format!("s{stream}").into())
    }

    fn groups(&self, source: &Source) -> Result<Vec<Group>, QueryError> {
        match source {
            Source::Named(names) => Ok(GROUPS
                .iter()
                .filter(|(_, name)| names.iter().any(|n| n == name))
                .map(|(id, _)| group(*id))
                .collect()),
            Source::Selections(_) => Ok(vec![group(1), group(2), group(3)]),
        }
    }

    fn lookup_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<LookupTable>, QueryError>> {
        Box::pin(async move {
            match name {
                "users" => Ok(users()),
                _ => Err(QueryError::Malformed { message: format!("no table {name}"), location: None }),
            }
        })
    }

    fn unmasked(&self, _at: Pointer, _message: &str, masks: &[u8]) -> Option<String> {
        String::from_utf8(masks.to_vec()).ok()
    }
}

fn users() -> Arc<LookupTable> {
    let row = |id: &str, name: &str| vec![id.to_owned(), name.to_owned()];
    Arc::new(LookupTable {
        columns: vec!["id".into(), "name".into()],
        rows: vec![row("u1", "Ann"), row("u2", "Bob"), row("u1", "not the first")],
    })
}

/// The same events in memory, and the groups that are asked.
struct Memory {
    events: Vec<OwnedEvent>,
    asked: &'static [u64],
}

/// Lambda's lines have fields beside those of JSON: without them, columns may stand in.
const ASKED: &[&[u64]] = &[&[1, 2], &[1, 2, 3]];

impl Memory {
    fn new(samples: &[Sample], asked: &'static [u64]) -> Memory {
        let event = |(seq, sample): (usize, &Sample)| {
            let pointer = Pointer { group: sample.group, stream: sample.stream, time_ms: sample.time_ms, seq: 0 };
            OwnedEvent {
                group: Arc::new(group(sample.group).shown),
                log_stream: format!("s{}", sample.stream).into(),
                time_ms: sample.time_ms,
                ingested_ms: sample.time_ms + 5,
                seq: seq as u64,
                message: sample.message.clone(),
                unmasked: sample.unmasked.clone(),
                transformed: sample.transformed.clone().unwrap_or_default(),
                entity: sample.entity.clone().unwrap_or_default(),
                pointer: pointer.to_string(),
            }
        };
        Memory { events: samples.iter().enumerate().map(event).collect(), asked }
    }
}

impl run::Surroundings for Memory {
    fn events(&self, source: Option<&Source>, time: Range<i64>) -> Result<Vec<OwnedEvent>, RunError> {
        let names: Vec<&str> = match source {
            Some(Source::Named(names)) => names.iter().map(String::as_str).collect(),
            _ => GROUPS.iter().filter(|(id, _)| self.asked.contains(id)).map(|(_, name)| *name).collect(),
        };
        let wanted = |event: &&OwnedEvent| names.contains(&event.group.name.as_ref()) && time.contains(&event.time_ms);
        Ok(self.events.iter().filter(wanted).cloned().collect())
    }

    fn lookup_table(&self, _name: &str) -> Result<Arc<LookupTable>, RunError> {
        Ok(users())
    }
}

/// A store with events.
pub(crate) struct Fixture {
    pub engine: Engine,
    pub store: Arc<Store>,
    _directory: tempfile::TempDir,
}

const NOW: i64 = 1_700_000_000_000;

impl Fixture {
    pub(crate) async fn new(settings: Settings) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(TimestampMs(NOW)));
        let config = StoreConfig::small(directory.path());
        let random = Arc::new(SeededRandom::new(1));
        let store = Store::open(config, &[&TABLE], clock.clone(), random, |error| panic!("{error}")).await.unwrap();
        Fixture { engine: Engine::new(store.clone(), clock, settings), store, _directory: directory }
    }

    pub(crate) async fn put(&self, samples: &[Sample]) {
        let mut rows = Rows::new(&TABLE);
        for sample in samples {
            rows.u64(sample.group);
            rows.u64(sample.stream);
            rows.i64(sample.time_ms);
            rows.i64(sample.time_ms + 5);
            rows.u64(sample.message.len() as u64);
            rows.text(&sample.message);
            rows.text_or_null(sample.transformed.as_deref());
            match &sample.unmasked {
                Some(unmasked) => rows.bytes(unmasked.as_bytes()),
                None => rows.null(),
            }
            rows.text_or_null(sample.entity.as_deref());
            rows.end_row();
        }
        self.store.append(rows).await.unwrap();
    }

    pub(crate) async fn query(&self, text: &str) -> Result<Answer, QueryError> {
        self.query_in(text, 0..i64::MAX, 10_000, Control::default()).await
    }

    async fn query_in(
        &self,
        text: &str,
        time: Range<i64>,
        limit: usize,
        control: Control,
    ) -> Result<Answer, QueryError> {
        let plan = Plan::parse(text, Language::Cwli).unwrap_or_else(|error| panic!("{text}: {error}"));
        self.run(plan, ASKED[0], time, limit, control).await
    }

    async fn run(
        &self,
        plan: Plan,
        asked: &[u64],
        time: Range<i64>,
        limit: usize,
        control: Control,
    ) -> Result<Answer, QueryError> {
        let query = InsightsQuery {
            plan: Arc::new(plan),
            groups: asked.iter().map(|&id| group(id)).collect(),
            time,
            started: TimestampMs(NOW),
            limit,
            masks: Masks::MayBeLifted,
        };
        self.engine.run(&query, EVENTS, Arc::new(World), control).await
    }
}

/// The rows of an answer, one a line; sorted if their order is nobody's business.
fn lines<'r>(rows: impl Iterator<Item = &'r [(Arc<str>, String)]>, in_order: bool) -> Vec<String> {
    let line = |fields: &[(Arc<str>, String)]| {
        fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    };
    let mut lines: Vec<String> = rows.map(line).collect();
    if !in_order {
        lines.sort();
    }
    lines
}

/// Queries, and whether the order of their rows is certain.
const QUERIES: &[(&str, bool)] = &[
    ("fields @timestamp, @message, @logStream, @log", true),
    ("fields level, ms | limit 3", true),
    ("fields @ingestionTime, level, ms, status | sort ms desc | limit 5", true),
    ("fields @timestamp | sort status, level desc | limit 20", true),
    ("filter level = 'ERROR' | fields @timestamp, level, user.id | limit 4", true),
    ("filter level = 'ERROR' | fields @timestamp, @message | sort @timestamp desc | limit 4", true),
    ("fields @timestamp, ms | sort @timestamp desc | filter ms > 2 | limit 4", true),
    ("fields @timestamp, level | sort @timestamp asc | limit 4", true),
    ("fields @timestamp, level | sort @timestamp desc, level | limit 4", true),
    ("filter level != 'ERROR' | fields @timestamp, level", true),
    ("filter level = 'ERROR' and status >= 404 | stats count(*) as n", false),
    ("filter status in [200, 404] | stats count(*) as n by status", false),
    ("filter level in ['WARN'] or ms > 20 | stats count(*) as n by level", false),
    ("filter @message like 'ERROR' | stats count(*) as n", false),
    ("filter @message like /(?i)err.r/ | fields @message", true),
    ("filter level like 'RRO' | stats count(*) as n by level", false),
    ("filter level like /^ERR[A-Z]+$/ | stats count(*) as n by level", false),
    ("filter @message like /\"level\":.ERR[O]R/ | fields @message", true),
    ("filter status like /^4.4$/ | stats count(*) as n by status", false),
    ("filter ok like '1' | stats count(*) as n by ok", false),
    ("filter ok like /^0$/ | stats count(*) as n by ok", false),
    ("filter ok = 1 | stats count(*) as n", false),
    ("filter tags.1 = 'b' | fields level, tags.0", true),
    ("stats count(*) as n", false),
    ("stats count(*) as n by level", false),
    ("stats count(level) as n, count(*) as all by user.id", false),
    ("stats count(*) as n, sum(ms) as s, avg(ms) as a, pct(ms, 50) as p, min(ms) as lo, max(ms) as hi by level", false),
    ("stats min(status) as lo, max(status) as hi, count_distinct(user.id) as d, min(level) as l by ok", false),
    ("stats pct(status, 90) as p, pct(ms, 10) as q, count(status) as n by level, ok, user.id", false),
    ("filter status = 404 | stats count(ms) as n, avg(status) as a, max(status) as m by status, level", false),
    ("filter status > 300 and ms != 2.5 | stats count(*) as n, pct(status, 50) as p by ms", false),
    ("filter status = 404 | fields level, ms | sort ms desc, level | limit 5", true),
    ("filter status >= 404 | fields level, ms | sort level | limit 5", true),
    ("fields @timestamp, ms | sort ms | limit 3", true),
    ("filter ok = 1 | filter level like 'R' | fields @message | sort ms desc, status | limit 2", true),
    ("filter @timestamp > 1000 | fields level, bytes | sort bytes desc | limit 4", true),
    ("fields bytes, level, tags.0 | sort bytes | limit 12", true),
    ("fields user.id | sort user.id desc | limit 7 | stats count(*) as n by user.id", false),
    ("stats count(*) as n by bin(1s) as t, level", false),
    ("stats count(*) as n by bin(1s)", false),
    ("stats count(*) as n by @logStream, @log", false),
    ("filter @timestamp >= 2000 and @logStream = 's1' | stats count(*) as n, avg(ms) as a by @log, bin(1s)", false),
    ("stats count(*) as n, max(ms) as m by @logStream, level", false),
    ("stats avg(ms) as a by status | sort a desc, status | limit 3", true),
    ("stats sum(ms) as s by bin(1s) as t | stats max(s) as peak, count(*) as n", false),
    ("stats sum(ms) as s, count(*) as c by level | fields s / c as mean | sort level", true),
    ("filter ispresent(note) | fields isempty(note) as e, note", true),
    ("fields strlen(@message) as l | sort l desc | limit 4", true),
    ("parse @message '\"ms\":*,' as m | stats count(m) as n, max(m) as x by level", false),
    ("parse @message /\"status\":(?<code>\\d+)/ | stats count(*) as n by code", false),
    ("fields level | dedup level", true),
    ("fields level, status | dedup level, status | limit 3", true),
    ("fields jsonParse(@message) as m | unnest m.tags into e | display e, level", true),
    ("stats count(*) as n by @entity.KeyAttributes.Name", false),
    ("fields @entity.KeyAttributes.Name as who | filter ispresent(who) | limit 2", true),
    ("unmask @message | fields @message, level", true),
    ("fields unmask(@message) as u, @message", true),
    ("filterIndex level = 'ERROR' | stats count(*) as n", false),
    ("stats count(*) as n by @type, action", false),
    ("stats sum(bytes) as b, count(*) as n by action", false),
    ("filter bytes > 0 | stats count(*) as n by level", false),
    ("filter @type = 'REPORT' | stats max(@memorySize / 1000 / 1000) as mb, avg(@duration) as d", false),
    ("lookup users id as user.id OUTPUT name | stats count(*) as n by name", false),
    ("fields level, ms | pattern @message | limit 20", true),
    ("stats sum(ms) as a, count(*) as b by level | addtotals", false),
    (
        "fields user.id as u | join type=left left=a right=b where a.u=b.k (SOURCE 'g2' | stats count(*) as n by user.id as k) | \
         fields a.u, b.n",
        false,
    ),
    ("filter user.id in (SOURCE 'g2' | filter level = 'ERROR' | fields user.id) | stats count(*) as n", false),
];

/// Queries in PPL, likewise.
const PPL: &[(&str, bool)] = &[
    ("fields `@timestamp`, level | head 3", true),
    ("where status >= 404 | stats count() as n by level", false),
    ("eventstats avg(ms) as a by level | fields level, ms, a", true),
    ("top 2 level by ok", false),
    ("rare level", false),
    ("where like(level, 'E%') | fields level", true),
    ("where like(`@message`, '%ERR_R%') | fields `@message`", true),
    ("fields level, ms | sort - ms, level | trendline sma(2, ms) as t | fields ms, t", true),
    ("eval twice = ms * 2 | where twice > 10 | stats sum(twice) as s", false),
    ("dedup level | fields level", true),
    ("fillnull using note = '-' | stats count() as n by note", false),
    ("stats avg(ms) as a, count() as n by span(`@timestamp`, 1s)", false),
];

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let level = prop::sample::select(vec!["\"INFO\"", "\"WARN\"", "\"ERROR\"", "\"\\u0045RROR\"", "null"]);
    let status = prop::sample::select(vec!["200", "\"200\"", "404", "500", "\"x\"", "12345678901234567890"]);
    let ms = prop::sample::select(vec!["1", "2.5", "30", "5.0", "-4", "\"7\"", "1e2", "{\"a\":1}"]);
    let user = prop::sample::select(vec!["u1", "u2", "u3", "ü"]);
    let ok = prop::sample::select(vec!["true", "false", "1", "\"true\""]);
    let tail = prop::sample::select(vec![
        "",
        ",\"note\":\"\"",
        ",\"note\":\"n\"",
        ",\"tags\":[\"a\",\"b\"]",
        ",\"tags\":\"a\"",
    ]);
    // Of one kind per run of events, so that fields get columns; now and then of any.
    let json = (level, status, ms, user, ok, tail, 0..8).prop_map(|(level, status, ms, user, ok, tail, odd)| {
        let (status, ms, ok) = if odd > 0 { ("404", "2.5", "true") } else { (status, ms, ok) };
        format!(
            r#"{{"level":{level},"status":{status},"ms":{ms},"user":{{"id":"{user}"}},"ok":{ok},"bytes":{odd}{tail}}}"#
        )
    });
    let message = prop_oneof![
        12 => json,
        1 => Just("ERROR in plain words".to_owned()),
        1 => Just("REPORT RequestId: r1\tDuration: 102.25 ms\tMemory Size: 128 MB\t".to_owned()),
        1 => Just("2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1620000000 1620000060 ACCEPT OK".to_owned()),
        1 => Just(r#"2024-05-01T10:00:00.000Z	r1	INFO	{"level":"INFO","ms":3}"#.to_owned()),
    ];
    let rare = |text: &'static str| prop::option::weighted(0.05, Just(text.to_owned()));
    let sample = (
        1..5_u64,
        1..3_u64,
        0..4_000_i64,
        message,
        rare(r#"{"level":"MADE","ms":9}"#),
        rare(r#"{"level":"ERROR","secret":"ERROR x"}"#),
        rare(r#"{"keyAttributes":{"Name":"svc"}}"#),
    );
    let sample = sample.prop_map(|(group, stream, time_ms, message, transformed, unmasked, entity)| Sample {
        group,
        stream,
        time_ms,
        message,
        transformed,
        unmasked,
        entity,
    });
    prop::collection::vec(sample, 1..120)
}

async fn agree(samples: &[Sample], cuts: [usize; 2]) {
    let fixture = Fixture::new(Settings::default()).await;
    let [first, second] = cuts.map(|cut| cut.min(samples.len()));
    let (first, second) = (first.min(second), first.max(second));
    let parts = [&samples[..first], &samples[first..second], &samples[second..]];
    fixture.put(parts[0]).await;
    fixture.store.seal_now().await.unwrap();
    fixture.store.compact_now().await.unwrap();
    fixture.put(parts[1]).await;
    fixture.store.seal_now().await.unwrap();
    fixture.put(parts[2]).await;
    for state in ["some", "all compacted"] {
        for asked in ASKED {
            let memory = Memory::new(samples, asked);
            agree_on(&fixture, &memory, state).await;
        }
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

async fn agree_on(fixture: &Fixture, memory: &Memory, state: &str) {
    let of = |language: Language, queries: &'static [(&'static str, bool)]| {
        queries.iter().map(move |(text, in_order)| (language, text, in_order))
    };
    for (language, text, in_order) in of(Language::Cwli, QUERIES).chain(of(Language::Ppl, PPL)) {
        let plan = Plan::parse(text, language).unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = run::run(&plan, memory, 0..i64::MAX, NOW, 10_000).unwrap();
        let found = fixture.run(plan, memory.asked, 0..i64::MAX, 10_000, Control::default()).await;
        let found = found.unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = lines(expected.rows.iter().map(|row| row.fields.as_slice()), *in_order);
        let found = lines(found.rows.iter().map(|row| row.fields.as_slice()), *in_order);
        assert_eq!(found, expected, "{text} ({state}, groups {:?})", memory.asked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn one_answer_whatever_the_way(samples in samples(), cuts in any::<[prop::sample::Index; 2]>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let cuts = cuts.map(|cut| cut.index(samples.len() + 1));
        runtime.block_on(agree(&samples, cuts));
    }
}

fn numbered(count: i64) -> Vec<Sample> {
    (0..count)
        .map(|n| Sample::new(n / 3, &format!(r#"{{"n":{n},"level":"{}"}}"#, ["A", "B"][(n % 2) as usize])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_found_however_many_lie_before_them() {
    let fixture = Fixture::new(Settings::default()).await;
    fixture.put(&numbered(5000)).await;
    fixture.store.seal_now().await.unwrap();
    let check = async |query: &str, expected: &[&str]| {
        let answer = fixture.query(query).await.unwrap();
        let found: Vec<&str> = answer.rows.iter().map(|row| row.fields[0].1.as_str()).collect();
        assert_eq!(found, expected, "{query}");
    };
    check("fields n | limit 3", &["4999", "4998", "4997"]).await;
    check("filter n < 10 | fields n | limit 3", &["9", "8", "7"]).await;
    check("filter n < 2 | fields n", &["1", "0"]).await;
    check("filter n > 5000 | fields n", &[]).await;
    check("fields n | sort n | limit 2", &["0", "1"]).await;
    let all = fixture.query("filter level = 'A' | fields n").await.unwrap();
    assert_eq!(all.rows.len(), 2500);
    assert!(all.rows.is_sorted_by_key(|row| std::cmp::Reverse(row.pointer.unwrap())));
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_segments_are_read_by_columns() {
    let fixture = Fixture::new(Settings::default()).await;
    fixture.put(&numbered(3000)).await;
    let path = |path: &str| FieldPath { path: path.to_owned(), spelling: Spelling::Kept, also_in: AlsoIn::Nothing };
    let fields = Fields { paths: Arc::new([path("level"), path("n")]), unless: vec![6] };
    let scan = Scan::new(&TABLE).ids(0, [1]).columns(&[5]).without_seqs().fields(fields);
    let by_columns = || {
        let mut rows = [0, 0];
        let count = fixture.store.scan(&scan, &mut |batch| {
            let has_fields = batch.fields().is_some_and(|fields| fields.len() == 2);
            assert_ne!(has_fields, batch.text(5, 0).starts_with('{'));
            rows[usize::from(has_fields)] += batch.len();
            ControlFlow::Continue(())
        });
        assert_eq!(count.unwrap().rows, 3000);
        rows
    };
    assert_eq!(by_columns(), [3000, 0]);
    fixture.store.seal_now().await.unwrap();
    fixture.store.compact_now().await.unwrap();
    assert_eq!(by_columns(), [0, 3000]);
}

/// Keeps one stream, and of the others nothing.
struct OneStream(u64);

impl TableOwner for OneStream {
    fn keep(&self, key: &[u64]) -> Keep {
        if key.get(1) == Some(&self.0) { Keep::Forever } else { Keep::Drop }
    }

    fn label(&self, _label: &str, _id: u64) -> Option<String> {
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_is_never_among_the_first_of_a_sort() {
    let fixture = Fixture::new(Settings::default()).await;
    let mut samples = numbered(3000);
    for (n, sample) in samples.iter_mut().enumerate() {
        sample.stream = if n < 1000 { 1 } else { 2 };
    }
    fixture.put(&samples).await;
    fixture.store.seal_now().await.unwrap();
    fixture.store.compact_now().await.unwrap();
    fixture.store.set_owner(&TABLE, Arc::new(OneStream(1)));
    for (query, expected) in [("fields n | sort n desc | limit 2", ["999", "998"]), ("sort n | limit 2", ["0", "1"])] {
        let answer = fixture.query(&format!("{query} | display n")).await.unwrap();
        let found: Vec<&str> = answer.rows.iter().map(|row| row.fields[0].1.as_str()).collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_events_are_told_apart_also_where_they_are_counted() {
    let fixture = Fixture::new(Settings::default()).await;
    fixture.put(&[Sample::new(1, "a"), Sample::new(1, "a"), Sample::new(1, "a")]).await;
    for _ in 0..2 {
        let answer = fixture.query("stats count_distinct(@ptr) as n").await.unwrap();
        assert_eq!(answer.rows[0].fields[0].1, "3");
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_counted() {
    let fixture = Fixture::new(Settings::default()).await;
    let samples = numbered(100);
    fixture.put(&samples).await;
    let bytes: usize = samples.iter().map(|sample| sample.message.len()).sum();
    for state in 0..2 {
        for query in [
            "stats count(*) by level",
            "filter level = 'A' | stats count(*)",
            "sort n desc | limit 3",
            "filter level = 'A' | sort n | limit 3",
        ] {
            let statistics = fixture.query(query).await.unwrap().statistics;
            let matched = if query.starts_with("filter") { 50.0 } else { 100.0 };
            assert_eq!(statistics.records_matched, matched, "{query} {state}");
            assert_eq!(statistics.records_scanned, 100.0, "{query} {state}");
            // Of events that are left out by a column, the bytes are known about.
            let about = if query.contains("sort") { bytes as f64 * 0.02 } else { 0.0 };
            assert!((statistics.bytes_scanned - bytes as f64).abs() <= about, "{query} {state}: {statistics:?}");
        }
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
    let time = fixture.query_in("stats count(*) as n", 10..20, 10_000, Control::default()).await.unwrap();
    assert_eq!((time.rows[0].fields[0].1.as_str(), time.statistics.records_scanned), ("30", 30.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_held_in_bounds() {
    let small = Settings { memory_bytes_max: 500_000, ..Settings::default() };
    let fixture = Fixture::new(small).await;
    fixture.put(&numbered(5000)).await;
    for query in [
        "fields @message",
        "stats count(*) by n",
        "fields n | dedup n | limit 9999",
        "fields n | sort n",
        "fields n | addtotals",
    ] {
        let refused = fixture.query(query).await;
        assert!(matches!(refused, Err(QueryError::Memory { limit_bytes: 500_000 })), "{query}: {refused:?}");
    }
    // A few events become many rows, or long ones.
    let few = Fixture::new(small).await;
    few.put(&numbered(100)).await;
    for query in [
        "fields concat(@message, @message, @message, @message, @message, @message, @message, @message) as a, concat(a, a, a, a, a, a, a, a) as b, concat(b, b, b, b, b, b, b, b) as c | addtotals | stats count(*)",
        "fields jsonParse(concat('[', @message, ',', @message, ',', @message, ',', @message, ',', @message, ',', @message, ']')) as l | unnest l into a | unnest l into b | addtotals | stats count(*)",
        "join left=a right=b where a.level = b.level (SOURCE 'g1' | fields level) | stats count(*)",
    ] {
        let refused = few.query(query).await;
        assert!(matches!(refused, Err(QueryError::Memory { limit_bytes: 500_000 })), "{query}: {refused:?}");
    }
    assert_eq!(fixture.query("stats count(*) as n by level").await.unwrap().rows.len(), 2);
    assert_eq!(fixture.query("fields n | sort n desc | limit 5").await.unwrap().rows.len(), 5);
    let cancelled = Control { cancel: Cancel::default(), on_partial: None };
    cancelled.cancel.cancel();
    let ended = fixture.query_in("stats count(*)", 0..i64::MAX, 10, cancelled).await;
    assert!(matches!(ended, Err(QueryError::Cancelled)), "{ended:?}");
    let no_time = Fixture::new(Settings { time_max: std::time::Duration::ZERO, ..Settings::default() }).await;
    no_time.put(&numbered(10)).await;
    assert!(matches!(no_time.query("stats count(*)").await, Err(QueryError::TimedOut(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn lookup_tables_must_be_there() {
    let fixture = Fixture::new(Settings::default()).await;
    for query in ["lookup nobody id OUTPUT name", "lookup users no OUTPUT name", "lookup users id OUTPUT no"] {
        let refused = fixture.query(query).await;
        assert!(matches!(refused, Err(QueryError::Malformed { location: Some(_), .. })), "{query}: {refused:?}");
    }
}
