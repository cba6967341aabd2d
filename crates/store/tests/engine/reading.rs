//! What a scan delivers, in what order, and what it does not touch.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use watchkeep_store::{Order, Scan, StoreError, TextFilter};

use crate::harness::*;

/// Twenty hours of events, each hour in a segment of its own, but for the last, which is in memory.
fn twenty_hours(per_hour: i64) -> (Bench, Vec<Numbered<Event>>) {
    let (bench, _) = Bench::in_memory();
    let mut all = Vec::new();
    for hour in 0..20 {
        let at = |n: i64| NOW + hour * HOUR + n * (HOUR / per_hour);
        let events: Vec<Event> =
            (0..per_hour).map(|n| event(n as u64 % 4, at(n), format!("hour h{hour} line n{n} of many"))).collect();
        all.extend(bench.append_events(&events));
        if hour < 19 {
            bench.seal();
        }
    }
    (bench, all)
}

#[test]
fn an_ordered_scan_with_a_limit_reads_only_the_end() {
    let (bench, mut all) = twenty_hours(400);
    bench.compact();
    for (order, from_memory) in [(Order::Descending, true), (Order::Ascending, false)] {
        sort_by_time(&mut all, order);
        let (found, stats) = bench.events(&Scan::new(&EVENTS).order(order).limit(10));
        assert_eq!(found, all[..10]);
        assert!(stats.segments_opened <= u64::from(!from_memory) && stats.rows_scanned <= 400, "{order:?} {stats:?}");
        // A limit that reaches over the border of memory and segments, and over several windows.
        let (found, stats) = bench.events(&Scan::new(&EVENTS).order(order).limit(900));
        assert_eq!(found, all[..900]);
        assert!(stats.rows_scanned < 4 * 2000, "{stats:?}");
        let (found, _) = bench.events(&Scan::new(&EVENTS).order(order));
        assert_eq!(found, all);
    }
}

#[test]
fn a_few_rows_far_apart_do_not_make_a_scan_read_the_many_before_them() {
    let (bench, _) = Bench::in_memory();
    let mut all = Vec::new();
    for second in 0..20 {
        let events: Vec<Event> =
            (0..1000).map(|n| event(1, NOW + second * 1000 + n, format!("{second} {n}"))).collect();
        all.extend(bench.append_events(&events));
        bench.seal();
    }
    for minute in 1..4 {
        all.extend(bench.append_events(&[event(2, NOW + minute * 60_000, "seldom")]));
    }
    sort_by_time(&mut all, Order::Descending);
    let (found, stats) = bench.events(&Scan::new(&EVENTS).order(Order::Descending).limit(10));
    assert_eq!(found, all[..10]);
    assert!(stats.rows_scanned < 5000, "{stats:?}");
    let (found, stats) = bench.events(&Scan::new(&EVENTS).order(Order::Descending).limit(10).ids(GROUP, [1]));
    assert_eq!(found, all[3..13]);
    assert!(stats.rows_scanned < 5000, "{stats:?}");
    let (found, _) = bench.events(&Scan::new(&EVENTS).order(Order::Descending));
    assert_eq!(found, all);
}

#[test]
fn a_reader_that_wants_few_bytes_has_few_read() {
    const BYTES: usize = 20_000;
    let (bench, _) = Bench::in_memory();
    // Large rows close together, in a segment whose other rows lie far apart; of text that does not become small.
    let mut random = 1u64;
    let mut letter = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b' ' + (random >> 58) as u8)
    };
    let mut all = Vec::new();
    for n in 0..400 {
        let time = if n % 2 == 0 { NOW + n } else { NOW + n * 5_000 };
        let message: String = std::iter::repeat_with(&mut letter).take(BYTES).collect();
        all.extend(bench.append_events(&[event(1, time, message)]));
    }
    bench.seal();
    for order in [Order::Ascending, Order::Descending] {
        sort_by_time(&mut all, order);
        for from in [0, 210] {
            let start = all[from].1.time;
            let time = if order == Order::Ascending { start..i64::MAX } else { i64::MIN..start + 1 };
            let scan = Scan::new(&EVENTS).order(order).time(time).limit(10_000).bytes_wanted(BYTES);
            let mut first = None;
            let stats = bench.store().scan(&scan, &mut |batch| {
                first = batch.times().first().copied();
                ControlFlow::Break(())
            });
            assert_eq!(first, Some(start));
            let stats = stats.unwrap();
            // Where rows are far denser than the segment as a whole, it takes an attempt to find out.
            assert!(stats.bytes_scanned < 5_000_000 && stats.segments_opened <= 3, "{order:?} from {from}: {stats:?}");
        }
        let some = Scan::new(&EVENTS).order(order).limit(300).bytes_wanted(BYTES);
        assert_eq!(bench.events(&some).0, all[..300]);
    }
}

