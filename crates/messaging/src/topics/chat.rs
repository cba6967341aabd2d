//! Messages for chat: Slack's incoming webhooks, which Mattermost takes, too, and Microsoft Teams' webhooks. The message of a CloudWatch
//! alarm becomes a card with its state, its reason and what it watches; any other its subject and its text.

use serde_json::{Map, Value, json};

use super::message::Message;

/// The characters of a text: both services cut or refuse longer ones.
const TEXT_CHARS_MAX: usize = 3_000;

/// What a card shows.
#[derive(Debug, PartialEq)]
struct Card {
    title: String,
    text: String,
    facts: Vec<(&'static str, String)>,
    tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Bad,
    Unsure,
    Plain,
}

/// For Slack: an attachment, which Mattermost knows as well.
pub(crate) fn slack(message: &Message, text: &str) -> Value {
    let card = card(message, text);
    let color = match card.tone {
        Tone::Good => "good",
        Tone::Bad => "danger",
        Tone::Unsure => "warning",
        Tone::Plain => "#5b6b7b",
    };
    let fields: Vec<_> = card
        .facts
        .iter()
        .map(|(title, value)| json!({"title": title, "value": escaped(value), "short": value.chars().count() <= 40}))
        .collect();
    json!({"attachments": [{
        "fallback": escaped(&card.title),
        "color": color,
        "title": escaped(&card.title),
        "text": escaped(&card.text),
        "fields": fields,
        "footer": message.topic_arn,
        "ts": message.time_ms / 1000,
    }]})
}

/// For Teams: an adaptive card.
pub(crate) fn teams(message: &Message, text: &str) -> Value {
    let card = card(message, text);
    let color = match card.tone {
        Tone::Good => "Good",
        Tone::Bad => "Attention",
        Tone::Unsure => "Warning",
        Tone::Plain => "Default",
    };
    let facts: Vec<_> = card.facts.iter().map(|(title, value)| json!({"title": title, "value": value})).collect();
    let mut body = vec![
        json!({"type": "TextBlock", "size": "Medium", "weight": "Bolder", "wrap": true, "color": color, "text": card.title}),
        json!({"type": "TextBlock", "wrap": true, "text": card.text}),
    ];
    if !facts.is_empty() {
        body.push(json!({"type": "FactSet", "facts": facts}));
    }
    body.push(json!({"type": "TextBlock", "isSubtle": true, "size": "Small", "wrap": true, "text": message.topic_arn}));
    json!({"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": body,
        },
    }]})
}

fn card(message: &Message, text: &str) -> Card {
    let alarm = serde_json::from_str::<Map<String, Value>>(text).ok();
    if let Some(card) = alarm.as_ref().and_then(alarm_card) {
        return card;
    }
    let title =
        message.subject.clone().unwrap_or_else(|| message.topic_arn.rsplit(':').next().unwrap_or_default().to_owned());
    Card { title, text: shortened(text), facts: Vec::new(), tone: Tone::Plain }
}

/// The card of an alarm's message, if it is one.
fn alarm_card(alarm: &Map<String, Value>) -> Option<Card> {
    let said = |name: &str| alarm.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    let (name, state, arn) = (said("AlarmName")?, said("NewStateValue")?, said("AlarmArn")?);
    let tone = match state {
        "ALARM" => Tone::Bad,
        "OK" => Tone::Good,
        _ => Tone::Unsure,
    };
    let mut facts = Vec::new();
    let mut fact = |title, value: Option<String>| facts.extend(value.map(|value| (title, shortened(&value))));
    fact("Description", said("AlarmDescription").map(str::to_owned));
    fact("Before", said("OldStateValue").map(str::to_owned));
    fact("At", said("StateChangeTime").map(str::to_owned));
    fact("Region", said("Region").map(str::to_owned));
    if let Some(trigger) = alarm.get("Trigger").and_then(Value::as_object) {
        fact("Metric", watched(trigger));
        fact("Condition", condition(trigger));
    }
    fact("Rule", said("AlarmRule").map(str::to_owned));
    fact("Alarm", Some(arn.to_owned()));
    let text = shortened(said("NewStateReason").unwrap_or_default());
    Some(Card { title: format!("{state}: {name}"), text, facts, tone })
}

