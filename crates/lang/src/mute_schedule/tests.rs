use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

use super::*;

fn schedule(expression: &str, duration: &str, timezone: &str) -> MuteSchedule {
    let text = ScheduleText { expression, duration, timezone: Some(timezone), ..ScheduleText::default() };
    MuteSchedule::parse(&text).unwrap_or_else(|error| panic!("{expression} {duration} {timezone}: {error}"))
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn shown(window: Option<Window>, zone: &str) -> String {
    let Some(window) = window else { return "never".to_owned() };
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
    let of = |time_ms| clock::timestamp(time_ms).to_zoned(zone.clone());
    format!("{} {}", of(window.start_ms).strftime("%a %F %H:%M%:z"), of(window.end_ms).strftime("%a %F %H:%M%:z"))
}

#[test]
fn the_next_window_starts_as_documented() {
    let cases = [
        // The examples of "Schedule" and "Alarm Mute Rules".
        ("cron(0 2 * * *)", "PT4H", "Tue 2024-02-27 02:00+00:00 Tue 2024-02-27 06:00+00:00"),
        ("cron(0 2 * * SUN)", "PT4H", "Sun 2024-03-03 02:00+00:00 Sun 2024-03-03 06:00+00:00"),
        ("cron(0 1 1 * *)", "PT6H", "Fri 2024-03-01 01:00+00:00 Fri 2024-03-01 07:00+00:00"),
        ("cron(0 18 * * FRI)", "P2DT12H", "Fri 2024-03-01 18:00+00:00 Mon 2024-03-04 06:00+00:00"),
        ("cron(0 23 * * *)", "PT2H", "Tue 2024-02-27 23:00+00:00 Wed 2024-02-28 01:00+00:00"),
        ("at(2024-05-10T14:00)", "PT4H", "Fri 2024-05-10 14:00+00:00 Fri 2024-05-10 18:00+00:00"),
        ("at(2024-12-23T00:00)", "P7D", "Mon 2024-12-23 00:00+00:00 Mon 2024-12-30 00:00+00:00"),
        ("at(2024-02-27T00:00)", "P7D", "never"),
        // Fields.
        ("cron(* * * * *)", "PT1M", "Tue 2024-02-27 00:01+00:00 Tue 2024-02-27 00:02+00:00"),
        ("cron(5,35 14-16 * * *)", "PT1M", "Tue 2024-02-27 14:05+00:00 Tue 2024-02-27 14:06+00:00"),
        ("cron(0 0 * FEB-MAR MON-FRI)", "P1W", "Wed 2024-02-28 00:00+00:00 Wed 2024-03-06 00:00+00:00"),
        ("cron(0  0 * jan,3 *)", "P1D", "Fri 2024-03-01 00:00+00:00 Sat 2024-03-02 00:00+00:00"),
        ("cron(0 0 * * 0)", "P1D", "Sun 2024-03-03 00:00+00:00 Mon 2024-03-04 00:00+00:00"),
        ("cron(0 0 * * 7)", "P1D", "Sun 2024-03-03 00:00+00:00 Mon 2024-03-04 00:00+00:00"),
        ("cron(0 0 * * SAT-SUN)", "P1D", "Sat 2024-03-02 00:00+00:00 Sun 2024-03-03 00:00+00:00"),
        ("cron(0 0 * * MON-SUN)", "P1D", "Wed 2024-02-28 00:00+00:00 Thu 2024-02-29 00:00+00:00"),
        // Either of two days, both if one has a star.
        ("cron(0 0 15 * FRI)", "P1D", "Fri 2024-03-01 00:00+00:00 Sat 2024-03-02 00:00+00:00"),
        ("cron(0 0 28 * FRI)", "P1D", "Wed 2024-02-28 00:00+00:00 Thu 2024-02-29 00:00+00:00"),
        ("cron(0 0 *,1 * FRI)", "P1D", "Fri 2024-03-01 00:00+00:00 Sat 2024-03-02 00:00+00:00"),
        // Seldom and never.
        ("cron(0 0 29 2 *)", "PT24H", "Thu 2024-02-29 00:00+00:00 Fri 2024-03-01 00:00+00:00"),
        ("cron(0 0 31 2,4 *)", "P1D", "never"),
        ("at(9999-12-31T00:00)", "P15D", "never"),
    ];
    for (expression, duration, expected) in cases {
        let window = schedule(expression, duration, "UTC").next_window(ms("2024-02-27T00:00:00Z"));
        assert_eq!(shown(window, "UTC"), expected, "{expression} {duration}");
    }
    let leap = schedule("cron(0 0 29 2 *)", "P1D", "UTC");
    let window = leap.next_window(ms("2096-03-01T00:00:00Z"));
    assert_eq!(shown(window, "UTC"), "Fri 2104-02-29 00:00+00:00 Sat 2104-03-01 00:00+00:00");
}

#[test]
fn clocks_that_change_lose_no_window_and_repeat_none() {
    let cases = [
        // 02:00 is 03:00 on 31 March 2024.
        (
            "Europe/Berlin",
            "2024-03-30T12:00:00Z",
            "cron(30 2 * * *)",
            "PT1H",
            "Sun 2024-03-31 03:00+02:00 Sun 2024-03-31 04:00+02:00",
        ),
        (
            "Europe/Berlin",
            "2024-03-31T01:00:00Z",
            "cron(30 2 * * *)",
            "PT1H",
            "Mon 2024-04-01 02:30+02:00 Mon 2024-04-01 03:30+02:00",
        ),
        (
            "Europe/Berlin",
            "2024-03-29T00:00:00Z",
            "cron(0 18 * * FRI)",
            "P2DT12H",
            "Fri 2024-03-29 18:00+01:00 Mon 2024-04-01 06:00+02:00",
        ),
        (
            "Europe/Berlin",
            "2024-03-29T00:00:00Z",
            "cron(0 18 * * FRI)",
            "PT60H",
            "Fri 2024-03-29 18:00+01:00 Mon 2024-04-01 07:00+02:00",
        ),
        (
            "Europe/Berlin",
            "2024-03-29T12:00:00Z",
            "cron(30 2 30 * *)",
            "P1D",
            "Sat 2024-03-30 02:30+01:00 Sun 2024-03-31 03:00+02:00",
        ),
        (
            "Europe/Berlin",
            "2024-03-30T12:00:00Z",
            "at(2024-03-31T02:00)",
            "PT1M",
            "Sun 2024-03-31 03:00+02:00 Sun 2024-03-31 03:01+02:00",
        ),
        // 03:00 is 02:00 on 27 October 2024.
        (
            "Europe/Berlin",
            "2024-10-26T12:00:00Z",
            "cron(30 2 * * *)",
            "PT1H",
            "Sun 2024-10-27 02:30+02:00 Sun 2024-10-27 02:30+01:00",
        ),
        (
            "Europe/Berlin",
            "2024-10-27T00:30:00Z",
            "cron(30 2 * * *)",
            "PT1H",
            "Mon 2024-10-28 02:30+01:00 Mon 2024-10-28 03:30+01:00",
        ),
        (
            "Europe/Berlin",
            "2024-10-27T01:10:00Z",
            "cron(30 2 * * *)",
            "PT1H",
            "Mon 2024-10-28 02:30+01:00 Mon 2024-10-28 03:30+01:00",
        ),
        (
            "Europe/Berlin",
            "2024-10-27T01:10:00Z",
            "cron(0 3 * * *)",
            "PT1H",
            "Sun 2024-10-27 03:00+01:00 Sun 2024-10-27 04:00+01:00",
        ),
        (
            "Europe/Berlin",
            "2024-10-26T00:00:00Z",
            "cron(30 2 26 * *)",
            "P1D",
            "Sat 2024-10-26 02:30+02:00 Sun 2024-10-27 02:30+02:00",
        ),
        // Half an hour, and a whole day that never was.
        (
            "Australia/Lord_Howe",
            "2024-10-05T12:00:00Z",
            "cron(15 2 * * *)",
            "PT1H",
            "Sun 2024-10-06 02:30+11:00 Sun 2024-10-06 03:30+11:00",
        ),
        (
            "Pacific/Apia",
            "2011-12-30T09:00:00Z",
            "cron(0 12 30 * *)",
            "PT1H",
            "Sat 2011-12-31 00:00+14:00 Sat 2011-12-31 01:00+14:00",
        ),
    ];
    for (zone, after, expression, duration, expected) in cases {
        let window = schedule(expression, duration, zone).next_window(ms(after));
        assert_eq!(shown(window, zone), expected, "{zone} {expression} {duration} after {after}");
        let start_ms = window.unwrap().start_ms;
        assert_eq!(schedule(expression, duration, zone).window_at(start_ms), window, "{zone} {expression} {duration}");
    }
}

#[test]
fn the_status_follows_windows_and_dates() {
    let dates = Some((ms("2024-02-27T04:00:00Z"), ms("2024-02-29T03:00:00Z")));
    let cases = [
        ("cron(0 2 * * *)", None, "2024-02-27T01:59:59Z", Status::Scheduled),
        ("cron(0 2 * * *)", None, "2024-02-27T02:00:00Z", Status::Active),
        ("cron(0 2 * * *)", None, "2024-02-27T05:59:59.999Z", Status::Active),
        ("cron(0 2 * * *)", None, "2024-02-27T06:00:00Z", Status::Scheduled),
        ("cron(0 2 * * *)", dates, "2024-02-27T03:59:59Z", Status::Scheduled),
        ("cron(0 2 * * *)", dates, "2024-02-27T04:00:00Z", Status::Active),
        ("cron(0 2 * * *)", dates, "2024-02-28T07:00:00Z", Status::Scheduled),
        ("cron(0 2 * * *)", dates, "2024-02-29T02:59:59Z", Status::Active),
        ("cron(0 2 * * *)", dates, "2024-02-29T03:00:00Z", Status::Expired),
        ("at(2024-02-28T02:00)", None, "2024-02-27T00:00:00Z", Status::Scheduled),
        ("at(2024-02-28T02:00)", None, "2024-02-28T02:00:00Z", Status::Active),
        ("at(2024-02-28T02:00)", None, "2024-02-28T06:00:00Z", Status::Expired),
        ("at(2024-02-29T03:00)", dates, "2024-02-28T00:00:00Z", Status::Expired),
        ("at(2024-02-26T23:00)", dates, "2024-02-27T00:00:00Z", Status::Expired),
        ("cron(0 0 30 2 *)", None, "2024-02-28T06:00:00Z", Status::Expired),
    ];
    for (expression, dates, time, expected) in cases {
        let text = ScheduleText {
            expression,
            duration: "PT4H",
            timezone: None,
            start_ms: dates.map(|dates| dates.0),
            expire_ms: dates.map(|dates| dates.1),
        };
        assert_eq!(MuteSchedule::parse(&text).unwrap().status(ms(time)), expected, "{expression} at {time}");
    }
    let names = [Status::Scheduled, Status::Active, Status::Expired].map(Status::as_str);
    assert_eq!(names, ["SCHEDULED", "ACTIVE", "EXPIRED"]);
    assert_eq!(schedule("cron(0 2 * * *)", "PT4H", "UTC").mute_type().as_str(), "RECURRING");
    assert_eq!(schedule("at(2024-02-28T02:00)", "PT4H", "UTC").mute_type().as_str(), "ONE_TIME");
}

#[test]
fn of_windows_that_overlap_the_last_counts() {
    let nightly = schedule("cron(0 0 * * *)", "P2DT1H", "UTC");
    let window = nightly.window_at(ms("2024-02-27T12:00:00Z"));
    assert_eq!(shown(window, "UTC"), "Tue 2024-02-27 00:00+00:00 Thu 2024-02-29 01:00+00:00");
}

#[test]
fn errors_say_what_and_where() {
    let long = format!("cron({}* * * * *)", " ".repeat(250));
    let good = ("cron(0 2 * * *)", "PT4H", "UTC");
    let expression = |text| (text, good.1, good.2);
    let duration = |text| (good.0, text, good.2);
    let zone = |text| (good.0, good.1, text);
    let cases = [
        (expression("rate(5 minutes)"), "invalid schedule expression: cron(...) or at(...) expected at position 1"),
        (expression(""), "invalid schedule expression: cron(...) or at(...) expected at position 1"),
        (expression("0 2 * * *"), "invalid schedule expression: cron(...) or at(...) expected at position 1"),
        (expression(" cron(0 2 * * *)"), "invalid schedule expression: cron(...) or at(...) expected at position 1"),
        (expression("cron(0 2 * * *"), "invalid schedule expression: cron(...) or at(...) expected at position 1"),
        (expression("cron()"), "invalid schedule expression: cron has 5 fields, not 0 at position 6"),
        (expression("cron(0 2 * * ? *)"), "invalid schedule expression: cron has 5 fields, not 6 at position 6"),
        (expression("cron(0 2 * *)"), "invalid schedule expression: cron has 5 fields, not 4 at position 6"),
        (
            expression("cron(0 2 ? * *)"),
            "invalid schedule expression: '?' is no day of the month from 1 to 31 at position 10",
        ),
        (expression("cron(0/5 2 * * *)"), "invalid schedule expression: '0/5' is no minute from 0 to 59 at position 6"),
        (expression("cron(0 5,24 * * *)"), "invalid schedule expression: '24' is no hour from 0 to 23 at position 10"),
        (
            expression("cron(0 2 0 * *)"),
            "invalid schedule expression: '0' is no day of the month from 1 to 31 at position 10",
        ),
        (expression("cron(0 2 * 13 *)"), "invalid schedule expression: '13' is no month from 1 to 12 at position 12"),
        (
            expression("cron(0 2 * * 8)"),
            "invalid schedule expression: '8' is no day of the week from 0 to 7 at position 14",
        ),
        (
            expression("cron(0 2 * * FRI-MON)"),
            "invalid schedule expression: the range 'FRI-MON' ends before it starts at position 14",
        ),
        (expression(&long), "invalid schedule expression: the expression has more than 256 characters at position 257"),
        (
            expression("at(2024-02-30T00:00)"),
            "invalid schedule expression: '2024-02-30T00:00' is no time of the form yyyy-MM-ddThh:mm at position 4",
        ),
        (
            expression("at(2024-2-03T00:00)"),
            "invalid schedule expression: '2024-2-03T00:00' is no time of the form yyyy-MM-ddThh:mm at position 4",
        ),
        (
            expression("at(2024-02-03T00:00:00)"),
            "invalid schedule expression: '2024-02-03T00:00:00' is no time of the form yyyy-MM-ddThh:mm at position 4",
        ),
        (
            expression("at(2024-02-03 00:00)"),
            "invalid schedule expression: '2024-02-03 00:00' is no time of the form yyyy-MM-ddThh:mm at position 4",
        ),
        (duration("PT59S"), "invalid duration 'PT59S': an ISO 8601 duration from PT1M to P15D expected"),
        (duration("P15DT1S"), "invalid duration 'P15DT1S': an ISO 8601 duration from PT1M to P15D expected"),
        (duration("P1M"), "invalid duration 'P1M': an ISO 8601 duration from PT1M to P15D expected"),
        (duration("-PT1H"), "invalid duration '-PT1H': an ISO 8601 duration from PT1M to P15D expected"),
        (duration("4 hours"), "invalid duration '4 hours': an ISO 8601 duration from PT1M to P15D expected"),
        (duration("P"), "invalid duration 'P': an ISO 8601 duration from PT1M to P15D expected"),
        (duration(""), "invalid duration '': an ISO 8601 duration from PT1M to P15D expected"),
        (duration("PT999999999H"), "invalid duration 'PT999999999H': an ISO 8601 duration from PT1M to P15D expected"),
        (
            zone("Europe/Atlantis"),
            "invalid timezone 'Europe/Atlantis': a name of the tz database expected, as Europe/Berlin",
        ),
        (zone("+01:00"), "invalid timezone '+01:00': a name of the tz database expected, as Europe/Berlin"),
        (zone(""), "invalid timezone '': a name of the tz database expected, as Europe/Berlin"),
    ];
    for ((expression, duration, timezone), expected) in cases {
        let text = ScheduleText { expression, duration, timezone: Some(timezone), ..ScheduleText::default() };
        assert_eq!(MuteSchedule::parse(&text).unwrap_err().to_string(), expected);
    }
    let dates =
        ScheduleText { expression: good.0, duration: good.1, start_ms: Some(5), expire_ms: Some(5), timezone: None };
    assert_eq!(MuteSchedule::parse(&dates).unwrap_err(), ScheduleError::Dates);
    for duration in ["PT1M", "P15D", "PT60S", "PT360H", "P1WT1M", "P2W", "PT1.5H"] {
        schedule(good.0, duration, "Asia/Kathmandu");
    }
}

const MINUTE: i64 = 60_000;

/// How many minutes the oracle walks, and after how many of them it is asked: the windows of a fortnight before are known then.
const WALK: i64 = 50 * 1440;
const ASKED_FROM: i64 = 20 * 1440;

/// What the clock of a zone shows minute after minute, as minutes of the calendar.
fn walk(zone: &TimeZone, start_ms: i64) -> Vec<(i64, DateTime)> {
    let minute = |n: i64| start_ms + n * MINUTE;
    (0..WALK + 17 * 1440).map(|n| (minute(n), zone.to_datetime(clock::timestamp(minute(n))))).collect()
}

/// A field as a list of its values; names and stars were spelled out before.
fn has(field: &str, value: i8) -> bool {
    field == "*" || field.split(',').any(|item| item.parse() == Ok(value))
}

/// The windows of a schedule that start within the walk, found by looking at the clock every minute.
fn naive_windows(walk: &[(i64, DateTime)], fields: &[&str], days: i64, minutes: i64) -> Vec<Window> {
    let matches = |time: DateTime| {
        let of_month = has(fields[2], time.day());
        let of_week = has(fields[4], time.weekday().to_sunday_zero_offset());
        let star = fields[2] == "*" || fields[4] == "*";
        let is_day = if star { of_month && of_week } else { of_month || of_week };
        is_day && has(fields[0], time.minute()) && has(fields[1], time.hour()) && has(fields[3], time.month())
    };
    let mut windows = Vec::new();
    let mut latest = walk[0].1;
    // Who starts later ends no earlier.
    let mut end = 0;
    for (at, (start_ms, shown)) in walk.iter().enumerate().take(WALK as usize) {
        let mut passed = latest;
        let mut starts = false;
        while passed < *shown {
            passed += Span::new().minutes(1);
            starts |= matches(passed);
        }
        latest = latest.max(*shown);
        if starts {
            let target = *shown + Span::new().days(days);
            end += walk[end.max(at)..].iter().position(|(_, shown)| *shown >= target).unwrap() + at.saturating_sub(end);
            windows.push(Window { start_ms: *start_ms, end_ms: walk[end].0 + minutes * MINUTE });
        }
    }
    windows
}

fn cron_fields() -> impl Strategy<Value = [String; 5]> {
    let number = |numbers: std::ops::Range<u32>| {
        prop::collection::btree_set(numbers, 1..3)
            .prop_map(|numbers| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
    };
    let star = || Just("*".to_owned());
    [
        prop_oneof![8 => number(0..60), 2 => prop::sample::select(vec!["0", "30"]).prop_map(str::to_owned), 1 => star()].boxed(),
        prop_oneof![2 => number(0..24), 8 => number(0..4), 1 => star()].boxed(),
        prop_oneof![8 => star(), 2 => number(1..32)].boxed(),
        prop_oneof![10 => star(), 1 => number(1..13)].boxed(),
        prop_oneof![6 => star(), 2 => number(0..7)].boxed(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every answer is that of somebody who watched the clock.
    #[test]
    fn windows_are_those_of_a_watched_clock(
        fields in cron_fields(),
        (zone, start) in prop::sample::select(vec![
            ("UTC", "2024-01-20T00:00:00Z"),
            ("Europe/Berlin", "2026-03-01T00:00:00Z"),
            ("Europe/Berlin", "2026-09-20T00:00:00Z"),
            ("America/New_York", "2026-02-10T00:00:00Z"),
            ("America/New_York", "2026-10-01T00:00:00Z"),
            ("Australia/Lord_Howe", "2026-03-01T00:00:00Z"),
            ("Australia/Lord_Howe", "2026-09-01T00:00:00Z"),
            ("America/Sao_Paulo", "2018-10-01T00:00:00Z"),
            ("Africa/Casablanca", "2026-02-01T00:00:00Z"),
            ("Pacific/Apia", "2011-12-01T00:00:00Z"),
        ]),
        (duration, days, minutes) in prop::sample::select(vec![
            ("PT1M", 0, 1), ("PT1H30M", 0, 90), ("P1D", 1, 0), ("PT24H", 0, 1440), ("P2DT12H", 2, 720), ("P15D", 15, 0),
        ]),
        dates in prop::option::of((ASKED_FROM..WALK, 1..WALK)),
        asked in prop::collection::vec((ASKED_FROM * MINUTE)..(WALK * MINUTE), 40),
    ) {
        let start = ms(start);
        let dates = dates.map(|(from, length)| (start + from * MINUTE + 1, start + (from + length) * MINUTE + 7));
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let expression = format!("cron({})", fields.join(" "));
        let schedule = MuteSchedule::parse(&ScheduleText {
            expression: &expression,
            duration,
            timezone: Some(zone),
            start_ms: dates.map(|dates| dates.0),
            expire_ms: dates.map(|dates| dates.1),
        }).unwrap();
        let walk = walk(&schedule.zone, start);
        let (earliest, latest) = dates.unwrap_or((i64::MIN, i64::MAX));
        let windows: Vec<Window> = naive_windows(&walk, &fields, days, minutes)
            .into_iter()
            .map(|window| Window { start_ms: window.start_ms.max(earliest), end_ms: window.end_ms.min(latest) })
            .filter(|window| window.start_ms < window.end_ms)
            .collect();
        let edges = windows.iter().step_by(windows.len().div_ceil(60).max(1));
        let edges = edges.flat_map(|window| [window.start_ms, window.end_ms]).flat_map(|edge| [edge - 1, edge, edge + 1]);
        let end = start + WALK * MINUTE;
        let changes = walk.windows(2).filter(|two| two[0].1 + Span::new().minutes(1) != two[1].1);
        let around = changes.flat_map(|two| (-20..20).map(move |n| two[1].0 + n * 7 * MINUTE));
        let times = asked.iter().map(|at| start + at).chain(edges).chain(around);
        for time in times.filter(|time| (start + ASKED_FROM * MINUTE..end).contains(time)) {
            let expected = windows.iter().rev().find(|window| window.start_ms <= time).filter(|window| time < window.end_ms);
            prop_assert_eq!(schedule.window_at(time), expected.copied(), "{} at {}", expression, time);
            let next = schedule.next_window(time);
            match windows.iter().position(|window| window.start_ms > time) {
                Some(first) => {
                    let first = windows[first];
                    // Of several that the start date cuts, the last.
                    let expected = windows.iter().rev().find(|window| window.start_ms == first.start_ms);
                    prop_assert_eq!(next, expected.copied(), "{} after {}", expression, time);
                }
                None => prop_assert!(next.is_none_or(|next| next.start_ms >= end), "{} after {}: {:?}", expression, time, next),
            }
            let status = schedule.status(time);
            prop_assert_eq!(status == Status::Active, expected.is_some());
            prop_assert_eq!(status == Status::Expired, expected.is_none() && next.is_none());
        }
    }

    #[test]
    fn any_text_is_parsed_without_panic(
        expression in "(cron\\(|at\\()?[0-9*,A-Z -]{0,20}\\)?",
        duration in "P?[0-9DTHMS.-]{0,12}",
        time in any::<i64>(),
    ) {
        let text = ScheduleText { expression: &expression, duration: &duration, ..ScheduleText::default() };
        if let Ok(schedule) = MuteSchedule::parse(&text) {
            schedule.status(time);
        }
    }
}
