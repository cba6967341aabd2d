//! Aggregation.

use std::collections::HashMap;

use super::row::{Held, value_bytes};
use super::rows::{group_key, value_of};
use super::{RunError, Surroundings};
use crate::insights::aggregate::Accumulator;
use crate::insights::eval::Context;
use crate::insights::plan::Stats;
use crate::insights::value::Value;

/// The rows of a group.
struct Group {
    keys: Vec<Value<'static>>,
    accumulators: Vec<Accumulator>,
}

impl Group {
    fn new(stats: &Stats, keys: Vec<Value<'static>>) -> Group {
        Group { keys, accumulators: stats.calls.iter().map(|call| Accumulator::new(call.function)).collect() }
    }

    fn add(&mut self, stats: &Stats, row: &Held, context: &Context) {
        for (call, accumulator) in stats.calls.iter().zip(&mut self.accumulators) {
            match &call.argument {
                None => accumulator.add_rows(1),
                Some(argument) => accumulator.add(&value_of(argument, row, context), row.time_ms()),
            }
        }
    }

    /// The results of its aggregates.
    fn finish(&self) -> Vec<Value<'static>> {
        self.accumulators.iter().map(Accumulator::finish).collect()
    }

    /// Puts keys and outputs into a row.
    fn put(
        &self,
        stats: &Stats,
        results: &[Value<'static>],
        row: &mut Held,
        context: &Context,
        surroundings: &dyn Surroundings,
    ) -> Result<(), RunError> {
        for (key, value) in stats.keys.iter().zip(&self.keys) {
            row.set(&key.name, value.clone());
        }
        row.aggregates = results.to_vec();
        for output in &stats.outputs {
            let value = value_of(&output.value, row, context);
            row.set(&output.name, value);
        }
        row.aggregates = Vec::new();
        // Lists are shared by the rows of a group.
        surroundings.hold(row.copy_bytes())
    }
}

/// The groups, in the order in which they were met, and for each row the index of its own.
fn groups(
    stats: &Stats,
    rows: &[Held],
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<(Vec<Group>, Vec<usize>), RunError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut by_key: HashMap<Vec<String>, usize> = HashMap::new();
    if stats.keys.is_empty() {
        groups.push(Group::new(stats, Vec::new()));
        by_key.insert(Vec::new(), 0);
    }
    let mut of_rows = Vec::with_capacity(rows.len());
    for row in rows {
        let values: Vec<Value<'static>> = stats.keys.iter().map(|key| value_of(&key.value, row, context)).collect();
        let key = values.iter().map(group_key).collect();
        let index = *by_key.entry(key).or_insert(groups.len());
        if index == groups.len() {
            let accumulators = stats.calls.len() * size_of::<Accumulator>();
            surroundings.hold(accumulators + 2 * values.iter().map(value_bytes).sum::<usize>())?;
            groups.push(Group::new(stats, values));
        }
        if let Some(group) = groups.get_mut(index) {
            group.add(stats, row, context);
        }
        of_rows.push(index);
    }
    Ok((groups, of_rows))
}

pub(super) fn stats(
    stats: &Stats,
    rows: &[Held],
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    let (groups, _) = groups(stats, rows, context, surroundings)?;
    let row = |group: &Group| {
        let mut row = Held::empty(0);
        group.put(stats, &group.finish(), &mut row, context, surroundings)?;
        Ok(row)
    };
    groups.iter().map(row).collect()
}

pub(super) fn event_stats(
    stats: &Stats,
    mut rows: Vec<Held>,
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    let (groups, of_rows) = groups(stats, &rows, context, surroundings)?;
    // Once for each group: there are as many rows, and results may take long.
    let results: Vec<Vec<Value<'static>>> = groups.iter().map(Group::finish).collect();
    for (row, index) in rows.iter_mut().zip(of_rows) {
        if let (Some(group), Some(results)) = (groups.get(index), results.get(index)) {
            group.put(stats, results, row, context, surroundings)?;
        }
    }
    Ok(rows)
}
