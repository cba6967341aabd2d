use insta::assert_snapshot;
use serde_json::Value;

use super::event::{Change, MuteDetail, configuration_change, state_change};
use super::*;

const ARN: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:people";
const REASON: &str = "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).";
/// 2024-03-22T14:06:11.402Z
const NOW: i64 = 1_711_116_371_402;

/// What the notices borrow.
struct World {
    topics: Vec<String>,
    dimensions: Vec<(String, String)>,
    attributes: BTreeMap<String, String>,
}

impl World {
    fn new() -> World {
        World {
            topics: vec![TOPIC.to_owned()],
            dimensions: vec![("Host".to_owned(), "h1".to_owned()), ("Az".to_owned(), "b".to_owned())],
            attributes: BTreeMap::from([("Host".to_owned(), "h1".to_owned())]),
        }
    }

    fn alarm<'a>(&'a self, watches: Watches<'a>) -> Alarm<'a> {
        Alarm {
            name: "cpu",
            account: "123456789012",
            region: "eu-west-1",
            arn: ARN,
            description: Some("about cpu"),
            configured_ms: NOW - 86_400_000,
            actions_enabled: true,
            ok_actions: &[],
            alarm_actions: &self.topics,
            insufficient_data_actions: &[],
            watches,
        }
    }

    fn stat(&self) -> Stat<'_> {
        Stat {
            namespace: "app",
            name: "Cpu",
            dimensions: &self.dimensions,
            period_s: 60,
            statistic: "Average",
            unit: None,
        }
    }

    fn trigger<'a>(&'a self, source: Source<'a>) -> Trigger<'a> {
        Trigger {
            source,
            period_s: 60,
            evaluation_periods: 3,
            datapoints_to_alarm: Some(2),
            comparison_operator: "GreaterThanThreshold",
            threshold: Some(80.0),
            threshold_metric_id: None,
            treat_missing_data: None,
            evaluate_low_sample_count_percentile: None,
        }
    }

    fn metric(&self) -> Notice<'_> {
        let source = Source::Metric { id: "1f0e0000-0000-4000-8000-000000000001", stat: self.stat() };
        notice(self.alarm(Watches::Metrics(self.trigger(source))))
    }

    fn band(&self) -> Notice<'_> {
        let plain = |id, stat, expression, returns_data| Query {
            id,
            stat,
            expression,
            label: None,
            returns_data,
            period_s: None,
        };
        let queries = vec![
            plain("m1", Some(Stat { statistic: "p99", unit: Some("Percent"), ..self.stat() }), None, true),
            Query { label: Some("expected"), ..plain("ad1", None, Some("ANOMALY_DETECTION_BAND(m1, 2)"), true) },
        ];
        let trigger = Trigger {
            threshold: None,
            threshold_metric_id: Some("ad1"),
            datapoints_to_alarm: None,
            comparison_operator: "GreaterThanUpperThreshold",
            treat_missing_data: Some("breaching"),
            evaluate_low_sample_count_percentile: Some("ignore"),
            ..self.trigger(Source::Queries(queries))
        };
        notice(self.alarm(Watches::Metrics(trigger)))
    }

    fn composite(&self) -> Notice<'_> {
        let child =
            Child { arn: "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:disk", state: State::Alarm, since_ms: NOW };
        let composite = Composite {
            rule: "ALARM(disk) OR ALARM(net)",
            triggering: vec![child],
            suppressor: Some(SuppressorOf { alarm: "maintenance", wait_s: 60, extension_s: 120 }),
        };
        let mut notice = notice(self.alarm(Watches::Alarms(composite)));
        notice.new.suppressed_by = Some(SuppressedBy::WaitPeriod);
        notice.old = StateOf { value: State::Ok, reason: "r", ..notice.old };
        notice
    }
}

