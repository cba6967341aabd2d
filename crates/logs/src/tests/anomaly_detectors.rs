//! Log anomaly detectors, on a clock that is moved.

use watchkeep_core::Clock as _;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    Anomaly, CreateLogAnomalyDetectorRequest, DeleteLogAnomalyDetectorRequest, DeleteLogGroupRequest,
    GetLogAnomalyDetectorRequest, InputLogEvent, ListAnomaliesRequest, ListLogAnomalyDetectorsRequest,
    ListTagsForResourceRequest, PutLogEventsRequest, SuppressionPeriod, TagResourceRequest, UntagResourceRequest,
    UpdateAnomalyRequest, UpdateLogAnomalyDetectorRequest,
};

use super::{Fixture, error};
use crate::anomaly_detectors::{
    create_log_anomaly_detector, delete_log_anomaly_detector, get_log_anomaly_detector, list_anomalies,
    list_log_anomaly_detectors, update_anomaly, update_log_anomaly_detector,
};
use crate::limits::{DAY_MS, MINUTE_MS};
use crate::tags::{list_tags_for_resource, tag_resource, untag_resource};

const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g";

async fn create(fixture: &Fixture, group: &str, pattern: Option<&str>) -> Result<String, ServiceError> {
    let input = CreateLogAnomalyDetectorRequest {
        log_group_arn_list: vec![group.into()],
        detector_name: Some("d".into()),
        evaluation_frequency: Some("FIVE_MIN".into()),
        filter_pattern: pattern.map(str::to_owned),
        ..CreateLogAnomalyDetectorRequest::default()
    };
    let output = create_log_anomaly_detector(&fixture.logs, &fixture.caller, input).await?;
    Ok(output.anomaly_detector_arn.unwrap())
}

async fn status(fixture: &Fixture, arn: &str) -> String {
    let input = GetLogAnomalyDetectorRequest { anomaly_detector_arn: arn.into() };
    get_log_anomaly_detector(&fixture.logs, &fixture.caller, input).await.unwrap().anomaly_detector_status.unwrap()
}

async fn anomalies(fixture: &Fixture, state: Option<&str>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let input = ListAnomaliesRequest {
            suppression_state: state.map(str::to_owned),
            limit: Some(1),
            next_token,
            anomaly_detector_arn: None,
        };
        let output = list_anomalies(&fixture.logs, &fixture.caller, input).await.unwrap();
        found.extend(output.anomalies.unwrap());
        next_token = output.next_token;
        if next_token.is_none() {
            return found;
        }
    }
}

/// Puts messages now.
async fn put(fixture: &Fixture, messages: &[String]) {
    let timestamp = fixture.clock.now().0;
    let event = |message: &String| InputLogEvent { timestamp, message: message.clone() };
    let input = PutLogEventsRequest {
        log_group_name: "g".into(),
        log_stream_name: "s".into(),
        log_events: messages.iter().map(event).collect(),
        ..PutLogEventsRequest::default()
    };
    crate::put_log_events::put_log_events(&fixture.logs, &fixture.caller, input).await.unwrap();
}

/// Five minutes as they always are, and what else there is; then the detectors look.
async fn interval(fixture: &Fixture, more: &[&str]) {
    let usual = (0..30).map(|n| format!("request {n} took {} ms on web", n * 7 % 11));
    let messages: Vec<String> = usual.chain(more.iter().map(|&message| message.to_owned())).collect();
    put(fixture, &messages).await;
    fixture.advance(5 * MINUTE_MS);
    fixture.logs.evaluate_detectors().await;
}

/// A group with two hours of events, and a detector that learned them.
async fn trained(pattern: Option<&str>) -> (Fixture, String) {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    for _ in 0..24 {
        interval(&fixture, &[]).await;
    }
    let arn = create(&fixture, ARN, pattern).await.unwrap();
    assert_eq!(status(&fixture, &arn).await, "INITIALIZING");
    fixture.logs.evaluate_detectors().await;
    assert_eq!(status(&fixture, &arn).await, "ANALYZING");
    (fixture, arn)
}

