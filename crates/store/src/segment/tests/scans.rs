//! What a scan of a segment delivers, and what it does not even open.

use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::rows::Sizes;
use super::super::tokens::tokens;
use super::super::write::encode_sized;
use super::super::{FooterCache, SegmentError, SegmentReader, SegmentWrite};
use super::*;
use crate::scan::{KeyFilter, KeySet, Scan, TextFilter};

/// Rows whose message has this word, by its token.
fn has_token(word: &str) -> TextFilter {
    let wanted = word.as_bytes().to_vec();
    let matches = move |text: &[u8]| tokens(text).any(|token| token == wanted);
    TextFilter {
        tokens: vec![word.to_owned()],
        literals: vec![word.as_bytes().to_vec()],
        escape: None,
        matches: Arc::new(matches),
    }
}

/// A scan as data, so that it can be made at random and judged by a model.
#[derive(Debug, Clone)]
struct Query {
    time: std::ops::Range<i64>,
    groups: Option<Vec<u64>>,
    ids: Option<Vec<u8>>,
    number: Option<u64>,
    word: Option<String>,
    columns: Vec<usize>,
}

impl Query {
    fn scan(&self) -> Scan {
        let mut scan = Scan::new(&TABLE).time(self.time.clone()).columns(&self.columns);
        if let Some(groups) = &self.groups {
            scan = scan.ids(GROUP, groups.iter().copied());
        }
        if let Some(ids) = &self.ids {
            scan = scan.texts(ID, ids.iter().map(|id| format!("id-{id}")));
        }
        if let Some(number) = self.number {
            scan = scan.ids(NUMBER, [number]);
        }
        match &self.word {
            Some(word) => scan.text(has_token(word)),
            None => scan,
        }
    }

    fn passes(&self, row: &Row) -> bool {
        (self.time.contains(&row.time) || (self.time.end == i64::MAX && row.time >= self.time.start))
            && self.groups.as_ref().is_none_or(|groups| groups.contains(&row.group))
            && self.ids.as_ref().is_none_or(|ids| ids.iter().any(|id| row.id == format!("id-{id}")))
            && self.number.is_none_or(|number| row.number == Some(number))
            && self.word.as_ref().is_none_or(|word| tokens(&row.message).any(|token| token == word.as_bytes()))
    }

    /// What the query delivers of a row.
    fn project(&self, row: &Row) -> Row {
        let has = |column: usize| self.columns.contains(&column);
        Row {
            group: if has(GROUP) { row.group } else { 0 },
            stream: if has(STREAM) { row.stream } else { 0 },
            time: row.time,
            seq: row.seq,
            id: if has(ID) { row.id.clone() } else { String::new() },
            value: row.value.filter(|_| has(VALUE)),
            note: row.note.clone().filter(|_| has(NOTE)),
            message: if has(MESSAGE) { row.message.clone() } else { Vec::new() },
            number: row.number.filter(|_| has(NUMBER)),
            amount: row.amount.filter(|_| has(AMOUNT)),
        }
    }
}

