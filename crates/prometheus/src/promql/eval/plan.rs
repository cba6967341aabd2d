//! What is known of an expression before it is evaluated: which times each selector reads, and which parts do not change.

use super::super::ast::{At, Expr, ExprKind, Selector, Subquery, When};
use super::super::functions::{FunctionKind, Special};
use super::{Grid, SUBQUERY_STEP_MS};

/// The samples that a selector needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Need<'e> {
    /// The selector.
    pub selector: &'e Selector,
    /// The first time that counts.
    pub from_ms: i64,
    /// The last.
    pub to_ms: i64,
    /// Whether ranges of samples are needed: then markers of ended series are not.
    pub is_range: bool,
}

/// What the selectors of an expression need, in the order of their numbers.
pub fn needs(expr: &Expr, query: Grid, lookback_ms: i64) -> Vec<Need<'_>> {
    let mut needs = Vec::new();
    collect(expr, query, &Context { query, lookback_ms }, &mut needs);
    needs.sort_by_key(|need| need.selector.id);
    needs
}

struct Context {
    query: Grid,
    lookback_ms: i64,
}

fn collect<'e>(expr: &'e Expr, grid: Grid, context: &Context, needs: &mut Vec<Need<'e>>) {
    let mut need = |selector: &'e Selector, length_ms: i64, is_range| {
        let (first_ms, last_ms) = looked_at(selector.when, grid, context.query);
        needs.push(Need { selector, from_ms: first_ms - length_ms + 1, to_ms: last_ms, is_range });
    };
    match &expr.kind {
        ExprKind::Selector(selector) => need(selector, context.lookback_ms, false),
        ExprKind::Range { selector, range_ms } => need(selector, *range_ms, true),
        ExprKind::Subquery(subquery) => {
            collect(&subquery.expr, inner_grid(subquery, grid, context.query), context, needs);
        }
        _ => expr.parts().into_iter().for_each(|part| collect(part, grid, context, needs)),
    }
}

/// The first and the last time that a selector or subquery looks at.
fn looked_at(when: When, grid: Grid, query: Grid) -> (i64, i64) {
    let offset_ms = when.offset_ms.unwrap_or(0);
    let (first_ms, last_ms) = match when.at {
        Some(At::Time(time_ms)) => (time_ms, time_ms),
        Some(At::Start) => (query.start_ms, query.start_ms),
        Some(At::End) => (query.end_ms(), query.end_ms()),
        None => (grid.start_ms, grid.end_ms()),
    };
    (first_ms - offset_ms, last_ms - offset_ms)
}

/// The times at which the expression of a subquery is evaluated: multiples of its step, whatever the query's start, so that the
/// same query a little later sees the same samples.
pub(super) fn inner_grid(subquery: &Subquery, grid: Grid, query: Grid) -> Grid {
    let (first_ms, last_ms) = looked_at(subquery.when, grid, query);
    let step_ms = subquery.step_ms.unwrap_or(SUBQUERY_STEP_MS);
    let before_ms = first_ms - subquery.range_ms;
    let start_ms = before_ms.div_euclid(step_ms) * step_ms + step_ms;
    Grid::range(start_ms, last_ms, step_ms)
}

/// Whether an expression has the same value at all times: all that it looks at is fixed, and nothing asks for the time.
pub(super) fn is_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => selector.when.at.is_some(),
        // What is inside is evaluated at times of its own.
        ExprKind::Subquery(subquery) => subquery.when.at.is_some(),
        ExprKind::Call(call) => {
            let tells_time = match call.function.kind {
                FunctionKind::Calendar(_) => call.arguments.is_empty(),
                FunctionKind::Special(Special::Time | Special::Timestamp) => true,
                FunctionKind::Range(_) => call.function.name == "predict_linear",
                _ => false,
            };
            !tells_time && call.arguments.iter().all(is_invariant)
        }
        _ => expr.parts().into_iter().all(is_invariant),
    }
}
