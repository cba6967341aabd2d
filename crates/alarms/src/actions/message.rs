//! What an alarm publishes to a topic. Sources: "Notifying users on alarm changes", samples of messages.

use serde_json::{Map, Value, json};
use watchkeep_core::ports::{MessageStructure, TopicMessage};
use watchkeep_store::ResourceKey;

use crate::evaluation::timestamp;
use crate::limits::SUBJECT_CHARS_MAX;
use crate::resources::{Definition, MetricDefinition, QueryDefinition, Watched, arn, region_of};
use crate::transition::Transition;

/// The Regions that have a long name.
static LONG_REGIONS: &[(&str, &str)] = &[
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
    ("eu-west-1", "EU (Ireland)"),
    ("eu-west-2", "EU (London)"),
    ("eu-west-3", "EU (Paris)"),
    ("eu-central-1", "EU (Frankfurt)"),
    ("eu-north-1", "EU (Stockholm)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ca-central-1", "Canada (Central)"),
    ("sa-east-1", "South America (Sao Paulo)"),
];

/// The message for a topic about a change of state, and the JSON text in it.
pub(super) fn topic_message(
    key: &ResourceKey,
    uid: u64,
    transition: &Transition,
    action: &str,
) -> (TopicMessage, String) {
    let json = alarm_message(key, transition).to_string();
    let variants = json!({"default": json, "email": prose(key, transition), "sms": subject(key, transition)});
    let message = TopicMessage {
        subject: Some(subject(key, transition)),
        message: variants.to_string(),
        structure: MessageStructure::Json,
        // The same message to the same topic, however often it is tried.
        key: Some(format!("{uid:016x}-{}-{action}", transition.new.transition)),
        ..TopicMessage::default()
    };
    (message, json)
}

fn long_region(region: &str) -> &str {
    LONG_REGIONS.iter().find(|(code, _)| *code == region).map_or(region, |(_, name)| name)
}

/// `ALARM: "name" in US East (N. Virginia)`.
fn subject(key: &ResourceKey, transition: &Transition) -> String {
    let region = long_region(region_of(key));
    let text = format!("{}: \"{}\" in {region}", transition.new.value.as_str(), key.name);
    // SNS takes printable ASCII only.
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).take(SUBJECT_CHARS_MAX).collect()
}

fn alarm_message(key: &ResourceKey, transition: &Transition) -> Value {
    let Transition { definition, new, old, .. } = transition;
    let mut message = json!({
        "AlarmName": key.name,
        "AlarmDescription": definition.description,
        "AWSAccountId": key.account.as_str(),
        "AlarmConfigurationUpdatedTimestamp": timestamp(transition.configured),
        "NewStateValue": new.value,
        "NewStateReason": new.reason,
        "StateChangeTime": timestamp(new.updated),
        "Region": long_region(region_of(key)),
        "AlarmArn": arn(key),
        "OldStateValue": old.value,
        "OKActions": definition.actions.ok,
        "AlarmActions": definition.actions.alarm,
        "InsufficientDataActions": definition.actions.insufficient_data,
        "ActionExecutedAfterMuteWindow": false,
    });
    if let Some(members) = message.as_object_mut() {
        if let Some(contributor) = &transition.contributor {
            members.insert("AlarmContributorId".into(), json!(contributor.id));
            members.insert("AlarmContributorAttributes".into(), json!(contributor.attributes));
        }
        members.insert("Trigger".into(), trigger(definition));
    }
    message
}

