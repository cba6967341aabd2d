//! Commands, beyond the worked examples.

use super::World;
use super::worked::levels;

#[test]
fn what_is_shown() {
    let world = World::of(&[(0, "one"), (1, "two")]);
    world.check(&[
        ("filter @message = 'one'", &["@timestamp 2024-05-01 10:00:00.000, @message one"]),
        ("limit 1", &["@timestamp 2024-05-01 10:00:00.001, @message two"]),
        ("SOURCE logGroups(namePrefix: ['g'], class: ['STANDARD']) | fields @message | limit 1", &["@message two"]),
        ("SOURCE 'g' | fields @message | limit 1", &["@message two"]),
        ("fields @message | fields @logStream | limit 1", &["@message two, @logStream s"]),
        ("fields @message | display @logStream | limit 1", &["@logStream s"]),
        ("display @logStream | fields @message | limit 1", &["@logStream s"]),
        ("fields strlen(@message) | limit 1", &["strlen(@message) 3"]),
        ("fields strlen(@message) as l | filter l = 3 | stats count(*) as n", &["n 2"]),
        ("stats count(*) as n | display n * 2 as m", &["m 4"]),
        ("stats count(*) by @message | sort count(*), @message | display @message", &["@message one", "@message two"]),
        ("FIELDS @message | SORT @timestamp ASC | HEAD 1", &["@message one"]),
        ("# a comment\nfields @message # another\n| limit 1", &["@message two"]),
        ("fields @message | sort @message desc | tail 1", &["@message two"]),
        ("order by @message | fields @message", &["@message one", "@message two"]),
    ]);
}

#[test]
fn names_are_written_in_many_ways() {
    let world =
        World::of(&[(0, r#"{"foo-bar":1,"a":{"x.y":2,"@z":3},"@user":"u","count":4,"ü":5,"deep":[{"k":[7,8]}]}"#)]);
    world.check(&[
        ("fields `foo-bar`", &["foo-bar 1"]),
        ("fields a.`x.y`", &["a.x.y 2"]),
        ("fields a.x.y", &["a.x.y 2"]),
        ("fields a.@z", &["a.@z 3"]),
        ("fields @@user", &["@@user u"]),
        ("fields count", &["count 4"]),
        ("fields ü", &["ü 5"]),
        ("fields deep.0.k.1", &["deep.0.k.1 8"]),
        ("fields foo-bar as x", &[""]),
        ("filter `foo-bar` = 1 | stats sum(`foo-bar`) as s", &["s 1"]),
    ]);
}

#[test]
fn aggregates() {
    levels().check(&[
        ("stats min(ms), max(ms), sum(ms)", &["min(ms) 5.5, max(ms) 100, sum(ms) 145.5"]),
        ("stats pct(ms, 50) as p, pct(ms, 0) as q, pct(ms, 100) as r", &["p 10, q 5.5, r 100"]),
        ("stats stddev(status) as s", &["s 142.1417"]),
        ("stats earliest(level) as e, latest(level) as l", &["e INFO, l ERROR"]),
        ("stats sortsFirst(level) as f, sortsLast(level) as l", &["f ERROR, l INFO"]),
        ("stats min(level), max(level)", &["min(level) ERROR, max(level) INFO"]),
        ("stats max(@timestamp) as t", &["t 2024-05-01 10:06:00.000"]),
        ("filter level = 'NONE' | stats count(*) as n, sum(ms) as s", &["n 0"]),
        ("filter level = 'NONE' | stats count(*) as n by level", &[]),
        ("stats count() as n", &["n 4"]),
        ("stats sum(ms)/count(*) as mean by level | sort mean", &["level INFO, mean 7.75", "level ERROR, mean 65"]),
        ("stats count(*) as n by status >= 500 as bad | sort bad", &["bad 0, n 2", "bad 1, n 2"]),
        ("stats count(*) by level, status | sort status | limit 1", &["level INFO, status 200, count(*) 1"]),
        // What lacks the key is no top row.
        ("sort user.id desc | fields user.id | limit 2", &["user.id u2", "user.id u1"]),
        ("stats max(user.id) as u by ms | sort u | limit 1 | display ms", &["ms 100"]),
    ]);
}

#[test]
fn filters() {
    levels().check(&[
        ("filter level in ['INFO', 'WARN'] | fields ms", &["ms 5.5", "ms 10"]),
        ("filter level not in ['INFO'] | fields ms", &["ms 100", "ms 30"]),
        ("filter status in [404, 200] | fields ms", &["ms 5.5", "ms 10"]),
        ("filter status = '200' or ms > 50 | fields ms", &["ms 100", "ms 10"]),
        ("filter not ispresent(user.id) | fields ms", &["ms 100"]),
        ("filter @message like /\"ERROR\"/ and not (ms < 50) | fields ms", &["ms 100"]),
        ("where level = 'INFO' | filter ms = 10 | fields ms", &["ms 10"]),
        ("filter level != 'INFO' | fields ms", &["ms 100", "ms 30"]),
        ("filter user.id != 'u1' | fields ms", &["ms 30"]),
        ("filter @timestamp > 1714557660000 | fields ms", &["ms 100", "ms 5.5"]),
        ("filter @timestamp < '2024-05-01 10:00:10' | fields ms", &["ms 10"]),
        ("filterIndex level = 'INFO' | fields ms", &["ms 5.5", "ms 10"]),
        ("filterIndex level in ['INFO', 'X'], ms = 10 | fields ms", &["ms 10"]),
        ("filter strcontains(level, 'ERR') | fields ms", &["ms 100", "ms 30"]),
    ]);
}

#[test]
fn lookup_tables_add_columns() {
    let world = levels().table("codes", &[&["code", "text", "level"], &["200", "ok", "fine"], &["404", "gone", "odd"]]);
    world.check(&[
        (
            "fields status | lookup codes code as status OUTPUT text | sort status",
            &["status 200, text ok", "status 404, text gone", "status 500", "status 503"],
        ),
        (
            "fields status, level | lookup codes code as status OUTPUT level | sort status | limit 1",
            &["status 200, level fine"],
        ),
        (
            "lookup codes code as status OUTPUT text | stats count(*) as n by text | filter text = 'ok'",
            &["text ok, n 1"],
        ),
    ]);
}

#[test]
fn rows_without_a_key_are_never_duplicates() {
    levels().check(&[
        ("fields user.id | dedup user.id", &["", "user.id u1", "user.id u2"]),
        ("fields user.id | dedup user.id | limit 2", &["", "user.id u1"]),
        ("sort @timestamp | dedup user.id | limit 5", &[
            "@timestamp 2024-05-01 10:00:00.000, @message {\"level\":\"INFO\",\"status\":200,\"ms\":10,\"user\":{\"id\":\"u1\"},\"tags\":[\"a\",\"b\"]}",
            "@timestamp 2024-05-01 10:00:30.000, @message {\"level\":\"ERROR\",\"status\":500,\"ms\":30,\"user\":{\"id\":\"u2\"}}",
            "@timestamp 2024-05-01 10:06:00.000, @message {\"level\":\"ERROR\",\"status\":503,\"ms\":100}",
        ]),
    ]);
}
