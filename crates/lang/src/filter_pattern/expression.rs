//! Conditions joined by `&&` and `||`, with parentheses: `()` binds first, then `&&`, then `||`.

use super::PatternError;
use super::cursor::Cursor;
use super::limits::PARENTHESES_DEPTH_MAX;

/// Conditions, joined.
#[derive(Debug, Clone)]
pub(super) enum Expression<C> {
    Condition(C),
    /// All must hold.
    All(Vec<Expression<C>>),
    /// One must hold.
    Any(Vec<Expression<C>>),
}

impl<C> Expression<C> {
    /// Reads an expression whose conditions `condition` reads.
    pub(super) fn parse<'t>(
        cursor: &mut Cursor<'t>,
        condition: &mut impl FnMut(&mut Cursor<'t>) -> Result<C, PatternError>,
    ) -> Result<Expression<C>, PatternError> {
        Self::any(cursor, condition, 0)
    }

    fn any<'t>(
        cursor: &mut Cursor<'t>,
        condition: &mut impl FnMut(&mut Cursor<'t>) -> Result<C, PatternError>,
        depth: usize,
    ) -> Result<Expression<C>, PatternError> {
        let first = Self::all(cursor, condition, depth)?;
        let mut alternatives = vec![first];
        while cursor.eat("||") {
            alternatives.push(Self::all(cursor, condition, depth)?);
        }
        Ok(joined(alternatives, Expression::Any))
    }

    fn all<'t>(
        cursor: &mut Cursor<'t>,
        condition: &mut impl FnMut(&mut Cursor<'t>) -> Result<C, PatternError>,
        depth: usize,
    ) -> Result<Expression<C>, PatternError> {
        let first = Self::primary(cursor, condition, depth)?;
        let mut parts = vec![first];
        while cursor.eat("&&") {
            parts.push(Self::primary(cursor, condition, depth)?);
        }
        Ok(joined(parts, Expression::All))
    }

    fn primary<'t>(
        cursor: &mut Cursor<'t>,
        condition: &mut impl FnMut(&mut Cursor<'t>) -> Result<C, PatternError>,
        depth: usize,
    ) -> Result<Expression<C>, PatternError> {
        if !cursor.eat("(") {
            cursor.blanks();
            return condition(cursor).map(Expression::Condition);
        }
        if depth == PARENTHESES_DEPTH_MAX {
            return Err(PatternError::TooDeep);
        }
        let inner = Self::any(cursor, condition, depth + 1)?;
        if cursor.eat(")") { Ok(inner) } else { Err(cursor.unexpected("a closing parenthesis")) }
    }

    /// Whether it holds, when `holds` says so of conditions.
    pub(super) fn holds(&self, holds: &mut impl FnMut(&C) -> bool) -> bool {
        match self {
            Expression::Condition(condition) => holds(condition),
            Expression::All(parts) => parts.iter().all(|part| part.holds(holds)),
            Expression::Any(parts) => parts.iter().any(|part| part.holds(holds)),
        }
    }

    /// The conditions that must all hold whenever it does.
    pub(super) fn required(&self, visit: &mut impl FnMut(&C)) {
        match self {
            Expression::Condition(condition) => visit(condition),
            Expression::All(parts) => parts.iter().for_each(|part| part.required(visit)),
            Expression::Any(_) => {}
        }
    }

    /// Literals of which one is in every text that it holds of, when `literal` says what is in every text that a condition holds
    /// of. Of several such sets, the one whose shortest literal is longest.
    pub(super) fn one_of<'e>(&'e self, literal: &impl Fn(&'e C) -> Option<&'e [u8]>) -> Option<Vec<&'e [u8]>> {
        match self {
            Expression::Condition(condition) => literal(condition).map(|literal| vec![literal]),
            Expression::All(parts) => {
                let sets = parts.iter().filter_map(|part| part.one_of(literal));
                sets.max_by_key(|set| set.iter().map(|literal| literal.len()).min())
            }
            Expression::Any(parts) => {
                let sets = parts.iter().map(|part| part.one_of(literal)).collect::<Option<Vec<_>>>()?;
                Some(sets.concat())
            }
        }
    }
}

fn joined<C>(mut parts: Vec<Expression<C>>, join: fn(Vec<Expression<C>>) -> Expression<C>) -> Expression<C> {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}
