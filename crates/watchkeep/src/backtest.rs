//! `watchkeep alarms backtest`: what an alarm would have done over stored data.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::admin_client;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backtest {
    pub name: String,
    pub region: String,
    pub from: String,
    pub to: String,
    pub endpoint: Option<String>,
}

/// Prints the changes of state that would have been.
pub fn run(asked: &Backtest, endpoint: Option<&str>) -> Result<ExitCode> {
    let time = |text: &str| -> Result<i64> {
        let time: jiff::Timestamp =
            text.parse().with_context(|| format!("`{text}` is no time such as 2026-01-15T10:00:00Z"))?;
        Ok(time.as_millisecond())
    };
    let body = json!({
        "name": asked.name, "region": asked.region, "from_ms": time(&asked.from)?, "to_ms": time(&asked.to)?,
    });
    let answer = admin_client::post(endpoint, "backtest", &body)?;
    let changes = answer.get("changes").and_then(Value::as_array).context("the answer has no changes")?;
    for change in changes {
        let text = |name: &str| change.get(name).and_then(Value::as_str).unwrap_or_default();
        let contributor = change.get("contributor").filter(|of| !of.is_null()).map(|of| format!(" {of}"));
        println!(
            "{} {} -> {}{}: {}",
            text("time"),
            text("from"),
            text("to"),
            contributor.unwrap_or_default(),
            text("reason")
        );
    }
    if changes.is_empty() {
        println!("no change of state");
    }
    Ok(ExitCode::SUCCESS)
}
