//! Answers, and whether two are the same.

use anyhow::{Result, ensure};

use super::questions::{Column, Question};

/// How far estimates of a percentile may be from each other: sketches promise 1 %, samples less.
const ABOUT: f64 = 0.04;
/// How far sums of fractions may be, by the order in which they were added and the digits that are shown.
const EXACT: f64 = 1e-5;

/// Rows of texts.
pub type Rows = Vec<Vec<String>>;

/// What somebody answered, and what it took.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// What was found.
    pub rows: Rows,
    /// Processor time of one go, in milliseconds: the least of some rounds.
    pub cpu_ms: f64,
    /// How long one go took, in milliseconds: the median.
    pub wall_ms: f64,
}

/// Fails unless two answers to a question are the same, in whatever order their rows are.
pub fn compare(question: &Question, who: &str, own: &Rows, other: &Rows) -> Result<()> {
    let what = question.what;
    ensure!(!own.is_empty(), "{what}: no rows");
    ensure!(own.len() == other.len(), "{what}: {} rows, and {} of {who}", own.len(), other.len());
    let (own, other) = (ordered(question, own), ordered(question, other));
    for (own, other) in own.iter().zip(&other) {
        for ((column, own), other) in question.columns.iter().zip(own).zip(other) {
            ensure!(is_same(*column, own, other), "{what}: {own}, and {other} of {who}");
        }
    }
    Ok(())
}

/// Rows by what is compared of them, with times spelled alike.
fn ordered(question: &Question, rows: &Rows) -> Rows {
    let compared = |row: &Vec<String>| -> Vec<String> {
        let value = |(column, value): (&Column, &String)| match column {
            Column::Free => String::new(),
            Column::Same => spelled(value),
            Column::Number | Column::About => value.clone(),
        };
        question.columns.iter().zip(row).map(value).collect()
    };
    let mut rows: Rows = rows.iter().map(compared).collect();
    rows.sort_by(|one, other| {
        let number = |text: &String| text.parse::<f64>().ok();
        let pairs = one.iter().zip(other).map(|(one, other)| match (number(one), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => one.cmp(other),
        });
        pairs.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    rows
}

/// A time as `YYYY-MM-DD hh:mm:ss.mmm`, whoever wrote it; any other text as it is.
fn spelled(text: &str) -> String {
    let is_time = text.len() >= 19 && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(13) == Some(&b':');
    if !is_time {
        return text.to_owned();
    }
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{seconds}.{:0<3.3}", fraction)
}

fn is_same(column: Column, own: &str, other: &str) -> bool {
    let within = |most: f64| match (own.parse::<f64>(), other.parse::<f64>()) {
        (Ok(own), Ok(other)) => (own - other).abs() <= most * own.abs().max(other.abs()),
        _ => false,
    };
    match column {
        Column::Free => true,
        Column::Same => own == other,
        Column::Number => within(EXACT),
        Column::About => within(ABOUT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insights::questions::QUESTIONS;

    #[test]
    fn times_are_spelled_alike() {
        for text in ["2026-11-25T01:02:03.5Z", "2026-11-25 01:02:03.500000", "2026-11-25 01:02:03.500"] {
            assert_eq!(spelled(text), "2026-11-25 01:02:03.500");
        }
        assert_eq!(spelled("2026-11-25T01:00:00Z"), "2026-11-25 01:00:00.000");
        assert_eq!(spelled("checkout"), "checkout");
    }

    #[test]
    fn answers_are_compared_row_by_row() {
        let question = QUESTIONS.iter().find(|question| question.what.starts_with("95th percentile and average by a"));
        let question = question.unwrap();
        let rows = |rows: &[[&str; 3]]| rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect::<Rows>();
        let own = rows(&[["cart", "900", "341.25"], ["search", "910", "300"]]);
        let same = |other: &[[&str; 3]]| compare(question, "a peer", &own, &rows(other)).is_ok();
        assert!(same(&[["search", "909", "300.0"], ["cart", "905.5", "341.250001"]]));
        assert!(!same(&[["search", "909", "301"], ["cart", "905.5", "341.25"]]));
        assert!(!same(&[["search", "700", "300"], ["cart", "905.5", "341.25"]]));
        assert!(!same(&[["search", "909", "300"]]));
        assert!(!same(&[["other", "910", "300"], ["cart", "900", "341.25"]]));
    }
}
