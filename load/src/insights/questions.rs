//! What is asked of the lines, in each language.

/// A question, and how the answers of all who are asked are compared.
pub struct Question {
    /// What it is.
    pub what: &'static str,
    /// The milliseconds that it may take of a million lines, and whether that grows with their number.
    pub budget: Option<Budget>,
    /// Watchkeep's words.
    pub language: Language,
    /// DuckDB's SQL.
    pub duckdb: &'static str,
    /// ClickHouse's SQL.
    pub chdb: &'static str,
    /// LogsQL, and the columns of its answer.
    pub victoria: (&'static str, &'static [&'static str]),
    /// What the columns of an answer are, in the same order for all.
    pub columns: &'static [Column],
}

/// What a question may take.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// So many milliseconds for a million lines.
    AMillion(f64),
    /// So many milliseconds, however many lines there are.
    Always(f64),
}

/// The language that Watchkeep is asked in.
#[derive(Debug, Clone, Copy)]
pub enum Language {
    /// Logs Insights QL.
    Ql(&'static str),
    /// SQL.
    Sql(&'static str),
}

/// How values of a column are compared.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// The same text.
    Same,
    /// The same number, as far as numbers are.
    Number,
    /// A number that is an estimate for some.
    About,
    /// Not at all: where others are equal there is a choice.
    Free,
}

use Column::{About, Free, Number, Same};

/// All of them.
pub const QUESTIONS: &[Question] = &[
    Question {
        what: "needle: the lines with a rare word",
        budget: Some(Budget::AMillion(20.0)),
        language: Language::Ql("filter @message like 'xylophone' | fields @message | limit 10000"),
        duckdb: "SELECT message FROM lines WHERE contains(message, 'xylophone')",
        chdb: "SELECT message FROM lines WHERE position(message, 'xylophone') > 0",
        victoria: ("xylophone | fields requestId", &["requestId"]),
        columns: &[Free],
    },
    Question {
        what: "common term: how many lines hold a word that one in five has",
        budget: None,
        language: Language::Ql("filter @message like 'search' | stats count(*) as n"),
        duckdb: "SELECT count(*) FROM lines WHERE contains(message, 'search')",
        chdb: "SELECT count() FROM lines WHERE position(message, 'search') > 0",
        victoria: ("service:search | stats count() as n", &["n"]),
        columns: &[Number],
    },
    Question {
        what: "regular expression with a rare literal",
        budget: None,
        language: Language::Ql("filter @message like /xyl[a-p]phone/ | stats count(*) as n"),
        duckdb: "SELECT count(*) FROM lines WHERE regexp_matches(message, 'xyl[a-p]phone')",
        chdb: "SELECT count() FROM lines WHERE match(message, 'xyl[a-p]phone')",
        victoria: (r#"_msg:~"xyl[a-p]phone" | stats count() as n"#, &["n"]),
        columns: &[Number],
    },
    Question {
        what: "regular expression with nothing to skip by",
        budget: None,
        language: Language::Ql("filter @message like /x[x-z]l[a-p]ph[n-p]ne/ | stats count(*) as n"),
        duckdb: "SELECT count(*) FROM lines WHERE regexp_matches(message, 'x[x-z]l[a-p]ph[n-p]ne')",
        chdb: "SELECT count() FROM lines WHERE match(message, 'x[x-z]l[a-p]ph[n-p]ne')",
        victoria: (r#"_msg:~"x[x-z]l[a-p]ph[n-p]ne" | stats count() as n"#, &["n"]),
        columns: &[Number],
    },
    Question {
        what: "count by a field",
        budget: Some(Budget::AMillion(15.0)),
        language: Language::Ql("stats count(*) as n by service"),
        duckdb: "SELECT service, count(*) FROM lines GROUP BY service",
        chdb: "SELECT service, count() FROM lines GROUP BY service",
        victoria: ("* | stats by (service) count() as n", &["service", "n"]),
        columns: &[Same, Number],
    },
    Question {
        what: "the same in SQL",
        budget: None,
        language: Language::Sql("SELECT service, count(*) AS n FROM `/load/app` GROUP BY service"),
        duckdb: "SELECT service, count(*) FROM lines GROUP BY service",
        chdb: "SELECT service, count() FROM lines GROUP BY service",
        victoria: ("* | stats by (service) count() as n", &["service", "n"]),
        columns: &[Same, Number],
    },
    Question {
        what: "count by the hour",
        budget: None,
        language: Language::Ql("stats count(*) as n by bin(1h) as hour"),
        duckdb: "SELECT strftime(hour, '%Y-%m-%d %H:%M:%S.000'), n FROM (SELECT date_trunc('hour', time) AS hour, count(*) AS n \
                 FROM lines GROUP BY hour)",
        chdb: "SELECT formatDateTime(toStartOfHour(time) AS hour, '%F %T.000'), count() FROM lines GROUP BY hour",
        victoria: ("* | stats by (_time:1h) count() as n", &["_time", "n"]),
        columns: &[Same, Number],
    },
    Question {
        what: "95th percentile and average by a field",
        budget: Some(Budget::AMillion(40.0)),
        language: Language::Ql("stats pct(latencyMs, 95) as p, avg(latencyMs) as a by service"),
        duckdb: "SELECT service, quantile_disc(latencyMs, 0.95), avg(latencyMs) FROM lines GROUP BY service",
        chdb: "SELECT service, quantile(0.95)(latencyMs), avg(latencyMs) FROM lines GROUP BY service",
        victoria: (
            "* | stats by (service) quantile(0.95, latencyMs) as p, avg(latencyMs) as a",
            &["service", "p", "a"],
        ),
        columns: &[Same, About, Number],
    },
    Question {
        what: "95th percentile and average by the hour",
        budget: Some(Budget::AMillion(40.0)),
        language: Language::Ql("stats pct(latencyMs, 95) as p, avg(latencyMs) as a by bin(1h) as hour"),
        duckdb: "SELECT strftime(hour, '%Y-%m-%d %H:%M:%S.000'), p, a FROM (SELECT date_trunc('hour', time) AS hour, \
                 quantile_disc(latencyMs, 0.95) AS p, avg(latencyMs) AS a FROM lines GROUP BY hour)",
        chdb: "SELECT formatDateTime(toStartOfHour(time) AS hour, '%F %T.000'), quantile(0.95)(latencyMs), avg(latencyMs) \
               FROM lines GROUP BY hour",
        victoria: ("* | stats by (_time:1h) quantile(0.95, latencyMs) as p, avg(latencyMs) as a", &["_time", "p", "a"]),
        columns: &[Same, About, Number],
    },
    Question {
        what: "count and average by two fields",
        budget: None,
        language: Language::Ql("stats count(*) as n, avg(bytes) as a by service, status"),
        duckdb: "SELECT service, status, count(*), avg(bytes) FROM lines GROUP BY service, status",
        chdb: "SELECT service, status, count(), avg(bytes) FROM lines GROUP BY service, status",
        victoria: ("* | stats by (service, status) count() as n, avg(bytes) as a", &["service", "status", "n", "a"]),
        columns: &[Same, Same, Number, Number],
    },
    Question {
        what: "newest 20",
        budget: Some(Budget::Always(3.0)),
        language: Language::Ql("fields @timestamp, @message | sort @timestamp desc | limit 20"),
        duckdb: "SELECT time, message FROM lines ORDER BY time DESC LIMIT 20",
        chdb: "SELECT time, message FROM lines ORDER BY time DESC LIMIT 20",
        victoria: ("* | sort by (_time desc) limit 20 | fields _time, path", &["_time", "path"]),
        columns: &[Same, Free],
    },
    Question {
        what: "newest 20 that pass a filter of a field",
        budget: None,
        language: Language::Ql("filter status = 500 | fields @timestamp, path | sort @timestamp desc | limit 20"),
        duckdb: "SELECT time, path FROM lines WHERE status = 500 ORDER BY time DESC LIMIT 20",
        chdb: "SELECT time, path FROM lines WHERE status = 500 ORDER BY time DESC LIMIT 20",
        victoria: ("status:=500 | sort by (_time desc) limit 20 | fields _time, path", &["_time", "path"]),
        columns: &[Same, Same],
    },
    Question {
        what: "the 10 most frequent of 4,096 paths",
        budget: None,
        language: Language::Ql("stats count(*) as n by path | sort n desc | limit 10"),
        duckdb: "SELECT path, count(*) AS n FROM lines GROUP BY path ORDER BY n DESC LIMIT 10",
        chdb: "SELECT path, count() AS n FROM lines GROUP BY path ORDER BY n DESC LIMIT 10",
        victoria: ("* | stats by (path) count() as n | sort by (n desc) limit 10", &["path", "n"]),
        columns: &[Free, Number],
    },
    Question {
        what: "the 20 slowest requests",
        budget: None,
        language: Language::Ql("fields path, latencyMs | sort latencyMs desc | limit 20"),
        duckdb: "SELECT path, latencyMs FROM lines ORDER BY latencyMs DESC LIMIT 20",
        chdb: "SELECT path, latencyMs FROM lines ORDER BY latencyMs DESC LIMIT 20",
        victoria: ("* | sort by (latencyMs desc) limit 20 | fields path, latencyMs", &["path", "latencyMs"]),
        columns: &[Free, Number],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::GROUP;

    #[test]
    fn questions_are_of_the_group_that_is_put() {
        for question in QUESTIONS {
            if let Language::Sql(text) = question.language {
                assert!(text.contains(GROUP), "{text}");
            }
            assert_eq!(question.victoria.1.len(), question.columns.len(), "{}", question.what);
        }
    }
}
