//! Steps over rows, one by one or in their order.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use super::row::{Held, Masks, value_bytes};
use super::{RunError, Surroundings};
use crate::insights::aggregate::Accumulator;
use crate::insights::eval::Context;
use crate::insights::plan::{
    AddTotals, Aggregate, Column, Dedup, Expr, FIELD_SUMMARY_COLUMNS, Field, Matcher, Name, Parse, SortKey, Step, Trend,
};
use crate::insights::value::Value;

/// Carries out a step that needs nothing but the rows.
pub(super) fn step(
    step: &Step,
    mut rows: Vec<Held>,
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    match step {
        Step::Filter(condition) | Step::FilterIndex { condition, .. } => {
            rows.retain(|row| condition.is_true(row, context))
        }
        Step::Define(definitions) => {
            for row in &mut rows {
                for definition in definitions {
                    let value = value_of(&definition.value, row, context);
                    surroundings.hold(value_bytes(&value))?;
                    row.set(&definition.name, value);
                }
            }
        }
        Step::Parse(parse) => {
            for row in &mut rows {
                take_apart(parse, row, context, surroundings)?;
            }
        }
        Step::Sort(keys) => return Ok(sort(keys, rows, context)),
        Step::Limit { skip, rows: most } => return Ok(rows.into_iter().skip(*skip).take(*most).collect()),
        Step::Dedup(dedup) => return Ok(self::dedup(dedup, rows, context)),
        Step::Unmask(field) if surroundings.may_unmask() => rows.iter_mut().for_each(|row| lift(row, field.as_ref())),
        Step::Unnest { list, into } => return unnest(list, into, rows, context, surroundings),
        Step::AddTotals(totals) => return Ok(add_totals(totals, rows)),
        Step::Flatten(whole) => {
            for row in &mut rows {
                flatten(whole, row, context, surroundings)?;
            }
        }
        Step::Trendline(trends) => return trendline(trends, rows, context, surroundings),
        Step::FieldSummary { fields, columns } => return Ok(field_summary(fields, columns, &rows)),
        _ => {}
    }
    Ok(rows)
}

pub(super) fn value_of(expr: &Expr, row: &Held, context: &Context) -> Value<'static> {
    expr.evaluate(row, context).into_owned()
}

fn take_apart(
    parse: &Parse,
    row: &mut Held,
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<(), RunError> {
    let input = value_of(&parse.input, row, context);
    let input = input.as_text().unwrap_or_default();
    let found: Vec<Value<'static>> = match &parse.by {
        Matcher::Glob(glob) => glob.captures(&input).unwrap_or_default().into_iter().map(Value::text).collect(),
        Matcher::Regex(regex, groups) => match regex.captures(&input) {
            Some(captures) => groups
                .iter()
                .map(|group| captures.get(*group).map_or(Value::Null, |found| Value::text(found.as_str())))
                .collect(),
            None => Vec::new(),
        },
    };
    let mut found = found.into_iter();
    for column in &parse.columns {
        let value = found.next().unwrap_or_default();
        surroundings.hold(value_bytes(&value))?;
        row.set(column, value);
    }
    Ok(())
}

