//! The expressions of GetMetricData: metric math with its searches, and Metrics Insights queries. Here they are checked before
//! anything is read; `evaluate` computes them, `find` selects the metrics that searches and queries ask for. Sources: "Use
//! metric math", "Use search expressions in graphs", "Query your metrics with CloudWatch Metrics Insights".

mod evaluate;
mod find;
mod lambda;
mod outside;

use hashbrown::{HashMap, HashSet};
use watchkeep_lang::label::Label;
use watchkeep_lang::metric_math::{Expression, External, IdType, Type, order};
use watchkeep_lang::metric_search::Search;
use watchkeep_lang::metrics_insights as insights;
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::MetricDataQuery;

use crate::errors::validation;
use crate::insight_rules::ReportMetric;
use crate::limits::REPORT_PERIOD_S_MIN;
use crate::queries::{Query, check_period};

pub(crate) use evaluate::{Answers, Labelled, groups, points_of};
pub(crate) use lambda::Condition;

/// A checked query with an expression.
#[derive(Debug)]
pub(crate) struct ExpressionQuery {
    /// Its id.
    pub(crate) id: String,
    /// What is computed.
    pub(crate) program: Program,
    /// The period of its slots, in seconds.
    pub(crate) period_s: i64,
    /// The label that was given, unless it is empty.
    pub(crate) label: Option<Label>,
    /// Whether its data go into the answer.
    pub(crate) returns_data: bool,
    /// What it computes.
    pub(crate) result: Type,
}

/// What an expression asks for.
#[derive(Debug)]
pub(crate) enum Program {
    /// Metric math, and the searches in it.
    Math(Expression, Vec<(External, MetricSearch)>),
    /// A query over many metrics.
    Insights(insights::Query),
}

/// A `SEARCH`, and how the metrics that it finds are read.
#[derive(Debug)]
pub(crate) struct MetricSearch {
    pub(crate) search: Search,
    pub(crate) statistic: Statistic,
    /// The statistic's name.
    pub(crate) stat: String,
    pub(crate) period_s: i64,
}

/// Checks the expressions of a request, given with their places among all queries. They come back in the order in which they
/// can be evaluated, and the metric queries that they refer to are marked to be read.
///
/// # Errors
///
/// `ValidationError`.
pub(crate) fn check(
    given: &[(usize, &MetricDataQuery, &str)],
    queries: &mut [Query],
) -> Result<Vec<ExpressionQuery>, ServiceError> {
    let parsed = given.iter().map(|(place, query, text)| Parsed::of(*place, query, text));
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    if parsed.iter().filter(|parsed| matches!(parsed.source, Source::Insights(_))).count()
        > insights::limits::QUERIES_MAX
    {
        let text = format!("Maximum number of queries ({}) exceeded.", insights::limits::QUERIES_MAX);
        return Err(validation(text));
    }
    let mut periods: HashMap<String, i64> =
        queries.iter().map(|query| (query.id.clone(), query.window.period_ms / 1000)).collect();
    let mut types: HashMap<String, IdType> = queries.iter().map(|query| (query.id.clone(), IdType::Metric)).collect();
    let mut wanted = HashSet::new();
    let mut checked = Vec::with_capacity(parsed.len());
    for parsed in in_order(parsed)? {
        let result = parsed.result(&types)?;
        wanted.extend(parsed.references(queries));
        let query = parsed.checked(result, &periods, queries)?;
        types.insert(query.id.clone(), IdType::Expression(result));
        periods.insert(query.id.clone(), query.period_s);
        checked.push(query);
    }
    for query in queries.iter_mut() {
        query.is_operand = wanted.contains(&query.id);
    }
    Ok(checked)
}

/// An error of one of the expressions.
fn in_expression(id: &str, reason: impl std::fmt::Display) -> ServiceError {
    validation(format!("Error in expression '{id}': {reason}"))
}

/// An expression, parsed but not yet held against the others.
struct Parsed {
    id: String,
    source: Source,
    period_s: Option<i64>,
    label: Option<Label>,
    returns_data: bool,
}

enum Source {
    Math(Expression),
    Insights(insights::Query),
}

impl Parsed {
    fn of(place: usize, query: &MetricDataQuery, text: &str) -> Result<Parsed, ServiceError> {
        let id = query.id.clone();
        let source = if insights::is_query(text) {
            Source::Insights(insights::Query::parse(text).map_err(|error| in_expression(&id, error))?)
        } else {
            Source::Math(Expression::parse(text).map_err(|error| in_expression(&id, error))?)
        };
        let place = format!("MetricDataQueries.member.{}", place + 1);
        let period_s = query.period.map(i64::from);
        if let Some(period_s) = period_s {
            check_period(period_s, &format!("{place}.Period"))?;
        }
        let label = query.label.as_deref().filter(|text| !text.is_empty()).map(Label::parse).transpose();
        let label = label.map_err(|error| validation(format!("The parameter {place}.Label is invalid: {error}.")))?;
        Ok(Parsed { id, source, period_s, label, returns_data: query.return_data != Some(false) })
    }

    /// The type of the result.
    fn result(&self, types: &HashMap<String, IdType>) -> Result<Type, ServiceError> {
        match &self.source {
            Source::Insights(query) if query.group_by.is_empty() => Ok(Type::Series),
            Source::Insights(_) => Ok(Type::Array),
            Source::Math(expression) => {
                expression.check(&|id| types.get(id).copied()).map_err(|error| in_expression(&self.id, error))
            }
        }
    }

