//! Aggregates, value by value.

mod distinct;
mod numbers;

use std::cmp::Ordering;

use super::json;
use super::limits::TAKE_MAX;
use super::plan::Aggregate;
use super::value::{EXACT_DIGITS, Value};
use distinct::Distinct;
use numbers::{Moments, Percentiles, Total};

/// What an aggregate has of the values so far. Those of parts can be merged: of the rows' order only [`Aggregate::First`],
/// [`Aggregate::Last`] and [`Aggregate::Take`] depend.
#[derive(Debug, Clone)]
pub struct Accumulator {
    function: Aggregate,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Count(u64),
    Distinct(Box<Distinct>),
    Total(Total),
    Moments(Moments),
    Extreme(Extreme),
    Percentiles(Box<Percentiles>),
    /// The value chosen so far, and the time of its row.
    Timed(Option<(i64, Value<'static>)>),
    Chosen(Option<Value<'static>>),
    Taken(Vec<Value<'static>>),
}

/// The least or greatest: numbers go before times, and these before texts.
#[derive(Debug, Clone, Default)]
struct Extreme {
    number: Option<Value<'static>>,
    time: Option<i64>,
    text: Option<String>,
}

impl Accumulator {
    /// Of no values yet.
    pub fn new(function: Aggregate) -> Accumulator {
        let state = match function {
            Aggregate::Count => State::Count(0),
            Aggregate::CountDistinct => State::Distinct(Box::default()),
            Aggregate::Sum | Aggregate::Avg => State::Total(Total::default()),
            Aggregate::Stddev { .. } | Aggregate::Variance { .. } => State::Moments(Moments::default()),
            Aggregate::Min | Aggregate::Max => State::Extreme(Extreme::default()),
            Aggregate::Percentile(_) => State::Percentiles(Box::default()),
            Aggregate::Earliest | Aggregate::Latest => State::Timed(None),
            Aggregate::SortsFirst | Aggregate::SortsLast | Aggregate::First | Aggregate::Last => State::Chosen(None),
            Aggregate::Take(_) => State::Taken(Vec::new()),
        };
        Accumulator { function, state }
    }

    /// Adds so many rows to a count of rows (`count(*)`).
    pub fn add_rows(&mut self, rows: u64) {
        if let State::Count(count) = &mut self.state {
            *count = count.saturating_add(rows);
        }
    }

    /// Adds the value of a row, and the time of its event, if it is one.
    pub fn add(&mut self, value: &Value<'_>, time_ms: Option<i64>) {
        if value.is_null() {
            return;
        }
        match &mut self.state {
            State::Count(count) => *count = count.saturating_add(1),
            State::Distinct(distinct) => distinct.add(value),
            State::Total(_) | State::Moments(_) | State::Percentiles(_) => {
                if let Some(number) = value.as_number() {
                    self.add_number(number, 1);
                }
            }
            State::Extreme(extreme) => extreme.add(value, self.function == Aggregate::Max),
            State::Timed(chosen) => {
                let Some(time_ms) = time_ms else { return };
                choose_by_time(chosen, time_ms, value, self.function == Aggregate::Latest);
            }
            State::Chosen(chosen) => choose(self.function, chosen, value),
            State::Taken(taken) => {
                let most = match self.function {
                    Aggregate::Take(most) => most.min(TAKE_MAX),
                    _ => TAKE_MAX,
                };
                if taken.len() < most {
                    taken.push(value.borrowed().into_owned());
                }
            }
        }
    }

    /// Whether values count as the numbers that they are, and no others do: [`Accumulator::add_number`] does for them.
    pub fn is_of_numbers(function: Aggregate) -> bool {
        matches!(
            function,
            Aggregate::Sum
                | Aggregate::Avg
                | Aggregate::Stddev { .. }
                | Aggregate::Variance { .. }
                | Aggregate::Percentile(_)
        )
    }

    /// Adds a number that so many rows have, if it is an aggregate of numbers ([`Accumulator::is_of_numbers`]).
    #[inline]
    pub fn add_number(&mut self, number: f64, rows: u64) {
        match &mut self.state {
            State::Percentiles(percentiles) => percentiles.add(number, rows),
            State::Total(total) => total.add(number, rows),
            State::Moments(moments) => (0..rows).for_each(|_| moments.add(number)),
            _ => {}
        }
    }

    /// Adds what another of the same aggregate has, of rows that come after these.
    pub fn merge(&mut self, other: Accumulator) {
        match (&mut self.state, other.state) {
            (State::Count(count), State::Count(more)) => *count = count.saturating_add(more),
            (State::Distinct(distinct), State::Distinct(more)) => distinct.merge(&more),
            (State::Total(total), State::Total(more)) => total.merge(&more),
            (State::Moments(moments), State::Moments(more)) => moments.merge(&more),
            (State::Percentiles(percentiles), State::Percentiles(more)) => percentiles.merge(&more),
            (State::Extreme(extreme), State::Extreme(more)) => {
                let greatest = self.function == Aggregate::Max;
                let time = more.time.map(Value::Time);
                let text = more.text.map(Value::text);
                for value in more.number.into_iter().chain(time).chain(text) {
                    extreme.add(&value, greatest);
                }
            }
            (State::Timed(chosen), State::Timed(Some((time_ms, value)))) => {
                choose_by_time(chosen, time_ms, &value, self.function == Aggregate::Latest);
            }
            (State::Chosen(chosen), State::Chosen(Some(value))) => choose(self.function, chosen, &value),
            (State::Taken(_), State::Taken(more)) => more.iter().for_each(|value| self.add(value, None)),
            _ => {}
        }
    }

    /// The result.
    pub fn finish(&self) -> Value<'static> {
        match (&self.state, self.function) {
            (State::Count(count), _) => Value::Number(*count as f64),
            (State::Distinct(distinct), _) => Value::Number(distinct.count()),
            (State::Total(total), function) => total.finish(function).map_or(Value::Null, Value::number),
            (State::Moments(moments), function) => moments.finish(function).map_or(Value::Null, Value::number),
            (State::Percentiles(percentiles), Aggregate::Percentile(percent)) => {
                percentiles.at(percent).map_or(Value::Null, Value::number)
            }
            (State::Percentiles(_), _) => Value::Null,
            (State::Extreme(extreme), _) => extreme.finish(),
            (State::Timed(chosen), _) => chosen.as_ref().map_or(Value::Null, |(_, value)| value.clone()),
            (State::Chosen(chosen), _) => chosen.clone().unwrap_or_default(),
            (State::Taken(taken), _) => {
                let values: Vec<serde_json::Value> = taken.iter().map(json::of).collect();
                Value::Json(std::sync::Arc::new(serde_json::Value::Array(values)))
            }
        }
    }

    /// About how many bytes it holds, beside itself.
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            State::Distinct(distinct) => distinct.held_bytes(),
            State::Percentiles(percentiles) => percentiles.held_bytes(),
            State::Taken(taken) => taken.len() * 64,
            _ => 0,
        }
    }
}

fn choose_by_time(chosen: &mut Option<(i64, Value<'static>)>, time_ms: i64, value: &Value<'_>, latest: bool) {
    let is_better =
        chosen.as_ref().is_none_or(|(of_chosen, _)| if latest { time_ms > *of_chosen } else { time_ms < *of_chosen });
    if is_better {
        *chosen = Some((time_ms, value.borrowed().into_owned()));
    }
}

fn choose(function: Aggregate, chosen: &mut Option<Value<'static>>, value: &Value<'_>) {
    let is_better = match (function, chosen.as_ref()) {
        (_, None) | (Aggregate::Last, _) => true,
        (Aggregate::SortsFirst, Some(chosen)) => value.natural_order(chosen) == Ordering::Less,
        (Aggregate::SortsLast, Some(chosen)) => value.natural_order(chosen) == Ordering::Greater,
        _ => false,
    };
    if is_better {
        *chosen = Some(value.borrowed().into_owned());
    }
}

impl Extreme {
    fn add(&mut self, value: &Value<'_>, greatest: bool) {
        let better = |ordering: Ordering| if greatest { ordering.is_gt() } else { ordering.is_lt() };
        if let Value::Time(time_ms) = value {
            if self.time.is_none_or(|own| better(time_ms.cmp(&own))) {
                self.time = Some(*time_ms);
            }
            return;
        }
        match value.as_number() {
            Some(number) => {
                let is_better = self.number.as_ref().is_none_or(|own| value.compare(own).is_some_and(better));
                if is_better {
                    // Long whole numbers keep their digits.
                    self.number = Some(match value {
                        Value::Text(text) if text.len() > EXACT_DIGITS && !text.contains(['.', 'e', 'E']) => {
                            Value::text(text.as_ref())
                        }
                        _ => Value::Number(number),
                    });
                }
            }
            None => {
                let Some(text) = value.as_text() else { return };
                if self.text.as_deref().is_none_or(|own| better(text.as_ref().cmp(own))) {
                    self.text = Some(text.into_owned());
                }
            }
        }
    }

    fn finish(&self) -> Value<'static> {
        match (&self.number, self.time, &self.text) {
            (Some(number), ..) => number.clone(),
            (None, Some(time_ms), _) => Value::Time(time_ms),
            (None, None, Some(text)) => Value::text(text.clone()),
            (None, None, None) => Value::Null,
        }
    }
}
