//! Steps that bring in other rows: patterns of them, lookup tables, joins.

use std::collections::HashMap;

use super::row::{Held, value_bytes};
use super::rows::{group_key, value_of};
use super::{LookupTable, RunError, Surroundings};
use crate::insights::eval::Context;
use crate::insights::limits::ROWS_HELD_MAX;
use crate::insights::patterns::{Clusterer, Sample};
use crate::insights::plan::{Field, Join, JoinKind, JoinSide, Lookup, Patterns};
use crate::insights::value::Value;

pub(super) fn patterns(patterns: &Patterns, rows: &[Held], context: &Context) -> Vec<Held> {
    let mut clusterer = Clusterer::default();
    for row in rows {
        let value = value_of(&patterns.input, row, context);
        if let Some(text) = value.as_text() {
            clusterer.add(&text, Sample { time_ms: row.time_ms(), is_earlier: row.is_earlier });
        }
    }
    let row = |values: Vec<Value<'static>>| {
        let mut row = Held::empty(0);
        for (name, value) in patterns.columns.iter().zip(values) {
            row.set(name, value);
        }
        row
    };
    clusterer.finish(patterns).into_iter().map(row).collect()
}

pub(super) fn lookup(
    lookup: &Lookup,
    table: &LookupTable,
    mut rows: Vec<Held>,
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    let column = |name: &str| {
        let missing = || RunError(format!("the lookup table {} has no column {name}", lookup.table));
        table.columns.iter().position(|column| column == name).ok_or_else(missing)
    };
    let keys = lookup.keys.iter().map(|(name, _)| column(name)).collect::<Result<Vec<usize>, _>>()?;
    let outputs = lookup.outputs.iter().map(|(name, _)| column(name)).collect::<Result<Vec<usize>, _>>()?;
    let cell = |row: &'_ Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let mut by_key: HashMap<Vec<String>, usize> = HashMap::new();
    for (index, row) in table.rows.iter().enumerate() {
        by_key.entry(keys.iter().map(|column| cell(row, *column)).collect()).or_insert(index);
    }
    for row in &mut rows {
        let values = lookup
            .keys
            .iter()
            .map(|(_, expr)| value_of(expr, row, context).as_text().map(std::borrow::Cow::into_owned));
        let found = values.collect::<Option<Vec<String>>>().and_then(|key| by_key.get(&key));
        let found = found.and_then(|index| table.rows.get(*index));
        for ((_, name), column) in lookup.outputs.iter().zip(&outputs) {
            let value = found.map_or(Value::Null, |row| Value::text(cell(row, *column)));
            surroundings.hold(value_bytes(&value))?;
            row.set(name, value);
        }
    }
    Ok(rows)
}

pub(super) fn join(
    join: &Join,
    left: &[Held],
    right: &[Held],
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    let mut by_key: HashMap<Vec<String>, Vec<&Held>> = HashMap::new();
    for row in right {
        if let Some(key) = key_of(row, &join.right.keys) {
            by_key.entry(key).or_default().push(row);
        }
    }
    let mut joined = Vec::new();
    for row in left {
        let partners = key_of(row, &join.left.keys).and_then(|key| by_key.get(&key));
        for partner in partners.into_iter().flatten() {
            let mut both = Held::empty(0);
            put(&mut both, row, &join.left);
            put(&mut both, partner, &join.right);
            surroundings.hold(both.copy_bytes())?;
            joined.push(both);
        }
        if partners.is_none() && join.kind == JoinKind::Left {
            let mut alone = Held::empty(0);
            put(&mut alone, row, &join.left);
            surroundings.hold(alone.copy_bytes())?;
            joined.push(alone);
        }
        if joined.len() > ROWS_HELD_MAX {
            return Err(RunError(format!("the join has more than {ROWS_HELD_MAX} rows")));
        }
    }
    Ok(joined)
}

/// What rows are joined by; none, if any of it is nothing.
fn key_of(row: &Held, fields: &[Field]) -> Option<Vec<String>> {
    let key = |field: &Field| {
        let value = row.get(field);
        (!value.is_null()).then(|| group_key(&value))
    };
    fields.iter().map(key).collect()
}

fn put(joined: &mut Held, row: &Held, side: &JoinSide) {
    for (name, field) in &side.columns {
        joined.set(name, row.get(field).into_owned());
    }
}