    /// The ids that it refers to.
    fn references(&self, queries: &[Query]) -> Vec<String> {
        let Source::Math(expression) = &self.source else { return Vec::new() };
        let mut ids: Vec<String> = expression.references().into_iter().map(str::to_owned).collect();
        if expression.functions().contains(&"METRICS") {
            ids.extend(queries.iter().map(|query| query.id.clone()));
        }
        ids
    }

    fn checked(
        self,
        result: Type,
        periods: &HashMap<String, i64>,
        queries: &[Query],
    ) -> Result<ExpressionQuery, ServiceError> {
        let references = self.references(queries);
        let Parsed { id, source, period_s, label, returns_data } = self;
        let (program, period_s) = match source {
            Source::Insights(query) => {
                let period_s = period_s.ok_or_else(|| in_expression(&id, PERIOD_REQUIRED))?;
                if period_s < i64::from(insights::limits::PERIOD_SECONDS_MIN) {
                    let least = insights::limits::PERIOD_SECONDS_MIN;
                    return Err(in_expression(&id, format!("The period of a query must be at least {least} seconds.")));
                }
                (Program::Insights(query), period_s)
            }
            Source::Math(expression) => {
                let searches = searches(&id, &expression, period_s)?;
                check_reports(&id, &expression, period_s)?;
                outside::check_functions(&id, &expression, period_s)?;
                outside::check_quotas(&id, &expression, queries)?;
                let databases_s = outside::check_databases(&id, &expression, period_s)?;
                let of_operands = references.iter().filter_map(|id| periods.get(id).copied());
                let of_searches = searches.iter().map(|(_, search)| search.period_s);
                let period_s = period_s.or_else(|| of_operands.chain(of_searches).chain(databases_s).max());
                let period_s = period_s.ok_or_else(|| in_expression(&id, PERIOD_REQUIRED))?;
                (Program::Math(expression, searches), period_s)
            }
        };
        Ok(ExpressionQuery { id, program, period_s, label, returns_data, result })
    }
}

const PERIOD_REQUIRED: &str =
    "Period is a required field for expressions that find their metrics by themselves or have none.";

/// The searches in an expression.
fn searches(
    id: &str,
    expression: &Expression,
    period_s: Option<i64>,
) -> Result<Vec<(External, MetricSearch)>, ServiceError> {
    let mut searches = Vec::new();
    for external in expression.externals() {
        let External::Search { query, statistic: stat, period_seconds } = &external else { continue };
        let search = Search::parse(query).map_err(|error| in_expression(id, format!("SEARCH: {error}.")))?;
        let statistic = Statistic::parse(stat)
            .map_err(|_| in_expression(id, format!("The value {stat} is not a valid statistic.")))?;
        let given_s = period_seconds.map(|seconds| seconds as i64).or(period_s);
        let period_s = given_s.ok_or_else(|| in_expression(id, PERIOD_REQUIRED))?;
        check_period(period_s, "Period").map_err(|error| in_expression(id, error.message))?;
        let search = MetricSearch { search, statistic, stat: stat.clone(), period_s };
        searches.push((external, search));
    }
    Ok(searches)
}

/// Checks what an expression asks of reports of Contributor Insights rules. Whether the rules exist is seen when they are read.
fn check_reports(id: &str, expression: &Expression, period_s: Option<i64>) -> Result<(), ServiceError> {
    for external in expression.externals() {
        let External::InsightRule { metric, .. } = &external else { continue };
        if ReportMetric::parse(metric).is_none() {
            return Err(in_expression(id, format!("The value {metric} is not a metric of an insight rule.")));
        }
        let period_s = period_s.ok_or_else(|| in_expression(id, PERIOD_REQUIRED))?;
        if period_s < REPORT_PERIOD_S_MIN {
            let text = format!("The period of an insight rule must be at least {REPORT_PERIOD_S_MIN} seconds.");
            return Err(in_expression(id, text));
        }
    }
    Ok(())
}

/// The expressions, each behind those that it refers to.
fn in_order(parsed: Vec<Parsed>) -> Result<Vec<Parsed>, ServiceError> {
    let math: Vec<(usize, &str, &Expression)> = parsed
        .iter()
        .enumerate()
        .filter_map(|(index, parsed)| match &parsed.source {
            Source::Math(expression) => Some((index, parsed.id.as_str(), expression)),
            Source::Insights(_) => None,
        })
        .collect();
    let named: Vec<(&str, &Expression)> = math.iter().map(|(_, id, expression)| (*id, *expression)).collect();
    let ordered = order(&named).map_err(|circle| in_expression(&circle.id, &circle))?;
    let mut rank: Vec<usize> = vec![0; parsed.len()];
    for (at, index) in ordered.into_iter().enumerate() {
        if let Some(rank) = math.get(index).and_then(|(index, ..)| rank.get_mut(*index)) {
            // Queries refer to nothing, and come first.
            *rank = at + 1;
        }
    }
    let mut ranked: Vec<(usize, Parsed)> = rank.into_iter().zip(parsed).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, parsed)| parsed).collect())
}
