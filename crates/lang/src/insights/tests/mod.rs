//! Queries over events in memory: text in, rows out.

mod commands;
mod discovered;
mod errors;
mod functions;
mod order;
mod patterns;
mod ppl;
mod properties;
mod worked;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::event::EventGroup;
use super::plan::{Language, Source};
use super::run::{LookupTable, OwnedEvent, RunError, Surroundings, run};
use super::{Plan, QueryError};

/// 2024-05-01T10:00:00Z.
pub(super) const TEN: i64 = 1_714_557_600_000;

/// Groups of events, and lookup tables.
#[derive(Default)]
pub(super) struct World {
    pub(super) groups: Vec<(Arc<EventGroup>, Vec<OwnedEvent>)>,
    pub(super) tables: HashMap<String, LookupTable>,
}

impl World {
    /// A group `g` of events: milliseconds after ten o'clock, and messages.
    pub(super) fn of(events: &[(i64, &str)]) -> World {
        World::default().and("g", events)
    }

    /// With one group more.
    pub(super) fn and(mut self, name: &str, events: &[(i64, &str)]) -> World {
        let group = Arc::new(EventGroup::new("123456789012", "eu-west-1", name));
        let event = |(seq, (offset, message)): (usize, &(i64, &str))| OwnedEvent {
            group: group.clone(),
            log_stream: "s".into(),
            time_ms: TEN + offset,
            ingested_ms: TEN + offset + 1000,
            seq: seq as u64,
            message: (*message).to_owned(),
            unmasked: None,
            transformed: String::new(),
            entity: String::new(),
            pointer: format!("p{seq}"),
        };
        let events = events.iter().enumerate().map(event).collect();
        self.groups.push((group, events));
        self
    }

    pub(super) fn table(mut self, name: &str, rows: &[&[&str]]) -> World {
        let text = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<String>>();
        let table = LookupTable { columns: text(&rows[0]), rows: rows[1..].iter().map(text).collect() };
        self.tables.insert(name.to_owned(), table);
        self
    }

    /// The rows of a query, each as `column value, column value`.
    pub(super) fn ask(&self, query: &str, language: Language) -> Result<Vec<String>, QueryError> {
        let plan = Plan::parse(query, language)?;
        let outcome = run(&plan, self, TEN..TEN + 3_600_000, TEN + 3_600_000, 10_000);
        let rows = outcome.unwrap_or_else(|error| panic!("{query}: {error}")).rows;
        let row = |row: &super::run::OutputRow| {
            let fields: Vec<String> = row.fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
            fields.join(", ")
        };
        Ok(rows.iter().map(row).collect())
    }

    /// Checks the rows of queries in Logs Insights QL.
    pub(super) fn check(&self, cases: &[(&str, &[&str])]) {
        self.check_in(Language::Cwli, cases);
    }

    pub(super) fn check_in(&self, language: Language, cases: &[(&str, &[&str])]) {
        for (query, expected) in cases {
            let found =
                self.ask(query, language).unwrap_or_else(|error| panic!("{query}: {error} at {:?}", error.span));
            assert_eq!(found, *expected, "{query}");
        }
    }
}

impl Surroundings for World {
    fn events(&self, source: Option<&Source>, time: Range<i64>) -> Result<Vec<OwnedEvent>, RunError> {
        let names = |name: &str| match source {
            None => self.groups.first().is_some_and(|(first, _)| first.name.as_ref() == name),
            Some(Source::Named(names)) => names.iter().any(|named| named == name),
            Some(Source::Selections(all)) => {
                all.iter().any(|one| one.name_prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())))
            }
        };
        let groups = self.groups.iter().filter(|(group, _)| names(&group.name));
        let events = groups.flat_map(|(_, events)| events);
        Ok(events.filter(|event| time.contains(&event.time_ms)).cloned().collect())
    }

    fn lookup_table(&self, name: &str) -> Result<Arc<LookupTable>, RunError> {
        self.tables.get(name).cloned().map(Arc::new).ok_or_else(|| RunError(format!("no table {name}")))
    }
}
