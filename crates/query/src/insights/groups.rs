//! `stats`: rows into groups, value by value, or a batch of columns at a time. Both ways lead to the same groups (Y-1).

use std::borrow::Cow;

use arrow::array::{Array as _, StringArray};
use hashbrown::HashMap;
use watchkeep_lang::insights::aggregate::Accumulator;
use watchkeep_lang::insights::eval::{Context, Row};
use watchkeep_lang::insights::period::Period;
use watchkeep_lang::insights::plan::{Aggregate, Expr, ExprKind, Field, Stats, System};
use watchkeep_lang::insights::value::{Value, number_of};

use super::columns::Columns as _;
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
    /// For each key after the first, the pairs with those before it.
    pairs: Vec<Pairs>,
    /// The groups by the number of their key's value, or of the last pair.
    by_number: Vec<u32>,
    /// The numbers of the keys' values of each group.
    groups: Vec<Box<[u32]>>,
    /// For each aggregate, by group.
    accumulators: Vec<Vec<Accumulator>>,
    /// For each aggregate what is counted apart of its values.
    wholes: Vec<Wholes>,
    bounds: Bounds,
    weighed: usize,
    since_weighed: usize,
}

/// The values of a key, numbered in the order in which they came.
#[derive(Default)]
struct Interned {
    values: Vec<Value<'static>>,
    /// Texts that are not numbers, as they are.
    by_text: Map<Box<str>, u32>,
    by_key: Map<Box<str>, u32>,
    /// Whole numbers, for which no text need be made.
    by_whole: Map<i64, u32>,
    /// The texts of a dictionary, and their numbers: the batches of a row group share one.
    dictionary: Option<(StringArray, Vec<u32>)>,
}

/// Up to how many groups a batch is counted apart, and then added.
const COUNTED_APART_MAX: usize = 16 << 10;

const NO_GROUP: u32 = u32::MAX;

impl Interned {
    /// The number of a value: values that are grouped together are one.
    fn number(&mut self, value: &Value<'_>, bounds: &Bounds) -> Result<u32, QueryError> {
        if let Value::Text(text) = value
            && (number_of(text).is_none() || text.len() > EXACT_DIGITS)
        {
            return match self.by_text.get(text.as_ref()) {
                Some(found) => Ok(*found),
                None => {
                    let number = self.add(value, text.len(), bounds)?;
                    self.by_text.insert(text.as_ref().into(), number);
                    Ok(number)
                }
            };
        }
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
                let number = self.add(value, key.len(), bounds)?;
                self.by_key.insert(key.into(), number);
                number
            }
        };
        if let Some(whole) = whole {
            self.by_whole.insert(whole, number);
        }
        Ok(number)
    }

    fn add(&mut self, value: &Value<'_>, key_bytes: usize, bounds: &Bounds) -> Result<u32, QueryError> {
        bounds.take(value_bytes(value) + key_bytes + GROUP_BYTES)?;
        let number = u32::try_from(self.values.len()).unwrap_or(NO_GROUP);
        self.values.push(value.borrowed().into_owned());
        Ok(number)
    }

    /// The numbers of a dictionary's texts, as far as they are known.
    fn of_dictionary(&mut self, texts: &StringArray) -> Vec<u32> {
        match self.dictionary.take() {
            Some((known, numbers)) if is_same(&known, texts) => numbers,
            _ => vec![NO_GROUP; texts.len()],
        }
    }
}

/// Whether two arrays are of the same memory.
fn is_same(one: &StringArray, other: &StringArray) -> bool {
    let place = |array: &StringArray| (array.values().as_ptr(), array.offsets().as_ptr(), array.len());
    place(one) == place(other)
}

/// The pairs of a number of a key's value and one of what is before it, numbered in the order in which they came.
#[derive(Default)]
struct Pairs {
    by_pair: Map<(u32, u32), u32>,
    /// The numbers of pairs of small numbers: for each of the first, a row of the second.
    small: Vec<[u32; SMALL]>,
}

impl Pairs {
    fn number(&mut self, pair: (u32, u32), bounds: &Bounds) -> Result<u32, QueryError> {
        if let Some(found) = self.by_pair.get(&pair) {
            return Ok(*found);
        }
        bounds.take(GROUP_BYTES)?;
        let number = u32::try_from(self.by_pair.len()).unwrap_or(NO_GROUP);
        self.by_pair.insert(pair, number);
        Ok(number)
    }

