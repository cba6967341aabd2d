//! GetMetricData: up to 500 queries in one call, page by page. Sources: "GetMetricData", "MetricDataQuery",
//! "MetricDataResult". Metric queries are answered first, in the order of the request and with one series of points each, then
//! expressions, with one series or several. A page is filled series by series, and the token says behind which point the next
//! one begins. Without expressions only what is on the page is read; with them all of it is, as each may need all of another.

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::label::LabelContext;
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::cloudwatch::{
    GetMetricDataInput, GetMetricDataOutput, MessageData, MetricDataQuery, MetricDataResult,
};
use watchkeep_model::{ServiceError, Timestamp};

use crate::Metrics;
use crate::buckets::Buckets;
use crate::errors::{invalid_token, of_store};
use crate::expressions::{Condition, Labelled, groups, points_of};
use crate::limits::SAMPLES_BUCKET_WEIGHT;
use crate::queries::{Query, Request, ScanBy};
use crate::read::Reading;
use crate::series::SeriesId;
use crate::unit::Unit;
use crate::window::Window;

/// The status of a result that is all there.
const COMPLETE: &str = "Complete";

/// Gets the data of queries.
pub(crate) async fn get_metric_data(
    service: &Metrics,
    caller: &Caller,
    input: GetMetricDataInput,
) -> Result<GetMetricDataOutput, ServiceError> {
    let now = service.clock.now();
    let request = Request::check(&input, caller, now, &service.rollups.retention)?;
    let begin = input.next_token.as_deref().map_or(Ok(Cursor::START), |token| Cursor::parse(token, &input))?;
    let mut page = Page { begin, scan_by: request.scan_by, room: request.datapoints_max, next: None };
    let (mut results, messages) = match request.expressions.is_empty() {
        true => (metrics_page(service, &request, &mut page, caller, now).await?, Vec::new()),
        false => {
            let answers = service.answers(&request, caller, now).await?;
            (computed_page(answers.metrics, answers.expressions, &request, &mut page, caller, now), answers.messages)
        }
    };
    if begin.query > results.len() || (begin != Cursor::START && begin.query == results.len()) {
        return Err(invalid_token());
    }
    let mut messages = messages;
    let locked = service.locked_before(caller, input.start_time.0).await.map_err(|error| of_store(&error))?;
    messages.extend(locked.clone());
    let status = if page.next.is_some() || locked.is_some() { "PartialData" } else { COMPLETE };
    for result in results.iter_mut().flatten().filter(|result| result.status_code.is_none()) {
        result.status_code = Some(status.to_owned());
    }
    Ok(GetMetricDataOutput {
        metric_data_results: Some(results.into_iter().flatten().collect()),
        next_token: page.next.map(|next| next.token(&input)),
        messages: Some(messages),
    })
}

/// The results of metric queries, `None` for those that return no data; only what is on the page is read.
async fn metrics_page(
    service: &Metrics,
    request: &Request,
    page: &mut Page,
    caller: &Caller,
    now: TimestampMs,
) -> Result<Vec<Option<MetricDataResult>>, ServiceError> {
    let bare = |query: &Query| query.returns_data.then(|| query.result(&[], None, request, caller, now));
    let mut results: Vec<Option<MetricDataResult>> = request.queries.iter().map(bare).collect();
    let mut index = page.begin.query;
    let rest = request.queries.get(index..).unwrap_or_default();
    for group in groups(rest, |query| weight(&query.window, query.statistic)) {
        let answers = service.read(group.iter().map(Query::reading).collect()).await?;
        for (query, reading) in group.iter().zip(&answers) {
            let (units, points) = query.points(&reading.buckets);
            if let Some(Some(result)) = results.get_mut(index) {
                *result = query.result(&points, units.as_deref(), request, caller, now);
                page.fill(index, result, points);
            }
            index += 1;
        }
        if page.next.is_some() {
            break;
        }
    }
    Ok(results)
}

