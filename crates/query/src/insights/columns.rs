//! Filters over columns that stand in for messages.

use arrow::array::Array as _;
use watchkeep_lang::insights::eval::{Context, Row};
use watchkeep_lang::insights::plan::{Expr, ExprKind, Field, Path, Step, System};
use watchkeep_lang::insights::value::Value;

use super::needs::Needs;
use crate::events::{EventBatch, FieldColumn};

/// Rows whose discovered fields all have columns.
pub(super) trait Columns {
    /// How many there are.
    fn rows(&self) -> usize;

    /// The column of a field.
    fn column(&self, path: &Path) -> Option<&FieldColumn<'_>>;

    /// What every event has.
    fn system(&self, at: usize, what: System) -> Value<'_>;
}

impl Columns for EventBatch<'_> {
    fn rows(&self) -> usize {
        self.len()
    }

    fn column(&self, path: &Path) -> Option<&FieldColumn<'_>> {
        EventBatch::column(self, path)
    }

    fn system(&self, at: usize, what: System) -> Value<'_> {
        self.event(at, None, "").map_or(Value::Null, |event| event.system(what))
    }
}

/// The rows that pass all filters; `None` if that is all of them.
pub(super) fn select(batch: &dyn Columns, filters: &[Step], context: &Context) -> Option<Vec<u32>> {
    let mut selected: Option<Vec<u32>> = None;
    for step in filters {
        if let Step::Filter(condition) = step {
            narrow(batch, condition, context, &mut selected);
        }
    }
    selected
}

fn narrow(batch: &dyn Columns, condition: &Expr, context: &Context, selected: &mut Option<Vec<u32>>) {
    if let ExprKind::And(all) = &condition.kind {
        return all.iter().for_each(|one| narrow(batch, one, context, selected));
    }
    let needs = Needs::of_expr(condition);
    let only = match needs.paths.as_slice() {
        [(path, _)] if needs.system.is_empty() => batch.column(path),
        _ => None,
    };
    let is_true = |at: usize| condition.is_true(&ColumnRow { batch, at }, context);
    let mut keep = |passes: &mut dyn FnMut(usize) -> bool| {
        *selected = Some(match selected.take() {
            Some(rows) => rows.into_iter().filter(|&row| passes(row as usize)).collect(),
            None => (0..batch.rows() as u32).filter(|&row| passes(row as usize)).collect(),
        });
    };
    match only {
        // A condition on one field says the same of all rows with one text: it is asked once for each.
        Some(column @ FieldColumn::Text { texts, .. }) if texts.len() <= batch.rows() => {
            let mut known: Vec<Option<bool>> = vec![None; texts.len()];
            let mut of_nothing: Option<bool> = None;
            keep(&mut |at| {
                let known = match column.key(at) {
                    Some(key) => known.get_mut(key),
                    None => Some(&mut of_nothing),
                };
                match known {
                    Some(known) => *known.get_or_insert_with(|| is_true(at)),
                    None => is_true(at),
                }
            });
        }
        // Of numbers the same few come again and again, mostly.
        Some(FieldColumn::I64(array)) => {
            let mut recent = Recent::new();
            let of = |at: usize| array.values().get(at).map(|number| number.cast_unsigned());
            keep(&mut |at| recent.get(of(at).filter(|_| array.is_valid(at)), || is_true(at)));
        }
        Some(FieldColumn::F64(array)) => {
            let mut recent = Recent::new();
            let of = |at: usize| array.values().get(at).map(|number| number.to_bits());
            keep(&mut |at| recent.get(of(at).filter(|_| array.is_valid(at)), || is_true(at)));
        }
        _ => keep(&mut |at| is_true(at)),
    }
}

/// What a condition on one field said of values that were met not long ago.
struct Recent {
    of_nothing: Option<bool>,
    of_values: [Option<(u64, bool)>; RECENT],
}

/// How many values are remembered.
const RECENT: usize = 256;

impl Recent {
    fn new() -> Recent {
        Recent { of_nothing: None, of_values: [None; RECENT] }
    }

    #[inline]
    fn get(&mut self, value: Option<u64>, is_true: impl FnOnce() -> bool) -> bool {
        let Some(value) = value else { return *self.of_nothing.get_or_insert_with(is_true) };
        let place = value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        let Some(known) = self.of_values.get_mut(place as usize) else { return is_true() };
        match known {
            Some((same, outcome)) if *same == value => *outcome,
            _ => known.insert((value, is_true())).1,
        }
    }
}

/// One of them.
struct ColumnRow<'b> {
    batch: &'b dyn Columns,
    at: usize,
}

impl Row for ColumnRow<'_> {
    fn field(&self, field: &Field) -> Value<'_> {
        match field {
            Field::Discovered(path) => self.batch.column(path).map_or(Value::Null, |column| column.value(self.at)),
            Field::System(what) => self.batch.system(self.at, *what),
            Field::Column(_) => Value::Null,
        }
    }
}
