//! Expressions as text: on one line, or broken into several where that would be long.

use std::fmt::{self, Display, Write};
use std::sync::Arc;

use super::ast::{At, Binary, Cardinality, Expr, ExprKind, Grouping, Selector, When};
use super::labels::METRIC_NAME;
use super::matcher::MatchOperator;
use super::number::write_duration;
use super::quoted::{is_label_name, write_name, write_quoted};

/// The longest line that is not broken.
const LINE_CHARS_MAX: usize = 100;

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) if number.is_infinite() => {
                f.write_str(if *number > 0.0 { "+Inf" } else { "-Inf" })
            }
            ExprKind::Number(number) => write!(f, "{number}"),
            ExprKind::String(text) => write_quoted(f, text),
            ExprKind::Selector(selector) => write!(f, "{}{}", Matchers(selector), Suffix(selector.when)),
            ExprKind::Range { selector, range_ms } => {
                write!(f, "{}[{}]{}", Matchers(selector), Duration(*range_ms), Suffix(selector.when))
            }
            ExprKind::Subquery(subquery) => write!(f, "{}{}", subquery.expr, subquery_suffix(self)),
            ExprKind::Negation(inner) => write!(f, "-{inner}"),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Binary(binary) => {
                write!(f, "{} {}{} {}", binary.left, binary.operator.text(), Modifiers(binary), binary.right)
            }
            ExprKind::Aggregate(aggregate) => {
                write!(f, "{}{}(", aggregate.aggregator.text(), Grouped(&aggregate.grouping))?;
                if let Some(parameter) = &aggregate.parameter {
                    write!(f, "{parameter}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            ExprKind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (place, argument) in call.arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if place > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

/// An expression on as many lines as it takes.
pub fn prettify(expr: &Expr) -> String {
    let mut out = String::new();
    pretty(expr, 0, &mut out);
    out
}

fn pretty(expr: &Expr, level: usize, out: &mut String) {
    let indent = "  ".repeat(level);
    let line = expr.to_string();
    let can_break = !matches!(
        expr.bare().kind,
        ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Selector(_) | ExprKind::Range { .. }
    );
    if line.chars().count() + indent.len() <= LINE_CHARS_MAX || !can_break {
        out.push_str(&indent);
        out.push_str(&line);
        return;
    }
    let list = |head: &str, parts: &mut dyn Iterator<Item = &Expr>, out: &mut String| {
        let _ = writeln!(out, "{indent}{head}(");
        for (place, part) in parts.enumerate() {
            out.push_str(if place > 0 { ",\n" } else { "" });
            pretty(part, level + 1, out);
        }
        let _ = write!(out, "\n{indent})");
    };
    match &expr.kind {
        ExprKind::Paren(inner) => list("", &mut std::iter::once(inner.as_ref()), out),
        ExprKind::Call(call) => list(call.function.name, &mut call.arguments.iter(), out),
        ExprKind::Aggregate(aggregate) => {
            let head = format!("{}{}", aggregate.aggregator.text(), Grouped(&aggregate.grouping));
            list(&head, &mut aggregate.parameter.iter().chain([&aggregate.expr]), out);
        }
        ExprKind::Binary(binary) => {
            pretty(&binary.left, level + 1, out);
            let _ = writeln!(out, "\n{indent}{}{}", binary.operator.text(), Modifiers(binary));
            pretty(&binary.right, level + 1, out);
        }
        ExprKind::Subquery(subquery) => {
            pretty(&subquery.expr, level, out);
            out.push_str(&subquery_suffix(expr));
        }
        ExprKind::Negation(inner) => {
            let mut text = String::new();
            pretty(inner, level, &mut text);
            let _ = write!(out, "{indent}-{}", text.trim_start());
        }
        _ => out.push_str(&line),
    }
}

fn subquery_suffix(expr: &Expr) -> String {
    let ExprKind::Subquery(subquery) = &expr.kind else { return String::new() };
    let step = subquery.step_ms.map(|step_ms| Duration(step_ms).to_string()).unwrap_or_default();
    format!("[{}:{step}]{}", Duration(subquery.range_ms), Suffix(subquery.when))
}

struct Duration(i64);

impl Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_duration(f, self.0)
    }
}

struct Suffix(When);

impl Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.at {
            None => {}
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            Some(At::Time(time_ms)) => {
                let sign = if time_ms < 0 { "-" } else { "" };
                write!(f, " @ {sign}{}.{:03}", time_ms.unsigned_abs() / 1000, time_ms.unsigned_abs() % 1000)?;
            }
        }
        match self.0.offset_ms {
            None => Ok(()),
            Some(offset_ms) => write!(f, " offset {}", Duration(offset_ms)),
        }
    }
}

struct Matchers<'e>(&'e Selector);

impl Display for Matchers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.metric_name().unwrap_or_default();
        let is_plain = is_label_name(&name.replace(':', "_"));
        let is_name = |name: &str, operator| name == METRIC_NAME && operator == MatchOperator::Equal;
        let mut others = self.0.matchers.iter().filter(|matcher| !is_name(&matcher.name, matcher.operator)).peekable();
        if is_plain {
            f.write_str(name)?;
            if others.peek().is_none() {
                return Ok(());
            }
        }
        f.write_str("{")?;
        let mut separator = "";
        if !is_plain && !name.is_empty() {
            write_quoted(f, name)?;
            separator = ",";
        }
        for matcher in others {
            write!(f, "{separator}{matcher}")?;
            separator = ",";
        }
        f.write_str("}")
    }
}

struct Names<'e>(&'e [Arc<str>]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.0.iter().enumerate() {
            f.write_str(if place > 0 { ", " } else { "" })?;
            write_name(f, name)?;
        }
        Ok(())
    }
}

struct Grouped<'e>(&'e Grouping);

impl Display for Grouped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Grouping::By(names) if names.is_empty() => Ok(()),
            Grouping::By(names) => write!(f, " by ({}) ", Names(names)),
            Grouping::Without(names) => write!(f, " without ({}) ", Names(names)),
        }
    }
}

struct Modifiers<'e>(&'e Binary);

impl Display for Modifiers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binary { is_bool, matching, .. } = self.0;
        if *is_bool {
            f.write_str(" bool")?;
        }
        let is_grouped = matching.cardinality != Cardinality::OneToOne;
        if matching.is_on {
            write!(f, " on ({})", Names(&matching.labels))?;
        } else if !matching.labels.is_empty() || is_grouped {
            write!(f, " ignoring ({})", Names(&matching.labels))?;
        }
        match &matching.cardinality {
            Cardinality::OneToOne => Ok(()),
            Cardinality::ManyToOne(include) => write!(f, " group_left ({})", Names(include)),
            Cardinality::OneToMany(include) => write!(f, " group_right ({})", Names(include)),
        }
    }
}
