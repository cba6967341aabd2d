//! Binary operations between vectors: which series belong together. Source: "Operators: vector matching".

use super::super::ast::{Binary, BinaryOperator, Cardinality, Matching};
use super::super::labels::METRIC_NAME;
use super::binary::{holds, number};
use super::*;

/// The labels that two series must have in common.
fn signature(matching: &Matching, labels: &Labels) -> Labels {
    if matching.is_on {
        labels.keep(&matching.labels)
    } else {
        labels.filter(|name| name != METRIC_NAME && !matching.labels.iter().any(|label| label.as_ref() == name))
    }
}

/// What an operation may take.
#[derive(Clone, Copy)]
pub(super) struct Limits<'q> {
    /// How many steps there are.
    pub(super) steps: usize,
    /// How many values it may compute.
    pub(super) values_max: usize,
    /// Asked again and again whether to go on.
    pub(super) go_on: &'q dyn Fn() -> Evaluated<()>,
}

type Places = ByLabels<Vec<usize>>;

fn by_signature(rows: &[Row], matching: &Matching) -> Places {
    let mut places = Places::default();
    for (place, row) in rows.iter().enumerate() {
        places.entry(signature(matching, &row.labels)).or_default().push(place);
    }
    places
}

/// The operation on two vectors.
pub(super) fn vectors(operation: &Binary, left: Vec<Row>, right: Vec<Row>, limits: Limits<'_>) -> Evaluated<Vec<Row>> {
    let steps = limits.steps;
    let matching = &operation.matching;
    match operation.operator {
        BinaryOperator::And => Ok(filtered(left, &presence(&right, matching, steps), matching, true)),
        BinaryOperator::Unless => Ok(filtered(left, &presence(&right, matching, steps), matching, false)),
        BinaryOperator::Or => {
            let others = filtered(right, &presence(&left, matching, steps), matching, false);
            merged(left.into_iter().chain(others).collect())
        }
        _ => Matcher { operation, limits }.matched(left, right),
    }
}

/// At which steps any series of a signature has a value.
fn presence(rows: &[Row], matching: &Matching, steps: usize) -> ByLabels<Vec<bool>> {
    let mut presence = ByLabels::<Vec<bool>>::default();
    for row in rows {
        let there = presence.entry(signature(matching, &row.labels)).or_insert_with(|| vec![false; steps]);
        there.iter_mut().zip(&row.values).for_each(|(there, value)| *there |= !is_absent(*value));
    }
    presence
}

/// The values at whose step the other side has (or, if not `wants_it`, has not) a series of the same signature.
fn filtered(mut rows: Vec<Row>, other: &ByLabels<Vec<bool>>, matching: &Matching, wants_it: bool) -> Vec<Row> {
    for row in &mut rows {
        let there = other.get(&signature(matching, &row.labels));
        for (step, value) in row.values.iter_mut().enumerate() {
            let is_there = there.and_then(|there| there.get(step)).copied().unwrap_or(false);
            if is_there != wants_it {
                *value = ABSENT;
            }
        }
    }
    present(rows)
}

struct Matcher<'o> {
    operation: &'o Binary,
    limits: Limits<'o>,
}

