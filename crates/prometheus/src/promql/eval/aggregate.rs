//! Aggregations. Source: "Operators: aggregation operators".

use super::super::ast::{Aggregate, Aggregator, Grouping};
use super::super::labels::{Label, METRIC_NAME};
use super::super::number::value_text;
use super::sums::{CompensatedSum, Mean, nan_first, quantile};
use super::*;

impl Evaluator<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate, grid: Grid) -> Evaluated<Vec<Row>> {
        let parameter = match &aggregate.parameter {
            Some(parameter) if parameter.r#type() == Type::Scalar => self.scalar(parameter, grid)?,
            _ => Vec::new(),
        };
        let rows = self.vector(&aggregate.expr, grid)?;
        let groups = grouped(&rows, &aggregate.grouping);
        match aggregate.aggregator {
            Aggregator::Topk | Aggregator::Bottomk => {
                self.selected_by_value(rows, &groups, &parameter, aggregate.aggregator == Aggregator::Topk, grid)
            }
            Aggregator::CountValues => {
                let label = match aggregate.parameter.as_ref().map(|parameter| &parameter.bare().kind) {
                    Some(ExprKind::String(label)) if !label.is_empty() => label,
                    _ => return refuse("invalid label name \"\""),
                };
                self.counted_values(&rows, &groups, label, grid)
            }
            Aggregator::Quantile => {
                self.charge(groups.len(), grid)?;
                let of_group = |group: &Group| {
                    let mut values = Vec::new();
                    (0..grid.steps)
                        .map(|step| {
                            values.clear();
                            values.extend(group.at(&rows, step).map(|(_, value)| value));
                            let q = parameter.get(step).copied().unwrap_or(f64::NAN);
                            if values.is_empty() { ABSENT } else { quantile(q, &mut values) }
                        })
                        .collect()
                };
                Ok(groups.iter().map(|group| Row { labels: group.labels.clone(), values: of_group(group) }).collect())
            }
            aggregator => {
                self.charge(groups.len(), grid)?;
                let mut out = Vec::with_capacity(groups.len());
                for group in &groups {
                    (self.go_on)()?;
                    out.push(Row { labels: group.labels.clone(), values: accumulated(&rows, group, aggregator, grid) });
                }
                Ok(out)
            }
        }
    }

    /// The `k` largest or smallest of each group at each step.
    fn selected_by_value(
        &mut self,
        rows: Vec<Row>,
        groups: &[Group],
        parameter: &[f64],
        is_largest: bool,
        grid: Grid,
    ) -> Evaluated<Vec<Row>> {
        self.charge(rows.len(), grid)?;
        let mut kept: Vec<Vec<f64>> = rows.iter().map(|_| vec![ABSENT; grid.steps]).collect();
        let mut order = Vec::new();
        for (step, k) in parameter.iter().enumerate().take(grid.steps) {
            (self.go_on)()?;
            if k.is_nan() {
                return refuse("Parameter value is NaN");
            }
            if k.abs() >= i64::MAX as f64 {
                return refuse(format!("Scalar value {k} overflows int64"));
            }
            if *k < 1.0 {
                continue;
            }
            for group in groups {
                let mut values: Vec<(usize, f64)> = group.at(&rows, step).collect();
                // NaN comes last either way; of equal values the first series counts.
                values.sort_by(|(_, one), (_, other)| match (one.is_nan(), other.is_nan()) {
                    (false, false) if is_largest => nan_first(other, one),
                    (false, false) => nan_first(one, other),
                    (one, other) => one.cmp(&other),
                });
                for (place, value) in values.into_iter().take(*k as usize) {
                    if let Some(cell) = kept.get_mut(place).and_then(|values| values.get_mut(step)) {
                        *cell = value;
                    }
                    if grid.steps == 1 {
                        order.push(place);
                    }
                }
            }
        }
        let mut out: Vec<Row> =
            rows.into_iter().zip(kept).map(|(row, values)| Row { labels: row.labels, values }).collect();
        // At one time the answer is in the order of the values.
        if grid.steps == 1 {
            let take = |place: &usize| out.get(*place).cloned();
            return Ok(order.iter().filter_map(take).collect());
        }
        out = present(out);
        Ok(out)
    }

    fn counted_values(&mut self, rows: &[Row], groups: &[Group], label: &str, grid: Grid) -> Evaluated<Vec<Row>> {
        let mut out: Vec<Row> = Vec::new();
        let mut places = ByLabels::<usize>::default();
        for group in groups {
            for step in 0..grid.steps {
                (self.go_on)()?;
                for (_, value) in group.at(rows, step) {
                    let labels = group.labels.with(label, &value_text(value));
                    let place = match places.get(&labels) {
                        Some(place) => *place,
                        None => {
                            self.charge(1, grid)?;
                            places.insert(labels.clone(), out.len());
                            out.push(Row { labels, values: vec![ABSENT; grid.steps] });
                            out.len() - 1
                        }
                    };
                    if let Some(cell) = out.get_mut(place).and_then(|row| row.values.get_mut(step)) {
                        *cell = if is_absent(*cell) { 1.0 } else { *cell + 1.0 };
                    }
                }
            }
        }
        Ok(out)
    }
}

