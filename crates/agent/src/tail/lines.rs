//! Bytes of a file to log events: lines, with those that begin blank joined to the one before (so that a stack trace is one
//! event), each with its time, as many as one PutLogEvents takes.

use std::borrow::Cow;

use watchkeep_core::TimestampMs;
use watchkeep_model::logs::InputLogEvent;

use super::batch::{Events, is_in_time};
use crate::limits::EVENT_BYTES_MAX;

/// What is known of the bytes of a file from an offset on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    /// The bytes.
    pub(super) bytes: &'a [u8],
    /// Whether the file has more behind them.
    pub(super) more: bool,
    /// Whether the file has stopped growing for now, so that its last event is whole.
    pub(super) at_rest: bool,
    /// Whether nothing will be written to it any more, so that its last line is whole though nothing ends it.
    pub(super) finished: bool,
}

/// Events for one PutLogEvents, in the order of their times.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    /// The events; none if all lines were empty, or too old or too new to be taken.
    pub(super) events: Vec<InputLogEvent>,
    /// How many bytes of the file they, and what was left out, take.
    pub(super) consumed: usize,
    /// How many events were left out because of their time.
    pub(super) out_of_time: usize,
    /// The time of the last line that told one.
    pub(super) last_told: Option<i64>,
}

/// Takes events from the start of `bytes`. A line without a time of its own has that of the line before it (`last_told`, for
/// the first one), or that at which it is read. Nothing consumed: there is no whole event yet.
pub(super) fn batch(bytes: Bytes<'_>, last_told: Option<i64>, now: TimestampMs) -> Batch {
    let mut batch = Batch { last_told, ..Batch::default() };
    let mut events = Events::default();
    while let Some((text, end)) = event(bytes, batch.consumed) {
        let told = time_of(&text);
        let time = told.or(batch.last_told).unwrap_or(now.0);
        if !is_in_time(time, now) {
            batch.out_of_time += 1;
        } else if !text.is_empty() {
            if !events.fits(time, text.len()) {
                break;
            }
            events.push(time, text);
        }
        batch.last_told = told.or(batch.last_told);
        batch.consumed = end;
    }
    batch.events = events.sorted();
    batch
}

/// The event that begins at `start`, and where it ends; `None` if it is not whole yet. It may be empty.
fn event(bytes: Bytes<'_>, start: usize) -> Option<(String, usize)> {
    let (first, mut end) = line(bytes, start)?;
    let mut text = first.into_owned();
    loop {
        match line(bytes, end) {
            Some((next, next_end)) if is_continuation(&next) && text.len() + 1 + next.len() <= EVENT_BYTES_MAX => {
                text.push('\n');
                text.push_str(&next);
                end = next_end;
            }
            Some(_) => break,
            // What follows is not there yet: it may belong to this one. But an event that fills all that is read at once must go.
            None => {
                let is_last = !bytes.more && (bytes.at_rest || bytes.finished);
                if is_last || (bytes.more && start == 0) || begins_event(bytes.bytes.get(end..)) {
                    break;
                }
                return None;
            }
        }
    }
    text.truncate(text.trim_end_matches('\n').len());
    if text.trim().is_empty() {
        text.clear();
    }
    Some((text, end))
}

/// Whether the start of a line that is not whole shows that it begins an event.
fn begins_event(rest: Option<&[u8]>) -> bool {
    rest.and_then(<[u8]>::first).is_some_and(|byte| !byte.is_ascii_whitespace())
}

fn is_continuation(line: &str) -> bool {
    line.is_empty() || line.starts_with([' ', '\t'])
}

/// The line that begins at `start`, without its end, and where the next one begins. A line too long for an event is cut.
fn line(bytes: Bytes<'_>, start: usize) -> Option<(Cow<'_, str>, usize)> {
    let rest = bytes.bytes.get(start..).filter(|rest| !rest.is_empty())?;
    let length = rest.iter().position(|&byte| byte == b'\n');
    let is_whole = length.is_some() || (bytes.finished && !bytes.more);
    let line = rest.get(..length.unwrap_or(rest.len()))?;
    if !is_whole && line.len() <= EVENT_BYTES_MAX {
        return None;
    }
    let cut = cut(line);
    if cut < line.len() {
        return Some((String::from_utf8_lossy(rest.get(..cut)?), start + cut));
    }
    let end = start + line.len() + usize::from(length.is_some());
    Some((String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)), end))
}