    /// The same for many pairs: few of them are different.
    fn numbers(&mut self, before: &[u32], last: &[u32], bounds: &Bounds) -> Result<Vec<u32>, QueryError> {
        let mut numbers = Vec::with_capacity(before.len());
        for pair in before.iter().copied().zip(last.iter().copied()) {
            let known = self.small.get(pair.0 as usize).and_then(|row| row.get(pair.1 as usize));
            numbers.push(match known {
                Some(&number) if number != NO_GROUP => number,
                _ => self.number_and_note(pair, bounds)?,
            });
        }
        Ok(numbers)
    }

    #[cold]
    fn number_and_note(&mut self, pair: (u32, u32), bounds: &Bounds) -> Result<u32, QueryError> {
        let number = self.number(pair, bounds)?;
        let (before, last) = (pair.0 as usize, pair.1 as usize);
        if before < SMALL && last < SMALL {
            if self.small.len() <= before {
                bounds.take((before + 1 - self.small.len()) * size_of::<[u32; SMALL]>())?;
                self.small.resize(before + 1, [NO_GROUP; SMALL]);
            }
            if let Some(known) = self.small.get_mut(before).and_then(|row| row.get_mut(last)) {
                *known = number;
            }
        }
        Ok(number)
    }
}

/// Pairs of numbers below this are found by their place.
const SMALL: usize = 256;