#[test]
fn a_visitor_may_stop_and_a_limit_of_nothing_reads_nothing() {
    let (bench, _) = twenty_hours(20);
    for order in [Order::Any, Order::Ascending, Order::Descending] {
        let mut visits = 0;
        let stop = &mut |_: &watchkeep_store::Batch| {
            visits += 1;
            ControlFlow::Break(())
        };
        bench.store().scan(&Scan::new(&EVENTS).order(order), stop).unwrap();
        assert_eq!(visits, 1);
        let (found, stats) = bench.events(&Scan::new(&EVENTS).order(order).limit(0));
        assert_eq!((found.len(), stats.rows_scanned), (0, 0));
        assert_eq!(bench.events(&Scan::new(&EVENTS).order(order).limit(7)).0.len(), 7);
        let nowhen = Scan::new(&EVENTS).order(order).time(NOW..NOW);
        assert_eq!(bench.events(&nowhen).0, []);
    }
}

#[test]
fn rows_at_the_ends_of_time_are_delivered_once() {
    let bench = Bench::new();
    let times = [i64::MAX, i64::MAX - 1, i64::MAX - 2, 0, i64::MIN, i64::MIN + 1, i64::MAX, i64::MIN];
    let events: Vec<Event> = times.iter().map(|&time| event(1, time, "x")).collect();
    let mut expected = bench.append_events(&events);
    for sealed in [false, true] {
        if sealed {
            bench.seal();
            bench.compact();
        }
        for order in [Order::Ascending, Order::Descending] {
            sort_by_time(&mut expected, order);
            assert_eq!(bench.events(&Scan::new(&EVENTS).order(order)).0, expected, "{order:?} {sealed}");
            let last = Scan::new(&EVENTS).order(order).time(i64::MAX..i64::MAX);
            assert!(bench.events(&last).0.iter().all(|(_, event)| event.time == i64::MAX));
            assert_eq!(bench.events(&last).0.len(), 2);
        }
    }
}

#[test]
fn rows_of_one_moment_are_in_the_order_of_their_appends() {
    let bench = Bench::new();
    let mut expected = Vec::new();
    for round in 0..6 {
        expected.extend(bench.append_events(&vec![event(5 - round, NOW, format!("round {round}")); 3]));
        if round < 4 {
            bench.seal();
        }
    }
    for order in [Order::Ascending, Order::Descending] {
        sort_by_time(&mut expected, order);
        for limit in 1..20 {
            let (found, _) = bench.events(&Scan::new(&EVENTS).order(order).limit(limit));
            assert_eq!(found, expected[..limit.min(18)], "{order:?} {limit}");
        }
    }
}

#[test]
fn a_scan_keeps_to_its_budget() {
    let bench = Bench::with(|config| config.scan_sort_bytes_max = 3000);
    let at = |n: i64| event(1, NOW + n % 7, "x".repeat(100));
    let mut expected = bench.append_events(&(0..300).map(at).collect::<Vec<_>>());
    bench.seal();
    for order in [Order::Ascending, Order::Descending] {
        sort_by_time(&mut expected, order);
        for limit in [1, 10, 40, 100, 300, 1000] {
            let (found, _) = bench.events(&Scan::new(&EVENTS).order(order).limit(limit));
            assert_eq!(found, expected[..limit.min(300)], "{order:?} {limit}");
        }
    }
    bench.append_events(&vec![event(1, NOW + 3, "y".repeat(1000)); 55]);
    bench.seal();
    let scan = Scan::new(&EVENTS).order(Order::Ascending);
    let refused = bench.store().scan(&scan, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(refused, StoreError::TooManyAtOnce { bytes_max: 48_000, .. }), "{refused}");
    let (found, _) = bench.events(&scan.limit(20));
    assert_eq!(found.len(), 20);
}

