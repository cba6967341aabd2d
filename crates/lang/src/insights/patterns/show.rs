//! Patterns as rows.

use serde_json::json;

use super::cluster::{Cluster, Part};
use crate::insights::plan::{ANOMALY_COLUMNS, DIFF_COLUMNS, PATTERN_COLUMNS, Patterns};
use crate::insights::value::Value;
use crate::text_clusters::Sort;

/// The names of the columns, in the order in which they are made.
pub(super) fn names(patterns: &Patterns) -> Vec<&'static str> {
    let mut names = PATTERN_COLUMNS.to_vec();
    if patterns.diff.is_some() {
        names.extend(DIFF_COLUMNS);
    }
    if patterns.anomaly {
        names.extend(ANOMALY_COLUMNS);
    }
    names
}

/// The values of [`PATTERN_COLUMNS`].
pub(super) fn columns(cluster: &Cluster, total: u64) -> Vec<Value<'static>> {
    let pattern = pattern(cluster);
    let ratio = if total == 0 { 0.0 } else { cluster.count as f64 / total as f64 };
    let samples: Vec<serde_json::Value> =
        cluster.samples.iter().map(|(time_ms, text)| json!({ "timestamp": time_ms, "message": text })).collect();
    let times: serde_json::Map<String, serde_json::Value> =
        cluster.times.iter().map(|(time_ms, count)| (time_ms.to_string(), json!(count))).collect();
    vec![
        Value::text(pattern.clone()),
        Value::number(ratio),
        Value::Number(cluster.count as f64),
        Value::text(severity(&pattern)),
        Value::text(regex(cluster)),
        Value::text(tokens(cluster)),
        Value::text(serde_json::Value::Object(times).to_string()),
        Value::text(serde_json::Value::Array(samples).to_string()),
    ]
}

/// The values of [`DIFF_COLUMNS`].
pub(super) fn diff_columns(cluster: &Cluster) -> Vec<Value<'static>> {
    let difference = cluster.difference();
    let description = match (cluster.count, cluster.earlier) {
        (_, 0) => "New in the current time range".to_owned(),
        (0, _) => "Not in the current time range".to_owned(),
        (_, earlier) => {
            let percent = (difference as f64 / earlier as f64 * 100.0).round();
            match difference {
                0 => "As often as in the comparison time range".to_owned(),
                1.. => format!("{percent}% more than in the comparison time range"),
                _ => format!("{}% less than in the comparison time range", -percent),
            }
        }
    };
    vec![Value::Number(cluster.count as f64), Value::Number(difference as f64), Value::text(description)]
}

/// The texts with `<Name-N>` for what is dynamic.
fn pattern(cluster: &Cluster) -> String {
    let mut text = String::new();
    each(cluster, &mut |part, name, _| match part {
        Part::Between(own) | Part::Word(own) => text += own,
        Part::Dynamic(_) => text += &format!("<{name}>"),
    });
    text
}

/// A regular expression that the texts match.
fn regex(cluster: &Cluster) -> String {
    let mut text = String::from("^");
    each(cluster, &mut |part, _, _| match part {
        Part::Between(own) | Part::Word(own) => text += &regex::escape(own),
        Part::Dynamic(_) => text += "(.*?)",
    });
    text.push('$');
    text
}

/// The tokens, as ListAnomalies has them.
fn tokens(cluster: &Cluster) -> String {
    let mut tokens = Vec::new();
    each(cluster, &mut |part, name, number| {
        tokens.push(match part {
            Part::Between(text) | Part::Word(text) => {
                json!({ "dynamicTokenPosition": 0, "isDynamic": false, "tokenString": text })
            }
            Part::Dynamic(dynamic) => {
                let values: serde_json::Map<String, serde_json::Value> =
                    dynamic.values.iter().map(|(value, count)| (value.as_ref().to_owned(), json!(count))).collect();
                json!({
                    "dynamicTokenPosition": number,
                    "isDynamic": true,
                    "tokenString": format!("<{name}>"),
                    "inferredTokenName": name,
                    "enumerations": values,
                })
            }
        });
    });
    serde_json::Value::Array(tokens).to_string()
}

/// Visits the parts, with the name and the number of those that are dynamic. What follows `name=` or `name:` is called so.
fn each(cluster: &Cluster, visit: &mut dyn FnMut(&Part, &str, usize)) {
    let mut number = 0;
    let (mut word, mut names_next) = (String::new(), false);
    for part in &cluster.parts {
        match part {
            Part::Word(text) => {
                text.clone_into(&mut word);
                names_next = false;
                visit(part, "", 0);
            }
            Part::Between(text) => {
                let separator = text.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
                names_next = !word.is_empty() && matches!(separator, "=" | ":");
                visit(part, "", 0);
            }
            Part::Dynamic(dynamic) => {
                number += 1;
                let name = if names_next { capitalized(&word) } else { name(dynamic.sort).to_owned() };
                word.clear();
                names_next = false;
                visit(part, &format!("{name}-{number}"), number);
            }
        }
    }
}

fn name(sort: Option<Sort>) -> &'static str {
    match sort {
        Some(Sort::Time) => "Time",
        Some(Sort::Uuid) => "UUID",
        Some(Sort::Address) => "IP",
        Some(Sort::Number) => "Number",
        Some(Sort::Id) => "ID",
        Some(Sort::Token | Sort::Rest) | None => "Token",
    }
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What the words of a pattern say of it.
fn severity(pattern: &str) -> &'static str {
    let pattern = pattern.to_ascii_lowercase();
    if pattern.contains("error") {
        "Error"
    } else if pattern.contains("warn") {
        "Warn"
    } else {
        "Info"
    }
}
