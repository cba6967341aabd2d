//! The parameters of a request: of its query string, and of its body if that is a form.

use std::borrow::Cow;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use watchkeep_core::TimestampMs;
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpRequest;

use crate::errors::{bad_data, invalid_parameter};
use crate::limits::MATCHES_MAX;
use crate::promql::number::{parse_duration, parse_number, seconds_to_ms};
use crate::promql::{Selector, parse_selector};

/// Names and values, in their order.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn of(request: &HttpRequest) -> Result<Form, ServiceError> {
        let mut pairs = Vec::new();
        let content_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if content_type.starts_with("application/x-www-form-urlencoded") {
            let body = std::str::from_utf8(&request.body).map_err(|_| bad_data("the body is no UTF-8"))?;
            add(body, &mut pairs)?;
        }
        add(request.uri.query().unwrap_or_default(), &mut pairs)?;
        Ok(Form(pairs))
    }

    /// The first value of a parameter; one that is empty is not there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let is_it = |(own, value): &&(String, String)| own == name && !value.is_empty();
        self.0.iter().find(is_it).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A time: seconds since 1970, or RFC 3339.
    pub(crate) fn time(&self, name: &str) -> Result<Option<TimestampMs>, ServiceError> {
        let parse = |text: &str| {
            let seconds = parse_number(text).and_then(seconds_to_ms);
            let time_ms = seconds.or_else(|| Some(text.parse::<Timestamp>().ok()?.as_millisecond()));
            // Times that a calendar has, so that nothing computed from them overflows.
            time_ms.filter(|time_ms| time_ms.abs() <= TIME_MS_MAX).map(TimestampMs)
        };
        let Some(text) = self.get(name) else { return Ok(None) };
        let invalid = || invalid_parameter(name, format!("cannot parse {text:?} to a valid timestamp"));
        parse(text).map(Some).ok_or_else(invalid)
    }

    /// A duration: seconds, or `1h30m`.
    pub(crate) fn duration_ms(&self, name: &str) -> Result<Option<i64>, ServiceError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let duration_ms = parse_number(text).and_then(seconds_to_ms).or_else(|| parse_duration(text));
        let invalid = || invalid_parameter(name, format!("cannot parse {text:?} to a valid duration"));
        duration_ms.filter(|duration_ms| duration_ms.abs() <= TIME_MS_MAX).map(Some).ok_or_else(invalid)
    }

    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>, ServiceError> {
        let duration_ms = self.duration_ms(name)?;
        Ok(duration_ms.map(|duration_ms| Duration::from_millis(u64::try_from(duration_ms).unwrap_or(0))))
    }

    /// `limit`: how many the answer may have; 0 is no limit.
    pub(crate) fn limit(&self, most: usize) -> Result<usize, ServiceError> {
        let Some(text) = self.get("limit") else { return Ok(most) };
        let limit: usize =
            text.parse().map_err(|_| invalid_parameter("limit", "limit must be non-negative and a whole number"))?;
        Ok(if limit == 0 { most } else { limit.min(most) })
    }

    /// `match[]`: series selectors.
    pub(crate) fn selectors(&self) -> Result<Vec<Selector>, ServiceError> {
        let texts: Vec<&str> = self.all("match[]").collect();
        if texts.len() > MATCHES_MAX {
            return Err(invalid_parameter("match[]", format!("there are more than {MATCHES_MAX}")));
        }
        let parse =
            |text: &str| parse_selector(text).map_err(|error| invalid_parameter("match[]", error.message(text)));
        texts.into_iter().map(parse).collect()
    }
}

/// The largest time and duration, the year 9999.
const TIME_MS_MAX: i64 = 253_402_300_799_000;

fn add(text: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ServiceError> {
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decoded(name)?, decoded(value)?));
    }
    Ok(())
}

fn decoded(text: &str) -> Result<String, ServiceError> {
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| bad_data("a parameter is no UTF-8"))?;
    Ok(decoded.into_owned())
}

/// A path's part with its percent-encoding undone.
pub(crate) fn path_part(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}
