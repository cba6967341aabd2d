//! How the rows of a log query become the numbers that a log alarm compares: `count(*)`, `avg(latency) by service | sort desc`. It is
//! one function of Logs Insights' `stats`, the fields by which rows are grouped, and which groups come first where there are too many.
//! Source: "Log alarms".

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::insights::Plan;
use crate::insights::plan::{Aggregate, Definition, ExprKind, Field, Language, Span, Step};

/// The fields in `by` ("Log alarms").
pub const FIELDS_MAX: usize = 5;

/// The column that holds the number of a group.
const VALUE: &str = "alarm_value";

/// What stands before an expression while it is parsed.
const STATS: &str = "stats ";

/// An aggregation expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAggregation {
    call: String,
    keys: Vec<Key>,
    order: Option<Order>,
    /// Whether it counts the values of a field: none is no number then, as of the other functions.
    counts_values: bool,
}

/// A field by which rows are grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    /// The name of its column.
    name: String,
    /// As it is written.
    text: String,
}

/// Which groups come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Why a text is no aggregation expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogAggregationError(String);

impl LogAggregation {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// [`LogAggregationError`] if it is none.
    pub fn parse(text: &str) -> Result<LogAggregation, LogAggregationError> {
        let error = |message: &str| LogAggregationError(message.to_owned());
        let (head, order) = ordered(text);
        let whole = format!("{STATS}{head}");
        let plan =
            Plan::parse(&whole, Language::Cwli).map_err(|error| LogAggregationError(error.message.to_string()))?;
        let [Step::Stats(stats)] = plan.steps.as_slice() else {
            return Err(error("only one aggregation is possible, with | sort asc or | sort desc behind it"));
        };
        let ([call], [output]) = (stats.calls.as_slice(), stats.outputs.as_slice()) else {
            return Err(error("only one aggregation function is possible"));
        };
        let is_supported = matches!(
            call.function,
            Aggregate::Count | Aggregate::Sum | Aggregate::Avg | Aggregate::Min | Aggregate::Max
        );
        if !is_supported || !matches!(output.value.kind, ExprKind::Aggregate(_)) {
            return Err(error("the function must be one of count, avg, sum, min and max"));
        }
        if stats.keys.len() > FIELDS_MAX {
            return Err(LogAggregationError(format!("at most {FIELDS_MAX} fields can stand behind by")));
        }
        let keys = stats.keys.iter().map(|key| key_of(&whole, key)).collect::<Result<_, _>>()?;
        Ok(LogAggregation {
            call: written(&whole, output.value.span),
            keys,
            order,
            counts_values: call.function == Aggregate::Count && call.argument.is_some(),
        })
    }

