//! What a band is of: a query, and those that it refers to.
//!
//! Two sources are the same if they compute the same, whatever the ids are: each query is named by a hash of what it is, with the
//! names of those that it refers to in it.

use hashbrown::{HashMap, HashSet};
use sha2::{Digest, Sha256};
use watchkeep_core::Caller;
use watchkeep_lang::metric_math::{BandSource, Expression, External};
use watchkeep_lang::metrics_insights;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::MetricDataQuery;

use crate::errors::validation;
use crate::expressions::{ExpressionQuery, Program};
use crate::limits::BANDS_MAX;
use crate::series::KeyWriter;

/// What a band is of.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The queries, of which one returns its data.
    pub(super) queries: Vec<MetricDataQuery>,
    /// What tells it from others, with its period and unit.
    pub(super) identity: String,
    /// The id of the detector of it, if there is one.
    pub(super) detector_id: String,
    /// The metric, if it is one: its namespace, name and statistic.
    pub(super) metric: Option<(String, String, String)>,
}

/// A band that a request asks for.
#[derive(Debug)]
pub(crate) struct RequestBand {
    /// The id of the query with the call.
    pub(crate) query_id: String,
    /// As the call names it.
    pub(crate) of: BandSource,
    pub(crate) source: Source,
}

/// The functions that a band cannot be of: what they find depends on more than their arguments, or is a band.
const REFUSED: [&str; 3] = ["METRICS", "SEARCH", "ANOMALY_DETECTION_BAND"];

/// The bands that the expressions of a request ask for, given all its queries.
///
/// # Errors
///
/// `ValidationError` if they are too many, or of what there is none of.
pub(crate) fn request_bands(
    expressions: &[ExpressionQuery],
    queries: &[MetricDataQuery],
    caller: &Caller,
) -> Result<Vec<RequestBand>, ServiceError> {
    let mut bands = Vec::new();
    for query in expressions {
        let Program::Math(expression, _) = &query.program else { continue };
        for external in expression.externals() {
            let External::Band { source: of } = external else { continue };
            if bands.len() == BANDS_MAX {
                return Err(validation(format!("A request can ask for at most {BANDS_MAX} anomaly detection bands.")));
            }
            let source = match &of {
                BandSource::Id(id) => Source::of(queries, id, caller),
                BandSource::Expression(text) => {
                    let id = free_id(queries);
                    let own = MetricDataQuery {
                        id: id.clone(),
                        expression: Some(text.clone()),
                        ..MetricDataQuery::default()
                    };
                    Source::of(&[queries, &[own]].concat(), &id, caller)
                }
            };
            let source =
                source.map_err(|reason| validation(format!("Error in expression '{}': {reason}", query.id)))?;
            bands.push(RequestBand { query_id: query.id.clone(), of, source });
        }
    }
    Ok(bands)
}

/// An id that no query has.
fn free_id(queries: &[MetricDataQuery]) -> String {
    let longest = queries.iter().map(|query| query.id.len()).max().unwrap_or(0);
    "x".repeat(longest + 1)
}

