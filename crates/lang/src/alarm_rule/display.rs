//! A rule back to text, with the fewest parentheses, and every alarm in quotes.

use std::fmt::{self, Display};

use super::{AlarmReference, AlarmRule, Condition, Expression, Threshold};

impl Display for AlarmRule {
    /// A text that parses to the same rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Any(parts) => joined(f, parts, " OR ", |part| matches!(part, Expression::Any(_))),
            Expression::All(parts) => {
                joined(f, parts, " AND ", |part| matches!(part, Expression::Any(_) | Expression::All(_)))
            }
            Expression::Not(part) => {
                f.write_str("NOT ")?;
                grouped(f, part, matches!(**part, Expression::Any(_) | Expression::All(_)))
            }
            Expression::Constant(true) => f.write_str("TRUE"),
            Expression::Constant(false) => f.write_str("FALSE"),
            Expression::Is(state, alarm) => write!(f, "{}({})", state.as_str(), Quoted(alarm)),
            Expression::AtLeast(threshold, condition, alarms) => {
                write!(f, "AT_LEAST({threshold}, {condition}, (")?;
                for (at, alarm) in alarms.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { ", " }, Quoted(alarm))?;
                }
                f.write_str("))")
            }
        }
    }
}

impl Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Count(count) => write!(f, "{count}"),
            Threshold::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Is(state) => f.write_str(state.as_str()),
            Condition::IsNot(state) => write!(f, "NOT {}", state.as_str()),
        }
    }
}

struct Quoted<'a>(&'a AlarmReference);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.as_str().replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Expression],
    operator: &str,
    is_group: impl Fn(&Expression) -> bool,
) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(operator)?;
        }
        grouped(f, part, is_group(part))?;
    }
    Ok(())
}

fn grouped(f: &mut fmt::Formatter<'_>, part: &Expression, is_group: bool) -> fmt::Result {
    if is_group { write!(f, "({part})") } else { part.fmt(f) }
}
