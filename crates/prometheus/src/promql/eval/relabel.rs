//! Functions of labels. Sources: "label_replace()", "label_join()", "sort_by_label()".

use std::cmp::Ordering;

use super::super::labels::METRIC_NAME;
use super::super::matcher::anchored;
use super::*;

/// `label_replace(v, destination, replacement, source, regex)`.
pub(super) fn replace(mut rows: Vec<Row>, texts: &[String]) -> Evaluated<Vec<Row>> {
    let [destination, replacement, source, pattern] = texts else {
        return refuse("label_replace() takes its texts as literals");
    };
    let regex =
        anchored(pattern).or_else(|_| refuse(format!("invalid regular expression in label_replace(): {pattern}")))?;
    if destination.is_empty() {
        return refuse(format!("invalid destination label name in label_replace(): {destination}"));
    }
    for row in &mut rows {
        if let Some(captures) = regex.captures(row.labels.get(source)) {
            let mut value = String::new();
            captures.expand(replacement, &mut value);
            row.labels = row.labels.with(destination, &value);
        }
    }
    merged(rows)
}

/// `label_join(v, destination, separator, source...)`.
pub(super) fn join(mut rows: Vec<Row>, texts: &[String]) -> Evaluated<Vec<Row>> {
    let [destination, separator, sources @ ..] = texts else {
        return refuse("label_join() takes its texts as literals");
    };
    if destination.is_empty() {
        return refuse(format!("invalid destination label name in label_join(): {destination}"));
    }
    for row in &mut rows {
        let values: Vec<&str> = sources.iter().map(|source| row.labels.get(source)).collect();
        row.labels = row.labels.with(destination, &values.join(separator));
    }
    merged(rows)
}

/// `sort_by_label(v, label...)`: numbers within values by their size; the whole labels where these are equal.
pub(super) fn sort(rows: &mut [Row], labels: &[String], descending: bool) {
    if rows.iter().any(|row| row.values.len() != 1) {
        return;
    }
    rows.sort_by(|one, other| {
        let by_label = |label: &String| natural(one.labels.get(label), other.labels.get(label));
        let order = labels.iter().map(by_label).find(|order| order.is_ne());
        let order = order.unwrap_or_else(|| {
            let name = |row: &Row| row.labels.get(METRIC_NAME).to_owned();
            name(one).cmp(&name(other)).then_with(|| one.labels.cmp(&other.labels))
        });
        if descending { order.reverse() } else { order }
    });
}

fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        match (take_part(&mut one), take_part(&mut other)) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(first), Some(second)) => {
                let order = match (first.parse::<u64>(), second.parse::<u64>()) {
                    (Ok(first), Ok(second)) => first.cmp(&second),
                    _ => first.cmp(second),
                };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

/// Takes the digits, or all but digits, that a text begins with.
fn take_part<'t>(text: &mut &'t str) -> Option<&'t str> {
    let first_is_digit = text.chars().next()?.is_ascii_digit();
    let end = text.find(|character: char| character.is_ascii_digit() != first_is_digit).unwrap_or(text.len());
    let (part, rest) = text.split_at_checked(end)?;
    *text = rest;
    Some(part)
}
