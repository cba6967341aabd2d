//! `LAMBDA`: series that a function returns, a custom data source. Sources: "Create a custom connector to a data source", "Use your
//! custom data source".

use hashbrown::HashMap;
use serde::Deserialize;
use serde_json::json;
use watchkeep_core::ports::InvokeError;
use watchkeep_lang::metric_math::{External, Fold, LambdaArgument, Point, Series, Value};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::MessageData;

use super::in_expression;
use crate::Metrics;
use crate::errors::validation;
use crate::get_metric_data::message;
use crate::limits::{FUNCTION_SERIES_MAX, FUNCTION_TIME};
use crate::window::Window;

/// What is to be said of the results of an expression whose data are not all there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The `StatusCode` of the results.
    pub(crate) status: &'static str,
    /// Their messages.
    pub(crate) messages: Vec<MessageData>,
}

/// What a function returned.
#[derive(Debug, Default)]
pub(super) struct Returned {
    pub(super) series: Vec<Series>,
    pub(super) condition: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    metric_data_results: Option<Vec<Returning>>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Returning {
    #[serde(default)]
    status_code: Option<String>,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    label: String,
    #[serde(default)]
    timestamps: Vec<f64>,
    #[serde(default)]
    values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(default)]
    code: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    #[serde(default)]
    code: String,
    #[serde(default)]
    value: String,
}

impl Metrics {
    /// The series that functions return, by the expressions that call them; all are called at once.
    pub(super) async fn returned(
        &self,
        calls: Vec<(String, External, Window)>,
    ) -> Result<HashMap<String, Vec<(External, Returned)>>, ServiceError> {
        let mut running = tokio::task::JoinSet::new();
        for (id, external, window) in calls {
            let functions = self.functions.clone();
            running.spawn(async move {
                let External::Lambda { function, arguments } = &external else {
                    return (id, external, Ok(Returned::default()));
                };
                let answer = functions.invoke(function, event(arguments, &window), FUNCTION_TIME).await;
                let returned = match answer {
                    Ok(answer) => read(&answer, &window),
                    Err(error @ InvokeError::Unknown(_)) => Err(in_expression(&id, format!("LAMBDA: {error}."))),
                    Err(InvokeError::Failed(reason)) => Ok(failed("InternalError", "InternalError", reason)),
                };
                (id, external, returned)
            });
        }
        let mut all: HashMap<String, Vec<(External, Returned)>> = HashMap::new();
        while let Some(joined) = running.join_next().await {
            let Ok((id, external, returned)) = joined else { continue };
            all.entry(id).or_default().push((external, returned?));
        }
        Ok(all)
    }
}

/// The value of a call.
pub(super) fn value(returned: &Returned) -> Value {
    Value::Array(returned.series.clone())
}

/// What a function is called with.
fn event(arguments: &[LambdaArgument], window: &Window) -> Vec<u8> {
    let argument = |argument: &LambdaArgument| match argument {
        LambdaArgument::Text(text) => json!(text.replace('\n', " ")),
        LambdaArgument::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => json!(*number as i64),
        LambdaArgument::Number(number) => json!(number),
        LambdaArgument::Boolean(boolean) => json!(boolean),
    };
    let request = json!({
        "StartTime": window.start_ms.div_euclid(1000),
        "EndTime": window.end_ms.div_euclid(1000),
        "Period": window.period_ms / 1000,
        "Arguments": arguments.iter().map(argument).collect::<Vec<_>>(),
    });
    json!({ "EventType": "GetMetricData", "GetMetricDataRequest": request }).to_string().into_bytes()
}

/// The series of an answer: of their points those that begin a period of the window. What is no answer is an internal error of the
/// function; only its own validation fails the whole request.
fn read(answer: &[u8], window: &Window) -> Result<Returned, ServiceError> {
    let Ok(Answer { metric_data_results, error }) = serde_json::from_slice(answer) else {
        return Ok(failed(
            "InternalError",
            "InternalError",
            "the function's answer is not of the documented form".to_owned(),
        ));
    };
    match (metric_data_results, error) {
        (_, Some(Failure { code, value })) if code == "Validation" => Err(validation(value)),
        (_, Some(Failure { code, value })) if code == "Forbidden" => Ok(failed("Forbidden", &code, value)),
        (_, Some(Failure { code, value })) => Ok(failed("InternalError", &code, value)),
        (None, None) => {
            Ok(failed("InternalError", "InternalError", "the function returned neither data nor an error".to_owned()))
        }
        (Some(results), None) if results.len() > FUNCTION_SERIES_MAX => {
            let text = format!("the function returned more than {FUNCTION_SERIES_MAX} series");
            Ok(failed("InternalError", "InternalError", text))
        }
        (Some(results), None) => Ok(Returned { condition: condition(&results), series: series(results, window) }),
    }
}

fn series(results: Vec<Returning>, window: &Window) -> Vec<Series> {
    let series = |returning: Returning| {
        let times = returning.timestamps.iter().map(|seconds| (seconds * 1000.0) as i64);
        let mut points: Vec<Point> =
            times.zip(returning.values).filter(|(time_ms, _)| begins(*time_ms, window)).collect();
        points.sort_by_key(|(time_ms, _)| *time_ms);
        points.dedup_by_key(|(time_ms, _)| *time_ms);
        let (label, period_ms) = (returning.label, window.period_ms);
        Series { label, points, period_ms, fold: Fold::Mean, ..Series::default() }
    };
    results.into_iter().map(series).collect()
}

/// Whether a period of the window begins at this time.
fn begins(time_ms: i64, window: &Window) -> bool {
    let since_start_ms = time_ms.saturating_sub(window.start_ms);
    time_ms >= window.start_ms && time_ms < window.end_ms && since_start_ms % window.period_ms.max(1) == 0
}

/// The worst that a function says of its series, and all its messages.
fn condition(results: &[Returning]) -> Option<Condition> {
    let has = |status: &&'static str| results.iter().any(|result| result.status_code.as_deref() == Some(*status));
    let status = ["InternalError", "Forbidden", "PartialData"].into_iter().find(has);
    let messages: Vec<MessageData> = results
        .iter()
        .flat_map(|result| &result.messages)
        .map(|Message { code, value }| message(code, value.clone()))
        .collect();
    (status.is_some() || !messages.is_empty()).then(|| Condition { status: status.unwrap_or("Complete"), messages })
}

fn failed(status: &'static str, code: &str, reason: String) -> Returned {
    let condition = Condition { status, messages: vec![message(code, reason)] };
    Returned { series: Vec::new(), condition: Some(condition) }
}