impl Source {
    /// The query of this id among these, which are without circles, with those that it refers to.
    ///
    /// # Errors
    ///
    /// A sentence if there can be no band of it.
    pub(super) fn of(queries: &[MetricDataQuery], id: &str, caller: &Caller) -> Result<Source, String> {
        let by_id: HashMap<&str, &MetricDataQuery> = queries.iter().map(|query| (query.id.as_str(), query)).collect();
        let mut parsed = HashMap::new();
        let mut wanted = vec![id];
        let mut order = Vec::new();
        let mut seen = HashSet::new();
        while let Some(id) = wanted.pop() {
            let Some(query) = by_id.get(id).copied() else { continue };
            if !seen.insert(query.id.as_str()) {
                continue;
            }
            order.push(query);
            let Some(text) = query.expression.as_deref().filter(|text| !metrics_insights::is_query(text)) else {
                continue;
            };
            let expression = Expression::parse(text).map_err(|error| error.to_string())?;
            if let Some(function) = expression.functions().into_iter().find(|name| REFUSED.contains(name)) {
                return Err(format!("ANOMALY_DETECTION_BAND cannot be of an expression with '{function}'."));
            }
            wanted.extend(expression.references().iter().filter_map(|id| by_id.get(id).map(|query| query.id.as_str())));
            parsed.insert(query.id.as_str(), expression);
        }
        let mut names = Names { by_id: &by_id, parsed: &parsed, caller, names: HashMap::new() };
        let identity = names.of(id);
        let root = by_id.get(id).copied();
        let metric = root.and_then(|root| {
            let stat = root.metric_stat.as_ref()?;
            Some((stat.metric.namespace.clone()?, stat.metric.metric_name.clone()?, stat.stat.clone()))
        });
        let detector_id = match root.and_then(|root| root.metric_stat.as_ref()) {
            Some(stat) => hash(&format!("{}{}", names.key(root.unwrap_or(&MetricDataQuery::default())), stat.stat)),
            None => identity.clone(),
        };
        let mut queries: Vec<MetricDataQuery> = order.into_iter().cloned().collect();
        for query in &mut queries {
            query.return_data = Some(query.id == id);
            query.label = None;
        }
        Ok(Source { queries, identity, detector_id, metric })
    }

    /// The same of another period, if it is of one metric.
    pub(super) fn with_period(&self, period_s: i32, caller: &Caller) -> Option<Source> {
        let mut query = self.queries.first().filter(|_| self.metric.is_some())?.clone();
        query.metric_stat.as_mut()?.period = period_s;
        let id = query.id.clone();
        Source::of(&[query], &id, caller).ok()
    }
}

/// Names queries by what they are.
struct Names<'q> {
    by_id: &'q HashMap<&'q str, &'q MetricDataQuery>,
    parsed: &'q HashMap<&'q str, Expression>,
    caller: &'q Caller,
    names: HashMap<String, String>,
}

impl Names<'_> {
    /// The name of a query. Names of those that it refers to are made first, each once, so that the work is bounded by the text.
    fn of(&mut self, id: &str) -> String {
        let mut waiting = vec![id.to_owned()];
        while let Some(next) = waiting.last().cloned() {
            let referenced = self.parsed.get(next.as_str()).map(Expression::references).unwrap_or_default();
            // Without circles, every round names one query or finds one that was not named.
            let unnamed =
                referenced.into_iter().find(|id| !self.names.contains_key(*id) && self.by_id.contains_key(*id));
            match unnamed {
                Some(unnamed) if waiting.len() <= self.by_id.len() => waiting.push(unnamed.to_owned()),
                _ => {
                    let name = self.named(&next);
                    self.names.insert(next, name);
                    waiting.pop();
                }
            }
        }
        self.names.get(id).cloned().unwrap_or_default()
    }

    fn named(&self, id: &str) -> String {
        let Some(query) = self.by_id.get(id).copied() else { return hash(id) };
        if let Some(stat) = &query.metric_stat {
            let unit = stat.unit.as_deref().unwrap_or_default();
            return hash(&format!("{}{}\0{}\0{unit}", self.key(query), stat.stat, stat.period));
        }
        let name_of = |id: &str| self.names.get(id).cloned().unwrap_or_default();
        let text = match self.parsed.get(id) {
            Some(expression) => expression.text_with(&name_of),
            None => query.expression.clone().unwrap_or_default(),
        };
        hash(&format!("{}\0{text}\0{:?}", self.caller.account, query.period))
    }

    /// The key of a query's metric.
    fn key(&self, query: &MetricDataQuery) -> String {
        let Some(stat) = &query.metric_stat else { return String::new() };
        let account = query.account_id.as_deref().unwrap_or(self.caller.account.as_str());
        let namespace = stat.metric.namespace.as_deref().unwrap_or_default();
        let mut writer = KeyWriter::new(self.caller.account, &self.caller.region, namespace);
        let dimensions = stat.metric.dimensions.as_deref().unwrap_or_default();
        let key = writer.key(stat.metric.metric_name.as_deref().unwrap_or_default(), dimensions);
        format!("{account}\0{}", key.unwrap_or_default())
    }
}

/// A name: letters and digits.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