fn trigger(definition: &Definition) -> Value {
    let mut trigger = Map::new();
    let mut put = |name: &str, value: Value| trigger.insert(name.to_owned(), value);
    if let Watched::Metric(metric) = &definition.watched {
        put("MetricName", json!(metric.name));
        put("Namespace", json!(metric.namespace));
        match basic_statistic(&metric.statistic) {
            Some(statistic) => {
                put("StatisticType", json!("Statistic"));
                put("Statistic", json!(statistic));
            }
            None => {
                put("StatisticType", json!("ExtendedStatistic"));
                put("ExtendedStatistic", json!(metric.statistic));
            }
        }
        put("Unit", json!(metric.unit));
        put("Dimensions", dimensions(metric));
    }
    put("Period", json!(definition.period_s()));
    put("EvaluationPeriods", json!(definition.periods));
    if let Some(to_alarm) = definition.to_alarm {
        put("DatapointsToAlarm", json!(to_alarm));
    }
    put("ComparisonOperator", json!(definition.operator.as_str()));
    if let Some(threshold) = definition.threshold {
        put("Threshold", json!(threshold));
    }
    if let Some(id) = &definition.threshold_metric_id {
        put("ThresholdMetricId", json!(id));
    }
    put("TreatMissingData", json!(definition.treat.map_or("missing", |treat| treat.as_str())));
    put("EvaluateLowSampleCountPercentile", json!(definition.low_samples.map_or("", |low| low.as_str())));
    if let Watched::Queries { queries, .. } = &definition.watched {
        put("Metrics", queries.iter().map(query).collect());
    }
    Value::Object(trigger)
}

fn query(query: &QueryDefinition) -> Value {
    let mut shown = Map::new();
    shown.insert("Id".into(), json!(query.id));
    if let Some(expression) = &query.expression {
        shown.insert("Expression".into(), json!(expression));
    }
    if let Some(metric) = &query.metric {
        let named = json!({"Dimensions": dimensions(metric), "MetricName": metric.name, "Namespace": metric.namespace});
        let stat = json!({"Metric": named, "Period": metric.period_s, "Stat": metric.statistic});
        shown.insert("MetricStat".into(), stat);
    }
    if let Some(label) = &query.label {
        shown.insert("Label".into(), json!(label));
    }
    shown.insert("ReturnData".into(), json!(query.returns_data != Some(false)));
    Value::Object(shown)
}

fn dimensions(metric: &MetricDefinition) -> Value {
    metric.dimensions.iter().map(|(name, value)| json!({"value": value, "name": name})).collect()
}

fn basic_statistic(name: &str) -> Option<&'static str> {
    let names = [
        ("SampleCount", "SAMPLE_COUNT"),
        ("Average", "AVERAGE"),
        ("Sum", "SUM"),
        ("Minimum", "MINIMUM"),
        ("Maximum", "MAXIMUM"),
    ];
    names.into_iter().find(|(api, _)| *api == name).map(|(_, shown)| shown)
}

/// What a person reads in a mail.
fn prose(key: &ResourceKey, transition: &Transition) -> String {
    let Transition { definition, new, old, .. } = transition;
    let mut text = format!(
        "The alarm \"{}\" in the {} Region has entered the {} state: {}\n\nAlarm Details:\n- Name: {}\n- Description: {}\n\
         - State Change: {} -> {}\n- Reason for State Change: {}\n- Timestamp: {}\n- AWS Account: {}\n- Alarm Arn: {}\n",
        key.name,
        long_region(region_of(key)),
        new.value.as_str(),
        new.reason,
        key.name,
        definition.description.as_deref().unwrap_or_default(),
        old.value.as_str(),
        new.value.as_str(),
        new.reason,
        timestamp(new.updated),
        key.account,
        arn(key),
    );
    let lists = [
        ("OK", &definition.actions.ok),
        ("ALARM", &definition.actions.alarm),
        ("INSUFFICIENT_DATA", &definition.actions.insufficient_data),
    ];
    text.push_str("\nState Change Actions:\n");
    for (state, actions) in lists {
        text.push_str(&format!("- {state}: [{}]\n", actions.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_long_names() {
        assert_eq!(long_region("eu-west-1"), "EU (Ireland)");
        assert_eq!(long_region("onprem-1"), "onprem-1");
    }
}
