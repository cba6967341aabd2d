//! `watchkeep clock advance 1h`: moves the clock of a server that runs on a manual one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

/// Where the server is, unless something else is said.
const ENDPOINT: &str = "http://127.0.0.1:4566";

/// Moves the clock of the server at this endpoint by a duration as `1h30m`, and prints its time.
pub fn advance(duration: &str, endpoint: Option<&str>) -> Result<ExitCode> {
    let advance_ms =
        parse(duration).with_context(|| format!("`{duration}` is no duration such as 90s, 5m, 1h30m or 7d"))?;
    let endpoint = endpoint.unwrap_or(ENDPOINT);
    let Some(address) = endpoint.strip_prefix("http://") else {
        bail!("{endpoint}: the clock is moved over plain http, on the server's own machine");
    };
    let address = address.trim_end_matches('/');
    let body = serde_json::json!({"advance_ms": advance_ms}).to_string();
    let mut stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    write!(
        stream,
        "POST /_watchkeep/clock HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("reading the answer")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{}: {}", head.lines().next().unwrap_or_default(), body.trim());
    }
    let now_ms = serde_json::from_str::<serde_json::Value>(body)?.get("now_ms").and_then(serde_json::Value::as_i64);
    let now = jiff::Timestamp::from_millisecond(now_ms.context("the answer has no time")?)?;
    println!("{now}");
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
