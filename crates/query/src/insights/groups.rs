//! `stats`: rows into groups, value by value, or a batch of columns at a time. Both ways lead to the same groups (Y-1).

use std::borrow::Cow;

use arrow::array::Array as _;
use hashbrown::HashMap;
use watchkeep_lang::insights::aggregate::Accumulator;
use watchkeep_lang::insights::eval::{Context, Row};
use watchkeep_lang::insights::period::Period;
use watchkeep_lang::insights::plan::{Aggregate, Expr, ExprKind, Field, Stats, System};
use watchkeep_lang::insights::value::Value;

use super::row::{Held, Layout, Lifted, value_bytes};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::{EventBatch, FieldColumn};

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// What a group weighs beside its values.
const GROUP_BYTES: usize = 64;

/// After how many batches or rows the accumulators are weighed.
const WEIGHED_EVERY: usize = 64;

/// Groups under way.
pub(super) struct Groups<'p> {
    stats: &'p Stats,
    /// For each key the values it had so far.
    keys: Vec<Interned>,
    /// The groups by the numbers of their keys' values.
    by_key: Map<Box<[u32]>, u32>,
    /// The same if there is one key: by its value's number.
    by_only_key: Vec<u32>,
    /// The numbers of the keys' values of each group.
    groups: Vec<Box<[u32]>>,
    /// For each aggregate, by group.
    accumulators: Vec<Vec<Accumulator>>,
    bounds: Bounds,
    weighed: usize,
    since_weighed: usize,
}

/// The values of a key, numbered in the order in which they came.
#[derive(Default)]
struct Interned {
    values: Vec<Value<'static>>,
    by_key: Map<Box<str>, u32>,
    /// Whole numbers, for which no text need be made.
    by_whole: Map<i64, u32>,
}

/// Up to how many groups a batch is counted apart, and then added.
const COUNTED_APART_MAX: usize = 16 << 10;

const NO_GROUP: u32 = u32::MAX;

impl Interned {
    /// The number of a value: values that are grouped together are one.
    fn number(&mut self, value: &Value<'_>, bounds: &Bounds) -> Result<u32, QueryError> {
        let whole = match value {
            Value::Number(number) if number.trunc() == *number && number.abs() < 1e15 => Some(*number as i64),
            _ => None,
        };
        if let Some(found) = whole.and_then(|whole| self.by_whole.get(&whole)) {
            return Ok(*found);
        }
        let key = group_key(value);
        let number = match self.by_key.get(key.as_ref()) {
            Some(found) => *found,
            None => {
                bounds.take(value_bytes(value) + key.len() + GROUP_BYTES)?;
                let number = u32::try_from(self.values.len()).unwrap_or(NO_GROUP);
                self.values.push(value.borrowed().into_owned());
                self.by_key.insert(key.into(), number);
                number
            }
        };
        if let Some(whole) = whole {
            self.by_whole.insert(whole, number);
        }
        Ok(number)
    }
}

/// Values with one key are of one group: numbers by what they are, however they are written.
pub(super) fn group_key<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match (value, value.as_number()) {
        (Value::Null, _) => Cow::Borrowed(""),
        (Value::Time(time_ms), _) => Cow::Owned(format!("t{time_ms}")),
        (Value::Json(json), _) => Cow::Owned(format!("j{json}")),
        // Long numbers are told apart by more than their floating-point value.
        (Value::Text(text), Some(_)) if text.len() > EXACT_DIGITS => Cow::Owned(format!("s{text}")),
        (_, Some(number)) => Cow::Owned(format!("n{}", number + 0.0)),
        (value, None) => Cow::Owned(format!("s{}", value.as_text().unwrap_or_default())),
    }
}

/// Whole numbers of so many digits are exact as floating-point numbers.
const EXACT_DIGITS: usize = 15;

