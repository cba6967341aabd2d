//! Values as results show them: texts only. Source: "Supported logs and discovered fields"; rounding as observed.

use super::time;
use super::value::Value;

/// How many places of a fraction are shown.
const PLACES: usize = 4;

/// A value's text; none of nothing. Maps and lists are JSON.
pub fn render(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(bool) => Some(if *bool { "1" } else { "0" }.to_owned()),
        Value::Number(number) => Some(render_number(*number)),
        Value::Time(time_ms) => Some(time::render(*time_ms)),
        Value::Text(text) => Some(text.as_ref().to_owned()),
        Value::Json(json) => Some(json.to_string()),
    }
}

/// A computed number: whole without a point, others to four places without zeros at their end.
pub fn render_number(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 {
        return format!("{}", number as i64);
    }
    if number.abs() >= 1e15 {
        return format!("{number}");
    }
    let text = format!("{number:.PLACES$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
