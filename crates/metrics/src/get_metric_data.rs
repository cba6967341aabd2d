//! GetMetricData: up to 500 queries in one call, page by page. Sources: "GetMetricData", "MetricDataQuery",
//! "MetricDataResult". Queries are answered in the order of the request, each with one series of points; a page is filled query
//! by query, and the token says behind which point the next one begins.

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::label::LabelContext;
use watchkeep_model::cloudwatch::{
    GetMetricDataInput, GetMetricDataOutput, MessageData, MetricDataQuery, MetricDataResult,
};
use watchkeep_model::{ServiceError, Timestamp};

use crate::Metrics;
use crate::buckets::Buckets;
use crate::errors::invalid_token;
use crate::limits::{BUCKETS_AT_ONCE, SAMPLES_BUCKET_WEIGHT};
use crate::queries::{Query, Request, ScanBy};
use crate::read::Reading;
use crate::series::SeriesId;
use crate::unit::Unit;

/// Gets the data of queries.
pub(crate) async fn get_metric_data(
    service: &Metrics,
    caller: &Caller,
    input: GetMetricDataInput,
) -> Result<GetMetricDataOutput, ServiceError> {
    let now = service.clock.now();
    let request = Request::check(&input, caller, now)?;
    let begin = match input.next_token.as_deref() {
        Some(token) => Cursor::parse(token, &input, request.queries.len())?,
        None => Cursor::START,
    };
    let mut results: Vec<MetricDataResult> =
        request.queries.iter().map(|query| query.result(&[], None, &request, caller, now)).collect();
    let mut room = request.datapoints_max;
    let mut next = None;
    let mut index = begin.query;
    while index < request.queries.len() && next.is_none() {
        let group = group(&request.queries, index);
        let readings = group.iter().map(|query| query.reading()).collect();
        let answers = service.read(readings).await?;
        for (query, reading) in group.iter().zip(&answers) {
            let mut points = query.points(&reading.buckets);
            if request.scan_by == ScanBy::Descending {
                points.1.reverse();
            }
            let whole = points.1.as_slice();
            let after = begin.after_ms.filter(|_| index == begin.query);
            let done =
                after.map_or(0, |after| whole.partition_point(|point| !request.scan_by.is_behind(point.0, after)));
            let rest = whole.get(done..).unwrap_or_default();
            let page = rest.get(..room.min(rest.len())).unwrap_or_default();
            if let Some(result) = results.get_mut(index) {
                *result = query.result(whole, points.0.as_deref(), &request, caller, now);
                result.timestamps = Some(page.iter().map(|point| Timestamp(point.0)).collect());
                result.values = Some(page.iter().map(|point| point.1).collect());
            }
            room -= page.len();
            if page.len() < rest.len() {
                next = Some(Cursor { query: index, after_ms: page.last().map(|point| point.0).or(after) });
                break;
            }
            index += 1;
        }
    }
    let status = if next.is_some() { "PartialData" } else { "Complete" };
    for result in results.iter_mut().filter(|result| result.status_code.is_none()) {
        result.status_code = Some(status.to_owned());
    }
    let returned =
        request.queries.iter().zip(results).filter(|(query, _)| query.returns_data).map(|(_, result)| result);
    Ok(GetMetricDataOutput {
        metric_data_results: Some(returned.collect()),
        next_token: next.map(|next| next.token(&input)),
        messages: Some(Vec::new()),
    })
}

/// The queries from `index` on that are read at once: so many that their buckets fit into memory, and at least one.
fn group(queries: &[Query], index: usize) -> &[Query] {
    let mut buckets = 0i64;
    let rest = queries.get(index..).unwrap_or_default();
    let fitting = rest.iter().take_while(|query| {
        let weight = if query.statistic.is_extended() { SAMPLES_BUCKET_WEIGHT } else { 1 };
        buckets = buckets.saturating_add(query.window.readable_buckets().saturating_mul(weight));
        buckets <= BUCKETS_AT_ONCE
    });
    let count = fitting.count().max(1).min(rest.len());
    rest.get(..count).unwrap_or_default()
}

/// Points by time, as (start of the bucket in milliseconds, value).
type Points = Vec<(i64, f64)>;

impl Query {
    /// What is to be read for it: nothing, if its data are not for the caller, or not wanted.
    fn reading(&self) -> Reading {
        let is_wanted = self.returns_data && !self.is_forbidden;
        let window = if is_wanted { self.window } else { self.window.emptied() };
        Reading { key: self.key.clone(), buckets: Buckets::new(window, self.unit, self.statistic.is_extended()) }
    }

