//! The text of a mail. Its labels and their columns are those of AWS's mails, because programs read them; the sentences are ours.

use watchkeep_core::ports::LogLine;

use super::text::long_time;
use super::{Composite, LogQuery, Notice, PromQl, Query, Sent, Source, Stat, Trigger, Watches};
use crate::region_names::long_name;

/// Where the values of the details begin.
const DETAIL_COLUMN: usize = 30;
/// Where those of the metric begin.
const METRIC_COLUMN: usize = 39;
/// How many children are told.
const CHILDREN_MAX: usize = 10;

/// A text that is appended to.
struct Mail(String);

pub(super) fn text(notice: &Notice<'_>) -> String {
    let Notice { alarm, new, .. } = notice;
    let mut mail = Mail(format!(
        "The alarm \"{}\" in the {} region entered the {} state on {}, because \"{}\".\n",
        alarm.name,
        long_name(alarm.region),
        new.value.as_str(),
        long_time(new.since_ms),
        new.reason,
    ));
    if notice.sent == Sent::AfterMuteWindow {
        mail.line("It was muted until now, and is still in that state.");
    }
    details(&mut mail, notice);
    match &alarm.watches {
        Watches::Metrics(trigger) => metrics(&mut mail, trigger),
        Watches::Alarms(composite) => children(&mut mail, composite),
        Watches::PromQl(promql) => query_of(&mut mail, promql),
        Watches::Logs(query) => log_query(&mut mail, query),
    }
    if !notice.lines.is_empty() {
        mail.title("Log Lines");
        notice.lines.iter().for_each(|line| mail.line(&format!("- {}", told_line(line))));
    }
    mail.title("State Change Actions");
    for (state, actions) in [
        ("OK", alarm.ok_actions),
        ("ALARM", alarm.alarm_actions),
        ("INSUFFICIENT_DATA", alarm.insufficient_data_actions),
    ] {
        let shown: Vec<String> = actions.iter().map(|action| format!("[{action}]")).collect();
        mail.line(&format!("- {state}: {}", shown.join(" ")));
    }
    mail.0
}

fn details(mail: &mut Mail, notice: &Notice<'_>) {
    let Notice { alarm, contributor, new, old, .. } = notice;
    mail.title("Alarm Details");
    let mut detail = |label: &str, value: &str| mail.row(DETAIL_COLUMN, label, value);
    detail("Name", alarm.name);
    detail("Description", alarm.description.unwrap_or_default());
    detail("State Change", &format!("{} -> {}", old.value.as_str(), new.value.as_str()));
    if let Watches::Alarms(composite) = &alarm.watches {
        detail("Alarm Rule", composite.rule);
    }
    detail("Reason for State Change", new.reason);
    detail("Timestamp", &long_time(new.since_ms));
    detail("AWS Account", alarm.account);
    detail("Alarm Arn", alarm.arn);
    if let Some(contributor) = contributor {
        detail("Contributor Id", contributor.id);
        detail("Contributor Attributes", &pairs(contributor.attributes.iter()));
    }
    if let Some(tags) = notice.tags {
        detail("Alarm Tags", &pairs(tags.iter()));
    }
}

fn metrics(mail: &mut Mail, trigger: &Trigger<'_>) {
    mail.title("Threshold");
    let limit = match (trigger.threshold, trigger.threshold_metric_id) {
        (Some(threshold), _) => format!("{} {threshold:?}", trigger.comparison_operator),
        (None, Some(id)) => format!("{} {id}", trigger.comparison_operator),
        (None, None) => trigger.comparison_operator.to_owned(),
    };
    let periods = trigger.evaluation_periods;
    let datapoints = trigger.datapoints_to_alarm.unwrap_or(periods);
    mail.line(&format!(
        "- In ALARM while the metric is {limit} for at least {datapoints} of the last {periods} period(s) of {} seconds.",
        trigger.period_s
    ));
    match &trigger.source {
        Source::Metric { stat, .. } => {
            mail.title("Monitored Metric");
            metric(mail, stat, trigger.treat_missing_data);
        }
        Source::Queries(queries) => {
            mail.title("Monitored Metrics");
            queries.iter().for_each(|one| query(mail, one));
            mail.row(METRIC_COLUMN, "TreatMissingData", trigger.treat_missing_data.unwrap_or("missing"));
        }
    }
}

