//! Steps over rows that are held, in their order.

use std::cmp::Ordering;

use hashbrown::HashMap;
use watchkeep_lang::insights::eval::{Context, Row};
use watchkeep_lang::insights::plan::{Dedup, SortKey, Step};
use watchkeep_lang::insights::value::Value;

use super::groups::{Groups, group_key};
use super::lookup::Tables;
use super::prefix::{elements, is_of_one, parsed};
use super::row::{Held, Layout, Lifted, value_bytes};
use crate::control::Bounds;
use crate::error::QueryError;

/// What the steps go by.
pub(super) struct Steps<'p> {
    pub context: &'p Context,
    pub tables: &'p Tables,
    pub layout: &'p Layout,
    pub bounds: &'p Bounds,
    /// How many names the plan has.
    pub names: usize,
    pub may_unmask: bool,
}

/// Whether a step is one of those here, or one that looks at one event at a time.
pub(super) fn is_known(step: &Step) -> bool {
    let is_of_many =
        matches!(step, Step::Stats(_) | Step::Sort(_) | Step::Limit { .. } | Step::Dedup(_) | Step::Pattern(_));
    is_of_many || is_of_one(step)
}

impl Steps<'_> {
    /// The rows after a step.
    pub(super) fn step(&self, step: &Step, mut rows: Vec<Held>, lifted: &mut Lifted) -> Result<Vec<Held>, QueryError> {
        self.bounds.check()?;
        let (context, layout) = (self.context, self.layout);
        match step {
            Step::Filter(condition) | Step::FilterIndex { condition, .. } => {
                rows.retain(|row| condition.is_true(&row.row(layout, lifted), context));
            }
            Step::Define(definitions) => {
                for row in &mut rows {
                    for definition in definitions {
                        let value = definition.value.evaluate(&row.row(layout, lifted), context).into_owned();
                        self.bounds.take(value_bytes(&value))?;
                        row.set(&definition.name, value);
                    }
                }
            }
            Step::Parse(parse) => {
                for row in &mut rows {
                    let found = parsed(parse, &row.row(layout, lifted), context);
                    for (name, value) in found {
                        self.bounds.take(value_bytes(&value))?;
                        row.set(name, value);
                    }
                }
            }
            Step::Stats(stats) => {
                let mut groups = Groups::new(stats, self.bounds.clone());
                for row in &rows {
                    let time_ms = row.pointer.map(|pointer| pointer.time_ms);
                    groups.add(&row.row(layout, lifted), time_ms, context)?;
                }
                rows = groups.finish(self.names, context)?;
            }
            Step::Sort(keys) => rows = self.sorted(keys, rows, lifted)?,
            Step::Limit { skip, rows: most } => rows = rows.into_iter().skip(*skip).take(*most).collect(),
            Step::Dedup(dedup) => {
                let mut seen = Seen::new(dedup, self.bounds.clone());
                let mut kept = Vec::new();
                for row in rows {
                    if seen.keeps(&row.row(layout, lifted), context)? {
                        kept.push(row);
                    }
                }
                rows = kept;
            }
            Step::Unmask(field) => {
                if self.may_unmask {
                    lifted.lift(field.as_ref());
                }
            }
            Step::Unnest { list, into } => {
                let mut unnested = Vec::new();
                for row in rows {
                    let elements = elements(list.evaluate(&row.row(layout, lifted), context).into_owned());
                    for element in elements {
                        let mut of_element = row.clone();
                        of_element.set(into, element);
                        self.bounds.take(of_element.bytes())?;
                        unnested.push(of_element);
                    }
                }
                rows = unnested;
            }
            Step::Lookup(lookup) => {
                for row in &mut rows {
                    let found = self.tables.found(lookup, &row.row(layout, lifted), context)?;
                    for (name, value) in found {
                        self.bounds.take(value_bytes(&value))?;
                        row.set(name, value);
                    }
                }
            }
            _ => return Err(QueryError::Failed("a step stands where it cannot".to_owned())),
        }
        Ok(rows)
    }

    /// Rows in the order of their keys; those of equal keys as they were.
    fn sorted(&self, keys: &[SortKey], rows: Vec<Held>, lifted: &Lifted) -> Result<Vec<Held>, QueryError> {
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let values = sort_values(keys, &row.row(self.layout, lifted), self.context);
            self.bounds.take(values.iter().map(value_bytes).sum())?;
            keyed.push((values, row));
        }
        keyed.sort_by(|(one, _), (other, _)| compare(keys, one, other));
        Ok(keyed.into_iter().map(|(_, row)| row).collect())
    }
}

/// What a row is sorted by.
pub(super) fn sort_values(keys: &[SortKey], row: &dyn Row, context: &Context) -> Vec<Value<'static>> {
    keys.iter().map(|key| key.value.evaluate(row, context).into_owned()).collect()
}

/// Which of two rows is first.
pub(super) fn compare(keys: &[SortKey], one: &[Value<'_>], other: &[Value<'_>]) -> Ordering {
    let orders = keys.iter().zip(one.iter().zip(other)).map(|(key, (one, other))| {
        let order = one.natural_order(other);
        if key.descending { order.reverse() } else { order }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

/// What `dedup` saw so far.
pub(super) struct Seen<'p> {
    dedup: &'p Dedup,
    counts: HashMap<Vec<String>, usize>,
    last: Option<Vec<String>>,
    bounds: Bounds,
}

impl<'p> Seen<'p> {
    /// Nothing yet.
    pub(super) fn new(dedup: &'p Dedup, bounds: Bounds) -> Seen<'p> {
        Seen { dedup, counts: HashMap::new(), last: None, bounds }
    }

    /// Whether the next row stays.
    pub(super) fn keeps(&mut self, row: &dyn Row, context: &Context) -> Result<bool, QueryError> {
        let values = self.dedup.keys.iter().map(|key| key.evaluate(row, context));
        let values: Vec<Value<'_>> = values.collect();
        if values.iter().any(Value::is_null) {
            return Ok(self.dedup.keeps_null);
        }
        let key: Vec<String> = values.iter().map(|value| group_key(value).into_owned()).collect();
        if self.dedup.consecutive {
            if self.last.as_ref() != Some(&key) {
                self.counts.clear();
            }
            self.last = Some(key.clone());
        } else if !self.counts.contains_key(&key) {
            self.bounds
                .take(key.iter().map(|part| part.len() + size_of::<String>()).sum::<usize>() + size_of::<usize>())?;
        }
        let count = self.counts.entry(key).or_default();
        *count += 1;
        Ok(*count <= self.dedup.allowed)
    }
}