impl<'p> Groups<'p> {
    /// No rows yet.
    pub(super) fn new(stats: &'p Stats, bounds: Bounds) -> Groups<'p> {
        Groups {
            stats,
            keys: stats.keys.iter().map(|_| Interned::default()).collect(),
            by_key: Map::default(),
            by_only_key: Vec::new(),
            groups: Vec::new(),
            accumulators: stats.calls.iter().map(|_| Vec::new()).collect(),
            bounds,
            weighed: 0,
            since_weighed: 0,
        }
    }

    /// The group of these numbers of keys' values.
    fn group(&mut self, numbers: &[u32]) -> Result<usize, QueryError> {
        let found = match numbers {
            [only] => self.by_only_key.get(*only as usize).copied().filter(|&group| group != NO_GROUP),
            numbers => self.by_key.get(numbers).copied(),
        };
        if let Some(found) = found {
            return Ok(found as usize);
        }
        let weight = GROUP_BYTES + numbers.len() * 8 + self.stats.calls.len() * size_of::<Accumulator>();
        self.bounds.take(weight)?;
        let group = u32::try_from(self.groups.len()).unwrap_or(NO_GROUP - 1);
        match numbers {
            [only] => {
                let at = *only as usize;
                if self.by_only_key.len() <= at {
                    self.by_only_key.resize(at + 1, NO_GROUP);
                }
                if let Some(place) = self.by_only_key.get_mut(at) {
                    *place = group;
                }
            }
            numbers => drop(self.by_key.insert(numbers.into(), group)),
        }
        self.groups.push(numbers.into());
        for (call, of_call) in self.stats.calls.iter().zip(&mut self.accumulators) {
            of_call.push(Accumulator::new(call.function));
        }
        Ok(group as usize)
    }

    /// Adds a row; says which group it is of.
    pub(super) fn add(&mut self, row: &dyn Row, time_ms: Option<i64>, context: &Context) -> Result<usize, QueryError> {
        let mut numbers = Vec::with_capacity(self.stats.keys.len());
        for (key, interned) in self.stats.keys.iter().zip(&mut self.keys) {
            numbers.push(interned.number(&key.value.evaluate(row, context), &self.bounds)?);
        }
        let group = self.group(&numbers)?;
        for (call, of_call) in self.stats.calls.iter().zip(&mut self.accumulators) {
            let Some(accumulator) = of_call.get_mut(group) else { continue };
            match &call.argument {
                Some(argument) => accumulator.add(&argument.evaluate(row, context), time_ms),
                None => accumulator.add_rows(1),
            }
        }
        self.since_weighed += 1;
        if self.since_weighed >= WEIGHED_EVERY.max(self.groups.len()) {
            self.weigh()?;
        }
        Ok(group)
    }

    /// Whether batches of these fields' columns can be added as they are.
    pub(super) fn is_columnar(stats: &Stats) -> bool {
        let is_field = |expr: &Expr| matches!(&expr.kind, ExprKind::Field(Field::Discovered(_)));
        stats.keys.iter().all(|key| is_field(&key.value) || bin(&key.value).is_some())
            && stats.calls.iter().all(|call| {
                let by_value = matches!(
                    call.function,
                    Aggregate::Count
                        | Aggregate::CountDistinct
                        | Aggregate::Sum
                        | Aggregate::Avg
                        | Aggregate::Min
                        | Aggregate::Max
                        | Aggregate::Percentile(_)
                        | Aggregate::Stddev { .. }
                        | Aggregate::Variance { .. }
                );
                by_value && call.argument.as_ref().is_none_or(is_field)
            })
    }

    /// Adds the rows of a batch that are in `selected`, or all; their fields have columns.
    pub(super) fn add_batch(&mut self, batch: &EventBatch<'_>, selected: Option<&[u32]>) -> Result<(), QueryError> {
        let rows: Rows<'_> = match selected {
            Some(rows) => Rows::Some(rows),
            None => Rows::All(batch.len()),
        };
        let groups = self.groups_of(batch, rows)?;
        for (call, of_call) in self.stats.calls.iter().zip(&mut self.accumulators) {
            match call.argument.as_ref().map(|argument| &argument.kind) {
                None => count_rows(of_call, groups.iter().copied()),
                Some(ExprKind::Field(Field::Discovered(path))) => {
                    if let Some(column) = batch.column(path) {
                        add_column(call.function, of_call, column, rows, &groups);
                    }
                }
                Some(_) => {}
            }
        }
        self.since_weighed += 1;
        if self.since_weighed >= WEIGHED_EVERY { self.weigh() } else { Ok(()) }
    }

