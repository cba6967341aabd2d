//! The queries of GetMetricData: what the API allows, and the labels that they get. Sources: "MetricDataQuery", "Use dynamic
//! labels".

use hashbrown::{HashMap, HashSet};
use watchkeep_core::{Caller, Region, TimestampMs};
use watchkeep_lang::label::{Label, parse_timezone};
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{GetMetricDataInput, MetricDataQuery, MetricStat};

use crate::anomaly::{self, RequestBand};
use crate::errors::{mutually_exclusive, validation};
use crate::expressions::{self, ExpressionQuery};
use crate::limits::{DATAPOINTS_MAX, QUERIES_MAX};
use crate::list_metrics::is_own_account;
use crate::rollup::Retention;
use crate::series::{Identity, KeyWriter};
use crate::unit::Unit;
use crate::window::{Window, is_period};

/// A checked request.
#[derive(Debug)]
pub(crate) struct Request {
    /// The queries of one metric each, in their order.
    pub(crate) queries: Vec<Query>,
    /// The queries with an expression, in their order.
    pub(crate) expressions: Vec<ExpressionQuery>,
    /// The bands that these ask for.
    pub(crate) bands: Vec<RequestBand>,
    /// The order in which these can be evaluated, as indexes.
    pub(crate) evaluation_order: Vec<usize>,
    /// The times asked for.
    pub(crate) start: TimestampMs,
    /// See `start`; outside.
    pub(crate) end: TimestampMs,
    /// The order of points.
    pub(crate) scan_by: ScanBy,
    /// The points of a page.
    pub(crate) datapoints_max: usize,
    /// The offset of times in labels from UTC.
    pub(crate) offset_minutes: i32,
}

/// The order of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanBy {
    /// Newest first.
    Descending,
    /// Oldest first.
    Ascending,
}

impl ScanBy {
    /// Whether a point of the time `time_ms` comes behind one of the time `other_ms`.
    pub(crate) fn is_behind(self, time_ms: i64, other_ms: i64) -> bool {
        match self {
            ScanBy::Descending => time_ms < other_ms,
            ScanBy::Ascending => time_ms > other_ms,
        }
    }
}

/// A checked query of one metric.
#[derive(Debug)]
pub(crate) struct Query {
    /// Its id.
    pub(crate) id: String,
    /// The key of the series.
    pub(crate) key: String,
    /// The statistic, and its name as it was given.
    pub(crate) statistic: Statistic,
    pub(crate) stat: String,
    /// The unit asked for.
    pub(crate) unit: Option<Unit>,
    /// The buckets.
    pub(crate) window: Window,
    /// The label that was given.
    pub(crate) label: Option<Label>,
    /// The label without one given: what tells the metric from the others of the request.
    pub(crate) default_label: String,
    /// Whether its data go into the answer.
    pub(crate) returns_data: bool,
    /// Whether an expression refers to it.
    pub(crate) is_operand: bool,
    /// Whether it asks for another account's metric.
    pub(crate) is_forbidden: bool,
}

impl Request {
    /// Checks a request.
    pub(crate) fn check(
        input: &GetMetricDataInput,
        caller: &Caller,
        now: TimestampMs,
        retention: &Retention,
    ) -> Result<Request, ServiceError> {
        Request::check_across(input, caller, now, retention, &HashMap::new())
    }

