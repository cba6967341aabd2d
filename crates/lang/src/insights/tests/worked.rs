//! The reference's worked examples.

use super::World;

const SECOND: i64 = 1000;

/// Events of levels, states and times.
pub(super) fn levels() -> World {
    World::of(&[
        (0, r#"{"level":"INFO","status":200,"ms":10,"user":{"id":"u1"},"tags":["a","b"]}"#),
        (30 * SECOND, r#"{"level":"ERROR","status":500,"ms":30,"user":{"id":"u2"}}"#),
        (70 * SECOND, r#"{"level":"INFO","status":"404","ms":5.5,"user":{"id":"u1"},"note":""}"#),
        (360 * SECOND, r#"{"level":"ERROR","status":503,"ms":100}"#),
    ])
}

#[test]
fn levels_are_asked_for() {
    levels().check(&[
        ("fields level, ms | sort ms desc | limit 2", &["level ERROR, ms 100", "level ERROR, ms 30"]),
        ("filter status >= 404 and status < 500 | fields user.id", &["user.id u1"]),
        ("filter tags.1 = \"b\" | fields level", &["level INFO"]),
        (
            "stats count(*) as n, avg(ms) as a by level | sort level",
            &["level ERROR, n 2, a 65", "level INFO, n 2, a 7.75"],
        ),
        (
            "stats count(*) by bin(5m) as t | sort t",
            &["t 2024-05-01 10:00:00.000, count(*) 3", "t 2024-05-01 10:05:00.000, count(*) 1"],
        ),
        ("stats count(user.id) as present, count_distinct(user.id) as d", &["present 3, d 2"]),
        ("filter ispresent(note) | fields isempty(note) as e", &["e 1"]),
        (
            "stats sum(ms) as s by user.id | sort s desc",
            &["s 100", "user.id u2, s 30", "user.id u1, s 15.5"],
        ),
        ("fields level | dedup level", &["level ERROR", "level INFO"]),
        ("stats sum(ms) as s by bin(1m) as t | stats max(s) as peak", &["peak 100"]),
        ("parse @message '\"ms\":*,' as m | filter ispresent(m) | stats max(m) as x", &["x 30"]),
        ("stats count(*) by bin(1h)", &["bin(1h) 2024-05-01 10:00:00.000, count(*) 4"]),
        (
            "stats count(*) as n by level, bin(1h) | sort n, level",
            &[
                "level ERROR, bin(1h) 2024-05-01 10:00:00.000, n 2",
                "level INFO, bin(1h) 2024-05-01 10:00:00.000, n 2",
            ],
        ),
        (
            "stats sum(strlen(@message))/1024/1024 as mb by bin(5m) as @t | stats max(mb) as peak by dateceil(@t, 10m) | sort peak desc",
            &["dateceil(@t, 10m) 2024-05-01 10:00:00.000, peak 0.0002", "dateceil(@t, 10m) 2024-05-01 10:10:00.000, peak 0"],
        ),
    ]);
}

#[test]
fn texts_are_taken_apart() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "25 May 2019 10:24:39,474 [ERROR] {foo=2, bar=data} The error was: DataIntegrityException",
            r#"parse @message "[*] * The error was: *" as level, config, exception"#,
            "level ERROR, config {foo=2, bar=data}, exception DataIntegrityException",
        ),
        (
            "user=bob, method:GET, latency := 12",
            r#"parse @message "user=*, method:*, latency := *" as u, m, l"#,
            "u bob, m GET, l 12",
        ),
        ("user=bob, method:GET, latency := 12", r"parse @message /user=(?<u>.*?), method:(?<m>\w+)/", "u bob, m GET"),
        ("2024-01-01 [INFO] started", r#"parse @message "* [*] *" as t, k, m"#, "t 2024-01-01, k INFO, m started"),
        ("id=7 name=bob", r#"parse @message "name=*" as n"#, "n bob"),
        ("a=1, a=2, end", r#"parse @message "a=*," as v"#, "v 1"),
        ("no match here", r#"parse @message "x=*" as v"#, ""),
        (
            "{'fieldsA': 'logs', 'fieldsB': [{'fA': 'a1'}]}",
            r#"parse @message "'fieldsA': '*', 'fieldsB': [*]" as f, arr"#,
            "f logs, arr {'fA': 'a1'}",
        ),
        ("a/b", r"parse @message /(?<x>\w)\/(?<y>\w)/", "x a, y b"),
        ("k=1", r#"parse "k=*" as k"#, "k 1"),
        ("k=1", r"parse @message /k=(\d)/ as k", "k 1"),
    ];
    for (message, parse, expected) in cases {
        let columns = expected.split(", ").filter_map(|column| column.split(' ').next()).collect::<Vec<_>>();
        let shown = match expected.contains(", bar") {
            true => "level, config, exception".to_owned(),
            false if expected.is_empty() => "v".to_owned(),
            false => columns.join(", "),
        };
        let query = format!("{parse} | display {shown}");
        World::of(&[(0, message)]).check(&[(&query, &[expected])]);
    }
}

const REPORT: &str = "REPORT RequestId: r1\tDuration: 102.25 ms\tBilled Duration: 200 ms\tMemory Size: 128 MB\tMax Memory Used: 35 MB\tInit Duration: 150.5 ms\t";

#[test]
fn lambda_reports() {
    let world = World::default()
        .and("/aws/lambda/f", &[(0, REPORT), (1, "2024-05-01T10:00:00.000Z\tr1\tINFO\t{\"orderId\":\"A1\"}")]);
    world.check(&[
        (
            "filter @type = \"REPORT\" | fields @type, @requestId, @duration, @billedDuration, @memorySize, @maxMemoryUsed, @initDuration",
            &["@type REPORT, @requestId r1, @duration 102.25, @billedDuration 200, @memorySize 128000000, @maxMemoryUsed 35000000, @initDuration 150.5"],
        ),
        (
            "filter @type = \"REPORT\" | stats max(@memorySize / 1000 / 1000) as provisonedMemoryMB, \
             max(@maxMemoryUsed / 1000 / 1000) as maxMemoryUsedMB, provisonedMemoryMB - maxMemoryUsedMB as overProvisionedMB",
            &["provisonedMemoryMB 128, maxMemoryUsedMB 35, overProvisionedMB 93"],
        ),
        ("filter ispresent(orderId) | fields orderId, @requestId", &["orderId A1, @requestId r1"]),
        ("filter @type = \"REPORT\" | fields @memorySize/1024/1024 as mb", &["mb 122.0703"]),
    ]);
}

#[test]
fn periods_are_clamped() {
    let world = World::of(&[(7 * SECOND, "a"), (12 * SECOND, "b"), (119 * SECOND, "c")]);
    world.check(&[
        (
            "stats count(*) as n by bin(30s) as t | sort t",
            &["t 2024-05-01 10:00:00.000, n 2", "t 2024-05-01 10:01:30.000, n 1"],
        ),
        (
            "stats count(*) as n by bin(90s) as t | sort t",
            &["t 2024-05-01 10:00:00.000, n 2", "t 2024-05-01 10:01:00.000, n 1"],
        ),
        (
            "stats count(*) as n by bin(300s) as t | sort t",
            &["t 2024-05-01 10:00:00.000, n 2", "t 2024-05-01 10:01:00.000, n 1"],
        ),
    ]);
}

#[test]
fn rows_are_joined() {
    let world =
        World::of(&[(1, r#"{"req":"r1"}"#), (0, r#"{"req":"r9"}"#)]).and("g2", &[(0, r#"{"req":"r1","host":"h"}"#)]);
    world.check(&[
        (
            "join type=left left=a right=b where a.req=b.req (SOURCE 'g2') | fields a.req, b.host",
            &["a.req r1, b.host h", "a.req r9"],
        ),
        ("join left=a right=b where b.req=a.req (SOURCE 'g2') | fields a.req, b.host", &["a.req r1, b.host h"]),
        (
            "join left=a right=b where a.req=b.req (SOURCE 'g2' | fields req, concat(host, '!') as loud) | fields b.loud",
            &["b.loud h!"],
        ),
        (
            "fields req | join left=a right=b where a.req=b.req (SOURCE 'g2' | stats count(*) as n by req)",
            &["a.req r1, b.req r1, b.n 1"],
        ),
        (
            "join left=a right=b where a.req=b.req (SOURCE 'g2') | stats count(*) as n by b.host | sort n",
            &["b.host h, n 1"],
        ),
        ("filter req in (SOURCE 'g2' | fields req) | fields req", &["req r1"]),
        ("filter req not in (SOURCE 'g2' | fields req) | fields req", &["req r9"]),
    ]);
}

#[test]
fn rows_and_columns_are_totalled() {
    let world = World::of(&[(0, r#"{"a":10,"b":200}"#)]);
    world.check(&[
        ("fields a, b | addtotals", &["a 10, b 200, Total 210"]),
        ("fields a, b | addtotals fieldname=Sum a", &["a 10, b 200, Sum 10"]),
    ]);
    let world = World::of(&[(1, r#"{"a":1}"#), (0, r#"{"a":2}"#)]);
    world.check(&[
        ("fields a | addtotals row=false col=true a", &["a 1", "a 2", "a 3"]),
        ("fields a | addtotals col=true", &["a 1, Total 1", "a 2, Total 2", "a 3, Total 3"]),
    ]);
}

#[test]
fn lists_are_unnested() {
    let world = World::of(&[(0, r#"{"events":[{"name":"exception"},{"name":"user action"}]}"#)]);
    world.check(&[(
        "fields jsonParse(@message) as m | unnest m.events into e | display e.name",
        &["e.name exception", "e.name user action"],
    )]);
}