#[test]
fn a_scan_asks_for_columns_and_gets_time_and_seq_besides() {
    let bench = Bench::new();
    bench.append_events(&[event(7, NOW, "in a segment")]);
    bench.seal();
    bench.append_events(&[event(8, NOW + 1, "in memory")]);
    let mut rows = Vec::new();
    let visit = &mut |batch: &watchkeep_store::Batch| {
        for row in 0..batch.len() {
            rows.push((batch.times()[row], batch.seqs()[row], batch.u64s(STREAM)[row], batch.is_null(MESSAGE, row)));
            assert!(batch.u64s(GROUP).is_empty() && batch.bytes(MESSAGE, row).is_empty());
        }
        ControlFlow::Continue(())
    };
    bench.store().scan(&Scan::new(&EVENTS).columns(&[STREAM]).order(Order::Ascending), visit).unwrap();
    assert_eq!(rows, [(NOW, 1 << 20, 1, true), (NOW + 1, 2 << 20, 2, true)]);
}

#[test]
fn a_rare_word_opens_only_the_row_groups_that_can_have_it() {
    let (bench, all) = twenty_hours(100);
    bench.seal();
    bench.compact();
    let find = |text: TextFilter| bench.events(&Scan::new(&EVENTS).text(text));
    let expected = |part: &str| all.iter().filter(|(_, event)| event.message.contains(part)).count();

    let (found, stats) = find(with_word("h7"));
    assert_eq!((found.len(), stats.row_groups_read, stats.row_groups_skipped), (100, 1, 19), "{stats:?}");
    let (found, stats) = find(with_word("absent"));
    assert_eq!((found.len(), stats.row_groups_read, stats.rows_scanned), (0, 0, 0));
    let (found, stats) = find(TextFilter::containing(b" h7 line n3 "));
    assert_eq!((found.len(), stats.row_groups_read), (1, 1));
    // A piece of a word says nothing of whole words: everything is read.
    let (found, stats) = find(TextFilter::containing(b"h1"));
    assert_eq!((found.len(), stats.row_groups_read), (expected("h1"), 20));
    let (found, stats) = bench.events(&Scan::new(&EVENTS).time(NOW..NOW + HOUR).text(with_word("n5")));
    assert_eq!((found.len(), stats.row_groups_read, stats.segments_skipped), (1, 1, 19));
    let (found, stats) = bench.events(&Scan::new(&EVENTS).ids(GROUP, [9]));
    assert_eq!((found.len(), stats.segments_opened), (0, 0));
}

#[test]
fn what_does_not_fit_the_table_is_refused() {
    let bench = Bench::new();
    let cases = [
        Scan::new(&EVENTS).columns(&[9]),
        Scan::new(&EVENTS).ids(MESSAGE, [1]),
        Scan::new(&EVENTS).texts(GROUP, ["x".into()]),
        Scan::new(&POINTS).text(with_word("x")),
    ];
    for scan in cases {
        let refused = bench.store().scan(&scan, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(refused, Err(StoreError::Scan { .. })), "{scan:?}");
    }
}

