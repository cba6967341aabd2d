//! SQL over events in memory, sealed and compacted.

use std::sync::Arc;

use watchkeep_lang::insights::plan::Source;

use super::*;
use crate::insights::tests::{EVENTS, Fixture, Sample, World, group};
use crate::{Cancel, Settings};

const LINES: &[&str] = &[
    r#"{"level":"INFO","status":200,"ms":10,"user":{"id":"u1"},"tags":["a","b"],"ok":true}"#,
    r#"{"level":"ERROR","status":500,"ms":30,"user":{"id":"u2"},"ok":false}"#,
    r#"{"level":"INFO","status":"404","ms":5.5,"user":{"id":"u1"},"note":"","zip":"007","ok":true}"#,
    r#"{"level":"ERROR","status":503,"ms":100,"zip":"123"}"#,
    "plain words",
];

async fn fixture() -> Fixture {
    let fixture = Fixture::new(Settings::default()).await;
    let samples: Vec<Sample> = (0..).zip(LINES).map(|(n, line)| Sample::new(n * 60_000, line)).collect();
    fixture.put(&samples).await;
    let hosts = [r#"{"user":{"id":"u1"},"host":"h1"}"#, r#"{"user":{"id":"u9"},"host":"h9"}"#];
    let hosts: Vec<Sample> = (0..).zip(hosts).map(|(n, line)| Sample { group: 2, ..Sample::new(n, line) }).collect();
    fixture.put(&hosts).await;
    fixture
}

async fn run(fixture: &Fixture, text: &str, control: Control) -> Result<Answer, QueryError> {
    let query = fixture.engine.check_sql(SqlQuery::parse(text)?).await?;
    let groups = query.sources().iter().map(|source| match &source.groups {
        Some(names) => World.groups(&Source::Named(names.clone())),
        None => Ok(vec![group(1)]),
    });
    let groups = groups.collect::<Result<_, _>>()?;
    let request = SqlRequest { query, groups, time: 0..i64::MAX, limit: 10_000 };
    fixture.engine.run_sql(request, EVENTS, Arc::new(World), control).await
}

fn lines(answer: &Answer) -> Vec<String> {
    let line = |row: &crate::Row| {
        row.fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    };
    answer.rows.iter().map(line).collect()
}

/// Queries and their rows.
const CASES: &[(&str, &[&str])] = &[
    // The clock's time, not the system's.
    (
        "SELECT now() AS n, current_timestamp AS t, current_date AS d FROM g2 LIMIT 1",
        &["n=2023-11-14 22:13:20.000; t=2023-11-14 22:13:20.000; d=2023-11-14"],
    ),
    ("SELECT count(*) AS n FROM g2 WHERE `@timestamp` < now() - INTERVAL '1 day'", &["n=2"]),
    (
        "SELECT level, status FROM `g1` WHERE status >= 404 ORDER BY status",
        &["level=INFO; status=404", "level=ERROR; status=500", "level=ERROR; status=503"],
    ),
    ("SELECT ms FROM g1 ORDER BY ms DESC LIMIT 2", &["ms=100", "ms=30"]),
    (
        "SELECT level, count(*) AS n, avg(ms) AS a FROM `g1` GROUP BY level ORDER BY level",
        &["n=1", "level=ERROR; n=2; a=65", "level=INFO; n=2; a=7.75"],
    ),
    ("SELECT count(*) FROM g1", &["count(*)=5"]),
    (
        "SELECT `@timestamp`, `@logStream`, `@log` FROM g1 ORDER BY `@timestamp` LIMIT 1",
        &["@timestamp=1970-01-01 00:00:00.000; @logStream=s1; @log=123456789012:g1"],
    ),
    ("SELECT `@message` FROM g1 LIMIT 1", &["@message=plain words"]),
    ("SELECT user.id FROM g1 WHERE `user.id` = 'u2'", &["user.id=u2"]),
    ("SELECT zip FROM g1 WHERE zip IS NOT NULL ORDER BY zip", &["zip=007", "zip=123"]),
    ("SELECT ok, count(*) AS n FROM g1 GROUP BY ok ORDER BY ok", &["n=2", "ok=false; n=1", "ok=true; n=2"]),
    ("SELECT absent FROM g1 WHERE level = 'INFO'", &["", ""]),
    (
        "SELECT IF(ms > 20, 'slow', 'fast') AS pace, count(*) AS n FROM g1 WHERE ms IS NOT NULL GROUP BY 1 ORDER BY 1",
        &["pace=fast; n=2", "pace=slow; n=2"],
    ),
    ("SELECT CASE WHEN level = 'ERROR' THEN 1 ELSE 0 END AS e FROM g1 WHERE status = 500", &["e=1"]),
    ("SELECT get_json_object(`@message`, '$.user.id') AS u FROM g1 WHERE status = 200", &["u=u1"]),
    ("SELECT json_tuple(`@message`, 'level', 'ms') AS (l, m) FROM g1 WHERE status = 500", &["l=ERROR; m=30"]),
    ("SELECT size(tags) AS s, array_contains(tags, 'b') AS b FROM g1 WHERE status = 200", &["s=2; b=true"]),
    ("SELECT explode(tags) AS t FROM g1 WHERE tags IS NOT NULL", &["t=a", "t=b"]),
    ("SELECT tags FROM g1 WHERE tags IS NOT NULL", &[r#"tags=["a","b"]"#]),
    (
        "SELECT level, ms, row_number() OVER (PARTITION BY level ORDER BY ms DESC) AS r FROM g1 WHERE ms IS NOT NULL ORDER BY level, r",
        &["level=ERROR; ms=100; r=1", "level=ERROR; ms=30; r=2", "level=INFO; ms=10; r=1", "level=INFO; ms=5.5; r=2"],
    ),
    (
        "SELECT lag(ms) OVER (ORDER BY ms) AS before, ms FROM g1 WHERE ms < 20 ORDER BY ms",
        &["ms=5.5", "before=5.5; ms=10"],
    ),
    (
        "SELECT A.level, B.host FROM `g1` AS A INNER JOIN `g2` AS B ON A.`user.id` = B.`user.id` ORDER BY A.ms",
        &["level=INFO; host=h1", "level=INFO; host=h1"],
    ),
    (
        "SELECT A.status, B.host FROM g1 A LEFT OUTER JOIN g2 B ON A.user.id = B.user.id WHERE A.level = 'ERROR' ORDER BY A.status",
        &["status=500", "status=503"],
    ),
    ("SELECT level FROM g1 WHERE user.id IN (SELECT user.id FROM g2) ORDER BY ms", &["level=INFO", "level=INFO"]),
    ("WITH slow AS (SELECT level, ms FROM g1 WHERE ms > 20) SELECT max(ms) AS m FROM slow", &["m=100"]),
    (
        "SELECT level, count(*) AS n FROM g1 GROUP BY level HAVING n > 1 ORDER BY level DESC",
        &["level=INFO; n=2", "level=ERROR; n=2"],
    ),
    ("SELECT count(*) AS n FROM `logGroups(logGroupIdentifier: ['g1', 'g2'])`", &["n=7"]),
    ("SELECT status FROM `filterIndex('level' = 'ERROR')` ORDER BY status", &["status=500", "status=503"]),
    ("SELECT status FROM `filterIndex('absent' = 'ERROR')`", &[]),
    ("SELECT date_format(`@timestamp`, 'yyyy-MM-dd HH:mm') AS t FROM g1 WHERE status = 500", &["t=1970-01-01 00:01"]),
    (
        "SELECT date_trunc('hour', `@timestamp`) AS h, count(*) AS n FROM g1 GROUP BY 1",
        &["h=1970-01-01 00:00:00.000; n=5"],
    ),
    ("SELECT CAST(zip AS INT) AS z, CAST(level AS INT) AS l FROM g1 WHERE zip = '007'", &["z=7"]),
    ("SELECT 1 / 2 AS half, round(2.567, 1) AS r, abs(-3) AS a, floor(2.7) AS f", &["half=0.5; r=2.6; a=3; f=2"]),
    ("SELECT percentile(ms, 0.5) AS p FROM g1", &["p=20"]),
    (
        "SELECT count(*) AS n FROM g1 WHERE `@timestamp` < to_timestamp('1970-01-01 00:00:00') + INTERVAL '2 minutes'",
        &["n=2"],
    ),
    (
        "SELECT count(*) AS n FROM g1 WHERE `@timestamp` < to_timestamp('1970-01-01 00:00:00') + INTERVAL 1 DAY",
        &["n=5"],
    ),
    ("SELECT level FROM g1 WHERE level RLIKE '^ERR' ORDER BY status LIMIT 1", &["level=ERROR"]),
    ("SELECT regexp_extract(`@message`, '\"ms\":([0-9]+)', 1) AS ms FROM g1 WHERE status = 500", &["ms=30"]),
    (
        "SELECT upper(level) AS u, length(level) AS n, concat(level, '!') AS c FROM g1 WHERE status = 500",
        &["u=ERROR; n=5; c=ERROR!"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn queries() {
    let fixture = fixture().await;
    for state in ["in memory", "compacted"] {
        let mut wrong = Vec::new();
        for (text, expected) in CASES {
            match run(&fixture, text, Control::default()).await {
                Ok(answer) if lines(&answer) == *expected => {}
                Ok(answer) => wrong.push(format!("{text}\n  {:#?}", lines(&answer))),
                Err(error) => wrong.push(format!("{text}\n  {error}")),
            }
        }
        assert!(wrong.is_empty(), "{state}:\n{}", wrong.join("\n"));
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_columns_of_a_group() {
    let fixture = fixture().await;
    let answer = run(&fixture, "SELECT * FROM g2 ORDER BY host LIMIT 1", Control::default()).await.unwrap();
    assert_eq!(
        lines(&answer),
        ["@timestamp=1970-01-01 00:00:00.000; @message={\"user\":{\"id\":\"u1\"},\"host\":\"h1\"}; @logStream=s1; \
             @log=123456789012:g2; @ingestionTime=1970-01-01 00:00:00.005; host=h1; user.id=u1"]
    );
    let statistics = answer.statistics;
    assert_eq!((statistics.records_scanned, statistics.groups_scanned), (2.0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said() {
    let fixture = fixture().await;
    let bad = [
        "SELECT nosuch(level) FROM g1",
        "SELECT level FROM g1 GROUP BY status",
        "DELETE FROM g1",
        "SELECT * FROM g1; SELECT 1",
    ];
    for text in bad {
        let refused = run(&fixture, text, Control::default()).await;
        assert!(matches!(refused, Err(QueryError::Malformed { .. })), "{text}: {refused:?}");
    }
}

/// What an event has in a field, or that none has it, fails no query: as in Spark, a text that is no number is nothing where one is meant.
#[tokio::test(flavor = "multi_thread")]
async fn odd_values_fail_no_query() {
    let fixture = Fixture::new(Settings::default()).await;
    let lines_put = [
        r#"{"k":"a","n":1,"m":4}"#,
        r#"{"k":"b","n":"n/a","m":0}"#,
        r#"{"k":"c","n":"10","m":2}"#,
        r#"{"k":"d","n":9.7}"#,
        r#"{"k":"e","n":true}"#,
    ];
    let samples: Vec<Sample> = (0..).zip(lines_put).map(|(n, line)| Sample::new(n * 60_000, line)).collect();
    fixture.put(&samples).await;
    let cases: &[(&str, &[&str])] = &[
        ("SELECT sum(n) AS s, avg(n) AS a, median(n) AS m FROM g1", &["s=20.7; a=6.9; m=9.7"]),
        ("SELECT sum(DISTINCT n) AS s FROM g1 WHERE k = 'c'", &["s=10"]),
        ("SELECT sum(nope) AS s, avg(nope) AS a, stddev(nope) AS d, count(nope) AS c FROM g1", &["c=0"]),
        ("SELECT sum(m) AS s, count(*) AS c FROM g1 WHERE k = 'zzz'", &["c=0"]),
        ("SELECT percentile(n, 0.5) AS p, percentile_approx(nope, 0.5) AS q FROM g1", &["p=9.7"]),
        ("SELECT k FROM g1 WHERE n > 9 ORDER BY k", &["k=c", "k=d"]),
        ("SELECT k FROM g1 WHERE 9 < n ORDER BY k", &["k=c", "k=d"]),
        ("SELECT k FROM g1 WHERE n = 10", &["k=c"]),
        ("SELECT k FROM g1 WHERE n IN (1, 10) ORDER BY k", &["k=a", "k=c"]),
        ("SELECT k FROM g1 WHERE n BETWEEN 0 AND 9.5", &["k=a"]),
        ("SELECT k FROM g1 WHERE n <> 1 ORDER BY k", &["k=c", "k=d"]),
        ("SELECT count_if(n > 9) AS c FROM g1", &["c=2"]),
        ("SELECT n + 1 AS s, -n AS m, nope * 2 AS t FROM g1 ORDER BY k LIMIT 2", &["s=2; m=-1", ""]),
        ("SELECT m / m AS d, m % m AS r FROM g1 ORDER BY k LIMIT 2", &["d=1; r=0", ""]),
        ("SELECT abs(n) AS a, round(nope, 2) AS r FROM g1 ORDER BY k LIMIT 2", &["a=1", ""]),
        ("SELECT A.k FROM g1 A JOIN g1 B ON A.m = B.n", &[]),
        ("SELECT greatest(n, 5) AS g FROM g1 ORDER BY k LIMIT 2", &["g=5", "g=5"]),
        ("SELECT concat(k, '-', m) AS c FROM g1 ORDER BY k", &["c=a-4", "c=b-0", "c=c-2", "", ""]),
        ("SELECT collect_list(m) AS l FROM g1", &["l=[2, 0, 4]"]),
        ("SELECT to_timestamp(k) AS t, to_date(k) AS d, year(k) AS y FROM g1 WHERE k = 'a'", &[""]),
        (
            "SELECT to_timestamp(t) AS t, to_date(t) AS d FROM (SELECT CASE WHEN k = 'a' THEN '2026-01-02 03:04:05' ELSE k END AS t FROM g1 WHERE k < 'c') ORDER BY t",
            &["", "t=2026-01-02 03:04:05.000; d=2026-01-02"],
        ),
        ("SELECT to_timestamp(m) AS t FROM g1 WHERE m > 2", &["t=1970-01-01 00:00:04.000"]),
    ];
    for state in ["in memory", "compacted"] {
        let mut wrong = Vec::new();
        for (text, expected) in cases {
            match run(&fixture, text, Control::default()).await {
                Ok(answer) if lines(&answer) == *expected => {}
                Ok(answer) => wrong.push(format!("{text}\n  {:#?}", lines(&answer))),
                Err(error) => wrong.push(format!("{text}\n  {error}")),
            }
        }
        assert!(wrong.is_empty(), "{state}:\n{}", wrong.join("\n"));
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

/// Queries that are refused before they begin, and the text that is meant.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_at_once_with_its_place() {
    let fixture = fixture().await;
    let cases = [
        ("SELECT nosuch(level) FROM g1", "nosuch"),
        ("SELECT level\nFROM g1 GROUP BY status", "level"),
        ("WITH t AS (SELECT level AS l FROM g1)\nSELECT t.k FROM t", "t.k"),
        ("SELECT host FROM g1 A JOIN g1 B ON A.id = B.id", "host"),
        // It is near to more than one function.
        ("SELECT mode(level) AS m FROM g1", "mode"),
        ("SELECT window(`@timestamp`, '5 minutes') AS w FROM g1", "window"),
    ];
    for (text, meant) in cases {
        let refused = fixture.engine.check_sql(SqlQuery::parse(text).unwrap()).await.map(drop);
        let Err(QueryError::Malformed { message, location: Some((start, end)) }) = refused else {
            panic!("{text}: {refused:?}")
        };
        let place: String = text.chars().skip(start).take(end - start).collect();
        assert_eq!(place, meant, "{text}: {message}");
    }
    // What fields are is not known before the events are read.
    for text in ["SELECT sum(level) AS s FROM g1", "SELECT upper(level) AS u, sum(ms) AS s FROM g1 GROUP BY level"] {
        fixture.engine.check_sql(SqlQuery::parse(text).unwrap()).await.unwrap();
    }
    for (text, _) in CASES {
        fixture
            .engine
            .check_sql(SqlQuery::parse(text).unwrap())
            .await
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_events_say_which() {
    let fixture = fixture().await;
    let shown = [
        ("SELECT level FROM g1 WHERE status >= 500 ORDER BY status", 2),
        ("SELECT * FROM g2", 2),
        ("SELECT A.ms, row_number() OVER (ORDER BY ms) AS n FROM g1 AS A WHERE A.ms < 20", 2),
    ];
    for (text, rows) in shown {
        let answer = run(&fixture, text, Control::default()).await.unwrap();
        let pointers: Vec<_> = answer.rows.iter().map(|row| row.pointer.unwrap()).collect();
        assert_eq!(pointers.len(), rows, "{text}");
        assert!(pointers.iter().all(|pointer| pointer.seq > 0 && pointer.stream == 1), "{text}: {pointers:?}");
        assert!(answer.rows.iter().all(|row| row.fields.iter().all(|(name, _)| &**name != "@ptr")), "{text}");
    }
    let none = [
        "SELECT count(*) AS n FROM g1",
        "SELECT DISTINCT level FROM g1",
        "SELECT explode(tags) AS t FROM g1",
        "SELECT level FROM g1 UNION ALL SELECT host FROM g2",
        "SELECT A.level FROM g1 A JOIN g2 B ON A.user.id = B.user.id",
        "WITH t AS (SELECT level FROM g1) SELECT level FROM t",
    ];
    for text in none {
        let answer = run(&fixture, text, Control::default()).await.unwrap();
        assert!(!answer.rows.is_empty() && answer.rows.iter().all(|row| row.pointer.is_none()), "{text}");
    }
}

/// What WHERE says of messages leaves out events, and changes no answer.
#[tokio::test(flavor = "multi_thread")]
async fn events_that_where_rules_out_are_not_taken_apart() {
    let fixture = fixture().await;
    let run = async |text: &str| {
        let query = fixture.engine.check_sql(SqlQuery::parse(text).unwrap()).await.unwrap();
        let groups = vec![vec![Group { may_be_transformed: false, ..group(1) }]];
        let request = SqlRequest { query, groups, time: 0..i64::MAX, limit: 100 };
        fixture.engine.run_sql(request, EVENTS, Arc::new(World), Control::default()).await.unwrap()
    };
    let odd = [r#"{"level":"\u0045RROR","status":501}"#, r#"{"level":"error","status":502,"note":"ERROR"}"#];
    let odd: Vec<Sample> = (9..).zip(odd).map(|(n, line)| Sample::new(n * 60_000, line)).collect();
    fixture.put(&odd).await;
    for _ in 0..2 {
        let text = "SELECT status FROM g1 WHERE level = 'ERROR' ORDER BY status";
        let answer = run(text).await;
        assert_eq!(lines(&answer), ["status=500", "status=501", "status=503"]);
        let otherwise = "SELECT status FROM g1 WHERE concat(level, '') = 'ERROR' ORDER BY status";
        let all = run(otherwise).await;
        assert_eq!(lines(&all), lines(&answer));
        let matched = (answer.statistics.records_matched, all.statistics.records_matched);
        assert_eq!(matched, (4.0, 7.0), "the filter is the store's");
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

/// Rows that are kept from the first reading are those that a second one finds.
#[tokio::test(flavor = "multi_thread")]
async fn one_reading_answers_as_two() {
    let settings = [Settings::default(), Settings { memory_bytes_max: 200_000, ..Settings::default() }];
    let mut answers = Vec::new();
    for settings in settings {
        let fixture = Fixture::new(settings).await;
        // Types change from batch to batch.
        let line = |n: i64| match n {
            0..1000 => format!(r#"{{"a":{n},"b":{n},"c":true,"d":{n}}}"#),
            1000..2000 => format!(r#"{{"a":{n}.5,"b":"x{n}","c":false}}"#),
            _ => format!(r#"{{"a":"{n}","b":null,"c":"no","d":{n}}}"#),
        };
        for start in (0..3000).step_by(500) {
            let samples: Vec<Sample> = (start..start + 500).map(|n| Sample::new(n, &line(n))).collect();
            fixture.put(&samples).await;
            fixture.store.seal_now().await.unwrap();
        }
        let mut found = Vec::new();
        for text in [
            "SELECT a, c FROM g1 WHERE a >= 995 LIMIT 20",
            "SELECT max(b) AS b, min(c) AS c, sum(a) AS a, count(d) AS d FROM g1",
            "SELECT d FROM g1 LIMIT 3",
        ] {
            found.push(lines(&run(&fixture, text, Control::default()).await.unwrap()));
        }
        answers.push(found);
    }
    assert_eq!(answers.first(), answers.last());
}

/// However long a query is, its terms and levels are carried out or refused, and the process goes on.
#[tokio::test(flavor = "multi_thread")]
async fn deep_queries_find_room_or_are_refused() {
    let fixture = fixture().await;
    let list = |count: usize, joint: &str, term: &dyn Fn(usize) -> String| {
        (0..count).map(term).collect::<Vec<_>>().join(joint)
    };
    let is = |n: usize| format!("ms={n}");
    let is_not = |n: usize| format!("ms<>{n}");
    let answered = [
        (format!("SELECT ms FROM g1 WHERE {}", list(250, " OR ", &is)), vec!["ms=100", "ms=30", "ms=10"]),
        (format!("SELECT ms FROM g1 WHERE {}", list(250, " AND ", &is_not)), vec!["ms=5.5"]),
        (format!("SELECT {} AS n", list(99, "+", &|_| "1".into())), vec!["n=99"]),
        (format!("SELECT max({}) AS n FROM g1", list(98, "+", &|_| "ms".into())), vec!["n=9800"]),
        (
            format!("SELECT {}0{} AS n FROM g1 LIMIT 1", "CASE WHEN ms = 1 THEN 1 ELSE ".repeat(40), " END".repeat(40)),
            vec!["n=0"],
        ),
        (
            format!("SELECT count(*) AS n FROM ({})", list(50, " UNION ALL ", &|_| "SELECT ms FROM g1".into())),
            vec!["n=250"],
        ),
    ];
    for (text, expected) in answered {
        assert_eq!(lines(&run(&fixture, &text, Control::default()).await.unwrap()), expected, "{text}");
    }
    let refused = [
        format!("SELECT {}", list(4_990, "+", &|_| "1".into())),
        format!("SELECT {}", list(2_490, "||", &|_| "'a'".into()).get(..9_960).unwrap_or_default()),
        format!("SELECT 1{}", "::int".repeat(1_990)),
        format!("SELECT 1{}", " IS NULL".repeat(1_200)),
        format!("SELECT ms FROM g1 WHERE {}", list(1_200, " OR ", &is)),
        list(520, " UNION ALL ", &|_| "SELECT 1".into()),
    ];
    for text in refused {
        let refused = run(&fixture, &text, Control::default()).await;
        assert!(matches!(refused, Err(QueryError::Malformed { .. })), "{text}: {refused:?}");
    }
}

/// A number in a query takes no memory that it does not have.
#[tokio::test(flavor = "multi_thread")]
async fn texts_are_made_within_bounds() {
    let fixture = fixture().await;
    let made = [
        ("SELECT repeat('ab', 3) AS a, repeat(level, -1) AS b FROM g1 WHERE status = 500", "a=ababab; b="),
        ("SELECT lpad('x', 4, 'ab') AS a, rpad('é', 3) AS b, lpad('hello', 2, '-') AS c", "a=abax; b=é  ; c=he"),
        (
            "SELECT repeat(nope, 2) AS a, lpad(level, nope) AS b, length(repeat('x', 1000000)) AS n FROM g1 LIMIT 1",
            "n=1000000",
        ),
    ];
    for (text, expected) in made {
        assert_eq!(lines(&run(&fixture, text, Control::default()).await.unwrap()), [expected], "{text}");
    }
    let refused = [
        "SELECT length(repeat('x', 2000000000)) AS n",
        "SELECT length(repeat(`@message`, 2000000000)) AS n FROM g1",
        "SELECT length(rpad(level, 2000000000)) AS n FROM g1",
        "SELECT length(concat(a, a, a, a)) AS n FROM (SELECT repeat('x', 30000000) AS a FROM g1)",
        "SELECT array_repeat(1, 2000000000) AS n",
        "SELECT range(0, 2000000000) AS n",
        "SELECT generate_series(0, 2000000000) AS n",
    ];
    for text in refused {
        let refused = run(&fixture, text, Control::default()).await;
        assert!(matches!(refused, Err(QueryError::Malformed { .. })), "{text}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_held_in_bounds() {
    let fixture = Fixture::new(Settings { memory_bytes_max: 300_000, ..Settings::default() }).await;
    let samples: Vec<Sample> =
        (0..5000).map(|n| Sample::new(n, &format!(r#"{{"n":{n},"t":"text {n:0200}"}}"#))).collect();
    fixture.put(&samples).await;
    for text in ["SELECT t FROM g1 ORDER BY t", "SELECT t, count(*) FROM g1 GROUP BY t"] {
        let refused = run(&fixture, text, Control::default()).await;
        let refused = refused.map(|answer| answer.rows.len());
        assert!(matches!(refused, Err(QueryError::Memory { .. })), "{text}: {refused:?}");
    }
    assert_eq!(lines(&run(&fixture, "SELECT max(n) AS m FROM g1", Control::default()).await.unwrap()), ["m=4999"]);
    let cancel = Cancel::default();
    cancel.cancel();
    let ended = run(&fixture, "SELECT count(*) FROM g1", Control { cancel, on_partial: None }).await;
    assert!(matches!(ended, Err(QueryError::Cancelled)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_own_tables() {
    let fixture = fixture().await;
    for _ in 0..2 {
        let run = async |text: &str| fixture.engine.run_over_tables(text, 100, Control::default()).await;
        let answer = run("select group_id, count(*) as n from events group by group_id order by 1").await.unwrap();
        assert_eq!(lines(&answer), ["group_id=1; n=5", "group_id=2; n=2"]);
        let answer =
            run("select stream_id, seq > 0 as s from events where time >= 60000 and time < 120000").await.unwrap();
        assert_eq!(lines(&answer), ["stream_id=1; s=true"]);
        assert!(answer.statistics.records_matched < 7.0, "times are pushed down");
        for text in [
            "drop table events",
            "insert into events values (1)",
            "select * from nowhere",
            "create table x as select 1",
        ] {
            let refused = run(text).await;
            assert!(matches!(refused, Err(QueryError::Malformed { .. })), "{text}: {refused:?}");
        }
        fixture.store.seal_now().await.unwrap();
        fixture.store.compact_now().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_do_not_tell_what_is_in_events() {
    let fixture = Fixture::new(Settings::default()).await;
    fixture.put(&[Sample::new(1, r#"{"pattern":"(hush","a":"b"}"#)]).await;
    let refused = run(&fixture, "SELECT regexp_like(a, pattern) AS m FROM g1", Control::default()).await;
    let message = refused.expect_err("that is no pattern").to_string();
    assert!(!message.contains("hush"), "{message}");
}
