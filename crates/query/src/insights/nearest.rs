//! Which events can be among the first of a sort: their columns say so before anything else of them is decoded.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array as _, ArrayRef};
use arrow::buffer::BooleanBuffer;
use watchkeep_lang::insights::eval::Context;
use watchkeep_lang::insights::plan::{ExprKind, Field, Path, SortKey, Step, System};
use watchkeep_lang::insights::value::Value;
use watchkeep_store::Spelling;

use super::columns::{self, Columns};
use super::needs::Needs;
use crate::control::Bounds;
use crate::events::{Counts, EXACT_WHOLE, EventChoice, FieldColumn};

/// The first of a sort, by its first key alone: what is behind so many others need not be looked at.
pub(super) struct Nearest {
    /// The fields of the filters and the key.
    fields: Arc<[(Path, Spelling)]>,
    /// Only filters.
    filters: Vec<Step>,
    context: Context,
    key: Path,
    descending: bool,
    rows_max: usize,
    best: Mutex<BinaryHeap<Rank<'static>>>,
}

impl Nearest {
    /// The first `rows_max` rows of a sort behind these steps, which are filters; `None` if fields of messages do not tell.
    pub(super) fn of(keys: &[SortKey], rows_max: usize, steps: &[Step], context: &Context) -> Option<Nearest> {
        let key = keys.first().filter(|_| rows_max > 0)?;
        let ExprKind::Field(Field::Discovered(path)) = &key.value.kind else { return None };
        let filters = steps.iter().filter(|step| matches!(step, Step::Filter(_)));
        let filters: Vec<Step> = filters.cloned().collect();
        let mut needs = Needs::of(&filters, &[]);
        needs.path(path, Spelling::Ignored);
        if !needs.system.is_empty() || needs.unmasked {
            return None;
        }
        Some(Nearest {
            fields: needs.standing_in()?.into(),
            filters,
            context: context.clone(),
            key: path.clone(),
            descending: key.descending,
            rows_max,
            best: Mutex::default(),
        })
    }

    /// The choice of these rows. Those that pass the filters and are left out are counted here.
    pub(super) fn choice(self, bounds: Bounds, counts: Arc<Counts>) -> EventChoice {
        let fields = self.fields.clone();
        let wanted = move |arrays: &[ArrayRef]| {
            let rows = arrays.first().map_or(0, |array| array.len());
            if bounds.check().is_err() {
                // Whatever comes is let through then, so that the query notices soon.
                return BooleanBuffer::new_set(rows);
            }
            let columns =
                FieldColumns { fields: &self.fields, columns: arrays.iter().map(FieldColumn::new).collect(), rows };
            let selected = columns::select(&columns, &self.filters, &self.context);
            let wanted = match columns.column(&self.key) {
                Some(key) => self.nearest(key, selected.as_deref(), rows),
                None => selected.clone().unwrap_or_else(|| (0..rows as u32).collect()),
            };
            let passed = selected.map_or(rows, |selected| selected.len());
            counts.add_matched((passed - wanted.len()) as u64);
            let mut wanted = wanted.into_iter().peekable();
            BooleanBuffer::collect_bool(rows, |at| wanted.next_if_eq(&(at as u32)).is_some())
        };
        EventChoice { fields, wanted: Arc::new(wanted) }
    }

    /// Of the rows that passed, those that are not behind the best so far; ascending.
    fn nearest(&self, key: &FieldColumn<'_>, selected: Option<&[u32]>, rows: usize) -> Vec<u32> {
        let worst = self.worst();
        let near = match &worst {
            Some(worst) => self.not_behind(worst, key, selected, rows),
            None => selected.map_or_else(|| (0..rows as u32).collect(), <[u32]>::to_vec),
        };
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        for &row in &near {
            let rank = Rank { value: key.value(row as usize), descending: self.descending };
            if best.len() < self.rows_max {
                best.push(rank.into_owned());
            } else if best.peek().is_some_and(|worst| rank < *worst) {
                best.pop();
                best.push(rank.into_owned());
            }
        }
        let worst = best.peek().filter(|_| best.len() >= self.rows_max).map(|rank| rank.value.clone());
        drop(best);
        match &worst {
            Some(worst) => self.not_behind(worst, key, Some(&near), rows),
            None => near,
        }
    }

    /// The value of the last row that matters, once there are as many.
    fn worst(&self) -> Option<Value<'static>> {
        let best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        best.peek().filter(|_| best.len() >= self.rows_max).map(|rank| rank.value.clone())
    }

    /// Of some rows, or all, those whose value is not behind `worst`.
    fn not_behind(&self, worst: &Value<'_>, key: &FieldColumn<'_>, among: Option<&[u32]>, rows: usize) -> Vec<u32> {
        let is_behind = |at: usize| in_order(&key.value(at), worst, self.descending) == Ordering::Greater;
        let numbers_behind = |number: f64, than: f64| {
            let order = number.total_cmp(&than);
            (if self.descending { order.reverse() } else { order }) == Ordering::Greater
        };
        let keep = |stays: &dyn Fn(usize) -> bool| match among {
            Some(among) => among.iter().copied().filter(|&row| stays(row as usize)).collect(),
            None => (0..rows as u32).filter(|&row| stays(row as usize)).collect(),
        };
        match (worst, key) {
            (Value::Number(worst), FieldColumn::I64(array)) => keep(&|at| match array.values().get(at) {
                Some(number) if number.unsigned_abs() < EXACT_WHOLE && array.is_valid(at) => {
                    !numbers_behind(*number as f64, *worst)
                }
                _ => !is_behind(at),
            }),
            (Value::Number(worst), FieldColumn::F64(array)) => keep(&|at| match array.values().get(at) {
                Some(number) if array.is_valid(at) => !numbers_behind(*number, *worst),
                _ => !is_behind(at),
            }),
            _ => keep(&|at| !is_behind(at)),
        }
    }
}

/// The columns of some events that were asked for by their fields.
struct FieldColumns<'c> {
    fields: &'c [(Path, Spelling)],
    columns: Vec<FieldColumn<'c>>,
    rows: usize,
}

impl Columns for FieldColumns<'_> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn column(&self, path: &Path) -> Option<&FieldColumn<'_>> {
        self.columns.get(self.fields.iter().position(|(found, _)| found.slot == path.slot)?)
    }

    fn system(&self, _at: usize, _what: System) -> Value<'_> {
        Value::Null
    }
}

/// The value of a row that is sorted; the last in the order is the greatest.
struct Rank<'v> {
    value: Value<'v>,
    descending: bool,
}

impl Rank<'_> {
    fn into_owned(self) -> Rank<'static> {
        Rank { value: self.value.into_owned(), descending: self.descending }
    }
}

impl Ord for Rank<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        in_order(&self.value, &other.value, self.descending)
    }
}

impl PartialOrd for Rank<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank<'_> {}

fn in_order(one: &Value<'_>, other: &Value<'_>, descending: bool) -> Ordering {
    let order = one.natural_order(other);
    if descending { order.reverse() } else { order }
}
