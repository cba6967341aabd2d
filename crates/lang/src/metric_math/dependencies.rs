//! In which order the expressions of a request are evaluated.

use super::Expression;
use std::collections::HashMap;

/// Expressions that refer to one another in a circle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The expression refers to itself (circular reference)")]
pub struct CircularReference {
    /// The id of one of them.
    pub id: String,
}

/// The indexes of expressions, such that each comes after those that it refers to. Ids of anything else do not matter here.
///
/// # Errors
///
/// [`CircularReference`] if there is no such order.
pub fn order(expressions: &[(&str, &Expression)]) -> Result<Vec<usize>, CircularReference> {
    let index_of: HashMap<&str, usize> = expressions.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
    let needs: Vec<Vec<usize>> = expressions
        .iter()
        .map(|(_, expression)| expression.references().iter().filter_map(|id| index_of.get(id).copied()).collect())
        .collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); expressions.len()];
    for (index, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by.get_mut(*need).into_iter().for_each(|by| by.push(index));
        }
    }
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..expressions.len()).filter(|index| open.get(*index) == Some(&0)).collect();
    let mut next = 0;
    while let Some(done) = order.get(next).copied() {
        next += 1;
        for index in needed_by.get(done).into_iter().flatten() {
            let Some(open) = open.get_mut(*index) else { continue };
            *open -= 1;
            if *open == 0 {
                order.push(*index);
            }
        }
    }
    match order.len() == expressions.len() {
        true => Ok(order),
        false => Err(circle(expressions, &needs, &open)),
    }
}

/// The first expression of a circle. From any that could not be put in order, following what it waits for must come to one.
fn circle(expressions: &[(&str, &Expression)], needs: &[Vec<usize>], open: &[usize]) -> CircularReference {
    let waits = |index: usize| open.get(index).is_some_and(|open| *open > 0);
    let waits_for = |index: usize| needs.get(index)?.iter().copied().find(|need| waits(*need));
    let start = (0..expressions.len()).find(|index| waits(*index));
    let inside = std::iter::successors(start, |index| waits_for(*index)).nth(expressions.len());
    let once_around = std::iter::successors(inside, |index| waits_for(*index)).take(expressions.len());
    let first = once_around.min().and_then(|index| expressions.get(index));
    CircularReference { id: first.map(|(id, _)| (*id).to_owned()).unwrap_or_default() }
}
