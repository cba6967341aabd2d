//! `watchkeep sql`: a query over the tables of a running server.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::admin_client;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    pub query: String,
    /// `table`, `json` or `csv`.
    pub format: String,
    /// At most how many rows.
    pub limit: u32,
    pub endpoint: Option<String>,
}

/// Prints the rows that a query finds.
pub fn run(asked: &Sql, endpoint: Option<&str>) -> Result<ExitCode> {
    let answer = admin_client::post(endpoint, "sql", &json!({"query": asked.query, "limit": asked.limit}))?;
    let rows = answer.get("rows").and_then(Value::as_array).context("the answer has no rows")?;
    let rows: Vec<&[Value]> = rows.iter().filter_map(Value::as_array).map(Vec::as_slice).collect();
    print!("{}", printed(&rows, &asked.format));
    if answer.get("is_incomplete").and_then(Value::as_bool) == Some(true) {
        eprintln!("rows may be missing: files are damaged, or encrypted under a key that cannot be used");
    }
    Ok(ExitCode::SUCCESS)
}

/// Rows of pairs of a column and its value, in a format.
fn printed(rows: &[&[Value]], format: &str) -> String {
    let mut out = String::new();
    if format == "json" {
        for row in rows {
            let row: Map<String, Value> =
                row.iter().filter_map(pair).map(|(name, value)| (name.to_owned(), json!(value))).collect();
            let _ = writeln!(out, "{}", Value::Object(row));
        }
        return out;
    }
    // A row leaves out what is nothing in it.
    let mut columns: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| row.iter()).filter_map(pair) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let value = |row: &&[Value], column: &str| {
        row.iter().filter_map(pair).find(|(name, _)| *name == column).map_or("", |(_, value)| value).to_owned()
    };
    let cells = |row: &&[Value]| columns.iter().map(|column| value(row, column)).collect::<Vec<_>>();
    let head = columns.iter().map(|name| (*name).to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    if format == "csv" {
        for line in &lines {
            let line: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
            let _ = writeln!(out, "{}", line.join(","));
        }
        return out;
    }
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|column| width(column).unwrap_or_default()).collect();
    for line in &lines {
        let line: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        let _ = writeln!(out, "{}", line.join("  ").trim_end());
    }
    out
}

fn pair(cell: &Value) -> Option<(&str, &str)> {
    Some((cell.get(0)?.as_str()?, cell.get(1)?.as_str()?))
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_printed() {
        let rows = [json!([["name", "a,b"], ["n", "1"]]), json!([["n", "20"], ["more", "\"x\""]])];
        let rows: Vec<&[Value]> = rows.iter().filter_map(Value::as_array).map(Vec::as_slice).collect();
        let cases = [
            ("table", "name  n   more\na,b   1\n      20  \"x\"\n"),
            ("csv", "name,n,more\n\"a,b\",1,\n,20,\"\"\"x\"\"\"\n"),
            ("json", "{\"n\":\"1\",\"name\":\"a,b\"}\n{\"more\":\"\\\"x\\\"\",\"n\":\"20\"}\n"),
        ];
        for (format, expected) in cases {
            let found = printed(&rows, format);
            // Whether members of an object are sorted is up to the JSON library.
            let sorted =
                |text: &str| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
            match format {
                "json" => assert_eq!(sorted(&found), sorted(expected)),
                _ => assert_eq!(found, expected, "{format}"),
            }
        }
    }
}
