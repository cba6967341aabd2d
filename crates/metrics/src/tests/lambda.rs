//! `LAMBDA`: what functions are called with, and what becomes of their answers.

use std::sync::Mutex;

use serde_json::{Value as Json, json};
use watchkeep_core::BoxFuture;
use watchkeep_core::ports::InvokeError;

use super::*;

/// The functions `echo` and `down`; what `echo` answers, and what it was asked.
#[derive(Debug)]
struct Answering {
    answer: Mutex<Json>,
    asked: Mutex<Vec<Json>>,
}

impl Functions for Answering {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        time_max: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        assert_eq!(time_max, Duration::from_secs(10));
        let answer = match function {
            "echo" => Ok(self.answer.lock().unwrap().to_string().into_bytes()),
            "down" => Err(InvokeError::Failed("the function answered 500".to_owned())),
            other => Err(InvokeError::Unknown(other.to_owned())),
        };
        self.asked.lock().unwrap().push(serde_json::from_slice(&payload).unwrap());
        Box::pin(std::future::ready(answer))
    }
}

fn expression(id: &str, text: &str) -> MetricDataQuery {
    MetricDataQuery { id: id.into(), expression: Some(text.into()), period: Some(300), ..Default::default() }
}

async fn world(answer: Json) -> (World, Arc<Answering>) {
    let functions = Arc::new(Answering { answer: Mutex::new(answer), asked: Mutex::default() });
    (World::calling(functions.clone()).await, functions)
}

/// Of each result: label, status, points, messages.
async fn results(
    world: &World,
    queries: Vec<MetricDataQuery>,
) -> Result<Vec<(String, String, Vec<(i64, f64)>, Vec<String>)>, ServiceError> {
    let input = GetMetricDataInput {
        metric_data_queries: queries,
        scan_by: Some("TimestampAscending".into()),
        ..query("Sum", 300, -HOUR, 0)
    };
    let shown = |result: MetricDataResult| {
        let found = points(&result);
        let messages = result.messages.unwrap_or_default().into_iter();
        let messages = messages.map(|message| format!("{}: {}", message.code.unwrap(), message.value.unwrap()));
        (result.label.unwrap(), result.status_code.unwrap(), found, messages.collect())
    };
    Ok(world.data(input).await?.metric_data_results.unwrap().into_iter().map(shown).collect())
}

#[tokio::test]
async fn a_function_returns_series_for_further_math() {
    let second = |at: i64| (NOW + at) / 1000;
    // Of one that is not at the start of a period, and of those outside of the range, nothing is heard.
    let [early, late] = [-10, -5].map(|minutes| second(minutes * MINUTE));
    let times = [early, late, late + 1, second(0), second(-2 * HOUR), second(HOUR)];
    let answer = json!({ "MetricDataResults": [
        { "StatusCode": "Complete", "Label": "a", "Timestamps": [early, late], "Values": [2, 3] },
        { "Label": "b", "Timestamps": times, "Values": [1, 2, 3, 4, 5, 6] },
    ] });
    let (world, functions) = world(answer).await;
    let call = "LAMBDA(\"echo\", \"up{a!='b'}\", 99.5, 3, true, false)";
    let found = results(&world, vec![expression("e1", call), expression("e2", "SUM(e1) * 2")]).await.unwrap();
    let complete = "Complete".to_owned();
    let at = |minutes: i64, value: f64| (minutes * MINUTE, value);
    assert_eq!(found[0], ("a".into(), complete.clone(), vec![at(-10, 2.0), at(-5, 3.0)], vec![]));
    assert_eq!((found[1].0.as_str(), &found[1].2), ("b", &vec![at(-10, 1.0), at(-5, 2.0)]));
    assert_eq!(found[2], ("e2".into(), complete, vec![at(-10, 6.0), at(-5, 10.0)], vec![]));
    let request = json!({ "StartTime": second(-HOUR), "EndTime": second(0), "Period": 300,
        "Arguments": ["up{a!='b'}", 99.5, 3, true, false] });
    let expected = json!({ "EventType": "GetMetricData", "GetMetricDataRequest": request });
    assert_eq!(*functions.asked.lock().unwrap(), [expected], "it is called once");
}

#[tokio::test]
async fn failures_of_a_function_are_those_of_its_results() {
    let partial = json!({ "MetricDataResults": [{ "StatusCode": "PartialData", "Label": "a", "Timestamps": [], "Values": [],
        "Messages": [{ "Code": "Cut", "Value": "too long" }] }] });
    let cases = [
        (json!({ "Error": { "Code": "Forbidden", "Value": "no way" } }), ("e1", "Forbidden", "Forbidden: no way")),
        (json!({ "Error": { "Code": "Gone", "Value": "away" } }), ("e1", "InternalError", "Gone: away")),
        (json!({}), ("e1", "InternalError", "InternalError: the function returned neither data nor an error")),
        (json!("?"), ("e1", "InternalError", "InternalError: the function's answer is not of the documented form")),
        (partial, ("a", "PartialData", "Cut: too long")),
    ];
    for (answer, (label, status, message)) in cases {
        let (world, _) = world(answer.clone()).await;
        let found = results(&world, vec![expression("e1", "LAMBDA('echo')")]).await.unwrap();
        assert_eq!(found, [(label.into(), status.into(), vec![], vec![message.into()])], "{answer}");
    }
    let (world, functions) = world(json!({ "Error": { "Code": "Validation", "Value": "which cluster?" } })).await;
    let error = results(&world, vec![expression("e1", "LAMBDA('echo')")]).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.message.as_str()), ("ValidationException", "which cluster?"));
    let found = results(&world, vec![expression("e1", "LAMBDA('down')")]).await.unwrap();
    assert_eq!(
        (found[0].1.as_str(), &found[0].3[..]),
        ("InternalError", &["InternalError: the function answered 500".to_owned()][..])
    );
    let error = results(&world, vec![expression("e1", "LAMBDA('absent')")]).await.unwrap_err();
    assert!(error.message.ends_with("LAMBDA: there is no function absent."), "{}", error.message);
    functions.asked.lock().unwrap().clear();
    let many = (0..11).map(|number| expression(&format!("e{number}"), &format!("LAMBDA('echo', {number})")));
    let error = results(&world, many.collect()).await.unwrap_err();
    assert!(error.message.contains("Maximum number of calls of functions (10) exceeded."), "{}", error.message);
    assert!(functions.asked.lock().unwrap().is_empty());
}