/// Readers run while frames of ten rows are appended, sealed and compacted: every scan sees whole frames, each row once, and
/// everything that was acknowledged before it began.
#[test]
fn a_scan_is_a_snapshot() {
    const FRAMES: u64 = 150;
    const ROWS: u64 = 10;
    let (bench, _) = Bench::in_memory();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let store = bench.store().clone();
    let readers: Vec<_> = (0..3)
        .map(|reader| {
            let (store, acknowledged) = (store.clone(), acknowledged.clone());
            let order = [Order::Any, Order::Ascending, Order::Descending][reader];
            std::thread::spawn(move || {
                let mut scans = 0;
                loop {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let (found, _) = scan_events(&store, &Scan::new(&EVENTS).order(order));
                    let mut seqs: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
                    seqs.sort_unstable();
                    seqs.dedup();
                    assert_eq!(seqs.len(), found.len(), "a row was delivered twice");
                    assert_eq!(seqs.len() as u64 % ROWS, 0, "a part of a frame was seen");
                    assert!(seqs.len() as u64 / ROWS >= before, "{} frames of {before}", seqs.len() as u64 / ROWS);
                    scans += 1;
                    if before == FRAMES {
                        return scans;
                    }
                }
            })
        })
        .collect();
    bench.runtime.block_on(async {
        let (sealing, compacting) = (store.clone(), store.clone());
        let done = acknowledged.clone();
        let sealer = tokio::spawn(async move {
            while done.load(Ordering::SeqCst) < FRAMES {
                sealing.seal_now().await.unwrap();
            }
        });
        let done = acknowledged.clone();
        let compactor = tokio::spawn(async move {
            while done.load(Ordering::SeqCst) < FRAMES {
                compacting.compact_now().await.unwrap();
                compacting.retain_now().await.unwrap();
            }
        });
        for frame in 0..FRAMES as i64 {
            let events: Vec<Event> =
                (0..ROWS as i64).map(|row| event(row as u64 % 3, NOW + (frame * 7 + row) % 5 * HOUR, "m")).collect();
            store.append(event_rows(&events)).await.unwrap();
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        sealer.await.unwrap();
        compactor.await.unwrap();
    });
    for reader in readers {
        assert!(reader.join().unwrap() > 0);
    }
}

/// Long rows make short batches: what a scan holds at once is bounded in bytes.
#[test]
fn batches_are_bounded_in_bytes() {
    let bench = Bench::with(|config| config.journal_segment_bytes = 4 << 20);
    for n in 0..40 {
        bench.append_events(&[event(1, NOW + n, "x".repeat(300_000))]);
    }
    let mut longest = 0;
    let mut rows = 0;
    let visit = &mut |batch: &watchkeep_store::Batch| {
        rows += batch.len();
        longest = longest.max((0..batch.len()).map(|row| batch.bytes(MESSAGE, row).len()).sum());
        ControlFlow::Continue(())
    };
    bench.store().scan(&Scan::new(&EVENTS), visit).unwrap();
    assert_eq!(rows, 40);
    assert!(longest < 5 << 20, "a batch of {longest} bytes");
}

/// Filters of words and pieces only skip what cannot match, whatever the texts are: of any script, with escapes, empty, long.
#[test]
fn a_search_for_any_piece_of_any_text_finds_every_row() {
    let long = format!("begin{}end", "0123456789abcdef".repeat(5_000));
    let texts = [
        "",
        " ",
        "a",
        "ab",
        "naïve café",
        "ПРИВЕТ мир",
        "日本語のログ",
        "😀😁 emoji",
        "e\u{301}galite\u{301}",
        r#"{"msg":"caf\u00e9 \"quoted\" \ud83d\ude00","path":"C:\\temp"}"#,
        "tab\tnew\nline",
        "nul\0byte",
        "under_score-dash.dot",
        "UPPER lower MiXeD",
        "aaaaaaaaaaaaaaaaaaaa",
        &long,
        "İstanbul ß ẞ",
        "\u{feff}bom",
        "x=1&y=2;z=3",
    ];
    let bench = Bench::with(|config| config.journal_segment_bytes = 1 << 20);
    let events: Vec<Event> = (0..).zip(texts).map(|(n, text)| event(1, NOW + n, text)).collect();
    let expected = bench.append_events(&events);
    // Every piece of up to five characters of each short text, and some that no text has.
    let mut pieces: Vec<String> = vec![long.clone(), long[3..].to_owned(), "absent".into(), "é ".into(), "日志".into()];
    for text in texts.iter().filter(|text| text.len() < 100) {
        let characters: Vec<char> = text.chars().collect();
        for length in 0..=5 {
            pieces
                .extend(characters.windows(length.max(1)).map(|window| window.iter().take(length).collect::<String>()));
        }
    }
    pieces.sort();
    pieces.dedup();
    for stage in ["in memory", "sealed", "compacted"] {
        for piece in &pieces {
            let found = bench.events(&Scan::new(&EVENTS).text(TextFilter::containing(piece.as_bytes()))).0.len();
            let there = expected.iter().filter(|(_, event)| event.message.contains(piece.as_str())).count();
            assert_eq!(found, there, "{piece:?} {stage}");
        }
        if stage == "in memory" { bench.seal() } else { bench.compact() }
    }
    assert_eq!(bench.all_events(), expected);
}
