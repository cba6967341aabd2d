//! The rows of a metric widget: `["namespace", "name", "dimension", "value", ..., {rendering}]`, where `"."` repeats what the
//! row before has at this place, and `"..."` all of it up to what follows.

use serde_json::Value;

use super::schema::{Findings, Kind, Object, Property, Shape, check};
use super::{COLOR, check_period};
use crate::limits::{DASHBOARD_WIDGET_METRICS_MAX, DIMENSIONS_MAX};

const NOT_ROWS: &str =
    "Field \"metrics\" has to be an array of array of strings, with an optional metricRenderer object as last element";
const NOT_TEXT: &str = "Invalid metric field type, only \"String\" type is allowed";

/// How a metric is drawn, or an expression.
static RENDERING: Shape = Shape::of(&[
    Property::optional("expression", Kind::Text),
    Property::optional("id", Kind::Matching("^[a-z][a-zA-Z0-9_]*$", is_id)),
    Property::optional("label", Kind::Text),
    Property::optional("stat", Kind::Text),
    Property::optional("period", Kind::Integer(1, i64::MAX)),
    Property::optional("yAxis", Kind::OneOf(&["left", "right"])),
    Property::optional("color", COLOR),
    Property::optional("visible", Kind::Boolean),
    Property::optional("region", Kind::Text),
    Property::optional("accountId", Kind::Text),
    Property::optional("searchAccount", Kind::Text),
])
.with(check_rendering);

fn check_rendering(rendering: &Object, findings: &mut Findings) {
    check_period(rendering, findings);
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Checks the rows of one widget.
pub(super) fn check_rows(rows: &[Value], findings: &mut Findings) {
    if rows.len() > DASHBOARD_WIDGET_METRICS_MAX {
        return findings.error(format!("Should NOT have more than {DASHBOARD_WIDGET_METRICS_MAX} items"));
    }
    let mut previous = 0;
    for (index, row) in rows.iter().enumerate() {
        findings.at(index, |findings| match row {
            Value::Array(fields) => check_row(fields, &mut previous, findings),
            _ => {
                findings.error("Should be array");
                findings.error(NOT_ROWS);
            }
        });
    }
}

/// Checks a row; `previous` is how many names the one before has, and then how many this one has.
fn check_row(fields: &[Value], previous: &mut usize, findings: &mut Findings) {
    let (rendering, names) = match fields.split_last() {
        Some((last @ Value::Object(_), names)) => (Some(last), names),
        _ => (None, fields),
    };
    if let Some(rendering) = rendering {
        findings.at(names.len(), |findings| check(rendering, &Kind::Object(&RENDERING), findings));
    }
    let is_expression = rendering.is_some_and(|rendering| rendering.get("expression").is_some());
    if names.is_empty() && is_expression {
        return;
    }
    let Some(names) = names.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() else {
        return findings.error(NOT_TEXT);
    };
    if names.iter().any(|name| name.is_empty()) {
        return findings.error("Should NOT have empty names");
    }
    let Some(count) = expanded(&names, *previous) else {
        return findings.error("Should NOT repeat what the row before does not have");
    };
    *previous = count;
    // A namespace and a name, then dimensions with their values.
    if count < 2 {
        findings.error("Should NOT have fewer than 2 items");
    } else if count % 2 != 0 {
        findings.error("Should have a value for each dimension");
    } else if count > 2 + 2 * DIMENSIONS_MAX {
        findings.error(format!("Should NOT have more than {} items", 2 + 2 * DIMENSIONS_MAX));
    }
}

/// How many names a row has once its shorthand is written out; none if that repeats what is not there.
fn expanded(names: &[&str], previous: usize) -> Option<usize> {
    let mut count = 0_usize;
    for (index, name) in names.iter().enumerate() {
        let rest = names.len() - index - 1;
        count = match *name {
            "..." => previous.checked_sub(rest).filter(|repeated| *repeated > count)?,
            "." if count >= previous => return None,
            _ => count + 1,
        };
    }
    Some(count)
}
