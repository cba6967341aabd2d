//! The functions of a row's values. Source: "Boolean, comparison, numeric, datetime, and other functions"; PPL's own pages.

mod addresses;
mod numbers;
mod texts;
mod times;

use super::eval::{Context, Row};
use super::json;
use super::plan::{Expr, ExprKind, Function, Type};
use super::value::Value;

/// Calls a function.
pub(super) fn call<'r>(function: Function, arguments: &'r [Expr], row: &'r dyn Row, context: &'r Context) -> Value<'r> {
    let argument = |index: usize| arguments.get(index).map_or(Value::Null, |expr| expr.evaluate(row, context));
    match function {
        Function::If => {
            let holds = arguments.first().is_some_and(|condition| condition.is_true(row, context));
            argument(if holds { 1 } else { 2 })
        }
        Function::Case => case(arguments, row, context),
        Function::Coalesce => {
            let mut values = arguments.iter().map(|expr| expr.evaluate(row, context));
            values.find(|value| !value.is_null()).unwrap_or_default()
        }
        Function::IsPresent => Value::Bool(!argument(0).is_null()),
        Function::NullIf => {
            let (value, other) = (argument(0), argument(1));
            if value.equals(&other) { Value::Null } else { value }
        }
        Function::Unmask => match arguments.first().map(|expr| &expr.kind) {
            Some(ExprKind::Field(field)) => row.unmasked(field),
            _ => argument(0),
        },
        Function::JsonParse => argument(0).as_text().map_or(Value::Null, |text| json::parse(&text)),
        Function::JsonStringify => match argument(0) {
            Value::Null => Value::Null,
            value => Value::text(json::of(&value).to_string()),
        },
        Function::JsonExtract => json_extract(&argument(0), &argument(1)),
        Function::JsonValid => argument(0)
            .as_text()
            .map_or(Value::Null, |text| Value::Bool(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok())),
        Function::ArrayLength => {
            let array = match argument(0) {
                Value::Text(text) => json::parse(&text),
                other => other,
            };
            match array {
                Value::Json(json) => json.as_array().map_or(Value::Null, |array| Value::Number(array.len() as f64)),
                _ => Value::Null,
            }
        }
        Function::Cast(to) => cast(&argument(0), to),
        Function::TypeOf => Value::text(match argument(0) {
            Value::Null => "UNDEFINED",
            Value::Bool(_) => "BOOLEAN",
            Value::Number(_) => "DOUBLE",
            Value::Time(_) => "TIMESTAMP",
            Value::Text(_) => "STRING",
            Value::Json(json) if json.is_array() => "ARRAY",
            Value::Json(_) => "STRUCT",
        }),
        Function::Now => Value::Number(context.now_ms.div_euclid(1000) as f64),
        Function::NowTime => Value::Time(context.now_ms),
        _ => {
            let values: Vec<Value<'r>> = arguments.iter().map(|expr| expr.evaluate(row, context)).collect();
            numbers::call(function, &values)
                .or_else(|| times::call(function, &values))
                .or_else(|| addresses::call(function, &values))
                .unwrap_or_else(|| texts::call(function, &values))
        }
    }
}

/// Conditions and values by turns, then what else.
fn case<'r>(arguments: &'r [Expr], row: &'r dyn Row, context: &'r Context) -> Value<'r> {
    let (pairs, rest) = arguments.as_chunks::<2>();
    let found = pairs.iter().find(|[condition, _]| condition.is_true(row, context)).map(|[_, value]| value);
    found.or(rest.first()).map_or(Value::Null, |value| value.evaluate(row, context))
}

/// A path like `$.a.b[0]` or `a.b{0}`.
fn json_extract(text: &Value<'_>, path: &Value<'_>) -> Value<'static> {
    let parsed;
    let whole = match text {
        Value::Text(text) => {
            parsed = json::parse(text);
            &parsed
        }
        other => other,
    };
    let Some(path) = path.as_text() else { return Value::Null };
    let path = path.trim_start_matches('$').replace(['[', '{'], ".").replace([']', '}', '\'', '"'], "");
    match path.trim_start_matches('.') {
        "" => whole.borrowed().into_owned(),
        path => json::part_of(whole, path),
    }
}

fn cast<'v>(value: &Value<'v>, to: Type) -> Value<'v> {
    match to {
        Type::Integer => value.as_number().map_or(Value::Null, |number| Value::number(number.trunc())),
        Type::Double => value.as_number().map_or(Value::Null, Value::number),
        Type::Text => value.as_text().map_or(Value::Null, |text| Value::text(text.into_owned())),
        Type::Boolean => match value {
            Value::Null => Value::Null,
            value => Value::Bool(value.is_true()),
        },
        Type::Timestamp => super::time::time_ms(value).map_or(Value::Null, Value::Time),
    }
}