/// `AWS/EC2 CPUUtilization (InstanceId=i-1), Average`.
fn watched(trigger: &Map<String, Value>) -> Option<String> {
    let said = |name: &str| trigger.get(name).and_then(Value::as_str);
    if let Some(query) =
        trigger.get("EvaluationCriteria").and_then(|criteria| criteria.pointer("/PromQLCriteria/Query"))
    {
        return query.as_str().map(str::to_owned);
    }
    let mut text = format!("{} {}", said("Namespace")?, said("MetricName")?);
    let dimensions: Vec<_> = trigger
        .get("Dimensions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|dimension| {
            Some(format!("{}={}", dimension.get("name")?.as_str()?, dimension.get("value")?.as_str()?))
        })
        .collect();
    if !dimensions.is_empty() {
        text.push_str(&format!(" ({})", dimensions.join(", ")));
    }
    if let Some(statistic) = said("Statistic").or(said("ExtendedStatistic")) {
        text.push_str(&format!(", {}", statistic.to_lowercase()));
    }
    Some(text)
}

/// `> 80 in 3 of 5 periods of 60 s`.
fn condition(trigger: &Map<String, Value>) -> Option<String> {
    let number = |name: &str| trigger.get(name).and_then(Value::as_f64);
    let operator = match trigger.get("ComparisonOperator")?.as_str()? {
        "GreaterThanThreshold" => ">",
        "GreaterThanOrEqualToThreshold" => ">=",
        "LessThanThreshold" => "<",
        "LessThanOrEqualToThreshold" => "<=",
        other => other,
    };
    let threshold = number("Threshold").map(|threshold| format!(" {threshold}")).unwrap_or_default();
    let periods = number("EvaluationPeriods")?;
    let of = number("DatapointsToAlarm").filter(|to_alarm| *to_alarm != periods);
    let of = of.map(|to_alarm| format!("{to_alarm} of ")).unwrap_or_default();
    let plural = if periods == 1.0 { "period" } else { "periods" };
    Some(format!("{operator}{threshold} in {of}{periods} {plural} of {} s", number("Period")?))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(TEXT_CHARS_MAX - 1).collect();
    format!("{kept}…")
}

/// Slack reads `&`, `<` and `>` as markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALARM: &str = r#"{"AlarmName": "cpu", "AlarmDescription": "too hot", "AWSAccountId": "123456789012", "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 91.0 > 80.0", "StateChangeTime": "2024-03-22T14:05:11.123+0000", "Region": "EU (Ireland)",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu", "OldStateValue": "OK", "Trigger": {"MetricName": "Cpu",
        "Namespace": "app", "StatisticType": "Statistic", "Statistic": "AVERAGE", "Unit": null, "Dimensions": [{"value": "h1", "name": "Host"}],
        "Period": 60, "EvaluationPeriods": 5, "DatapointsToAlarm": 3, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 80.0}}"#;

    fn message(subject: Option<&str>) -> Message {
        Message {
            topic_arn: "arn:aws:sns:eu-west-1:123456789012:ops".into(),
            subject: subject.map(str::to_owned),
            time_ms: 1_711_116_311_000,
            ..Message::default()
        }
    }

    #[test]
    fn an_alarm_is_a_card() {
        let slack = slack(&message(Some("ALARM")), ALARM);
        let attachment = &slack["attachments"][0];
        assert_eq!(attachment["title"], "ALARM: cpu");
        assert_eq!(attachment["color"], "danger");
        assert_eq!(attachment["text"], "Threshold Crossed: 91.0 &gt; 80.0");
        let fields: Vec<_> = attachment["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| format!("{} | {}", field["title"].as_str().unwrap(), field["value"].as_str().unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                "Description | too hot",
                "Before | OK",
                "At | 2024-03-22T14:05:11.123+0000",
                "Region | EU (Ireland)",
                "Metric | app Cpu (Host=h1), average",
                "Condition | &gt; 80 in 3 of 5 periods of 60 s",
                "Alarm | arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu",
            ]
        );
        let teams = teams(&message(None), ALARM);
        let content = &teams["attachments"][0]["content"];
        assert_eq!(
            (content["type"].as_str(), content["body"][0]["color"].as_str()),
            (Some("AdaptiveCard"), Some("Attention"))
        );
        assert_eq!(content["body"][2]["facts"][4]["value"], "app Cpu (Host=h1), average");
    }

    #[test]
    fn anything_else_is_its_subject_and_text() {
        let slack = slack(&message(Some("a < b")), "no <alarm>");
        assert_eq!(slack["attachments"][0]["title"], "a &lt; b");
        assert_eq!(slack["attachments"][0]["text"], "no &lt;alarm&gt;");
        let teams = teams(&message(None), &"x".repeat(5000));
        let body = &teams["attachments"][0]["content"]["body"];
        assert_eq!(body[0]["text"], "ops");
        assert_eq!(body[1]["text"].as_str().unwrap().chars().count(), TEXT_CHARS_MAX);
    }
}