fn queries() -> impl Strategy<Value = Query> {
    let time =
        prop_oneof![Just(i64::MIN..i64::MAX), (0..WINDOW_MS, 0..WINDOW_MS / 3).prop_map(|(at, span)| at..at + span)];
    let word = prop_oneof!["alpha|beta|gamma|delta|absent|INFO|level", "x[0-9]{2}"];
    (
        time,
        prop::option::of(prop::collection::vec(prop_oneof![0..4_u64, Just(u64::MAX)], 0..3)),
        prop::option::of(prop::collection::vec(0..70_u8, 0..3)),
        prop::option::weighted(0.3, 0..25_u64),
        prop::option::of(word),
        prop::collection::vec(0..TABLE.columns.len(), 0..6),
    )
        .prop_map(|(time, groups, ids, number, word, columns)| Query { time, groups, ids, number, word, columns })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn all_rows_come_back(rows in rows(300), batch_rows in 1..100_usize, wide: bool) {
        let blobs = stored(encode_rows(&rows, batch_rows, wide).bytes);
        let (found, _) = scan_file(&blobs, &FooterCache::default(), &Scan::new(&TABLE)).unwrap();
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn pruning_never_drops_a_row(rows in rows(300), queries in prop::collection::vec(queries(), 12), wide: bool) {
        let blobs = stored(encode_rows(&rows, 64, wide).bytes);
        let cache = FooterCache::default();
        for query in queries {
            let (found, stats) = scan_file(&blobs, &cache, &query.scan()).unwrap();
            let expected: Vec<Row> = rows.iter().filter(|row| query.passes(row)).map(|row| query.project(row)).collect();
            prop_assert_eq!(found, expected, "{:?} {:?}", query, stats);
        }
    }
}

/// Twelve row groups of 50 rows, one group each; the row's number is its time, and in its message.
fn twelve_groups(wide: bool) -> Arc<MemoryBlobs> {
    let row = |n: u64| Row {
        group: n / 50,
        stream: n % 50 / 10,
        time: n as i64,
        seq: n,
        id: format!("id-{n}"),
        value: None,
        note: None,
        message: format!("number n{n} of many").into_bytes(),
        number: Some(n * 7919 % 600),
        amount: None,
    };
    stored(encode_rows(&(0..600).map(row).collect::<Vec<_>>(), 70, wide).bytes)
}

/// Checks which rows a scan finds, and how many row groups it skips by statistics, bloom and tokens.
fn check(scan: Scan, times: impl IntoIterator<Item = i64>, skipped: [u64; 3]) -> SegmentScanStats {
    let (found, stats) = scan_file(&twelve_groups(true), &FooterCache::default(), &scan).unwrap();
    assert_eq!(found.iter().map(|row| row.time).collect::<Vec<_>>(), times.into_iter().collect::<Vec<_>>(), "{scan:?}");
    let by = [stats.skipped_by_statistics, stats.skipped_by_bloom, stats.skipped_by_tokens];
    assert_eq!((by, stats.row_groups_read), (skipped, 12 - skipped.iter().sum::<u64>()), "{scan:?}");
    stats
}

#[test]
fn what_cannot_match_is_not_opened() {
    let all = || Scan::new(&TABLE);
    assert_eq!(check(all(), 0..600, [0, 0, 0]).rows_scanned, 600);
    check(all().time(100..200), 100..200, [10, 0, 0]);
    assert_eq!(check(all().time(103..104), 103..104, [11, 0, 0]).rows_scanned, 10, "one page");
    check(all().ids(GROUP, [3, 11]), (150..200).chain(550..600), [10, 0, 0]);
    check(all().ids(GROUP, [3]).ids(STREAM, [2]), 170..180, [11, 0, 0]);
    check(all().ids(GROUP, []), [], [12, 0, 0]);
    check(all().ids(GROUP, [12, 99]), [], [12, 0, 0]);
    check(all().time(600..i64::MAX), [], [12, 0, 0]);
    check(all().text(has_token("n77")), [77], [0, 0, 11]);
    check(all().text(has_token("absent")), [], [0, 0, 12]);
    check(all().text(has_token("many")), 0..600, [0, 0, 0]);
    check(all().ids(GROUP, [1]).text(has_token("n77")), [77], [11, 0, 0]);
}

#[test]
fn bloom_filters_skip_what_bounds_do_not() {
    // Every row group has numbers from all over 0..600.
    let stats = check(Scan::new(&TABLE).ids(NUMBER, [7919 % 600]), [1], [0, 11, 0]);
    assert!(stats.rows_scanned <= 50, "{stats:?}");
    let (_, stats) =
        scan_file(&twelve_groups(true), &FooterCache::default(), &Scan::new(&TABLE).texts(ID, ["id-77".into()]))
            .unwrap();
    assert_eq!(stats.row_groups_read, 1, "{stats:?}");
}

#[test]
fn narrow_segments_have_no_token_filters() {
    let scan = Scan::new(&TABLE).text(has_token("n77"));
    let (found, stats) = scan_file(&twelve_groups(false), &FooterCache::default(), &scan).unwrap();
    assert_eq!((found.len(), stats.row_groups_skipped()), (1, 0));
}

#[test]
fn a_visitor_may_stop_a_scan() {
    let cache = FooterCache::default();
    let blobs = twelve_groups(true);
    let reader = SegmentReader::open(blobs.clone(), "a.parquet", blobs.size("a.parquet").unwrap(), &cache).unwrap();
    let mut visits = 0;
    let stats = reader.scan(&Scan::new(&TABLE), &mut |_| {
        visits += 1;
        Ok(ControlFlow::Break(()))
    });
    assert_eq!((visits, stats.unwrap().row_groups_read), (1, 1));
    let refused = reader.scan(&Scan::new(&TABLE), &mut |_| Err(SegmentError::damaged("x", "y")));
    assert!(refused.unwrap_err().is_damage());
}

#[test]
fn a_second_scan_finds_footer_and_filters_in_the_cache() {
    let cache = FooterCache::default();
    let blobs = twelve_groups(true);
    let scan = Scan::new(&TABLE).text(has_token("absent"));
    let first = scan_file(&blobs, &cache, &scan).unwrap().1;
    let second = scan_file(&blobs, &cache, &scan).unwrap().1;
    assert!(first.bytes_scanned > 0 && second.bytes_scanned == 0, "{first:?} {second:?}");
    cache.forget("a.parquet");
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn scans_that_do_not_fit_the_table_are_refused() {
    let blobs = twelve_groups(true);
    let refuse = |scan: Scan| {
        let refused = scan_file(&blobs, &FooterCache::default(), &scan);
        assert!(matches!(refused, Err(SegmentError::Scan { .. })), "{scan:?}");
    };
    refuse(Scan::new(&TABLE).texts(GROUP, ["1".into()]));
    refuse(Scan::new(&TABLE).ids(ID, [1]));
    let mut scan = Scan::new(&TABLE);
    scan.keys.push(KeyFilter { column: 99, one_of: KeySet::ids([1]) });
    refuse(scan);
}

#[test]
fn a_column_younger_than_the_file_is_absent() {
    static OLD: Table = Table { columns: TABLE.columns.split_at(NUMBER).0, bloom: &[], labels: &[], ..TABLE };
    let rows = [Row { time: 5, seq: 1, message: b"m".to_vec(), ..EMPTY }];
    let columns: Vec<ArrayRef> = batch(&rows)
        .columns()
        .iter()
        .enumerate()
        .filter(|(at, _)| *at < NUMBER || *at == 9)
        .map(|(_, c)| c.clone())
        .collect();
    let batches = [RecordBatch::try_new(OLD.segment_schema(), columns).unwrap()];
    let write = SegmentWrite { table: &OLD, batches: &batches, level: 1, lsn_range: (Lsn(1), Lsn(2)), wide: true };
    let blobs = stored(encode_sized(write, Sizes::default()).unwrap().bytes);
    let find = |scan: Scan| scan_file(&blobs, &FooterCache::default(), &scan).unwrap().0;
    assert_eq!(find(Scan::new(&TABLE)), rows);
    assert_eq!(find(Scan::new(&TABLE).ids(NUMBER, [0])), []);
}

pub(super) const EMPTY: Row = Row {
    group: 0,
    stream: 0,
    time: 0,
    seq: 0,
    id: String::new(),
    value: None,
    note: None,
    message: Vec::new(),
    number: None,
    amount: None,
};