/// How much of a line goes into one event: all of it, or as many whole characters as fit.
fn cut(line: &[u8]) -> usize {
    if line.len() <= EVENT_BYTES_MAX / REPLACEMENT_BYTES {
        return line.len();
    }
    let fits = line.get(..EVENT_BYTES_MAX).unwrap_or(line);
    match std::str::from_utf8(fits) {
        Ok(_) => fits.len(),
        // The cut is within a character.
        Err(error) if error.error_len().is_none() && fits.len() < line.len() => error.valid_up_to(),
        // Each byte that is no UTF-8 may become a replacement character.
        Err(_) => EVENT_BYTES_MAX / REPLACEMENT_BYTES,
    }
}

/// The bytes of U+FFFD.
const REPLACEMENT_BYTES: usize = 3;

/// The time that a line begins with, if it is spelled as in RFC 3339, offset and all. Other spellings leave something to
/// guess.
fn time_of(text: &str) -> Option<i64> {
    let word = text.split([' ', '\t', '\n']).next()?;
    let bytes = word.as_bytes();
    if !(20..=40).contains(&bytes.len()) || bytes.get(4) != Some(&b'-') || !bytes.first()?.is_ascii_digit() {
        return None;
    }
    word.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_OVERHEAD_BYTES};

    use super::*;

    const NOW: TimestampMs = TimestampMs(1_795_000_000_000);

    fn whole(bytes: &[u8]) -> Bytes<'_> {
        Bytes { bytes, more: false, at_rest: true, finished: false }
    }

    fn messages(batch: &Batch) -> Vec<&str> {
        batch.events.iter().map(|event| event.message.as_str()).collect()
    }

    #[test]
    fn lines_become_events() {
        for (text, events, left) in [
            ("", vec![], 0),
            ("one\ntwo\n", vec!["one", "two"], 0),
            ("one\r\ntwo\r\n", vec!["one", "two"], 0),
            ("one\ntw", vec!["one"], 2),
            ("one", vec![], 3),
            ("\n\n  \none\n\n", vec!["one"], 0),
            ("error:\n  at a\n\tat b\n\nnext\n", vec!["error:\n  at a\n\tat b", "next"], 0),
            ("  begins blank\nnext\n", vec!["  begins blank", "next"], 0),
            ("\u{e4}\u{20ac}\u{1d11e}\n", vec!["\u{e4}\u{20ac}\u{1d11e}"], 0),
        ] {
            let batch = batch(whole(text.as_bytes()), None, NOW);
            assert_eq!((messages(&batch), text.len() - batch.consumed), (events, left), "{text:?}");
            assert!(batch.events.iter().all(|event| event.timestamp == NOW.0));
        }
        assert_eq!(messages(&batch(whole(b"caf\xe9 \xff\n"), None, NOW)), ["caf\u{fffd} \u{fffd}"]);
    }

    #[test]
    fn the_last_event_waits_until_it_is_whole() {
        let consumed = |text: &str, change: fn(&mut Bytes<'_>)| {
            let mut bytes = whole(text.as_bytes());
            bytes.at_rest = false;
            change(&mut bytes);
            batch(bytes, None, NOW).consumed
        };
        assert_eq!(consumed("one\ntwo\n", |_| {}), 4);
        assert_eq!(consumed("one\ntwo\n", |bytes| bytes.at_rest = true), 8);
        // The start of the next line decides.
        assert_eq!(consumed("one\ntwo\nx", |_| {}), 8);
        assert_eq!(consumed("one\ntwo\n ", |_| {}), 4);
        assert_eq!(consumed("one\ntwo\n ", |bytes| bytes.at_rest = true), 8);
        assert_eq!(consumed("one\ntwo\n  x", |bytes| bytes.finished = true), 11);
    }

    #[test]
    fn times_are_those_that_lines_begin_with() {
        let text = "2026-11-18T08:06:40.123Z a\n\
                    2026-11-18T10:06:41+02:00 earlier in the file\n\
                    without\n\
                    2026-11-18T08:06:39.9-00:00 b\n\
                    2026-11-18 08:06:40 who knows where\n";
        let found = batch(whole(text.as_bytes()), None, TimestampMs(1_795_000_000_000));
        let times: Vec<(i64, &str)> =
            found.events.iter().map(|event| (event.timestamp - 1_794_989_200_000, &event.message[..])).collect();
        assert_eq!(
            times,
            [
                (-100, "2026-11-18T08:06:39.9-00:00 b"),
                (-100, "2026-11-18 08:06:40 who knows where"),
                (123, "2026-11-18T08:06:40.123Z a"),
                (1_000, "2026-11-18T10:06:41+02:00 earlier in the file"),
                (1_000, "without"),
            ]
        );
        assert_eq!(found.last_told, Some(1_794_989_199_900));
    }

    #[test]
    fn what_the_service_would_not_take_is_left_out() {
        let text = "2026-11-01T00:00:00Z old\n2026-11-17T00:00:00Z yesterday\n2026-11-18T10:00:00Z today\n2027-01-01T00:00:00Z new\n";
        let first = batch(whole(text.as_bytes()), None, NOW);
        // Yesterday and today are too far apart for one call.
        assert_eq!((messages(&first), first.out_of_time), (vec!["2026-11-17T00:00:00Z yesterday"], 1));
        let rest = batch(whole(&text.as_bytes()[first.consumed..]), first.last_told, NOW);
        assert_eq!((messages(&rest), rest.out_of_time), (vec!["2026-11-18T10:00:00Z today"], 1));
        assert_eq!(first.consumed + rest.consumed, text.len());
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        for character in ["x", "\u{e4}", "\u{20ac}", "\u{1d11e}"] {
            let line = format!("a{}\nnext\n", character.repeat(2 * EVENT_BYTES_MAX / character.len()));
            let mut rest = line.as_bytes();
            let mut joined = String::new();
            while !rest.is_empty() {
                let read = &rest[..rest.len().min(crate::limits::READ_BYTES)];
                let found = batch(Bytes { more: read.len() < rest.len(), ..whole(read) }, None, NOW);
                assert!(found.consumed > 0 && found.events.iter().all(|event| event.message.len() <= EVENT_BYTES_MAX));
                found.events.iter().for_each(|event| joined.push_str(&event.message));
                rest = &rest[found.consumed..];
            }
            assert_eq!(joined, line.replace('\n', ""));
        }
        // Bytes that are no text grow when they are replaced.
        let junk = [&vec![0xff; EVENT_BYTES_MAX][..], b"\n"].concat();
        let found = batch(whole(&junk), None, NOW);
        assert!(found.events.iter().all(|event| event.message.len() <= EVENT_BYTES_MAX) && !found.events.is_empty());
    }

    #[test]
    fn a_batch_keeps_the_quotas() {
        let many = batch(whole("x\n".repeat(BATCH_EVENTS_MAX + 5).as_bytes()), None, NOW);
        assert_eq!((many.events.len(), many.consumed), (BATCH_EVENTS_MAX, 2 * BATCH_EVENTS_MAX));
        let heavy = batch(whole(format!("{}\n", "x".repeat(999)).repeat(1_048).as_bytes()), None, NOW);
        assert_eq!(heavy.events.len(), BATCH_BYTES_MAX / (999 + EVENT_OVERHEAD_BYTES));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// However a file grows between two readings, the same events come out of it, and each byte once.
        #[test]
        fn events_do_not_depend_on_how_the_file_grew(
            lines in prop::collection::vec("[ \t]?[a-zä€]{0,6}", 0..12),
            steps in prop::collection::vec(1_usize..9, 0..40),
        ) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let at_once = batch(whole(text.as_bytes()), None, NOW);
            let (mut start, mut end) = (0, 0);
            let mut grown = Vec::new();
            for step in steps.into_iter().chain([text.len()]) {
                end = (end + step).min(text.len());
                let is_all = end == text.len();
                let bytes = Bytes { bytes: &text.as_bytes()[start..end], more: false, at_rest: is_all, finished: false };
                let found = batch(bytes, None, NOW);
                start += found.consumed;
                grown.extend(found.events.into_iter().map(|event| event.message));
            }
            prop_assert_eq!(start, text.len());
            prop_assert_eq!(grown, messages(&at_once));
        }
    }
}