impl Matcher<'_> {
    fn matched(&self, left: Vec<Row>, right: Vec<Row>) -> Evaluated<Vec<Row>> {
        let matching = &self.operation.matching;
        // `many` is the left but for group_right.
        let is_swapped = matches!(matching.cardinality, Cardinality::OneToMany(_));
        let (many, one) = if is_swapped { (right, left) } else { (left, right) };
        if many.is_empty() || one.is_empty() {
            return Ok(Vec::new());
        }
        let one_places = by_signature(&one, matching);
        self.check_one_side(&many, &one, &one_places, is_swapped)?;
        let mut taken = ByLabels::<Vec<bool>>::default();
        let mut out = Vec::new();
        for row in &many {
            (self.limits.go_on)()?;
            let signature = signature(matching, &row.labels);
            for partner in one_places.get(&signature).into_iter().flatten().filter_map(|place| one.get(*place)) {
                let Some(values) = self.combined(row, partner, is_swapped) else { continue };
                if matching.cardinality == Cardinality::OneToOne {
                    let taken = taken.entry(signature.clone()).or_insert_with(|| vec![false; self.limits.steps]);
                    take(taken, &values)?;
                }
                out.push(Row { labels: self.labels(&row.labels, &partner.labels), values });
                if out.len().saturating_mul(self.limits.steps) > self.limits.values_max {
                    return refuse(TOO_MANY);
                }
            }
        }
        let is_grouped = matching.cardinality != Cardinality::OneToOne;
        merged(out).map_err(|error| match error {
            EvalError::Execution(_) if is_grouped => EvalError::Execution(
                "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
            ),
            other => other,
        })
    }

    /// Of the side of one no two series of a signature may have a value at the same step.
    fn check_one_side(&self, many: &[Row], one: &[Row], places: &Places, is_swapped: bool) -> Evaluated<()> {
        // At a step where one side has nothing at all, nothing is matched.
        let has_many: Vec<bool> = (0..self.limits.steps)
            .map(|step| many.iter().any(|row| row.values.get(step).is_some_and(|value| !is_absent(*value))))
            .collect();
        for (signature, places) in places.iter().filter(|(_, places)| places.len() > 1) {
            (self.limits.go_on)()?;
            let mut owner: Vec<Option<usize>> = vec![None; self.limits.steps];
            for place in places {
                let values = one.get(*place).map(|row| row.values.as_slice()).unwrap_or_default();
                for ((owner, value), has_many) in owner.iter_mut().zip(values).zip(&has_many) {
                    if is_absent(*value) || !has_many {
                        continue;
                    }
                    let Some(first) = owner.replace(*place) else { continue };
                    let side = if is_swapped { "left" } else { "right" };
                    let labels = |place: usize| one.get(place).map(|row| row.labels.to_string()).unwrap_or_default();
                    let both = format!("[{}, {}]", labels(*place), labels(first));
                    return refuse(format!(
                        "found duplicate series for the match group {signature} on the {side} hand-side of the operation: {both};many-to-many matching not allowed: matching labels must be unique on one side"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The values of a pair of series, if there is any.
    fn combined(&self, many: &Row, one: &Row, is_swapped: bool) -> Option<Vec<f64>> {
        let Binary { operator, is_bool, .. } = self.operation;
        let filters = operator.is_comparison() && !is_bool;
        let mut has_any = false;
        let value = |(many, one): (&f64, &f64)| {
            if is_absent(*many) || is_absent(*one) {
                return ABSENT;
            }
            let (left, right) = if is_swapped { (*one, *many) } else { (*many, *one) };
            if filters && !holds(*operator, left, right) {
                return ABSENT;
            }
            has_any = true;
            // A comparison lets its left side through.
            if filters { left } else { number(*operator, left, right) }
        };
        let values = many.values.iter().zip(&one.values).map(value).collect();
        has_any.then_some(values)
    }

    /// The labels of what a pair comes to.
    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let Binary { operator, is_bool, matching, .. } = self.operation;
        let keeps_name = operator.is_comparison() && !is_bool;
        let labels = if keeps_name { many.clone() } else { many.without_name() };
        match &matching.cardinality {
            Cardinality::OneToOne if matching.is_on => labels.keep(&matching.labels),
            Cardinality::OneToOne => labels.drop(&matching.labels),
            Cardinality::ManyToOne(include) | Cardinality::OneToMany(include) => {
                include.iter().fold(labels, |labels, name| labels.with(name, one.get(name)))
            }
        }
    }
}

/// One to one: a signature has at most one match at a step.
fn take(taken: &mut [bool], values: &[f64]) -> Evaluated<()> {
    for (taken, _) in taken.iter_mut().zip(values).filter(|(_, value)| !is_absent(**value)) {
        if std::mem::replace(taken, true) {
            return refuse(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            );
        }
    }
    Ok(())
}