#[tokio::test]
async fn unseen_patterns_are_anomalies() {
    let (fixture, arn) = trained(None).await;
    interval(&fixture, &[]).await;
    assert_eq!(anomalies(&fixture, None).await, []);
    interval(&fixture, &["ERROR database gone", "ERROR database gone"]).await;
    let fixture = fixture.reopen(false).await;
    let found = anomalies(&fixture, None).await;
    assert_eq!(found.len(), 1);
    let anomaly = &found[0];
    assert_eq!(anomaly.pattern_string, "ERROR database gone");
    assert_eq!(anomaly.description, "2 events with a pattern that was not seen before");
    assert_eq!(anomaly.priority.as_deref(), Some("HIGH"));
    assert_eq!((anomaly.active, anomaly.state.as_str(), anomaly.suppressed), (true, "Active", Some(false)));
    assert_eq!(anomaly.histogram.values().collect::<Vec<_>>(), [&2]);
    assert_eq!(anomaly.log_samples.len(), 1, "the same event is kept once");
    assert_eq!(anomaly.log_group_arn_list, [ARN]);
    assert_eq!((anomaly.anomaly_id.len(), anomaly.pattern_id.len()), (36, 32));
    assert_eq!(anomaly.anomaly_detector_arn, arn);
    interval(&fixture, &["ERROR database gone"]).await;
    let found = anomalies(&fixture, None).await;
    assert_eq!((found.len(), found[0].active), (1, false), "it is known by now");
    fixture.advance(22 * DAY_MS);
    assert_eq!(anomalies(&fixture, None).await, [], "shown for 21 days");
}

#[tokio::test]
async fn a_deleted_group_takes_its_detectors_along() {
    let (fixture, arn) = trained(None).await;
    interval(&fixture, &["ERROR of somebody who was deleted"]).await;
    assert_eq!(anomalies(&fixture, None).await.len(), 1);
    let delete = DeleteLogGroupRequest { log_group_name: "g".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &fixture.caller, delete).await.unwrap();
    // Another of its name begins anew.
    fixture.group("g").await;
    let get = GetLogAnomalyDetectorRequest { anomaly_detector_arn: arn };
    let gone = get_log_anomaly_detector(&fixture.logs, &fixture.caller, get).await;
    assert_eq!(gone.unwrap_err().code, "ResourceNotFoundException");
    create(&fixture, ARN, None).await.unwrap();
    assert_eq!(anomalies(&fixture, None).await, []);
    assert_eq!(fixture.logs.anomaly_detectors.anomalies.len() + fixture.logs.anomaly_detectors.learned.len(), 0);
    // Of a deletion that a crash interrupted, a look makes an end.
    let group = fixture.logs.directory.group(&crate::names::group_key(&fixture.caller, "g")).unwrap();
    fixture.logs.groups.delete(&group.key).await.unwrap();
    let fixture = fixture.reopen(false).await;
    assert_eq!(fixture.logs.anomaly_detectors.detectors.len(), 1);
    fixture.logs.evaluate_detectors().await;
    assert_eq!(fixture.logs.anomaly_detectors.detectors.len(), 0);
}

#[tokio::test]
async fn counts_that_are_unusual_are_anomalies() {
    let (fixture, arn) = trained(None).await;
    let flood: Vec<String> = (0..500).map(|n| format!("request {n} took 1 ms on web")).collect();
    let flood: Vec<&str> = flood.iter().map(String::as_str).collect();
    interval(&fixture, &flood).await;
    let found = anomalies(&fixture, None).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].description, "530 events, more than the usual 30");
    assert_eq!(found[0].pattern_string, "request <*> took <*> ms on web");
    let tokens: Vec<_> = found[0].pattern_tokens.iter().filter(|token| token.is_dynamic == Some(true)).collect();
    assert_eq!(tokens.len(), 2);
    assert_eq!(tokens[1].inferred_token_name.as_deref(), Some("Number-2"));
    let update = UpdateAnomalyRequest {
        anomaly_detector_arn: arn,
        anomaly_id: Some(found[0].anomaly_id.clone()),
        baseline: Some(true),
        ..UpdateAnomalyRequest::default()
    };
    update_anomaly(&fixture.logs, &fixture.caller, update).await.unwrap();
    assert_eq!(anomalies(&fixture, None).await[0].state, "Baseline");
    interval(&fixture, &flood).await;
    let found = anomalies(&fixture, None).await;
    assert_eq!((found.len(), found[0].active), (1, false));
}