fn sort(keys: &[SortKey], rows: Vec<Held>, context: &Context) -> Vec<Held> {
    let mut keyed: Vec<(Vec<Value<'static>>, Held)> = rows
        .into_iter()
        .map(|row| (keys.iter().map(|key| value_of(&key.value, &row, context)).collect(), row))
        .collect();
    keyed.sort_by(|(one, _), (other, _)| {
        let orders = keys.iter().zip(one.iter().zip(other)).map(|(key, (one, other))| {
            let order = one.natural_order(other);
            if key.descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// A value by which rows are grouped: numbers by what they are, however they are written.
pub(super) fn group_key(value: &Value<'_>) -> String {
    match (value, value.as_number()) {
        (Value::Null, _) => String::new(),
        (Value::Time(time_ms), _) => format!("t{time_ms}"),
        (Value::Json(json), _) => format!("j{json}"),
        (Value::Text(text), Some(_)) if text.len() > crate::insights::value::EXACT_DIGITS => format!("s{text}"),
        (_, Some(number)) => format!("n{}", number + 0.0),
        (value, None) => format!("s{}", value.as_text().unwrap_or_default()),
    }
}

fn dedup(dedup: &Dedup, rows: Vec<Held>, context: &Context) -> Vec<Held> {
    let mut seen: HashMap<Vec<String>, usize> = HashMap::new();
    let mut last: Option<Vec<String>> = None;
    let mut is_kept = |row: &Held| {
        let values: Vec<Value<'static>> = dedup.keys.iter().map(|key| value_of(key, row, context)).collect();
        if values.iter().any(Value::is_null) {
            return dedup.keeps_null;
        }
        let key: Vec<String> = values.iter().map(group_key).collect();
        if dedup.consecutive && last.as_ref() != Some(&key) {
            seen.clear();
        }
        last = Some(key.clone());
        let count = seen.entry(key).or_default();
        *count += 1;
        *count <= dedup.allowed
    };
    rows.into_iter().filter(|row| is_kept(row)).collect()
}

fn lift(row: &mut Held, field: Option<&Field>) {
    row.masks = match (std::mem::take(&mut row.masks), field) {
        (Masks::Lifted, _) | (_, None) => Masks::Lifted,
        (Masks::Stay, Some(field)) => Masks::LiftedOf(vec![field.clone()]),
        (Masks::LiftedOf(mut fields), Some(field)) => {
            fields.push(field.clone());
            Masks::LiftedOf(fields)
        }
    };
}

fn unnest(
    list: &Expr,
    into: &Name,
    rows: Vec<Held>,
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    let mut unnested = Vec::new();
    for row in rows {
        let elements = match value_of(list, &row, context) {
            Value::Null => Vec::new(),
            Value::Json(json) => match json.as_ref() {
                Json::Array(elements) => elements.iter().map(Value::of_json).collect(),
                _ => vec![Value::Json(json.clone())],
            },
            value => vec![value],
        };
        let copy_bytes = row.copy_bytes();
        for element in elements {
            surroundings.hold(copy_bytes + value_bytes(&element))?;
            let mut of_element = row.clone();
            of_element.set(into, element);
            unnested.push(of_element);
        }
    }
    Ok(unnested)
}

/// A number that is summed: no time, and nothing that every event has.
fn summand(row: &Held, column: &Column) -> Option<f64> {
    match (&column.field, row.get(&column.field)) {
        (Field::System(_), _) | (_, Value::Time(_)) => None,
        (_, value) => value.as_number(),
    }
}

fn add_totals(totals: &AddTotals, mut rows: Vec<Held>) -> Vec<Held> {
    let columns = &totals.columns;
    let mut sums: Vec<Option<f64>> = vec![None; columns.len()];
    for row in &mut rows {
        let numbers: Vec<Option<f64>> = columns.iter().map(|column| summand(row, column)).collect();
        for (sum, number) in sums.iter_mut().zip(&numbers) {
            if let Some(number) = number {
                *sum = Some(sum.unwrap_or(0.0) + number);
            }
        }
        let values: Vec<Value<'static>> = columns.iter().map(|column| row.get(&column.field).into_owned()).collect();
        for (name, value) in totals.sums.iter().zip(values) {
            row.set(name, value);
        }
        if let Some(name) = &totals.row
            && let Some(total) = numbers.iter().flatten().copied().reduce(|sum, number| sum + number)
        {
            row.set(name, Value::number(total));
        }
    }
    if totals.col
        && let Some(first) = rows.first()
    {
        let mut last = first.like();
        for (name, sum) in totals.sums.iter().zip(&sums) {
            last.set(name, sum.map_or(Value::Null, Value::number));
        }
        if let Some(name) = &totals.row
            && let Some(total) = sums.iter().flatten().copied().reduce(|sum, number| sum + number)
        {
            last.set(name, Value::number(total));
        }
        rows.push(last);
    }
    rows
}

fn flatten(whole: &Expr, row: &mut Held, context: &Context, surroundings: &dyn Surroundings) -> Result<(), RunError> {
    let value = match value_of(whole, row, context) {
        Value::Text(text) => crate::insights::json::parse(&text),
        value => value,
    };
    let Value::Json(json) = value else { return Ok(()) };
    // The members' names and values are copied.
    surroundings.hold(value_bytes(&Value::Json(json.clone())))?;
    for (key, member) in json.as_object().into_iter().flatten() {
        row.flattened.insert(key.clone(), Value::of_json(member));
    }
    Ok(())
}

fn trendline(
    trends: &[Trend],
    mut rows: Vec<Held>,
    context: &Context,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Held>, RunError> {
    for trend in trends {
        let mut window: VecDeque<f64> = VecDeque::new();
        for row in &mut rows {
            let Some(number) = value_of(&trend.value, row, context).as_number() else {
                row.set(&trend.name, Value::Null);
                continue;
            };
            window.push_back(number);
            if window.len() > trend.rows {
                window.pop_front();
            }
            surroundings.hold(0)?;
            let average = (window.len() == trend.rows).then(|| average(&window, trend.weighted));
            row.set(&trend.name, average.map_or(Value::Null, Value::number));
        }
    }
    Ok(rows)
}

fn average(window: &VecDeque<f64>, weighted: bool) -> f64 {
    let weight = |index: usize| if weighted { index as f64 + 1.0 } else { 1.0 };
    let sum: f64 = window.iter().enumerate().map(|(index, number)| number * weight(index)).sum();
    let weights: f64 = (0..window.len()).map(weight).sum();
    sum / weights
}

fn field_summary(fields: &[Column], columns: &[Name], rows: &[Held]) -> Vec<Held> {
    let summary = |column: &Column| {
        let values: Vec<Value<'_>> = rows.iter().map(|row| row.get(&column.field)).collect();
        let aggregate = |function: Aggregate| {
            let mut accumulator = Accumulator::new(function);
            values.iter().for_each(|value| accumulator.add(value, None));
            accumulator.finish()
        };
        let kind = match values.iter().find(|value| !value.is_null()) {
            None => "undefined",
            Some(Value::Time(_)) => "timestamp",
            Some(Value::Json(json)) if json.is_array() => "array",
            Some(Value::Json(_)) => "struct",
            Some(value) if value.as_number().is_some() => "double",
            Some(_) => "string",
        };
        let values = [
            Value::text(column.name.as_ref()),
            aggregate(Aggregate::Count),
            aggregate(Aggregate::CountDistinct),
            aggregate(Aggregate::Min),
            aggregate(Aggregate::Max),
            aggregate(Aggregate::Avg),
            Value::text(kind),
        ];
        let mut row = Held::empty(0);
        for (name, value) in columns.iter().zip(values) {
            row.set(name, value);
        }
        row
    };
    debug_assert_eq!(columns.len(), FIELD_SUMMARY_COLUMNS.len());
    fields.iter().map(summary).collect()
}
