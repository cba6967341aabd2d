//! `watchkeep clock advance 1h`: moves the clock of a server that runs on a manual one.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::admin_client;

/// Moves the clock of the server at this endpoint by a duration as `1h30m`, and prints its time.
pub fn advance(duration: &str, endpoint: Option<&str>) -> Result<ExitCode> {
    let advance_ms =
        parse(duration).with_context(|| format!("`{duration}` is no duration such as 90s, 5m, 1h30m or 7d"))?;
    let answer = admin_client::post(endpoint, "clock", &json!({"advance_ms": advance_ms}))?;
    let now_ms = answer.get("now_ms").and_then(Value::as_i64).context("the answer has no time")?;
    println!("{}", jiff::Timestamp::from_millisecond(now_ms)?);
    Ok(ExitCode::SUCCESS)
}

/// The milliseconds of a duration: numbers, each with one of `ms`, `s`, `m`, `h` and `d`.
fn parse(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = None;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let units = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(units);
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = Some(number.parse::<u64>().ok()?.checked_mul(unit_ms)?.checked_add(total.unwrap_or(0))?);
        rest = behind;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("7d", Some(604_800_000)),
            ("250ms", Some(250)),
            ("", None),
            ("1", None),
            ("h", None),
            ("1y", None),
            ("99999999999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