    /// Whether there is a number for each group, and not one of all rows.
    pub fn has_groups(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The query that answers with the numbers of a query's rows: at most so many groups, those first that count most.
    pub fn query(&self, query: &str, groups_max: usize) -> String {
        let mut text = piped(query);
        // Writing to a string cannot fail.
        let _ = write!(text, "stats {} as {VALUE}", self.call);
        if !self.has_groups() {
            return text;
        }
        let keys: Vec<&str> = self.keys.iter().map(|key| key.text.as_str()).collect();
        let by_value = match self.order {
            // A group without a number takes no other's place.
            Some(Order::Ascending) => format!("ispresent({VALUE}) desc, {VALUE} asc, "),
            Some(Order::Descending) => format!("{VALUE} desc, "),
            None => String::new(),
        };
        let by_keys: Vec<String> = keys.iter().map(|key| format!("{key} asc")).collect();
        let _ = write!(text, " by {}\n| sort {by_value}{}\n| limit {groups_max}", keys.join(", "), by_keys.join(", "));
        text
    }

    /// The query that answers with the rows of which a group is.
    pub fn query_of_group(&self, query: &str, group: &BTreeMap<String, String>) -> String {
        if !self.has_groups() {
            return query.to_owned();
        }
        let conditions = self.keys.iter().map(|Key { name, text }| match group.get(name) {
            Some(value) => format!("{text} = \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
            None => format!("not ispresent({text})"),
        });
        format!("{}filter {}", piped(query), conditions.collect::<Vec<_>>().join(" and "))
    }

    /// The group and the number of a row that [`LogAggregation::query`] answered with. A row without a number has none that counts.
    pub fn read(&self, row: &[(&str, &str)]) -> (BTreeMap<String, String>, Option<f64>) {
        let column = |name: &str| row.iter().find(|(column, _)| *column == name).map(|(_, value)| *value);
        let group = self.keys.iter().filter_map(|key| Some((key.name.clone(), column(&key.name)?.to_owned())));
        let value: Option<f64> =
            column(VALUE).and_then(|text| text.parse().ok()).filter(|value: &f64| value.is_finite());
        (group.collect(), value.filter(|value| !(self.counts_values && *value == 0.0)))
    }
}

/// An expression without its order, and that.
fn ordered(text: &str) -> (&str, Option<Order>) {
    let Some((head, tail)) = text.rsplit_once('|') else { return (text, None) };
    let words: Vec<String> = tail.split_whitespace().map(str::to_ascii_lowercase).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sort", "asc"] => (head, Some(Order::Ascending)),
        ["sort", "desc"] => (head, Some(Order::Descending)),
        _ => (text, None),
    }
}

fn key_of(whole: &str, key: &Definition) -> Result<Key, LogAggregationError> {
    let name = match &key.value.kind {
        ExprKind::Field(Field::Column(name)) => name.name.to_string(),
        ExprKind::Field(Field::Discovered(path)) => path.name.to_string(),
        ExprKind::Field(Field::System(_)) => key.name.name.to_string(),
        _ => return Err(LogAggregationError("only fields can stand behind by".to_owned())),
    };
    match *name == *key.name.name {
        true => Ok(Key { name, text: written(whole, key.value.span) }),
        false => Err(LogAggregationError("fields behind by keep their names".to_owned())),
    }
}

/// What stands in a place of a text.
fn written(whole: &str, span: Span) -> String {
    whole.chars().skip(span.start).take(span.end.saturating_sub(span.start)).collect()
}

/// A query, ready for another command; on a new line, as a comment may end it.
fn piped(query: &str) -> String {
    if query.trim().is_empty() { String::new() } else { format!("{query}\n| ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> LogAggregation {
        LogAggregation::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn expressions_become_queries() {
        let cases = [
            ("count(*)", "q\n| stats count(*) as alarm_value"),
            ("  AVG( latency ) ", "q\n| stats AVG( latency ) as alarm_value"),
            ("max(`a b`) as worst", "q\n| stats max(`a b`) as alarm_value"),
            (
                "count(*) by serviceName",
                "q\n| stats count(*) as alarm_value by serviceName\n| sort serviceName asc\n| limit 501",
            ),
            (
                "sum(bytes) by host, @logStream | SORT desc",
                "q\n| stats sum(bytes) as alarm_value by host, @logStream\n| sort alarm_value desc, host asc, @logStream asc\n| limit 501",
            ),
            (
                "avg(latency) by `a-b`|sort asc",
                "q\n| stats avg(latency) as alarm_value by `a-b`\n| sort ispresent(alarm_value) desc, alarm_value asc, `a-b` asc\n| limit 501",
            ),
        ];
        for (text, expected) in cases {
            let query = parsed(text).query("q", 501);
            assert_eq!(query, expected, "{text}");
            let whole = query.replacen("q\n", "fields @message\n", 1);
            Plan::parse(&whole, Language::Cwli).unwrap_or_else(|error| panic!("{whole}: {error:?}"));
        }
        assert_eq!(parsed("count(*)").query(" ", 501), "stats count(*) as alarm_value");
    }

    proptest! {
        #[test]
        fn what_is_made_of_any_is_a_query(words in prop::collection::vec(prop::sample::select(WORDS), 0..14)) {
            crate::fuzzing::log_aggregation(words.concat().as_bytes());
        }
    }

    const WORDS: &[&str] = &[
        "count(*)",
        "count(",
        "avg(",
        "a",
        "b",
        "`x y`",
        "@timestamp",
        "@log",
        ")",
        " by ",
        ",",
        " as ",
        " | sort ",
        "asc",
        "desc",
        "\n",
        "# c\n",
        "'|'",
        " + 1",
        "bin(5m)",
        "max(",
        "m.a",
        "[0]",
        "if(",
        "1",
    ];

    #[test]
    fn what_is_none_is_refused() {
        let cases = [
            "",
            "count(*), avg(x)",
            "count(*) / sum(x)",
            "2 * avg(x)",
            "pct(x, 99)",
            "count_distinct(x)",
            "count(*) by bin(5m)",
            "count(*) by a, b, c, d, e, f",
            "count(*) by a as b",
            "count(*) | sort up",
            "count(*) | filter x = 1",
            "count(*) | sort desc | limit 1",
            "count(*",
            "latency",
        ];
        for text in cases {
            assert!(LogAggregation::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rows_become_groups_and_numbers() {
        let group = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let by_host = parsed("avg(latency) by host");
        assert_eq!(by_host.read(&[("host", "a"), ("alarm_value", "1.5")]), (group(&[("host", "a")]), Some(1.5)));
        assert_eq!(by_host.read(&[("alarm_value", "2")]), (group(&[]), Some(2.0)));
        assert_eq!(by_host.read(&[("host", "a")]), (group(&[("host", "a")]), None));
        // None of the values is a number only of rows.
        assert_eq!(parsed("count(*)").read(&[("alarm_value", "0")]), (group(&[]), Some(0.0)));
        assert_eq!(parsed("count(code)").read(&[("alarm_value", "0")]), (group(&[]), None));
        assert_eq!(parsed("sum(code)").read(&[("alarm_value", "0")]), (group(&[]), Some(0.0)));
    }

    #[test]
    fn the_rows_of_a_group_are_asked_for() {
        let group = BTreeMap::from([("host".to_owned(), r#"a"\b"#.to_owned())]);
        let query = parsed("count(*) by host, code").query_of_group("fields @message", &group);
        assert_eq!(query, "fields @message\n| filter host = \"a\\\"\\\\b\" and not ispresent(code)");
        Plan::parse(&query, Language::Cwli).unwrap();
        assert_eq!(parsed("count(*)").query_of_group("fields @message", &group), "fields @message");
    }
}
