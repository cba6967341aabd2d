//! The table of what log lines and questions about them take, beside peers: a section of docs/performance.md.

use std::fmt::Write as _;

/// The heading of the section.
const HEADING: &str = "## Questions about log lines";

/// A table with a column for each peer.
#[derive(Debug)]
pub struct Comparison {
    lines: usize,
    raw_bytes: usize,
    peers: Vec<String>,
    told: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    budget: Option<f64>,
    figure: Figure,
}

/// What something took.
#[derive(Debug, Default)]
pub struct Figure {
    /// Of Watchkeep.
    pub own: f64,
    /// How long it took, beside its processor time.
    pub wall_ms: Option<f64>,
    /// Of each peer.
    pub peers: Vec<Option<f64>>,
}

impl Comparison {
    /// Of so many lines, beside these.
    pub fn new<'p>(lines: usize, raw_bytes: usize, peers: impl IntoIterator<Item = &'p str>) -> Comparison {
        let peers = peers.into_iter().map(str::to_owned).collect();
        Comparison { lines, raw_bytes, peers, told: Vec::new(), rows: Vec::new() }
    }

    /// Adds a sentence.
    pub fn told(&mut self, sentence: String) {
        self.told.push(sentence);
    }

    /// Adds a row.
    pub fn row(&mut self, what: impl Into<String>, budget: Option<f64>, figure: Figure) {
        self.rows.push(Row { what: what.into(), budget, figure });
    }

    /// The section. `circumstances` say on what machine, and how busy it was.
    pub fn section(&self, circumstances: &str) -> String {
        let mut text = format!(
            "{HEADING}\n\n\
             {lines} JSON log lines ({megabytes:.0} MB) of a day, put by PutLogEvents and compacted; the questions go over the wire,\n\
             by StartQuery and GetQueryResults, signed. The same lines and questions in the same run for peers, which are asked in\n\
             process (DuckDB, chDB; two threads) or over HTTP (VictoriaLogs). DuckDB and chDB hold the lines in a table of their own\n\
             on disk, with the message and nine typed columns that they were told beforehand; VictoriaLogs keeps the fields and not\n\
             the lines. Figures are **milliseconds of processor time** for one question, the least of three rounds, all threads\n\
             together; in brackets by how much the peer's is more (above 1) or less. Answers were checked to be the same.\n\
             {circumstances} {told}\n\n",
            lines = self.lines,
            megabytes = self.raw_bytes as f64 / 1e6,
            told = self.told.join(" "),
        );
        // Writing to a string cannot fail.
        let _ = write!(text, "| what | budget | Watchkeep | elapsed, ms |");
        let _ = self.peers.iter().try_for_each(|peer| write!(text, " {peer} |"));
        let _ = writeln!(text, "\n| --- | ---: | ---: | ---: |{}", " ---: |".repeat(self.peers.len()));
        for Row { what, budget, figure } in &self.rows {
            let budget = budget.map_or(String::new(), digits);
            let wall = figure.wall_ms.map_or(String::new(), digits);
            let _ = write!(text, "| {what} | {budget} | {} | {wall} |", digits(figure.own));
            for peer in &figure.peers {
                let peer = peer.map_or(String::new(), |peer| {
                    format!("{} ({:.2})", digits(peer), peer / figure.own.max(f64::MIN_POSITIVE))
                });
                let _ = write!(text, " {peer} |");
            }
            text.push('\n');
        }
        text.push_str(WHERE_PEERS_ARE_AHEAD);
        text
    }
}

/// What the ratios below 1 come of.
const WHERE_PEERS_ARE_AHEAD: &str = "
Where a peer is ahead: a search that nothing lets skip decompresses every line. They are kept under zstd, which takes less
disk than the LZ4 of chDB's table, and more time; VictoriaLogs is asked for a word of one field, which it keeps
apart (`filter service = 'search'` is the same here, and as quick as a count by a field). Counts of a few milliseconds are
StartQuery, GetQueryResults and the record of the query, which is kept for a week, to a part; peers in process have neither. SQL pays
for planning, and for typing columns that nobody has declared.
";

/// Three digits, and no more than two behind the point.
fn digits(number: f64) -> String {
    match number.abs() {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// A page with this section in the place of the one of its kind that it has, or behind everything else.
pub fn replaced(page: &str, section: &str) -> String {
    let section = section.trim_end();
    let Some(start) = page.find(HEADING) else { return format!("{}\n\n{section}\n", page.trim_end()) };
    let (before, from) = page.split_at(start);
    let rest = from.get(HEADING.len()..).and_then(|rest| rest.find("\n## ").and_then(|at| rest.get(at..)));
    match rest {
        Some(rest) => format!("{before}{section}\n{rest}"),
        None => format!("{before}{section}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_before() {
        let mut comparison = Comparison::new(1000, 2_000_000, ["DuckDB", "chDB"]);
        let figure = Figure { own: 2.0, wall_ms: Some(3.25), peers: vec![Some(31.0), None] };
        comparison.row("count", Some(15.0), figure);
        let section = comparison.section("On a machine.");
        assert!(section.contains("| count | 15.0 | 2.00 | 3.25 | 31.0 (15.50) |  |\n"), "{section}");
        let old = format!("# Page\n\nintro\n\n{HEADING}\n\nold\n\n## Last\n\nend\n");
        assert_eq!(replaced(&old, &section), format!("# Page\n\nintro\n\n{}\n\n## Last\n\nend\n", section.trim_end()));
        let last = format!("# Page\n\n{HEADING}\n\nold\n");
        assert_eq!(replaced(&last, &section), format!("# Page\n\n{}\n", section.trim_end()));
        assert_eq!(replaced("# Page\n", &section), format!("# Page\n\n{}\n", section.trim_end()));
    }
}
