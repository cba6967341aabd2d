//! Random lives of a store, compared with a list of rows.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use watchkeep_store::{Append, BlobConfig, Keep, MemoryBlobs, Order, Scan, TextFilter};

use crate::harness::*;

const GROUPS: u64 = 4;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Event>, Vec<Point>),
    Seal,
    Compact,
    Retain,
    Advance(Duration),
    KeepGroup(u64, Keep),
    KeepPoints(Keep),
    Reopen,
    Crash,
    Scan(Query),
    ScanPoints(Range<i64>, Option<String>, Order),
}

/// A scan of events as data.
#[derive(Debug, Clone)]
struct Query {
    time: Range<i64>,
    groups: Option<Vec<u64>>,
    text: Option<Text>,
    order: Order,
    limit: Option<usize>,
}

#[derive(Debug, Clone)]
enum Text {
    Word(String),
    Piece(String),
}

impl Query {
    fn scan(&self) -> Scan {
        let mut scan = Scan::new(&EVENTS).time(self.time.clone()).order(self.order);
        scan.limit = self.limit;
        // Half of the limits are of readers who want little.
        scan.bytes_wanted = self.limit.filter(|limit| limit % 2 == 1);
        if let Some(groups) = &self.groups {
            scan = scan.ids(GROUP, groups.iter().copied());
        }
        match &self.text {
            None => scan,
            Some(Text::Word(word)) => scan.text(with_word(word)),
            Some(Text::Piece(piece)) => scan.text(TextFilter::containing(piece.as_bytes())),
        }
    }

    fn passes(&self, event: &Event) -> bool {
        let text = match &self.text {
            None => true,
            Some(Text::Word(word)) => event.message.split(|c: char| !c.is_alphanumeric()).any(|token| token == word),
            Some(Text::Piece(piece)) => event.message.contains(piece),
        };
        let group = self.groups.as_ref().is_none_or(|groups| groups.contains(&event.group));
        let time = event.time >= self.time.start && (event.time < self.time.end || self.time.end == i64::MAX);
        text && group && time
    }
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![4 => (0..6 * HOUR).prop_map(|at| NOW + at), 1 => (0..4_i64).prop_map(|n| NOW + n * HOUR)]
}

fn time_ranges() -> impl Strategy<Value = Range<i64>> {
    let within = (-HOUR..6 * HOUR, 0..4 * HOUR).prop_map(|(from, span)| NOW + from..NOW + from + span);
    prop_oneof![Just(i64::MIN..i64::MAX), within]
}

fn messages() -> impl Strategy<Value = String> {
    prop_oneof![
        "(alpha|beta|x[0-9])( (alpha|beta|gamma|x[0-9])){0,4}",
        "\\{\"level\":\"(INFO|WARN)\",\"n\":[0-9]{1,2}\\}",
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = || {
        let event = (0..GROUPS, 0..2_u64, times(), messages());
        event.prop_map(|(group, stream, time, message)| Event { group, stream, time, message })
    };
    prop_oneof![3 => prop::collection::vec(event(), 0..8), 1 => prop::collection::vec(event(), 60..120)]
}

fn points() -> impl Strategy<Value = Vec<Point>> {
    let point = (times(), "p[0-3]", prop::option::of(-5.0..5.0_f64));
    prop::collection::vec(point.prop_map(|(time, name, value)| Point { time, name, value }), 0..6)
}

fn keeps() -> impl Strategy<Value = Keep> {
    prop_oneof![
        Just(Keep::Forever),
        Just(Keep::Drop),
        (0..5 * HOUR).prop_map(|ms| Keep::For(Duration::from_millis(ms as u64)))
    ]
}

fn orders() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Any), Just(Order::Ascending), Just(Order::Descending)]
}

fn queries() -> impl Strategy<Value = Query> {
    let text = prop_oneof![
        "alpha|gamma|x[0-9]|absent|INFO".prop_map(Text::Word),
        "pha|a b|:[0-9]|x1 alpha x|beta".prop_map(Text::Piece),
    ];
    let groups = prop::option::of(prop::collection::vec(0..GROUPS + 1, 0..3));
    let limit = prop::option::of(prop_oneof![0..8_usize, 20..200_usize]);
    (time_ranges(), groups, prop::option::of(text), orders(), limit)
        .prop_map(|(time, groups, text, order, limit)| Query { time, groups, text, order, limit })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (events(), points()).prop_map(|(events, points)| Step::Append(events, points)),
        3 => Just(Step::Seal),
        2 => Just(Step::Compact),
        1 => Just(Step::Retain),
        1 => (0..2 * HOUR as u64).prop_map(|ms| Step::Advance(Duration::from_millis(ms))),
        1 => (0..GROUPS, keeps()).prop_map(|(group, keep)| Step::KeepGroup(group, keep)),
        1 => keeps().prop_map(Step::KeepPoints),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        6 => queries().prop_map(Step::Scan),
        2 => (time_ranges(), prop::option::of("p[0-4]"), orders()).prop_map(|(t, n, o)| Step::ScanPoints(t, n, o)),
    ]
}