    /// The group of each row.
    fn groups_of(&mut self, batch: &EventBatch<'_>, rows: Rows<'_>) -> Result<Vec<u32>, QueryError> {
        let mut numbers: Vec<Vec<u32>> = Vec::with_capacity(self.stats.keys.len());
        for (key, interned) in self.stats.keys.iter().zip(&mut self.keys) {
            numbers.push(match (&key.value.kind, bin(&key.value)) {
                (_, Some(period)) => numbers_of_times(interned, batch.times(), period, rows, &self.bounds)?,
                (ExprKind::Field(Field::Discovered(path)), None) => {
                    numbers_of_column(interned, batch.column(path), rows, &self.bounds)?
                }
                _ => Vec::new(),
            });
        }
        let mut groups = Vec::with_capacity(rows.len());
        match numbers.as_slice() {
            [] if rows.len() > 0 => {
                let only = self.group(&[])? as u32;
                groups.resize(rows.len(), only);
            }
            [] => {}
            [only] => {
                for &number in only {
                    // Mostly it is known: the look-up is one step then.
                    groups.push(match self.by_only_key.get(number as usize) {
                        Some(&group) if group != NO_GROUP => group,
                        _ => self.group(&[number])? as u32,
                    });
                }
            }
            several => {
                let mut key = vec![0; several.len()];
                let mut last: Option<u32> = None;
                for at in 0..rows.len() {
                    let mut same = last.is_some();
                    for (part, numbers) in key.iter_mut().zip(several) {
                        let number = numbers.get(at).copied().unwrap_or_default();
                        same &= *part == number;
                        *part = number;
                    }
                    let group = match last {
                        Some(group) if same => group,
                        _ => self.group(&key)? as u32,
                    };
                    last = Some(group);
                    groups.push(group);
                }
            }
        }
        Ok(groups)
    }

    /// Counts what the accumulators hold.
    fn weigh(&mut self) -> Result<(), QueryError> {
        self.since_weighed = 0;
        let held: usize = self.accumulators.iter().flatten().map(Accumulator::held_bytes).sum();
        let more = held.saturating_sub(self.weighed);
        self.weighed = self.weighed.max(held);
        self.bounds.take(more)
    }

