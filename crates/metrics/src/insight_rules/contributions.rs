//! From log events to contributions: what the events of one call add to the reports of the rules that read their group. They
//! are added up within the call, and become rows that are stored together with the events.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::{AccountId, Region, TimestampMs};
use watchkeep_lang::insight_rule::RuleSet;
use watchkeep_store::Rows;

use super::rule_book::{Rule, Seen};
use super::tally::Tally;
use crate::Metrics;
use crate::limits::CONTRIBUTION_BYTES_AT_ONCE;
use crate::tables::METRIC_CONTRIBUTIONS;

const MINUTE_MS: i64 = 60_000;

/// A log event on its way in.
#[derive(Debug, Clone, Copy)]
pub struct LogEvent<'m> {
    /// The event's own time, in milliseconds since the epoch.
    pub time_ms: i64,
    /// Its message.
    pub message: &'m str,
}

/// What log events add to reports.
#[derive(Debug)]
pub struct Contributions {
    rows: Rows,
    /// The contributors that are counted by themselves, by their rules.
    seen: Vec<(Arc<Seen>, Vec<u64>)>,
    minute: i64,
}

impl Contributions {
    /// The rows to be stored together with the events.
    pub fn take_rows(&mut self) -> Rows {
        std::mem::replace(&mut self.rows, Rows::new(&METRIC_CONTRIBUTIONS))
    }

    /// To be called once the rows are durable.
    pub fn stored(self) {
        for (seen, contributors) in self.seen {
            seen.add(self.minute, contributors);
        }
    }
}

impl Metrics {
    /// What events that are put into a log group add to the reports of the enabled rules that read it; nothing if none does,
    /// which takes one look-up where there are no rules.
    pub fn contributions<'m>(
        &self,
        (account, region): (AccountId, &Region),
        log_group: &str,
        received: TimestampMs,
        events: impl IntoIterator<Item = LogEvent<'m>>,
    ) -> Option<Contributions> {
        let rules = self.insight_rules.enabled(account, region)?;
        let covers = |rule: &&Arc<Rule>| rule.compiled.covers(account.as_str(), region.as_str(), log_group);
        let rules: Vec<&Arc<Rule>> = rules.iter().filter(covers).collect();
        if rules.is_empty() {
            return None;
        }
        let tallies = tallies(&rules, events);
        let minute = received.0.div_euclid(MINUTE_MS);
        let mut contributions = Contributions { rows: Rows::new(&METRIC_CONTRIBUTIONS), seen: Vec::new(), minute };
        for (rule, tallies) in rules.into_iter().zip(tallies) {
            contributions.add(rule, tallies);
        }
        (!contributions.rows.is_empty()).then_some(contributions)
    }
}

/// Of one rule: for each minute and contributor (its keys as a JSON array; none: those that are not told apart) the sums.
type Tallies = HashMap<(i64, Option<String>), Tally, foldhash::fast::FixedState>;

/// Adds up what each rule counts.
fn tallies<'m>(rules: &[&Arc<Rule>], events: impl IntoIterator<Item = LogEvent<'m>>) -> Vec<Tallies> {
    let mut tallies: Vec<Tallies> = rules.iter().map(|_| Tallies::default()).collect();
    let rules = RuleSet::new(rules.iter().map(|rule| &rule.compiled));
    let mut bytes_left = CONTRIBUTION_BYTES_AT_ONCE;
    for LogEvent { time_ms, message } in events {
        let minute_ms = time_ms.saturating_sub(time_ms.rem_euclid(MINUTE_MS));
        for (tallies, contribution) in tallies.iter_mut().zip(rules.contributions(message)) {
            let Some(contribution) = contribution else { continue };
            let keys = serde_json::Value::from(contribution.keys.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
            let keys = Some(keys.to_string()).filter(|keys| keys.len() <= bytes_left);
            bytes_left -= keys.as_ref().map_or(0, String::len);
            tallies.entry((minute_ms, keys)).or_default().add(contribution.value);
        }
    }
    tallies
}

impl Contributions {
    fn add(&mut self, rule: &Rule, tallies: Tallies) {
        let hash = |place: &(i64, Option<String>)| foldhash::fast::FixedState::default().hash_one(place);
        let (told_apart, mut rest): (Vec<_>, Tallies) = {
            let (named, rest): (Vec<_>, Vec<_>) = tallies.into_iter().partition(|((_, keys), _)| keys.is_some());
            (named, rest.into_iter().collect())
        };
        let seen = rule.seen();
        let admitted = seen.admitted(self.minute, told_apart.iter().map(|(place, _)| hash(place)));
        let mut contributors = Vec::with_capacity(told_apart.len());
        for (((minute_ms, keys), tally), is_admitted) in told_apart.into_iter().zip(admitted) {
            if is_admitted {
                self.write(rule.id, minute_ms, keys.as_deref(), &tally);
                contributors.push(hash(&(minute_ms, keys)));
            } else {
                rest.entry((minute_ms, None)).or_default().merge(&tally);
            }
        }
        for ((minute_ms, _), tally) in &rest {
            self.write(rule.id, *minute_ms, None, tally);
        }
        self.seen.push((seen, contributors));
    }

    fn write(&mut self, rule: u64, minute_ms: i64, keys: Option<&str>, tally: &Tally) {
        self.rows.u64(rule);
        self.rows.i64(minute_ms);
        self.rows.text_or_null(keys);
        self.rows.u64(tally.count);
        self.rows.f64(tally.sum);
        self.rows.f64(tally.minimum);
        self.rows.f64(tally.maximum);
        self.rows.end_row();
    }
}