#[tokio::test]
async fn values_that_are_more_frequent_than_usual_are_anomalies() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let answers =
        |failures: usize| (0..60).map(move |n| format!("GET answered {}", if n < failures { 500 } else { 200 }));
    for _ in 0..24 {
        put(&fixture, &answers(2).collect::<Vec<_>>()).await;
        fixture.advance(5 * MINUTE_MS);
    }
    create(&fixture, ARN, None).await.unwrap();
    fixture.logs.evaluate_detectors().await;
    for (failures, expected) in [(3, 0), (40, 1), (2, 1)] {
        put(&fixture, &answers(failures).collect::<Vec<_>>()).await;
        fixture.advance(5 * MINUTE_MS);
        fixture.logs.evaluate_detectors().await;
        assert_eq!(anomalies(&fixture, None).await.len(), expected, "{failures}");
    }
    let found = anomalies(&fixture, None).await.remove(0);
    assert_eq!(found.description, "40 events with the value '500' of Number-1, more than the usual 2");
    assert_eq!((found.active, found.histogram.values().collect::<Vec<_>>()), (false, vec![&40]));
    assert!(found.log_samples.iter().all(|sample| sample.message.as_deref() == Some("GET answered 500")));
    assert!(!found.log_samples.is_empty());
}

#[tokio::test]
async fn what_a_detector_under_a_key_learns_and_finds_is_encrypted() {
    const RED: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-1111-1111-1111-111111111111";
    /// How long a key is trusted, and a little more.
    const TRUST_MS: i64 = 61_000;
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let of_group = super::kms_keys::Of::Group("g");
    fixture.associate(of_group, RED).await.unwrap();
    for _ in 0..24 {
        interval(&fixture, &[]).await;
    }
    let input = || CreateLogAnomalyDetectorRequest {
        log_group_arn_list: vec![ARN.into()],
        evaluation_frequency: Some("FIVE_MIN".into()),
        kms_key_id: Some(RED.into()),
        ..CreateLogAnomalyDetectorRequest::default()
    };
    fixture.owners.disable(RED);
    fixture.advance(TRUST_MS);
    let refused = error(create_log_anomaly_detector(&fixture.logs, &fixture.caller, input()).await);
    assert!(refused.starts_with("InvalidParameterException: The specified KMS key does not exist"), "{refused}");
    fixture.owners.enable(RED);
    fixture.advance(TRUST_MS);
    let arn = create_log_anomaly_detector(&fixture.logs, &fixture.caller, input()).await.unwrap();
    let arn = arn.anomaly_detector_arn.unwrap();
    let get = GetLogAnomalyDetectorRequest { anomaly_detector_arn: arn.clone() };
    let got = get_log_anomaly_detector(&fixture.logs, &fixture.caller, get).await.unwrap();
    assert_eq!(got.kms_key_id.as_deref(), Some(RED));
    fixture.logs.evaluate_detectors().await;
    interval(&fixture, &["ERROR payment refused"]).await;
    let found = anomalies(&fixture, None).await;
    assert_eq!(found[0].pattern_string, "ERROR payment refused");
    let fixture = fixture.reopen(true).await;
    for text in ["payment refused", "took"] {
        assert_eq!(fixture.files_with(text), Vec::<std::path::PathBuf>::new(), "{text}");
    }
    assert_eq!(anomalies(&fixture, None).await, found);

    fixture.owners.disable(RED);
    fixture.advance(TRUST_MS);
    let list = || list_anomalies(&fixture.logs, &fixture.caller, ListAnomaliesRequest::default());
    let update = |anomaly_id: &str| UpdateAnomalyRequest {
        anomaly_detector_arn: arn.clone(),
        anomaly_id: Some(anomaly_id.into()),
        baseline: Some(true),
        ..UpdateAnomalyRequest::default()
    };
    let id = &found[0].anomaly_id;
    let locked = "AccessDeniedException: Anomalies are encrypted under a KMS key that cannot be used";
    let refused = [error(list().await), error(update_anomaly(&fixture.logs, &fixture.caller, update(id)).await)];
    assert!(refused.iter().all(|refused| refused.starts_with(locked)), "{refused:?}");
    fixture.logs.evaluate_detectors().await;

    fixture.owners.enable(RED);
    fixture.advance(TRUST_MS);
    update_anomaly(&fixture.logs, &fixture.caller, update(id)).await.unwrap();
    assert_eq!(anomalies(&fixture, None).await[0].state, "Baseline");
    fixture.owners.disable(RED);
    let delete = DeleteLogAnomalyDetectorRequest { anomaly_detector_arn: arn.clone() };
    delete_log_anomaly_detector(&fixture.logs, &fixture.caller, delete).await.unwrap();
    assert_eq!(anomalies(&fixture, None).await, []);
}