/// How many whole numbers are remembered while a batch is looked at.
const RECENT: usize = 512;

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
            pairs: stats.keys.iter().skip(1).map(|_| Pairs::default()).collect(),
            by_number: Vec::new(),
            groups: Vec::new(),
            accumulators: stats.calls.iter().map(|_| Vec::new()).collect(),
            wholes: stats.calls.iter().map(|_| Wholes::default()).collect(),
            bounds,
            weighed: 0,
            since_weighed: 0,
        }
    }

    /// The group of these numbers of keys' values.
    fn group(&mut self, numbers: &[u32]) -> Result<usize, QueryError> {
        let mut number = numbers.first().copied().unwrap_or_default();
        for (pairs, next) in self.pairs.iter_mut().zip(numbers.iter().skip(1)) {
            number = pairs.number((number, *next), &self.bounds)?;
        }
        match self.by_number.get(number as usize) {
            Some(&group) if group != NO_GROUP => Ok(group as usize),
            _ => self.new_group(number, numbers.into()),
        }
    }

    fn new_group(&mut self, number: u32, numbers: Box<[u32]>) -> Result<usize, QueryError> {
        let weight = GROUP_BYTES + numbers.len() * 8 + self.stats.calls.len() * size_of::<Accumulator>();
        self.bounds.take(weight)?;
        let group = u32::try_from(self.groups.len()).unwrap_or(NO_GROUP - 1);
        let at = number as usize;
        if self.by_number.len() <= at {
            self.by_number.resize(at + 1, NO_GROUP);
        }
        if let Some(place) = self.by_number.get_mut(at) {
            *place = group;
        }
        self.groups.push(numbers);
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
        let is_of_batch = |expr: &Expr| is_field(expr) || bin(expr).is_some() || of_stream(expr).is_some();
        stats.keys.iter().all(|key| is_of_batch(&key.value))
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
        if self.count_texts(batch, rows)? {
            return Ok(());
        }
        let groups = self.groups_of(batch, rows)?;
        let of_calls = self.accumulators.iter_mut().zip(&mut self.wholes);
        for (call, (of_call, wholes)) in self.stats.calls.iter().zip(of_calls) {
            match call.argument.as_ref().map(|argument| &argument.kind) {
                None => count_rows(of_call, groups.iter().copied()),
                Some(ExprKind::Field(Field::Discovered(path))) => {
                    if let Some(column) = batch.column(path) {
                        wholes.make_room(call.function, of_call, &self.bounds)?;
                        add_column(call.function, of_call, wholes, column, rows, &groups);
                    }
                }
                Some(_) => {}
            }
        }
        self.since_weighed += 1;
        if self.since_weighed >= WEIGHED_EVERY { self.weigh() } else { Ok(()) }
    }

    /// Counts the rows of a batch by the numbers of their texts, if that is all that is asked for; whether it was.
    fn count_texts(&mut self, batch: &EventBatch<'_>, rows: Rows<'_>) -> Result<bool, QueryError> {
        let ([key], true) = (self.stats.keys.as_slice(), self.stats.calls.iter().all(|call| call.argument.is_none()))
        else {
            return Ok(false);
        };
        let ExprKind::Field(Field::Discovered(path)) = &key.value.kind else { return Ok(false) };
        let Some(column @ FieldColumn::Text { keys, nulls, texts, .. }) = batch.column(path) else { return Ok(false) };
        if texts.len() > rows.len() {
            return Ok(false);
        }
        let mut counts = vec![0_u64; texts.len()];
        let mut absent = 0;
        let mut count = |key: Option<usize>| match key.and_then(|key| counts.get_mut(key)) {
            Some(count) => *count += 1,
            None => absent += 1,
        };
        match (rows, nulls) {
            (Rows::All(_), None) => keys.iter().for_each(|&key| count(usize::try_from(key).ok())),
            _ => rows.iter().for_each(|row| count(column.key(row))),
        }
        let [interned] = self.keys.as_mut_slice() else { return Ok(false) };
        let mut numbers = interned.of_dictionary(texts);
        let mut found = Vec::new();
        for ((number, &count), text) in numbers.iter_mut().zip(&counts).zip(texts.iter()).filter(|((_, n), _)| **n > 0)
        {
            if *number == NO_GROUP {
                *number = interned.number(&Value::Text(text.unwrap_or_default().into()), &self.bounds)?;
            }
            found.push((*number, count));
        }
        interned.dictionary = Some((StringArray::clone(texts), numbers));
        if absent > 0 {
            found.push((interned.number(&Value::Null, &self.bounds)?, absent));
        }
        for (number, count) in found {
            let group = self.group(&[number])?;
            for of_call in &mut self.accumulators {
                of_call.get_mut(group).into_iter().for_each(|accumulator| accumulator.add_rows(count));
            }
        }
        Ok(true)
    }

    /// The group of each row.
    fn groups_of(&mut self, batch: &EventBatch<'_>, rows: Rows<'_>) -> Result<Vec<u32>, QueryError> {
        let mut numbers: Vec<Vec<u32>> = Vec::with_capacity(self.stats.keys.len());
        for (key, interned) in self.stats.keys.iter().zip(&mut self.keys) {
            numbers.push(match (&key.value.kind, bin(&key.value), of_stream(&key.value)) {
                (_, Some(period), _) => numbers_of_times(interned, batch.times(), period, rows, &self.bounds)?,
                (_, _, Some(what)) => numbers_of_streams(interned, batch, what, rows, &self.bounds)?,
                (ExprKind::Field(Field::Discovered(path)), ..) => {
                    numbers_of_column(interned, batch.column(path), rows, &self.bounds)?
                }
                _ => Vec::new(),
            });
        }
        let Some((first, others)) = numbers.split_first() else {
            let only = if rows.len() > 0 { self.group(&[])? as u32 } else { 0 };
            return Ok(vec![only; rows.len()]);
        };
        let mut combined: Option<Vec<u32>> = None;
        for (pairs, next) in self.pairs.iter_mut().zip(others) {
            combined = Some(pairs.numbers(combined.as_ref().unwrap_or(first), next, &self.bounds)?);
        }
        let mut groups = combined.unwrap_or_else(|| first.clone());
        for (at, place) in groups.iter_mut().enumerate() {
            // Mostly it is known: the look-up is one step then.
            *place = match self.by_number.get(*place as usize) {
                Some(&group) if group != NO_GROUP => group,
                _ => {
                    let of_row = numbers.iter().map(|numbers| numbers.get(at).copied().unwrap_or_default());
                    self.new_group(*place, of_row.collect())? as u32
                }
            };
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
        for (of_call, wholes) in self.accumulators.iter_mut().zip(&self.wholes) {
            wholes.add_to(of_call);
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

/// What every event of a stream has the same of.
fn of_stream(expr: &Expr) -> Option<System> {
    match &expr.kind {
        ExprKind::Field(Field::System(what)) => {
            let of_streams = [System::LogStream, System::Log, System::SourceLog, System::Account, System::Region];
            of_streams.contains(what).then_some(*what)
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

fn numbers_of_streams(
    interned: &mut Interned,
    batch: &EventBatch<'_>,
    what: System,
    rows: Rows<'_>,
    bounds: &Bounds,
) -> Result<Vec<u32>, QueryError> {
    let mut numbers = Vec::with_capacity(rows.len());
    let mut known: Map<(u64, u64), u32> = Map::default();
    let mut last: Option<((u64, u64), u32)> = None;
    for row in rows.iter() {
        let stream = batch.stream(row);
        let number = match last {
            Some((same, number)) if same == stream => number,
            _ => match known.get(&stream) {
                Some(&number) => number,
                None => {
                    let number = interned.number(&batch.system(row, what), bounds)?;
                    known.insert(stream, number);
                    number
                }
            },
        };
        last = Some((stream, number));
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
            let mut by_key = interned.of_dictionary(texts);
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
            interned.dictionary = Some((StringArray::clone(texts), by_key));
        }
        Some(column @ FieldColumn::I64(array)) => {
            let mut recent = [(0, NO_GROUP); RECENT];
            let values = array.values();
            for row in rows.iter() {
                let value = values.get(row).copied().filter(|_| !column.is_null(row));
                let place = value.map(|value| value.cast_unsigned() as usize % RECENT);
                let known = place.and_then(|place| recent.get(place)).filter(|(same, _)| Some(*same) == value);
                let number = match known {
                    Some(&(_, number)) if number != NO_GROUP => number,
                    _ => interned.number(&column.value(row), bounds)?,
                };
                if let Some((value, known)) = value.zip(place.and_then(|place| recent.get_mut(place))) {
                    *known = (value, number);
                }
                numbers.push(number);
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

/// How often the whole numbers from 0 on occur in each group: percentiles need no more, and most columns of whole numbers have
/// few others.
#[derive(Default)]
struct Wholes {
    /// By group, then by number; empty where they are not counted.
    counts: Vec<[u64; WHOLES]>,
}

/// The whole numbers that are counted, from 0 on.
const WHOLES: usize = 1 << 11;

/// The groups up to which they are.
const WHOLES_GROUPS_MAX: usize = 64;

impl Wholes {
    fn make_room(
        &mut self,
        function: Aggregate,
        accumulators: &mut [Accumulator],
        bounds: &Bounds,
    ) -> Result<(), QueryError> {
        if !matches!(function, Aggregate::Percentile(_)) || self.counts.len() == accumulators.len() {
            return Ok(());
        }
        let more = accumulators.len() - self.counts.len();
        if accumulators.len() <= WHOLES_GROUPS_MAX {
            bounds.take(more * size_of::<[u64; WHOLES]>())?;
            self.counts.resize(accumulators.len(), [0; WHOLES]);
        } else {
            self.add_to(accumulators);
            self.counts = Vec::new();
        }
        Ok(())
    }

    #[inline]
    fn count(&mut self, group: u32, number: i64) -> bool {
        let of_group = self.counts.get_mut(group as usize);
        match of_group.and_then(|of| of.get_mut(usize::try_from(number).unwrap_or(usize::MAX))) {
            Some(count) => {
                *count += 1;
                true
            }
            None => false,
        }
    }

    fn add_to(&self, accumulators: &mut [Accumulator]) {
        for (accumulator, counts) in accumulators.iter_mut().zip(&self.counts) {
            for (number, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                accumulator.add_number(number as f64, count);
            }
        }
    }
}

fn add_column(
    function: Aggregate,
    accumulators: &mut [Accumulator],
    wholes: &mut Wholes,
    column: &FieldColumn<'_>,
    rows: Rows<'_>,
    groups: &[u32],
) {
    let of_rows = rows.iter().zip(groups.iter().copied());
    if function == Aggregate::Count {
        let present = of_rows.filter(|(row, _)| !column.is_null(*row));
        return count_rows(accumulators, present.map(|(_, group)| group));
    }
    if Accumulator::is_of_numbers(function) {
        let mut add = |group: u32, number: f64| {
            if let Some(accumulator) = accumulators.get_mut(group as usize) {
                accumulator.add_number(number, 1);
            }
        };
        match column {
            FieldColumn::I64(array) => {
                let (values, nulls) = (array.values(), array.nulls());
                for (row, group) in of_rows {
                    let is_there = nulls.is_none_or(|nulls| row < nulls.len() && nulls.is_valid(row));
                    if let Some(&number) = values.get(row).filter(|_| is_there)
                        && !wholes.count(group, number)
                    {
                        add(group, number as f64);
                    }
                }
                return;
            }
            FieldColumn::F64(array) => {
                let (values, nulls) = (array.values(), array.nulls());
                for (row, group) in of_rows {
                    let is_there = nulls.is_none_or(|nulls| row < nulls.len() && nulls.is_valid(row));
                    if let Some(&number) = values.get(row).filter(|_| is_there) {
                        add(group, number);
                    }
                }
                return;
            }
            _ => {}
        }
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
            for (row, group) in of_rows {
                if let Some(value) = column.key(row).and_then(|key| values.get(key)) {
                    add(group, value);
                }
            }
        }
        column => of_rows.for_each(|(row, group)| add(group, &column.value(row))),
    }
}