    /// Checks a request some of whose metrics are of other Regions than the caller's: those, by the ids of the queries.
    pub(crate) fn check_across(
        input: &GetMetricDataInput,
        caller: &Caller,
        now: TimestampMs,
        retention: &Retention,
        regions: &HashMap<String, Region>,
    ) -> Result<Request, ServiceError> {
        let queries = &input.metric_data_queries;
        if queries.is_empty() {
            return Err(validation("At least one MetricDataQuery must be specified in MetricDataQueries."));
        }
        if queries.len() > QUERIES_MAX {
            let text = format!("The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}.");
            return Err(validation(text));
        }
        let (start, end) = (TimestampMs(input.start_time.0), TimestampMs(input.end_time.0));
        if start > end {
            return Err(validation("The parameter StartTime must be less than the parameter EndTime."));
        }
        if start == end {
            return Err(validation("The parameter StartTime must not equal parameter EndTime."));
        }
        let scan_by = match input.scan_by.as_deref() {
            None | Some("TimestampDescending") => ScanBy::Descending,
            Some("TimestampAscending") => ScanBy::Ascending,
            Some(other) => return Err(validation(format!("The value {other} for parameter ScanBy is invalid."))),
        };
        let datapoints_max = match input.max_datapoints {
            None => DATAPOINTS_MAX,
            Some(max) => {
                usize::try_from(max).ok().filter(|max| (1..=DATAPOINTS_MAX).contains(max)).ok_or_else(|| {
                    validation(format!("The parameter MaxDatapoints must be between 1 and {DATAPOINTS_MAX}."))
                })?
            }
        };
        let timezone = input.label_options.as_ref().and_then(|options| options.timezone.as_deref());
        let offset_minutes = match timezone {
            None => 0,
            Some(text) => parse_timezone(text).ok_or_else(|| {
                validation(format!("The value {text} for parameter LabelOptions.Timezone is invalid."))
            })?,
        };
        let mut ids = HashSet::new();
        for (index, query) in queries.iter().enumerate() {
            check_id(&query.id, index)?;
            if !ids.insert(query.id.as_str()) {
                return Err(validation("The values for parameter id in MetricDataQueries are not unique."));
            }
        }
        let mut metrics = Vec::with_capacity(queries.len());
        let mut expressions = Vec::new();
        for (index, query) in queries.iter().enumerate() {
            match (&query.metric_stat, &query.expression) {
                (Some(stat), None) => {
                    let region = regions.get(&query.id).unwrap_or(&caller.region);
                    metrics.push(Query::check(query, stat, index, (caller, region), |period_s| {
                        Window::new(start, end, period_s, now, retention)
                    })?);
                }
                (None, Some(text)) => expressions.push((index, query, text.as_str())),
                (Some(_), Some(_)) | (None, None) => {
                    let place = format!("MetricDataQueries.member.{}", index + 1);
                    let (one, other) = (format!("{place}.Expression"), format!("{place}.MetricStat"));
                    return Err(validation(mutually_exclusive(one, other)));
                }
            }
        }
        set_default_labels(&mut metrics);
        let ordered = expressions::check(&expressions, &mut metrics)?;
        let places: HashMap<&str, usize> =
            expressions.iter().enumerate().map(|(place, (_, query, _))| (query.id.as_str(), place)).collect();
        let evaluation_order = ordered.iter().filter_map(|query| places.get(query.id.as_str()).copied()).collect();
        let mut expressions = ordered;
        expressions.sort_by_key(|query| places.get(query.id.as_str()).copied());
        let bands = anomaly::request_bands(&expressions, queries, caller)?;
        let queries = metrics;
        Ok(Request {
            queries,
            expressions,
            bands,
            evaluation_order,
            start,
            end,
            scan_by,
            datapoints_max,
            offset_minutes,
        })
    }
}

fn check_id(id: &str, index: usize) -> Result<(), ServiceError> {
    let starts_low = id.starts_with(|first: char| first.is_ascii_lowercase());
    if starts_low && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(());
    }
    let place = format!("MetricDataQueries.member.{}.Id", index + 1);
    Err(validation(format!("The value {id} for parameter {place} must match the pattern ^[a-z][a-zA-Z0-9_]*$.")))
}

