//! The operations, and which request asks for which. Sources: "HTTP API", "Remote-Write specification"; "Prometheus-compatible APIs"
//! of the CloudWatch User Guide, whose paths have no prefix.

use std::sync::Arc;

use http::{HeaderMap, Method};
use serde_json::json;
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::cloudwatch::{SERVICE, operations};
use watchkeep_model::{Operation, OperationType as _, ServiceError};
use watchkeep_wire::http_api::{BodyLimit, HttpAnswer, HttpApi, HttpOperation, HttpRequest};

use crate::errors::{bad_data, error_type};
use crate::form::{Form, path_part};
use crate::limits::{FORM_BYTES_MAX, WRITE_BYTES_MAX};
use crate::{Prometheus, answer, lists, query, write};

/// The services that clients sign for, besides CloudWatch itself: those of Amazon Managed Service for Prometheus.
const SIGNING_NAMES: &[&str] = &["aps"];

const fn reads(name: &'static str, operation: &'static Operation) -> HttpOperation {
    let body = BodyLimit { wire_bytes: FORM_BYTES_MAX, decoded_bytes: FORM_BYTES_MAX };
    HttpOperation { name, service: &SERVICE, operation, signing_names: SIGNING_NAMES, bearer_tokens_of: None, body }
}

static QUERY: HttpOperation = reads("query", operations::GetMetricData::OPERATION);
static QUERY_RANGE: HttpOperation = reads("query_range", operations::GetMetricData::OPERATION);
static QUERY_EXEMPLARS: HttpOperation = reads("query_exemplars", operations::GetMetricData::OPERATION);
static FORMAT_QUERY: HttpOperation = reads("format_query", operations::GetMetricData::OPERATION);
static SERIES: HttpOperation = reads("series", operations::ListMetrics::OPERATION);
static LABELS: HttpOperation = reads("labels", operations::ListMetrics::OPERATION);
static LABEL_VALUES: HttpOperation = reads("label_values", operations::ListMetrics::OPERATION);
static METADATA: HttpOperation = reads("metadata", operations::ListMetrics::OPERATION);
static BUILD_INFO: HttpOperation = reads("buildinfo", operations::ListMetrics::OPERATION);
static RULES: HttpOperation = reads("rules", operations::DescribeAlarms::OPERATION);
static ALERTS: HttpOperation = reads("alerts", operations::DescribeAlarms::OPERATION);
static WRITE: HttpOperation = HttpOperation {
    name: "write",
    service: &SERVICE,
    operation: operations::PutMetricData::OPERATION,
    signing_names: SIGNING_NAMES,
    bearer_tokens_of: None,
    body: BodyLimit { wire_bytes: WRITE_BYTES_MAX, decoded_bytes: WRITE_BYTES_MAX },
};

/// Which methods ask for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Methods {
    /// GET only.
    Get,
    /// GET, or POST with a form.
    GetOrPost,
    /// POST only.
    Post,
}

/// What is asked for at a path below `/prometheus/api/v1/` and `/api/v1/`.
pub static OPERATIONS: &[(&str, Methods, &HttpOperation)] = &[
    ("query", Methods::GetOrPost, &QUERY),
    ("query_range", Methods::GetOrPost, &QUERY_RANGE),
    ("query_exemplars", Methods::GetOrPost, &QUERY_EXEMPLARS),
    ("format_query", Methods::GetOrPost, &FORMAT_QUERY),
    ("series", Methods::GetOrPost, &SERIES),
    ("labels", Methods::GetOrPost, &LABELS),
    ("metadata", Methods::Get, &METADATA),
    ("status/buildinfo", Methods::Get, &BUILD_INFO),
    ("rules", Methods::Get, &RULES),
    ("alerts", Methods::Get, &ALERTS),
    ("write", Methods::Post, &WRITE),
    ("remote_write", Methods::Post, &WRITE),
];

/// The part of a path behind the API's prefix.
fn below(path: &str) -> Option<&str> {
    path.strip_prefix("/prometheus/api/v1/").or_else(|| path.strip_prefix("/api/v1/"))
}

/// The label whose values a path asks for.
fn label_of(path: &str) -> Option<&str> {
    below(path)?.strip_prefix("label/")?.strip_suffix("/values").filter(|label| !label.contains('/'))
}

impl HttpApi for Api {
    fn route(&self, method: &Method, path: &str) -> Option<&'static HttpOperation> {
        if label_of(path).is_some() {
            return (*method == Method::GET).then_some(&LABEL_VALUES);
        }
        let path = below(path)?;
        let (_, methods, operation) = OPERATIONS.iter().find(|(own, ..)| *own == path)?;
        let is_allowed = match *methods {
            Methods::Get => *method == Method::GET,
            Methods::GetOrPost => *method == Method::GET || *method == Method::POST,
            Methods::Post => *method == Method::POST,
        };
        is_allowed.then_some(*operation)
    }

    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let prometheus = self.0.clone();
        Box::pin(async move {
            if operation.name == WRITE.name {
                return write::write(&prometheus, &query::place(&caller), &request).await;
            }
            let form = Form::of(&request)?;
            match operation.name {
                "query" => query::query(prometheus, caller, form).await,
                "query_range" => query::query_range(prometheus, caller, form).await,
                "format_query" => query::format_query(&form),
                "series" => lists::series(&prometheus, &caller, &form),
                "labels" => lists::label_names(&prometheus, &caller, &form),
                "label_values" => {
                    let label = label_of(request.uri.path()).and_then(path_part);
                    let label = label.ok_or_else(|| bad_data("the label's name is no UTF-8"))?;
                    lists::label_values(&prometheus, &caller, &form, &label)
                }
                "metadata" => prometheus.metadata.list(&query::place(&caller), &form),
                "buildinfo" => Ok(build_info()),
                // Exemplars are not kept, rules are CloudWatch's alarms: there are none of either kind.
                "query_exemplars" => Ok(answer::json(&json!([]))),
                "rules" => Ok(answer::json(&json!({ "groups": [] }))),
                _ => Ok(answer::json(&json!({ "alerts": [] }))),
            }
        })
    }

    fn failure(&self, operation: &'static HttpOperation, _: &HeaderMap, error: &ServiceError) -> HttpAnswer {
        if operation.name == WRITE.name {
            return write::failure(error);
        }
        answer::failure(error.status, error_type(error), &error.message)
    }
}

/// The API as the gateway takes it.
struct Api(Arc<Prometheus>);

impl Prometheus {
    /// The API for the gateway.
    pub fn api(self: &Arc<Self>) -> Arc<dyn HttpApi> {
        Arc::new(Api(self.clone()))
    }
}

/// The version of Prometheus whose language and API this is: clients decide by it what they may use.
const VERSION: &str = "3.0.0";

fn build_info() -> HttpAnswer {
    answer::json(&json!({
        "application": "Watchkeep",
        "version": VERSION,
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}