fn query_of(mail: &mut Mail, promql: &PromQl<'_>) {
    mail.title("Monitored Query");
    let mut row = |label: &str, value: &str| mail.row(METRIC_COLUMN, label, value);
    row("Query", promql.query);
    row("EvaluationInterval", &format!("{} seconds", promql.interval_s));
    row("PendingPeriod", &format!("{} seconds", promql.pending_s.unwrap_or_default()));
    row("RecoveryPeriod", &format!("{} seconds", promql.recovery_s.unwrap_or_default()));
}

fn log_query(mail: &mut Mail, query: &LogQuery<'_>) {
    mail.title("Threshold");
    mail.line(&format!(
        "- In ALARM while the result is {} {:?} for at least {} of the last {} query result(s).",
        query.comparison_operator, query.threshold, query.results_to_alarm, query.results_to_evaluate
    ));
    mail.title("Monitored Query");
    let mut row = |label: &str, value: &str| mail.row(METRIC_COLUMN, label, value);
    row("QueryString", query.query);
    row("LogGroups", &query.groups.join(", "));
    row("AggregationExpression", query.aggregation);
    row("ScheduleExpression", query.schedule);
    row("TreatMissingData", query.treat_missing_data.unwrap_or("missing"));
}

/// A log line: its time and its message, if it has them, or all its fields.
fn told_line(line: &LogLine) -> String {
    let field = |name: &str| line.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    match (field("@timestamp"), field("@message")) {
        (Some(time), Some(message)) => format!("{time} {}", message.trim_end()),
        (None, Some(message)) => message.trim_end().to_owned(),
        _ => pairs(line.iter().map(|(name, value)| (name, value))),
    }
}

fn metric(mail: &mut Mail, stat: &Stat<'_>, treat_missing_data: Option<&str>) {
    let mut row = |label: &str, value: &str| mail.row(METRIC_COLUMN, label, value);
    row("MetricNamespace", stat.namespace);
    row("MetricName", stat.name);
    row("Dimensions", &pairs(stat.dimensions.iter().map(|(name, value)| (name, value))));
    row("Period", &format!("{} seconds", stat.period_s));
    row("Statistic", stat.statistic);
    row("Unit", stat.unit.unwrap_or("not specified"));
    row("TreatMissingData", treat_missing_data.unwrap_or("missing"));
}

fn query(mail: &mut Mail, query: &Query<'_>) {
    let mut row = |label: &str, value: &str| mail.row(METRIC_COLUMN, label, value);
    if let Some(expression) = query.expression {
        row("MetricExpression", expression);
    }
    if let Some(stat) = &query.stat {
        row("MetricNamespace", stat.namespace);
        row("MetricName", stat.name);
        row("Dimensions", &pairs(stat.dimensions.iter().map(|(name, value)| (name, value))));
        row("Period", &format!("{} seconds", stat.period_s));
        row("Statistic", stat.statistic);
    }
    row("MetricLabel", query.label.unwrap_or(query.id));
}

fn children(mail: &mut Mail, composite: &Composite<'_>) {
    mail.title("Triggering children (max. 10)");
    for child in composite.triggering.iter().take(CHILDREN_MAX) {
        mail.line(&format!("- {}   {:<20}{}", child.arn, child.state.as_str(), long_time(child.since_ms)));
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    pairs.map(|(name, value)| format!("[{name} = {value}]")).collect::<Vec<_>>().join(", ")
}

impl Mail {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    /// An empty line, and the title of what follows.
    fn title(&mut self, title: &str) {
        self.0.push('\n');
        self.line(&format!("{title}:"));
    }

    /// A label, and its value from a column on.
    fn row(&mut self, column: usize, label: &str, value: &str) {
        let label = format!("- {label}:");
        self.line(&format!("{label:<column$}{value}"));
    }
}