    /// The rows of the groups, in the order in which these came, with so many columns.
    pub(super) fn finish(mut self, names: usize, context: &Context) -> Result<Vec<Held>, QueryError> {
        if self.stats.keys.is_empty() && self.groups.is_empty() {
            self.group(&[])?;
        }
        let (layout, lifted) = (Layout::default(), Lifted::default());
        let mut rows = Vec::with_capacity(self.groups.len());
        for group in 0..self.groups.len() {
            let row = self.outputs(group, Held::of_columns(vec![Value::Null; names]), (&layout, &lifted), context);
            self.bounds.take(row.bytes())?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// A row with the columns of a group's keys and outputs.
    pub(super) fn outputs(
        &self,
        group: usize,
        mut row: Held,
        (layout, lifted): (&Layout, &Lifted),
        context: &Context,
    ) -> Held {
        let numbers = self.groups.get(group).map(AsRef::as_ref).unwrap_or_default();
        for ((key, interned), number) in self.stats.keys.iter().zip(&self.keys).zip(numbers) {
            row.set(&key.name, interned.values.get(*number as usize).cloned().unwrap_or_default());
        }
        let results =
            self.accumulators.iter().map(|of_call| of_call.get(group).map(Accumulator::finish).unwrap_or_default());
        let results: Vec<Value<'static>> = results.collect();
        for output in &self.stats.outputs {
            let value = output.value.evaluate(&row.row(layout, lifted).with_aggregates(&results), context).into_owned();
            row.set(&output.name, value);
        }
        row
    }
}

/// The period of `bin(..)`, of the events' own time.
fn bin(expr: &Expr) -> Option<Period> {
    match &expr.kind {
        ExprKind::Round { time, period, up: false }
            if time.kind == ExprKind::Field(Field::System(System::Timestamp))
                && !matches!(period, Period::Millionths(_)) =>
        {
            Some(*period)
        }
        _ => None,
    }
}

/// The rows of a batch that count.
#[derive(Clone, Copy)]
enum Rows<'r> {
    All(usize),
    Some(&'r [u32]),
}

impl<'r> Rows<'r> {
    fn len(self) -> usize {
        match self {
            Rows::All(rows) => rows,
            Rows::Some(rows) => rows.len(),
        }
    }

    fn iter(self) -> impl Iterator<Item = usize> + 'r {
        let (all, some) = match self {
            Rows::All(rows) => (0..rows, [].as_slice()),
            Rows::Some(rows) => (0..0, rows),
        };
        all.chain(some.iter().map(|&row| row as usize))
    }
}

fn numbers_of_times(
    interned: &mut Interned,
    times: &[i64],
    period: Period,
    rows: Rows<'_>,
    bounds: &Bounds,
) -> Result<Vec<u32>, QueryError> {
    let mut numbers = Vec::with_capacity(rows.len());
    let mut known: Map<i64, u32> = Map::default();
    let mut last: Option<(i64, u32)> = None;
    for row in rows.iter() {
        let start = period.floor_ms(times.get(row).copied().unwrap_or_default());
        let number = match last {
            Some((same, number)) if same == start => number,
            _ => match known.get(&start) {
                Some(&number) => number,
                None => {
                    let number = interned.number(&Value::Time(start), bounds)?;
                    known.insert(start, number);
                    number
                }
            },
        };
        last = Some((start, number));
        numbers.push(number);
    }
    Ok(numbers)
}

fn numbers_of_column(
    interned: &mut Interned,
    column: Option<&FieldColumn<'_>>,
    rows: Rows<'_>,
    bounds: &Bounds,
) -> Result<Vec<u32>, QueryError> {
    let mut numbers = Vec::with_capacity(rows.len());
    match column {
        Some(column @ FieldColumn::Text { texts, .. }) => {
            let mut by_key = vec![NO_GROUP; texts.len()];
            let mut null = NO_GROUP;
            for row in rows.iter() {
                let key = column.key(row);
                let known = key.map_or(Some(&mut null), |key| by_key.get_mut(key));
                let Some(known) = known else { continue };
                if *known == NO_GROUP {
                    *known = interned.number(&column.value(row), bounds)?;
                }
                numbers.push(*known);
            }
        }
        Some(column) => {
            let mut last: Option<(Value<'_>, u32)> = None;
            for row in rows.iter() {
                let value = column.value(row);
                let number = match &last {
                    Some((same, number)) if *same == value => *number,
                    _ => interned.number(&value, bounds)?,
                };
                numbers.push(number);
                last = Some((value, number));
            }
        }
        None => {
            let null = interned.number(&Value::Null, bounds)?;
            numbers.resize(rows.len(), null);
        }
    }
    Ok(numbers)
}

/// Counts rows by their groups.
fn count_rows(accumulators: &mut [Accumulator], groups: impl Iterator<Item = u32>) {
    if accumulators.len() > COUNTED_APART_MAX {
        groups.for_each(|group| accumulators.get_mut(group as usize).into_iter().for_each(|of| of.add_rows(1)));
        return;
    }
    let mut counts = vec![0_u64; accumulators.len()];
    for group in groups {
        if let Some(count) = counts.get_mut(group as usize) {
            *count += 1;
        }
    }
    for (accumulator, count) in accumulators.iter_mut().zip(counts) {
        accumulator.add_rows(count);
    }
}

fn add_column(
    function: Aggregate,
    accumulators: &mut [Accumulator],
    column: &FieldColumn<'_>,
    rows: Rows<'_>,
    groups: &[u32],
) {
    if function == Aggregate::Count {
        let present = rows.iter().zip(groups).filter(|(row, _)| !column.value(*row).is_null());
        return count_rows(accumulators, present.map(|(_, &group)| group));
    }
    let mut add = |group: u32, value: &Value<'_>| {
        if let Some(accumulator) = accumulators.get_mut(group as usize) {
            accumulator.add(value, None);
        }
    };
    match column {
        FieldColumn::Text { texts, .. } if texts.len() <= rows.len() => {
            // Each text is read as a number once, if it is one.
            let values: Vec<Value<'_>> = texts
                .iter()
                .map(|text| {
                    let text = Value::Text(text.unwrap_or_default().into());
                    let keeps_text = matches!(function, Aggregate::Min | Aggregate::Max | Aggregate::CountDistinct);
                    if keeps_text { text } else { text.as_number().map_or(Value::Null, Value::Number) }
                })
                .collect();
            for (row, &group) in rows.iter().zip(groups) {
                if let Some(value) = column.key(row).and_then(|key| values.get(key)) {
                    add(group, value);
                }
            }
        }
        column => rows.iter().zip(groups).for_each(|(row, &group)| add(group, &column.value(row))),
    }
}