/// The results of a request with expressions: first those of metric queries, then those of expressions.
fn computed_page(
    metrics: Vec<(Option<Vec<Unit>>, Points)>,
    expressions: Vec<Vec<Labelled>>,
    request: &Request,
    page: &mut Page,
    caller: &Caller,
    now: TimestampMs,
) -> Vec<Option<MetricDataResult>> {
    let mut results = Vec::new();
    for (query, (units, points)) in request.queries.iter().zip(metrics) {
        let result = query.returns_data.then(|| {
            let mut result = query.result(&points, units.as_deref(), request, caller, now);
            page.fill(results.len(), &mut result, points);
            result
        });
        results.push(result);
    }
    for (query, series) in request.expressions.iter().zip(expressions) {
        for Labelled { label, points, condition } in series {
            let (id, label) = (Some(query.id.clone()), Some(label));
            let mut result = MetricDataResult { id, label, ..MetricDataResult::default() };
            if let Some(Condition { status, messages }) = condition {
                result.status_code = (status != COMPLETE).then(|| status.to_owned());
                result.messages = (!messages.is_empty()).then_some(messages);
            }
            page.fill(results.len(), &mut result, points);
            results.push(Some(result));
        }
    }
    results
}

/// What a query weighs while it is read: its buckets, more if they hold samples.
pub(crate) fn weight(window: &Window, statistic: Statistic) -> i64 {
    let weight = if statistic.is_extended() { SAMPLES_BUCKET_WEIGHT } else { 1 };
    window.readable_buckets().saturating_mul(weight)
}

/// A message of a result, or of the whole answer.
pub(crate) fn message(code: &str, value: String) -> MessageData {
    MessageData { code: Some(code.to_owned()), value: Some(value) }
}

/// A page on the way: the results before its beginning have no points on it, nor do those behind its end.
struct Page {
    begin: Cursor,
    scan_by: ScanBy,
    /// The points that still fit.
    room: usize,
    /// Where the next page begins.
    next: Option<Cursor>,
}

impl Page {
    /// Puts those of a result's points into it that are on this page. They come oldest first.
    fn fill(&mut self, index: usize, result: &mut MetricDataResult, mut points: Points) {
        if self.scan_by == ScanBy::Descending {
            points.reverse();
        }
        let after = self.begin.after_ms.filter(|_| index == self.begin.query);
        let done = after.map_or(0, |after| points.partition_point(|point| !self.scan_by.is_behind(point.0, after)));
        let is_here = index >= self.begin.query && self.next.is_none();
        let rest = points.get(done..).filter(|_| is_here).unwrap_or_default();
        let page = rest.get(..self.room.min(rest.len())).unwrap_or_default();
        result.timestamps = Some(page.iter().map(|point| Timestamp(point.0)).collect());
        result.values = Some(page.iter().map(|point| point.1).collect());
        self.room -= page.len();
        if page.len() < rest.len() {
            self.next = Some(Cursor { query: index, after_ms: page.last().map(|point| point.0).or(after) });
        }
    }
}

/// Points by time, as (start of the bucket in milliseconds, value).
type Points = Vec<(i64, f64)>;

impl Query {
    /// What is to be read for it: nothing, if its data are not for the caller, or not wanted.
    pub(crate) fn reading(&self) -> Reading {
        let is_wanted = (self.returns_data || self.is_operand) && !self.is_forbidden;
        let window = if is_wanted { self.window } else { self.window.emptied() };
        Reading { key: self.key.clone(), buckets: Buckets::new(window, self.unit, self.statistic.is_extended()) }
    }

    /// The points, oldest first; and if there are several units, all of them: then the first by name is answered.
    pub(crate) fn points(&self, buckets: &Buckets) -> (Option<Vec<Unit>>, Points) {
        points_of(buckets, self.statistic)
    }

    /// Its result without points, but with the label that these points give it, and the message about these units.
    pub(crate) fn result(
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

    fn parse(token: &str, input: &GetMetricDataInput) -> Result<Cursor, ServiceError> {
        let mut parts = token.split('.');
        let mut part = || parts.next().ok_or_else(invalid_token);
        let (query, after, hash) = (part()?, part()?, part()?);
        let query = usize::from_str_radix(query, 16).map_err(|_| invalid_token())?;
        let after_ms = match after {
            "-" => None,
            // Written as the 64 bits that they are: negative times too.
            digits => Some(u64::from_str_radix(digits, 16).map_err(|_| invalid_token())? as i64),
        };
        let is_ours = parts.next().is_none() && hash == format!("{:016x}", request_hash(input));
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
            assert_eq!(Cursor::parse(&token, &input).unwrap(), cursor);
            assert!(Cursor::parse(&token, &other).is_err());
        }
        for bad in ["", ".", "0.0", "0.0.0", "0.-.zz", "0.-.0000000000000000.1"] {
            assert_eq!(Cursor::parse(bad, &input).unwrap_err().code, "InvalidNextToken", "{bad}");
        }
    }
}
