//! The table of budgets and figures, and the page docs/performance.md.

use std::fmt;
use std::fmt::Write as _;

use crate::missed;

/// What was measured.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

/// What a figure is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// Nothing: it is told for its own sake.
    None,
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Budget {
    /// Whether a figure, as it is printed, is on the wrong side.
    pub fn is_missed(self, measured: &str) -> bool {
        let missed = |is_wrong: fn(&f64, &f64) -> bool, bound: f64| {
            measured.parse().is_ok_and(|measured: f64| is_wrong(&measured, &bound))
        };
        match self {
            Budget::None => false,
            Budget::AtMost(most) => missed(f64::gt, most),
            Budget::AtLeast(least) => missed(f64::lt, least),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::None => Ok(()),
            Budget::AtMost(most) => most.fmt(f),
            Budget::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

#[derive(Debug)]
struct Row {
    what: String,
    budget: Budget,
    measured: String,
    peer: String,
}

impl Report {
    /// Adds a figure, with what it is held to and what a peer took in the same run.
    pub fn row(&mut self, what: impl Into<String>, budget: Budget, measured: String, peer: impl Into<String>) {
        let row = Row { what: what.into(), budget, measured, peer: peer.into() };
        match row.budget {
            Budget::None => println!("{}: {}", row.what, row.measured),
            budget => println!("{}: {} (budget {budget})", row.what, row.measured),
        }
        self.rows.push(row);
    }

    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut table =
            String::from("| what | budget | measured | peer in the same run |\n| --- | ---: | ---: | --- |\n");
        for Row { what, budget, measured, peer } in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "| {what} | {budget} | {measured} | {peer} |");
        }
        table
    }

    /// A paragraph for each budget that is missed.
    fn missed(&self) -> String {
        let mut text = String::new();
        for Row { what, budget, measured, .. } in &self.rows {
            if let Some(note) = missed::note(what, *budget, measured) {
                // Writing to a string cannot fail.
                let _ = write!(text, "**{what}** ({measured}, budget {budget}). {note}\n\n");
            }
        }
        if text.is_empty() { text } else { format!("## Missed budgets\n\n{text}") }
    }

    /// The page.
    pub fn page(&self, lines: usize, datapoints: usize) -> String {
        format!(
            "# Performance\n\n\
             Written by `make bench` (`cargo xtask bench --only load` for this page alone) on {machine}. Every write is durable: it is\n\
             acknowledged after its sync. Requests are signed and verified (mode enforced), over HTTP/1.1 and loopback. Processor time is\n\
             the server's own, user and system, per item; latencies are medians. {datapoints} datapoints went in by each protocol and\n\
             {lines} JSON log lines. The load generator shares the machine with the server;\n\
             the machine's load average was {load} when the run ended, so that latencies hold other work's share, too. Machines are not\n\
             equally fast, nor is one at all times: the yardstick says how fast this one was.\n\n\
             {table}\n\
             {missed}\
             Micro-benchmarks of decoding, journal, memory, sealing and scans: `cargo xtask bench --only micro`.\n",
            machine = machine(),
            load = load_average(),
            table = self.table(),
            missed = self.missed(),
        )
    }
}

/// On what machine something was measured, and how busy it was.
pub fn circumstances(yardstick_ms: &str) -> String {
    format!(
        "Measured on {}, whose yardstick took {yardstick_ms} ms and whose load average was {} at the end.",
        machine(),
        load_average()
    )
}

fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("an unnamed processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} cores of {model}")
}

/// Processes that ran or waited for a processor, on average of the last minute.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