fn notice(alarm: Alarm<'_>) -> Notice<'_> {
    let state = StateOf {
        value: State::Alarm,
        reason: REASON,
        data: Some(r#"{"version":"1.0"}"#),
        since_ms: NOW,
        evaluation: None,
        suppressed_by: None,
    };
    let old = StateOf {
        value: State::InsufficientData,
        reason: "Unchecked: Initial alarm creation",
        data: None,
        since_ms: NOW - 300_000,
        ..state
    };
    Notice { alarm, contributor: None, new: state, old, sent: Sent::AtOnce, tags: None, lines: &[] }
}

/// JSON, a member a line.
fn lines(json: &str) -> String {
    pretty(&serde_json::from_str(json).unwrap())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn subjects_are_short_and_printable() {
    let world = World::new();
    let mut notice = world.metric();
    assert_eq!(notice.subject(), "ALARM: \"cpu\" in EU (Ireland)");
    assert_eq!(notice.sms(), notice.subject());
    let long = "x".repeat(255);
    notice.alarm.name = &long;
    assert_eq!(notice.subject(), format!("ALARM: \"{}", "x".repeat(92)));
    assert!(notice.sms().ends_with("xx\" in EU (Ireland)"));
    notice.alarm.name = "Größe";
    notice.new.value = State::InsufficientData;
    notice.alarm.region = "moon-1";
    assert_eq!(notice.subject(), "INSUFFICIENT_DATA: \"Gr??e\" in moon-1");
}

#[test]
fn variants_are_one_message_each() {
    let world = World::new();
    let notice = world.metric();
    let variants: BTreeMap<String, String> = serde_json::from_str(&notice.variants()).unwrap();
    let expected = [("default", notice.json()), ("email", notice.email()), ("sms", notice.sms())];
    assert_eq!(variants, expected.map(|(name, text)| (name.to_owned(), text)).into());
}

#[test]
fn message_of_a_metric_alarm() {
    let world = World::new();
    assert_snapshot!(lines(&world.metric().json()), @r#"
    {
      "AlarmName": "cpu",
      "AlarmDescription": "about cpu",
      "AWSAccountId": "123456789012",
      "AlarmConfigurationUpdatedTimestamp": "2024-03-21T14:06:11.402+0000",
      "NewStateValue": "ALARM",
      "NewStateReason": "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).",
      "StateChangeTime": "2024-03-22T14:06:11.402+0000",
      "Region": "EU (Ireland)",
      "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu",
      "OldStateValue": "INSUFFICIENT_DATA",
      "OKActions": [],
      "AlarmActions": [
        "arn:aws:sns:eu-west-1:123456789012:people"
      ],
      "InsufficientDataActions": [],
      "ActionExecutedAfterMuteWindow": false,
      "Trigger": {
        "MetricName": "Cpu",
        "Namespace": "app",
        "StatisticType": "Statistic",
        "Statistic": "AVERAGE",
        "Unit": null,
        "Dimensions": [
          {
            "value": "h1",
            "name": "Host"
          },
          {
            "value": "b",
            "name": "Az"
          }
        ],
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 80.0,
        "TreatMissingData": "missing",
        "EvaluateLowSampleCountPercentile": ""
      }
    }
    "#);
}

#[test]
fn message_of_an_anomaly_alarm() {
    let world = World::new();
    let message: Value = serde_json::from_str(&world.band().json()).unwrap();
    assert_snapshot!(pretty(&message["Trigger"]), @r#"
    {
      "Period": 60,
      "EvaluationPeriods": 3,
      "ComparisonOperator": "GreaterThanUpperThreshold",
      "ThresholdMetricId": "ad1",
      "TreatMissingData": "breaching",
      "EvaluateLowSampleCountPercentile": "ignore",
      "Metrics": [
        {
          "Id": "m1",
          "MetricStat": {
            "Metric": {
              "Dimensions": [
                {
                  "value": "h1",
                  "name": "Host"
                },
                {
                  "value": "b",
                  "name": "Az"
                }
              ],
              "MetricName": "Cpu",
              "Namespace": "app"
            },
            "Period": 60,
            "Stat": "p99",
            "Unit": "Percent"
          },
          "ReturnData": true
        },
        {
          "Id": "ad1",
          "Expression": "ANOMALY_DETECTION_BAND(m1, 2)",
          "Label": "expected",
          "ReturnData": true
        }
      ]
    }
    "#);
}

#[test]
fn message_of_an_extended_statistic() {
    let world = World::new();
    let source = Source::Metric { id: "1", stat: Stat { statistic: "p99", unit: Some("Seconds"), ..world.stat() } };
    let trigger = Trigger { datapoints_to_alarm: None, threshold: Some(0.5), ..world.trigger(source) };
    let message: Value = serde_json::from_str(&notice(world.alarm(Watches::Metrics(trigger))).json()).unwrap();
    assert_snapshot!(message["Trigger"].to_string(), @r#"{"MetricName":"Cpu","Namespace":"app","StatisticType":"ExtendedStatistic","ExtendedStatistic":"p99","Unit":"Seconds","Dimensions":[{"value":"h1","name":"Host"},{"value":"b","name":"Az"}],"Period":60,"EvaluationPeriods":3,"ComparisonOperator":"GreaterThanThreshold","Threshold":0.5,"TreatMissingData":"missing","EvaluateLowSampleCountPercentile":""}"#);
}

#[test]
fn message_of_a_composite_alarm_after_it_was_muted() {
    let world = World::new();
    let notice = Notice { sent: Sent::AfterMuteWindow, ..world.composite() };
    assert_snapshot!(lines(&notice.json()), @r#"
    {
      "AlarmName": "cpu",
      "AlarmDescription": "about cpu",
      "AWSAccountId": "123456789012",
      "AlarmConfigurationUpdatedTimestamp": "2024-03-21T14:06:11.402+0000",
      "NewStateValue": "ALARM",
      "NewStateReason": "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).",
      "StateChangeTime": "2024-03-22T14:06:11.402+0000",
      "Region": "EU (Ireland)",
      "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu",
      "OldStateValue": "OK",
      "OKActions": [],
      "AlarmActions": [
        "arn:aws:sns:eu-west-1:123456789012:people"
      ],
      "InsufficientDataActions": [],
      "ActionExecutedAfterMuteWindow": true,
      "AlarmRule": "ALARM(disk) OR ALARM(net)",
      "TriggeringChildren": [
        {
          "Arn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:disk",
          "State": {
            "Value": "ALARM",
            "Timestamp": "2024-03-22T14:06:11.402+0000"
          }
        }
      ],
      "ActionsSuppressor": "maintenance",
      "ActionsSuppressorWaitPeriod": 60,
      "ActionsSuppressorExtensionPeriod": 120
    }
    "#);
}

#[test]
fn message_of_a_contributor() {
    let world = World::new();
    let contributor = Some(Contributor { id: "0123456789abcdef", attributes: &world.attributes });
    let notice = Notice { contributor, ..world.metric() };
    let message: Value = serde_json::from_str(&notice.json()).unwrap();
    assert_eq!(message["AlarmContributorId"], "0123456789abcdef");
    assert_eq!(message["AlarmContributorAttributes"]["Host"], "h1");
    let payload: Value = serde_json::from_str(&notice.lambda_payload()).unwrap();
    assert_eq!(payload["alarmData"]["alarmContributor"]["attributes"]["Host"], "h1");
    assert_eq!(payload["alarmData"]["previousState"], Value::Null);
    let (detail_type, detail) = state_change(&notice, None);
    assert_eq!(detail_type, "CloudWatch Alarm Contributor State Change");
    assert_eq!(detail["alarmContributor"]["id"], "0123456789abcdef");
    assert_eq!(detail.get("previousState"), None);
}

#[test]
fn mail_of_a_metric_alarm() {
    let world = World::new();
    assert_snapshot!(world.metric().email(), @r#"
    The alarm "cpu" in the EU (Ireland) region entered the ALARM state on Friday 22 March, 2024 14:06:11 UTC, because "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).".

    Alarm Details:
    - Name:                       cpu
    - Description:                about cpu
    - State Change:               INSUFFICIENT_DATA -> ALARM
    - Reason for State Change:    Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).
    - Timestamp:                  Friday 22 March, 2024 14:06:11 UTC
    - AWS Account:                123456789012
    - Alarm Arn:                  arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu

    Threshold:
    - In ALARM while the metric is GreaterThanThreshold 80.0 for at least 2 of the last 3 period(s) of 60 seconds.

    Monitored Metric:
    - MetricNamespace:                     app
    - MetricName:                          Cpu
    - Dimensions:                          [Host = h1], [Az = b]
    - Period:                              60 seconds
    - Statistic:                           Average
    - Unit:                                not specified
    - TreatMissingData:                    missing

    State Change Actions:
    - OK:
    - ALARM: [arn:aws:sns:eu-west-1:123456789012:people]
    - INSUFFICIENT_DATA:
    "#);
}

#[test]
fn mail_of_an_anomaly_alarm() {
    let world = World::new();
    assert_snapshot!(world.band().email(), @r#"
    The alarm "cpu" in the EU (Ireland) region entered the ALARM state on Friday 22 March, 2024 14:06:11 UTC, because "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).".

    Alarm Details:
    - Name:                       cpu
    - Description:                about cpu
    - State Change:               INSUFFICIENT_DATA -> ALARM
    - Reason for State Change:    Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).
    - Timestamp:                  Friday 22 March, 2024 14:06:11 UTC
    - AWS Account:                123456789012
    - Alarm Arn:                  arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu

    Threshold:
    - In ALARM while the metric is GreaterThanUpperThreshold ad1 for at least 3 of the last 3 period(s) of 60 seconds.

    Monitored Metrics:
    - MetricNamespace:                     app
    - MetricName:                          Cpu
    - Dimensions:                          [Host = h1], [Az = b]
    - Period:                              60 seconds
    - Statistic:                           p99
    - MetricLabel:                         m1
    - MetricExpression:                    ANOMALY_DETECTION_BAND(m1, 2)
    - MetricLabel:                         expected
    - TreatMissingData:                    breaching

    State Change Actions:
    - OK:
    - ALARM: [arn:aws:sns:eu-west-1:123456789012:people]
    - INSUFFICIENT_DATA:
    "#);
}

#[test]
fn mail_of_a_composite_alarm_after_it_was_muted() {
    let world = World::new();
    let notice = Notice { sent: Sent::AfterMuteWindow, ..world.composite() };
    assert_snapshot!(notice.email(), @r#"
    The alarm "cpu" in the EU (Ireland) region entered the ALARM state on Friday 22 March, 2024 14:06:11 UTC, because "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).".
    It was muted until now, and is still in that state.

    Alarm Details:
    - Name:                       cpu
    - Description:                about cpu
    - State Change:               OK -> ALARM
    - Alarm Rule:                 ALARM(disk) OR ALARM(net)
    - Reason for State Change:    Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).
    - Timestamp:                  Friday 22 March, 2024 14:06:11 UTC
    - AWS Account:                123456789012
    - Alarm Arn:                  arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu

    Triggering children (max. 10):
    - arn:aws:cloudwatch:eu-west-1:123456789012:alarm:disk   ALARM               Friday 22 March, 2024 14:06:11 UTC

    State Change Actions:
    - OK:
    - ALARM: [arn:aws:sns:eu-west-1:123456789012:people]
    - INSUFFICIENT_DATA:
    "#);
}

#[test]
fn payload_of_a_function() {
    let world = World::new();
    assert_snapshot!(lines(&world.metric().lambda_payload()), @r#"
    {
      "source": "aws.cloudwatch",
      "alarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu",
      "accountId": "123456789012",
      "time": "2024-03-22T14:06:11.402+0000",
      "region": "eu-west-1",
      "alarmData": {
        "alarmName": "cpu",
        "state": {
          "value": "ALARM",
          "reason": "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).",
          "reasonData": "{\"version\":\"1.0\"}",
          "timestamp": "2024-03-22T14:06:11.402+0000"
        },
        "previousState": {
          "value": "INSUFFICIENT_DATA",
          "reason": "Unchecked: Initial alarm creation",
          "timestamp": "2024-03-22T14:01:11.402+0000"
        },
        "configuration": {
          "description": "about cpu",
          "metrics": [
            {
              "id": "1f0e0000-0000-4000-8000-000000000001",
              "metricStat": {
                "metric": {
                  "namespace": "app",
                  "name": "Cpu",
                  "dimensions": {
                    "Az": "b",
                    "Host": "h1"
                  }
                },
                "period": 60,
                "stat": "Average"
              },
              "returnData": true
            }
          ]
        }
      }
    }
    "#);
}

#[test]
fn event_of_a_composite_alarm_that_is_muted() {
    let world = World::new();
    let rule_arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm-mute-rule:night";
    let mute = MuteDetail { rule_arn, start_ms: NOW - 60_000, end_ms: NOW + 3_600_000 };
    let (detail_type, detail) = state_change(&world.composite(), Some(mute));
    assert_eq!(detail_type, "CloudWatch Alarm State Change");
    assert_snapshot!(pretty(&detail), @r#"
    {
      "alarmName": "cpu",
      "state": {
        "value": "ALARM",
        "reason": "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).",
        "reasonData": "{\"version\":\"1.0\"}",
        "timestamp": "2024-03-22T14:06:11.402+0000",
        "actionsSuppressedBy": "WaitPeriod",
        "actionsSuppressedReason": "Actions suppressed by WaitPeriod"
      },
      "previousState": {
        "value": "OK",
        "reason": "r",
        "timestamp": "2024-03-22T14:01:11.402+0000"
      },
      "configuration": {
        "description": "about cpu",
        "alarmRule": "ALARM(disk) OR ALARM(net)",
        "actionsSuppressor": "maintenance",
        "actionsSuppressorWaitPeriod": 60,
        "actionsSuppressorExtensionPeriod": 120
      },
      "muteDetail": {
        "mutedByArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm-mute-rule:night",
        "muteWindowStart": "2024-03-22T14:05:11.402+0000",
        "muteWindowEnd": "2024-03-22T15:06:11.402+0000"
      }
    }
    "#);
}

#[test]
fn event_of_a_metric_alarm() {
    let world = World::new();
    let (_, detail) = state_change(&world.metric(), None);
    assert_snapshot!(detail.to_string(), @r#"{"alarmName":"cpu","state":{"value":"ALARM","reason":"Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:05:00)] was greater than the threshold (80.0).","reasonData":"{\"version\":\"1.0\"}","timestamp":"2024-03-22T14:06:11.402+0000"},"previousState":{"value":"INSUFFICIENT_DATA","reason":"Unchecked: Initial alarm creation","timestamp":"2024-03-22T14:01:11.402+0000"},"configuration":{"description":"about cpu","metrics":[{"id":"1f0e0000-0000-4000-8000-000000000001","metricStat":{"metric":{"namespace":"app","name":"Cpu","dimensions":{"Az":"b","Host":"h1"}},"period":60,"stat":"Average"},"returnData":true}]}}"#);
}

#[test]
fn events_of_configurations() {
    let world = World::new();
    let (metric, composite) = (world.metric(), world.composite());
    let created = configuration_change(&composite.alarm, &composite.new, &Change::Create);
    assert_snapshot!(created.to_string(), @r#"{"alarmName":"cpu","operation":"create","state":{"value":"ALARM","timestamp":"2024-03-22T14:06:11.402+0000"},"configuration":{"alarmName":"cpu","description":"about cpu","actionsEnabled":true,"timestamp":"2024-03-21T14:06:11.402+0000","okActions":[],"alarmActions":["arn:aws:sns:eu-west-1:123456789012:people"],"insufficientDataActions":[],"alarmRule":"ALARM(disk) OR ALARM(net)","actionsSuppressor":"maintenance","actionsSuppressorWaitPeriod":60,"actionsSuppressorExtensionPeriod":120}}"#);
    let before = Alarm { description: None, ..world.metric().alarm };
    let updated = configuration_change(&metric.alarm, &metric.new, &Change::Update(Box::new(before)));
    assert_snapshot!(updated["configuration"].to_string(), @r#"{"alarmName":"cpu","description":"about cpu","actionsEnabled":true,"timestamp":"2024-03-21T14:06:11.402+0000","okActions":[],"alarmActions":["arn:aws:sns:eu-west-1:123456789012:people"],"insufficientDataActions":[],"evaluationPeriods":3,"datapointsToAlarm":2,"threshold":80,"comparisonOperator":"GreaterThanThreshold","treatMissingData":"missing","metrics":[{"id":"1f0e0000-0000-4000-8000-000000000001","metricStat":{"metric":{"namespace":"app","name":"Cpu","dimensions":{"Az":"b","Host":"h1"}},"period":60,"stat":"Average"},"returnData":true}]}"#);
    assert_eq!(
        (&updated["operation"], &updated["previousConfiguration"]["description"]),
        (&"update".into(), &"".into())
    );
    let deleted = configuration_change(&metric.alarm, &metric.new, &Change::Delete);
    assert_eq!((&deleted["operation"], &deleted["configuration"]), (&Value::from("delete"), &updated["configuration"]));
    assert_eq!(deleted.get("previousConfiguration"), None);
}
