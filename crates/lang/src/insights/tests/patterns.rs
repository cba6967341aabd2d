//! `pattern`, `diff`, `anomaly`.

use super::World;

fn world() -> World {
    World::of(&[
        (0, "user=alice logged in from 10.0.0.1 at 2024-05-01T10:00:00Z"),
        (1, "user=bob logged in from 10.0.0.2 at 2024-05-01T10:00:01Z"),
        (2, "user=carol logged in from 10.0.0.3 at 2024-05-01T10:00:02Z"),
        (3, "Error: disk 7 is full"),
        (-1000, "user=dave logged in from 10.0.0.4 at 2024-05-01T09:59:59Z"),
        (-2000, "WARN retrying in 5 seconds"),
    ])
}

#[test]
fn texts_that_are_alike_are_one_pattern() {
    world().check(&[
        (
            "pattern @message | display @pattern, @ratio, @sampleCount, @severityLabel",
            &[
                "@pattern user=<User-1> logged in from <IP-2> at <Time-3>, @ratio 0.75, @sampleCount 3, @severityLabel Info",
                "@pattern Error: disk <Number-1> is full, @ratio 0.25, @sampleCount 1, @severityLabel Error",
            ],
        ),
        (
            "parse @message 'user=* ' as who | filter ispresent(who) | pattern who | display @sampleCount | sort @pattern",
            &["@sampleCount 1", "@sampleCount 1", "@sampleCount 1"],
        ),
    ]);
    world().check(&[
        ("pattern @message | filter @severityLabel = 'Error' | display @sampleCount", &["@sampleCount 1"]),
        (
            "pattern @message | sort @sampleCount asc | limit 1 | display @pattern",
            &["@pattern Error: disk <Number-1> is full"],
        ),
        (
            "filter @message like 'disk' | pattern @message | display @regexString",
            &[r"@regexString ^Error: disk (.*?) is full$"],
        ),
    ]);
}

#[test]
fn times_are_compared() {
    world().check(&[(
        "pattern @message | diff | display @pattern, @diffEventCount, @diffDifference, @diffDescription",
        &[
            "@pattern user=<User-1> logged in from <IP-2> at <Time-3>, @diffEventCount 3, @diffDifference 2, \
             @diffDescription 200% more than in the comparison time range",
            "@pattern Error: disk <Number-1> is full, @diffEventCount 1, @diffDifference 1, \
             @diffDescription New in the current time range",
            "@pattern WARN retrying in <Number-1> seconds, @diffEventCount 0, @diffDifference -1, \
             @diffDescription Not in the current time range",
        ],
    )]);
    world()
        .check(&[("filter @message like 'disk' | diff previousDay | display @diffEventCount", &["@diffEventCount 1"])]);
}

#[test]
fn bursts_are_anomalies() {
    let mut events: Vec<(i64, String)> = (0..50).map(|minute| (minute * 60_000, "tick".to_owned())).collect();
    events.extend((0..200).map(|n| (25 * 60_000 + n, "tick".to_owned())));
    let events: Vec<(i64, &str)> = events.iter().map(|(time, text)| (*time, text.as_str())).collect();
    World::of(&events).check(&[(
        "pattern @message | anomaly | display @isAnomaly, @anomalyDescription",
        &["@isAnomaly 1, @anomalyDescription 201 events at 2024-05-01 10:25:00.000, more than the usual 1"],
    )]);
    World::of(&events[..50]).check(&[("pattern @message | anomaly | display @isAnomaly", &["@isAnomaly 0"])]);
}