/// What should be in the store. A row that some rewrite may have left out is not expected ever again, though the store may
/// still show it if its owner's mind changes: such changes of mind are not made here.
#[derive(Default)]
struct Model {
    events: Vec<Numbered<Event>>,
    points: Vec<Numbered<Point>>,
}

impl Model {
    /// Forgets what is not kept now: it may be gone by now.
    fn forget(&mut self, bench: &Bench) {
        let now = bench.now();
        self.events.retain(|(_, event)| bench.keeps.keeps(Some(event.group), event.time, now));
        self.points.retain(|(_, point)| bench.keeps.keeps(None, point.time, now));
    }
}

fn live(local: bool, sort_bytes_max: usize, steps: Vec<Step>) {
    let mut bench = Bench::with(|config| {
        config.scan_sort_bytes_max = sort_bytes_max;
        // With the small budget go small compactions, which leave several segments in a window.
        config.compact_raw_bytes_max = sort_bytes_max as u64;
        if !local {
            config.blobs = BlobConfig::Given(Arc::<MemoryBlobs>::default());
        }
    });
    let mut model = Model::default();
    let mut hidden: Vec<u64> = Vec::new();
    for step in steps {
        match step {
            Step::Append(events, points) => {
                let lsn = bench.append(Append::new().and(event_rows(&events)).and(point_rows(&points)));
                model.events.extend(numbered(lsn, &events));
                model.points.extend(numbered(lsn, &points));
            }
            Step::Seal => bench.seal(),
            Step::Compact => bench.compact(),
            Step::Retain => bench.retain(),
            Step::Advance(duration) => bench.advance(duration),
            // A group that was dropped is never kept again; one that expired may be, and then shows what is left.
            Step::KeepGroup(group, _) if hidden.contains(&group) => {}
            Step::KeepGroup(group, keep) => {
                if keep != Keep::Forever {
                    hidden.push(group);
                }
                bench.keeps.set_group(group, keep);
            }
            Step::KeepPoints(_) if hidden.contains(&u64::MAX) => {}
            Step::KeepPoints(keep) => {
                if keep != Keep::Forever {
                    hidden.push(u64::MAX);
                }
                bench.keeps.set_points(keep);
            }
            Step::Reopen => bench.reopen(),
            Step::Crash => bench.crash(),
            Step::Scan(query) => {
                model.forget(&bench);
                let (mut found, stats) = bench.events(&query.scan());
                let mut expected = model.events.clone();
                expected.retain(|(_, event)| query.passes(event));
                let limit = query.limit.unwrap_or(usize::MAX);
                if query.order == Order::Any {
                    found.sort_by_key(|(seq, _)| *seq);
                    assert_eq!(found.len(), expected.len().min(limit), "{query:?} {stats:?}");
                    expected.retain(|row| found.contains(row));
                } else {
                    sort_by_time(&mut expected, query.order);
                    expected.truncate(limit);
                }
                assert_eq!(found, expected, "{query:?} {stats:?}");
                assert_eq!(stats.segments_damaged, 0);
            }
            Step::ScanPoints(time, name, order) => {
                model.forget(&bench);
                let mut scan = Scan::new(&POINTS).time(time.clone()).order(order);
                if let Some(name) = &name {
                    scan = scan.texts(1, [name.clone()]);
                }
                let mut found = bench.points(&scan);
                let mut expected = model.points.clone();
                expected.retain(|(_, point)| {
                    let within = point.time >= time.start && (point.time < time.end || time.end == i64::MAX);
                    within && name.as_ref().is_none_or(|name| *name == point.name)
                });
                match order {
                    Order::Any => found.sort_by_key(|(seq, _)| *seq),
                    Order::Ascending => expected.sort_by_key(|(seq, point)| (point.time, *seq)),
                    Order::Descending => {
                        expected.sort_by_key(|(seq, point)| (std::cmp::Reverse(point.time), std::cmp::Reverse(*seq)));
                    }
                }
                assert_eq!(found, expected, "{time:?} {name:?} {order:?}");
            }
        }
    }
    model.forget(&bench);
    bench.reopen();
    assert_eq!(bench.all_events(), model.events);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_equals_a_list(local: bool, generous: bool, steps in prop::collection::vec(steps(), 1..40)) {
        // A small budget makes ordered scans divide time again and again.
        live(local, if generous { 64 << 20 } else { 2 << 10 }, steps);
    }
}