    /// The points, oldest first; and if there are several units, all of them: then the first by name is answered.
    fn points(&self, buckets: &Buckets) -> (Option<Vec<Unit>>, Points) {
        let units = buckets.units();
        let Some(&unit) = units.first() else { return (None, Vec::new()) };
        let of_unit = buckets.of_unit(unit);
        let points = of_unit.filter_map(|(start_ms, bucket)| Some((start_ms, bucket.value(self.statistic)?))).collect();
        ((units.len() > 1).then_some(units), points)
    }

    /// Its result without points, but with the label that these points give it, and the message about these units.
    fn result(
        &self,
        points: &[(i64, f64)],
        units: Option<&[Unit]>,
        request: &Request,
        caller: &Caller,
        now: TimestampMs,
    ) -> MetricDataResult {
        let context = LabelContext {
            default: &self.default_label,
            points,
            now_ms: now.0,
            offset_minutes: request.offset_minutes,
            property: &|name| self.property(name, caller),
        };
        let label = self.label.as_ref().map_or_else(|| self.default_label.clone(), |label| label.render(&context));
        let message = |code: &str, value: String| MessageData { code: Some(code.to_owned()), value: Some(value) };
        let mut messages: Vec<MessageData> =
            units.map(|units| message("MultipleUnits", multiple_units(units))).into_iter().collect();
        if self.is_forbidden {
            messages.push(message("Forbidden", "The account is not linked to this monitoring account.".to_owned()));
        }
        MetricDataResult {
            id: Some(self.id.clone()),
            label: Some(label),
            timestamps: Some(Vec::new()),
            values: Some(Vec::new()),
            status_code: self.is_forbidden.then(|| "Forbidden".to_owned()),
            messages: (!messages.is_empty()).then_some(messages),
        }
    }
}

fn multiple_units(units: &[Unit]) -> String {
    let names: Vec<&str> = units.iter().map(|unit| unit.name()).collect();
    format!("Multiple units returned: '[{}]'", names.join(", "))
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    /// The query, by its place.
    query: usize,
    /// The last of its points that was delivered.
    after_ms: Option<i64>,
}

impl Cursor {
    const START: Cursor = Cursor { query: 0, after_ms: None };

    /// The token: the place of the query, the time, and a hash of the request, all in hexadecimal.
    fn token(self, input: &GetMetricDataInput) -> String {
        let after = self.after_ms.map_or("-".to_owned(), |ms| format!("{ms:x}"));
        format!("{:x}.{after}.{:016x}", self.query, request_hash(input))
    }

    fn parse(token: &str, input: &GetMetricDataInput, queries: usize) -> Result<Cursor, ServiceError> {
        let mut parts = token.split('.');
        let mut part = || parts.next().ok_or_else(invalid_token);
        let (query, after, hash) = (part()?, part()?, part()?);
        let query = usize::from_str_radix(query, 16).map_err(|_| invalid_token())?;
        let after_ms = match after {
            "-" => None,
            // Written as the 64 bits that they are: negative times too.
            digits => Some(u64::from_str_radix(digits, 16).map_err(|_| invalid_token())? as i64),
        };
        let is_ours = parts.next().is_none() && query < queries && hash == format!("{:016x}", request_hash(input));
        if is_ours { Ok(Cursor { query, after_ms }) } else { Err(invalid_token()) }
    }
}

/// A hash of what must be the same on every page.
fn request_hash(input: &GetMetricDataInput) -> u64 {
    let GetMetricDataInput { metric_data_queries, start_time, end_time, scan_by, .. } = input;
    let queries: &[MetricDataQuery] = metric_data_queries;
    SeriesId::of(&format!("{queries:?}{}{}{scan_by:?}", start_time.0, end_time.0), 0).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_belong_to_their_request() {
        let input = GetMetricDataInput::default();
        let other = GetMetricDataInput { start_time: Timestamp(1), ..Default::default() };
        for cursor in
            [Cursor::START, Cursor { query: 4, after_ms: Some(-5) }, Cursor { query: 1, after_ms: Some(i64::MAX) }]
        {
            let token = cursor.token(&input);
            assert_eq!(Cursor::parse(&token, &input, 5).unwrap(), cursor);
            assert!(Cursor::parse(&token, &other, 5).is_err());
            assert!(Cursor::parse(&token, &input, cursor.query).is_err());
        }
        for bad in ["", ".", "0.0", "0.0.0", "0.-.zz", "0.-.0000000000000000.1"] {
            assert_eq!(Cursor::parse(bad, &input, 5).unwrap_err().code, "InvalidNextToken", "{bad}");
        }
    }
}