#[tokio::test]
async fn what_is_learned_of_encrypted_events_is_encrypted() {
    const RED: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-1111-1111-1111-111111111111";
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.associate(super::kms_keys::Of::Group("g"), RED).await.unwrap();
    for _ in 0..24 {
        interval(&fixture, &[]).await;
    }
    let arn = create(&fixture, ARN, None).await.unwrap();
    fixture.logs.evaluate_detectors().await;
    interval(&fixture, &["ERROR payment refused"]).await;
    // Texts stay encrypted when the group has no key any more.
    fixture.disassociate(super::kms_keys::Of::Group("g")).await.unwrap();
    fixture.advance(5 * MINUTE_MS);
    fixture.logs.evaluate_detectors().await;
    let update = UpdateAnomalyRequest {
        anomaly_detector_arn: arn,
        anomaly_id: Some(anomalies(&fixture, None).await[0].anomaly_id.clone()),
        baseline: Some(true),
        ..UpdateAnomalyRequest::default()
    };
    update_anomaly(&fixture.logs, &fixture.caller, update).await.unwrap();
    let fixture = fixture.reopen(true).await;
    let found = anomalies(&fixture, None).await;
    assert_eq!((found[0].pattern_string.as_str(), found[0].state.as_str()), ("ERROR payment refused", "Baseline"));
    for text in ["payment refused", "took"] {
        assert_eq!(fixture.files_with(text), Vec::<std::path::PathBuf>::new(), "{text}");
    }
}

#[tokio::test]
async fn anomalies_and_patterns_are_suppressed() {
    let (fixture, arn) = trained(None).await;
    interval(&fixture, &["WARN disk nearly full"]).await;
    let found = anomalies(&fixture, None).await.remove(0);
    assert_eq!(found.priority.as_deref(), Some("MEDIUM"));
    let update = |input: UpdateAnomalyRequest| {
        let input = UpdateAnomalyRequest { anomaly_detector_arn: arn.clone(), ..input };
        update_anomaly(&fixture.logs, &fixture.caller, input)
    };
    let of_anomaly = || UpdateAnomalyRequest { anomaly_id: Some(found.anomaly_id.clone()), ..Default::default() };
    let of_pattern = || UpdateAnomalyRequest { pattern_id: Some(found.pattern_id.clone()), ..Default::default() };
    let limited = |input: UpdateAnomalyRequest, value: Option<i32>| UpdateAnomalyRequest {
        suppression_type: Some("LIMITED".into()),
        suppression_period: value
            .map(|value| SuppressionPeriod { value: Some(value), suppression_unit: Some("HOURS".into()) }),
        ..input
    };
    update(limited(of_anomaly(), Some(2))).await.unwrap();
    let suppressed = anomalies(&fixture, Some("SUPPRESSED")).await.remove(0);
    let until = fixture.clock.now().0 + 120 * MINUTE_MS;
    assert_eq!((suppressed.state.as_str(), suppressed.suppressed_until), ("Suppressed", Some(until)));
    assert_eq!(suppressed.is_pattern_level_suppression, Some(false));
    assert_eq!(anomalies(&fixture, Some("UNSUPPRESSED")).await, []);
    update(of_anomaly()).await.unwrap();
    assert_eq!(anomalies(&fixture, Some("SUPPRESSED")).await, []);
    let infinite = UpdateAnomalyRequest { suppression_type: Some("INFINITE".into()), ..of_pattern() };
    update(infinite).await.unwrap();
    let suppressed = anomalies(&fixture, Some("SUPPRESSED")).await.remove(0);
    assert_eq!((suppressed.is_pattern_level_suppression, suppressed.suppressed_until), (Some(true), Some(0)));
    update(of_pattern()).await.unwrap();
    assert_eq!(anomalies(&fixture, Some("UNSUPPRESSED")).await.len(), 1);
    let both = UpdateAnomalyRequest { pattern_id: Some(found.pattern_id.clone()), ..of_anomaly() };
    let unknown = UpdateAnomalyRequest { anomaly_id: Some("x".repeat(36)), ..Default::default() };
    for (input, message) in [
        (both, "InvalidParameterException: Exactly one of anomalyId and patternId must be specified."),
        (UpdateAnomalyRequest::default(), "InvalidParameterException: Exactly one of"),
        (limited(of_anomaly(), None), "InvalidParameterException: suppressionPeriod is required"),
        (limited(of_anomaly(), Some(0)), "InvalidParameterException: suppressionPeriod must have a positive value."),
        (unknown, "ResourceNotFoundException: The specified anomaly or pattern does not exist."),
    ] {
        let outcome = error(update(input).await);
        assert!(outcome.starts_with(message), "{outcome}");
    }
}

