//! The query languages, and queries that were found to be written in them.

use std::sync::Arc;

use watchkeep_lang::insights::plan::{Language, Step};
use watchkeep_lang::insights::{Plan, QueryError as PlanError};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{MalformedQueryException, QueryCompileError, QueryCompileErrorLocation, errors as model};
use watchkeep_query::{QueryError, SqlQuery};

use crate::Logs;
use crate::errors::invalid;
use crate::limits::{PPL_QUERIES_MAX, QUERIES_MAX, SQL_QUERIES_MAX};

/// `QueryLanguage`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueryLanguage {
    Cwli,
    Ppl,
    Sql,
}

impl QueryLanguage {
    /// All of them.
    pub(super) const ALL: [QueryLanguage; 3] = [QueryLanguage::Cwli, QueryLanguage::Ppl, QueryLanguage::Sql];

    /// The language of a request.
    pub(super) fn of(name: Option<&str>) -> Result<QueryLanguage, ServiceError> {
        let name = name.unwrap_or("CWLI");
        let found = QueryLanguage::ALL.into_iter().find(|language| language.as_str() == name);
        found.ok_or_else(|| invalid(format!("The query language {name} is not supported.")))
    }

    /// The API's word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            QueryLanguage::Cwli => "CWLI",
            QueryLanguage::Ppl => "PPL",
            QueryLanguage::Sql => "SQL",
        }
    }

    /// How many queries in it may be under way.
    pub(super) fn queries_max(self) -> usize {
        match self {
            QueryLanguage::Cwli => QUERIES_MAX,
            QueryLanguage::Ppl => PPL_QUERIES_MAX,
            QueryLanguage::Sql => SQL_QUERIES_MAX,
        }
    }
}

/// A query that was found to be one.
#[derive(Debug)]
pub(super) enum Parsed {
    /// In Logs Insights QL or PPL.
    Plan(Arc<Plan>),
    /// In SQL.
    Sql(Box<SqlQuery>),
}

impl Parsed {
    /// Reads a query.
    pub(super) fn new(text: &str, language: QueryLanguage) -> Result<Parsed, ServiceError> {
        let plan =
            |language| Plan::parse(text, language).map(Arc::new).map(Parsed::Plan).map_err(|error| of_plan(&error));
        match language {
            QueryLanguage::Cwli => plan(Language::Cwli),
            QueryLanguage::Ppl => plan(Language::Ppl),
            QueryLanguage::Sql => SqlQuery::parse(text).map(|query| Parsed::Sql(Box::new(query))).map_err(of_sql),
        }
    }

    /// Finds what else is wrong with it whatever the events are.
    pub(super) async fn checked(self, logs: &Logs) -> Result<Parsed, ServiceError> {
        match self {
            Parsed::Plan(plan) => Ok(Parsed::Plan(plan)),
            Parsed::Sql(query) => {
                let checked = logs.queries.engine.check_sql(*query).await;
                checked.map(|query| Parsed::Sql(Box::new(query))).map_err(of_sql)
            }
        }
    }

    /// Whether it reads groups that it does not name itself.
    pub(super) fn needs_groups(&self) -> bool {
        match self {
            Parsed::Plan(plan) => plan.source.is_none(),
            Parsed::Sql(query) => {
                query.sources().iter().any(|source| source.groups.is_none() && source.data_sources.is_empty())
            }
        }
    }

    /// Whether it asks to see what is masked, anywhere.
    pub(super) fn unmasks(&self) -> bool {
        match self {
            Parsed::Plan(plan) => plans(plan).into_iter().any(watchkeep_query::unmasks),
            Parsed::Sql(_) => false,
        }
    }
}

/// A plan and all that are nested in it.
pub(super) fn plans(plan: &Plan) -> Vec<&Plan> {
    let mut all = vec![plan];
    let mut done = 0;
    while let Some(&next) = all.get(done) {
        all.extend(&next.subqueries);
        all.extend(next.steps.iter().filter_map(|step| match step {
            Step::Join(join) => Some(&join.query),
            _ => None,
        }));
        done += 1;
    }
    all
}

/// The error for a text that is no query, with where it is none.
pub(super) fn of_plan(error: &PlanError) -> ServiceError {
    malformed(error.message.clone(), Some((error.span.start, error.span.end)))
}

fn of_sql(error: QueryError) -> ServiceError {
    match error {
        QueryError::Malformed { message, location } => malformed(message, location),
        other => malformed(other.to_string(), None),
    }
}

fn malformed(message: String, location: Option<(usize, usize)>) -> ServiceError {
    let offset = |at: usize| i32::try_from(at).ok();
    let location = location.map(|(start, end)| QueryCompileErrorLocation {
        start_char_offset: offset(start),
        end_char_offset: offset(end),
    });
    let details = MalformedQueryException {
        query_compile_error: Some(QueryCompileError { location, message: Some(message.clone()) }),
    };
    model::malformed_query_exception(message).with_details(details)
}
