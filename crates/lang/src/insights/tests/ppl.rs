//! PPL.

use super::World;
use super::worked::levels;
use crate::insights::plan::Language;

fn check(world: &World, cases: &[(&str, &[&str])]) {
    world.check_in(Language::Ppl, cases);
}

#[test]
fn commands() {
    check(
        &levels(),
        &[
            ("fields level, ms | sort - ms | head 2", &["level ERROR, ms 100", "level ERROR, ms 30"]),
            ("source = [lg:`g`] | where level = 'INFO' | fields ms", &["ms 5.5", "ms 10"]),
            ("search source=g | fields ms | head 1", &["ms 100"]),
            ("source = [`aws:fieldIndex`=\"level\", `level` = \"INFO\"] | fields ms", &["ms 5.5", "ms 10"]),
            (
                "source = [`aws:fieldIndex` IN (\"level\", \"ms\"), `level` = 'INFO', `ms` IN (10, 11)] | fields ms",
                &["ms 10"],
            ),
            (
                "stats count(), avg(ms) as a by level | sort level",
                &["count() 2, a 65, level ERROR", "count() 2, a 7.75, level INFO"],
            ),
            ("stats count() by level | sort - count(), level | fields level", &["level ERROR", "level INFO"]),
            (
                "stats count() as n by span(`@timestamp`, 5m) as t | sort t",
                &["n 3, t 2024-05-01 10:00:00.000", "n 1, t 2024-05-01 10:05:00.000"],
            ),
            ("stats count() as n by span(ms, 50) as b | sort b", &["n 3, b 0", "n 1, b 100"]),
            ("stats distinct_count(level) as d, percentile(ms, 50) as p", &["d 2, p 10"]),
            ("fields level | dedup level", &["level ERROR", "level INFO"]),
            ("fields `user.id` | dedup `user.id`", &["user.id u1", "user.id u2"]),
            ("fields `user.id` | dedup 1 `user.id` keepempty=true", &["", "user.id u1", "user.id u2"]),
            ("top 1 level", &["level ERROR, count 2"]),
            ("top 1 status by level | fields level, status", &["level ERROR, status 500", "level INFO, status 200"]),
            ("rare 2 `user.id` | fields `user.id`, count", &["count 1", "user.id u2, count 1"]),
            ("fields ms | rename ms as duration | head 1", &["duration 100"]),
            ("fields ms | eval double = ms * 2, more = double + 1 | head 1", &["ms 100, double 200, more 201"]),
            ("eval ms = ms + 1 | fields ms | head 1", &["ms 101"]),
            ("fields level, ms | fields - level | head 1", &["ms 100"]),
            ("parse `@message` '\"level\":\"(?<l>[A-Z]+)\"' | fields l | head 1", &["l ERROR"]),
            ("grok `@message` '\"status\":%{NUMBER:code}' | stats count(code) as n", &["n 3"]),
            ("fillnull using `user.id` = 'nobody' | fields `user.id` | head 1", &["user.id nobody"]),
            ("fillnull with 0 in note, `user.id` | fields note, `user.id` | head 1", &["note 0, user.id 0"]),
            ("flatten user | where id = 'u2' | fields id", &["id u2"]),
            ("where isnotnull(tags) | expand tags as tag | fields tag", &["tag a", "tag b"]),
            (
                "eventstats avg(ms) as a by level | fields ms, a | sort ms",
                &["ms 5.5, a 7.75", "ms 10, a 7.75", "ms 30, a 65", "ms 100, a 65"],
            ),
            ("trendline sort ms sma(2, ms) as m | fields m", &["", "m 7.75", "m 20", "m 65"]),
            (
                "trendline sort ms wma(2, ms) | fields ms_trendline",
                &["", "ms_trendline 8.5", "ms_trendline 23.3333", "ms_trendline 76.6667"],
            ),
            (
                "fieldsummary includefields=ms, level",
                &[
                    "Field ms, Count 4, Distinct 4, Min 5.5, Max 100, Avg 36.375, Typeof double",
                    "Field level, Count 4, Distinct 2, Min ERROR, Max INFO, Typeof string",
                ],
            ),
            ("sort ms | fields ms | head 2 from 1", &["ms 10", "ms 30"]),
            ("stats take(level, 2) as t", &["t [\"ERROR\",\"INFO\"]"]),
            ("where ms > 20 AND NOT level = 'INFO' | stats count() as n", &["n 2"]),
            ("where level LIKE 'ERR%' | stats max(ms) as m", &["m 100"]),
            (
                "head 1",
                &["@timestamp 2024-05-01 10:06:00.000, @message {\"level\":\"ERROR\",\"status\":503,\"ms\":100}"],
            ),
        ],
    );
}

#[test]
fn joins_and_subqueries() {
    let world =
        World::of(&[(1, r#"{"id":"r1"}"#), (0, r#"{"id":"r9"}"#)]).and("other", &[(0, r#"{"id":"r1","host":"h"}"#)]);
    check(
        &world,
        &[
            (
                "LEFT JOIN left=l, right=r on l.id = r.id `other` | fields l.id, r.host",
                &["l.id r1, r.host h", "l.id r9"],
            ),
            (
                "join left=l, right=r on l.id = r.id [ search source=other | fields id, host ] | fields r.host",
                &["r.host h"],
            ),
            ("where id IN [ search source=`other` | fields id ] | fields id", &["id r1"]),
            ("where id not in [ source=other | fields id ] | fields id", &["id r9"]),
        ],
    );
}