/// Series that come together.
struct Group {
    labels: Labels,
    /// Their places.
    places: Vec<usize>,
}

impl Group {
    /// Places and values of its series that have one at a step.
    fn at<'r>(&'r self, rows: &'r [Row], step: usize) -> impl Iterator<Item = (usize, f64)> + 'r {
        let value = move |place: &usize| Some((*place, *rows.get(*place)?.values.get(step)?));
        self.places.iter().filter_map(value).filter(|(_, value)| !is_absent(*value))
    }
}

fn grouped(rows: &[Row], grouping: &Grouping) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = ByLabels::<usize>::default();
    for (row, Row { labels, .. }) in rows.iter().enumerate() {
        let labels = match grouping {
            Grouping::By(names) if names.is_empty() => Labels::default(),
            Grouping::By(names) => labels.keep(names),
            Grouping::Without(names) => {
                let is_dropped = |name: &str| name == METRIC_NAME || names.iter().any(|label| label.as_ref() == name);
                Labels::new(labels.iter().filter(|(name, _): &&Label| !is_dropped(name)).cloned())
            }
        };
        let place = *places.entry(labels).or_insert_with_key(|labels| {
            groups.push(Group { labels: labels.clone(), places: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.places.push(row);
        }
    }
    groups
}

/// The values of a group at one step, as far as they are seen.
#[derive(Clone, Copy)]
enum Accumulator {
    Nothing,
    Sum(CompensatedSum),
    Mean(Mean),
    One(f64),
    Spread { count: f64, mean: f64, squares: f64 },
}

impl Accumulator {
    fn push(&mut self, aggregator: Aggregator, value: f64) {
        *self = match (*self, aggregator) {
            (Accumulator::Nothing, Aggregator::Sum) => Accumulator::Sum(CompensatedSum::new(value)),
            (Accumulator::Nothing, Aggregator::Avg) => Accumulator::Mean(Mean::new(value)),
            (Accumulator::Nothing, Aggregator::Count | Aggregator::Group) => Accumulator::One(1.0),
            (Accumulator::Nothing, Aggregator::Stddev | Aggregator::Stdvar) => {
                let squares = if value.is_finite() { 0.0 } else { f64::NAN };
                Accumulator::Spread { count: 1.0, mean: value, squares }
            }
            (Accumulator::Nothing, _) => Accumulator::One(value),
            (Accumulator::Sum(sum), _) => Accumulator::Sum(sum.plus(value)),
            (Accumulator::Mean(mut mean), _) => {
                mean.push(value);
                Accumulator::Mean(mean)
            }
            (Accumulator::One(count), Aggregator::Count) => Accumulator::One(count + 1.0),
            (Accumulator::One(max), Aggregator::Max) if max < value || max.is_nan() => Accumulator::One(value),
            (Accumulator::One(min), Aggregator::Min) if min > value || min.is_nan() => Accumulator::One(value),
            (Accumulator::One(own), _) => Accumulator::One(own),
            (Accumulator::Spread { count, mean, squares }, _) => {
                let count = count + 1.0;
                let delta = value - mean;
                let mean = mean + delta / count;
                Accumulator::Spread { count, mean, squares: squares + delta * (value - mean) }
            }
        };
    }

    fn value(self, aggregator: Aggregator) -> f64 {
        match self {
            Accumulator::Nothing => ABSENT,
            Accumulator::Sum(sum) => sum.value(),
            Accumulator::Mean(mean) => mean.value(),
            Accumulator::One(value) => value,
            Accumulator::Spread { count, squares, .. } if aggregator == Aggregator::Stddev => (squares / count).sqrt(),
            Accumulator::Spread { count, squares, .. } => squares / count,
        }
    }
}

fn accumulated(rows: &[Row], group: &Group, aggregator: Aggregator, grid: Grid) -> Vec<f64> {
    let mut accumulators = vec![Accumulator::Nothing; grid.steps];
    for row in group.places.iter().filter_map(|place| rows.get(*place)) {
        for (accumulator, value) in accumulators.iter_mut().zip(&row.values).filter(|(_, value)| !is_absent(**value)) {
            accumulator.push(aggregator, *value);
        }
    }
    accumulators.into_iter().map(|accumulator| accumulator.value(aggregator)).collect()
}