impl Query {
    fn check(
        query: &MetricDataQuery,
        stat: &MetricStat,
        index: usize,
        (caller, region): (&Caller, &Region),
        window: impl FnOnce(i64) -> Window,
    ) -> Result<Query, ServiceError> {
        let place = format!("MetricDataQueries.member.{}", index + 1);
        let MetricStat { metric, period, stat, unit } = stat;
        let required = |member: &Option<String>, name: &str| {
            let given = member.clone().filter(|text| !text.is_empty());
            given.ok_or_else(|| validation(format!("The parameter {place}.MetricStat.Metric.{name} is required.")))
        };
        let (namespace, name) =
            (required(&metric.namespace, "Namespace")?, required(&metric.metric_name, "MetricName")?);
        let statistic = Statistic::parse(stat).map_err(|_| {
            validation(format!("The value {stat} for parameter {place}.MetricStat.Stat is not a valid statistic."))
        })?;
        let period_s = i64::from(*period);
        check_period(period_s, &format!("{place}.MetricStat.Period"))?;
        let unit = unit.as_deref().map(|unit| {
            Unit::parse(unit).ok_or_else(|| {
                validation(format!("The value {unit} for parameter {place}.MetricStat.Unit is not a valid unit."))
            })
        });
        let label = query.label.as_deref().map(|text| {
            Label::parse(text).map_err(|error| validation(format!("The parameter {place}.Label is invalid: {error}.")))
        });
        let mut writer = KeyWriter::new(caller.account, region, &namespace);
        let key = writer.key(&name, metric.dimensions.as_deref().unwrap_or_default());
        let key = key.map_err(|_| validation("No metric may specify the same dimension name twice."))?.to_owned();
        Ok(Query {
            id: query.id.clone(),
            key,
            statistic,
            stat: stat.clone(),
            unit: unit.transpose()?,
            window: window(period_s),
            label: label.transpose()?,
            default_label: name,
            returns_data: query.return_data != Some(false),
            is_operand: false,
            is_forbidden: !is_own_account(query.account_id.as_deref(), caller.account),
        })
    }

    fn period_s(&self) -> i64 {
        self.window.period_ms / 1000
    }

    /// What `${PROP('...')}` stands for.
    pub(crate) fn property(&self, name: &str, caller: &Caller) -> Option<String> {
        property(name, &self.key, &self.stat, self.period_s(), caller)
    }
}

/// What `${PROP('...')}` stands for, of a metric read with a statistic and a period.
pub(crate) fn property(name: &str, key: &str, stat: &str, period_s: i64, caller: &Caller) -> Option<String> {
    let identity = Identity::of(key);
    let text = match name {
        "MetricName" => identity.name,
        "Namespace" => identity.namespace,
        "Stat" => stat,
        "Period" => return Some(period_s.to_string()),
        "Region" => identity.region,
        // Accounts have no names of their own here.
        "AccountId" | "AccountLabel" => caller.account.as_str(),
        _ => {
            let wanted = name.strip_prefix("Dim.")?;
            identity.dimensions().find(|(name, _)| *name == wanted)?.1
        }
    };
    Some(text.to_owned())
}

/// Checks a period in seconds, named by its place in the request.
pub(crate) fn check_period(period_s: i64, place: &str) -> Result<(), ServiceError> {
    if is_period(period_s) {
        return Ok(());
    }
    let set = if period_s < 60 { "a value in the set [1, 5, 10, 20, 30]" } else { "a multiple of 60" };
    Err(validation(format!("The parameter {place} must be {set}.")))
}

/// The default label is the metric's name; where queries of that name differ in statistic or period, these follow it.
fn set_default_labels(queries: &mut [Query]) {
    let mut seen = HashMap::<String, (String, i64, bool, bool)>::new();
    for query in queries.iter() {
        let first = seen.entry(query.default_label.clone());
        let first = first.or_insert_with(|| (query.stat.clone(), query.period_s(), false, false));
        first.2 |= first.0 != query.stat;
        first.3 |= first.1 != query.period_s();
    }
    for query in queries {
        let (_, _, stats_differ, periods_differ) = seen.get(&query.default_label).cloned().unwrap_or_default();
        if stats_differ {
            query.default_label = format!("{} {}", query.default_label, query.stat);
        }
        if periods_differ {
            query.default_label = format!("{} {}", query.default_label, query.period_s());
        }
    }
}