#[tokio::test]
async fn detectors_look_at_what_their_pattern_matches() {
    let (fixture, _) = trained(Some("request")).await;
    interval(&fixture, &["ERROR database gone"]).await;
    assert_eq!(anomalies(&fixture, None).await, []);
    interval(&fixture, &["bad request seen"]).await;
    assert_eq!(anomalies(&fixture, None).await.len(), 1);
}

#[tokio::test]
async fn detectors_pause_and_go() {
    let (fixture, arn) = trained(None).await;
    let update = |enabled| {
        let input = UpdateLogAnomalyDetectorRequest {
            anomaly_detector_arn: arn.clone(),
            enabled,
            evaluation_frequency: Some("ONE_MIN".into()),
            ..UpdateLogAnomalyDetectorRequest::default()
        };
        update_log_anomaly_detector(&fixture.logs, &fixture.caller, input)
    };
    update(false).await.unwrap();
    assert_eq!(status(&fixture, &arn).await, "PAUSED");
    interval(&fixture, &["ERROR database gone"]).await;
    assert_eq!(anomalies(&fixture, None).await, []);
    update(true).await.unwrap();
    fixture.logs.evaluate_detectors().await;
    let seen = anomalies(&fixture, None).await;
    assert!(seen.iter().any(|one| one.pattern_string == "ERROR database gone"), "what came meanwhile is looked at");
    let list = |group: &str| {
        let input = ListLogAnomalyDetectorsRequest { filter_log_group_arn: Some(group.into()), ..Default::default() };
        list_log_anomaly_detectors(&fixture.logs, &fixture.caller, input)
    };
    let listed = list(ARN).await.unwrap().anomaly_detectors.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].evaluation_frequency.as_deref(), Some("ONE_MIN"));
    assert_eq!(listed[0].anomaly_visibility_time, Some(21));
    assert_eq!(list(&format!("{ARN}x")).await.unwrap().anomaly_detectors.unwrap(), []);
    let tagged = |tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let input = TagResourceRequest { resource_arn: arn.clone(), tags };
        tag_resource(&fixture.logs, &fixture.caller, input)
    };
    tagged(&[("team", "a"), ("x", "y")]).await.unwrap();
    assert!(error(tagged(&[("aws:x", "a")]).await).starts_with("InvalidParameterException"));
    let untag = UntagResourceRequest { resource_arn: arn.clone(), tag_keys: vec!["x".into()] };
    untag_resource(&fixture.logs, &fixture.caller, untag).await.unwrap();
    let input = ListTagsForResourceRequest { resource_arn: arn.clone() };
    let tags = list_tags_for_resource(&fixture.logs, &fixture.caller, input).await.unwrap().tags.unwrap();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("team".to_owned(), "a".to_owned())]);
    let delete = || {
        let input = DeleteLogAnomalyDetectorRequest { anomaly_detector_arn: arn.clone() };
        delete_log_anomaly_detector(&fixture.logs, &fixture.caller, input)
    };
    delete().await.unwrap();
    assert_eq!(anomalies(&fixture, None).await, []);
    assert!(error(delete().await).starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn detectors_have_rules() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    for (group, pattern, message) in [
        (&*format!("{ARN}x"), None, "ResourceNotFoundException"),
        ("g", None, "InvalidParameterException: logGroupArnList must have the ARN"),
        (ARN, Some("{ $.a"), "InvalidParameterException"),
    ] {
        let outcome = error(create(&fixture, group, pattern).await);
        assert!(outcome.starts_with(message), "{outcome}");
    }
    assert!(
        create(&fixture, ARN, None).await.unwrap().starts_with("arn:aws:logs:us-east-1:000000000000:anomaly-detector:")
    );
}
