//! A widget of an alarm: what the alarm watches, and a mark at its threshold.

use std::borrow::Cow;
use std::sync::Arc;

use watchkeep_chart::Horizontal;
use watchkeep_core::ports::{PicturedAlarm, QueryOf, WatchQuery};
use watchkeep_core::{Arn, Caller, Region};
use watchkeep_model::ServiceError;

use super::{Rendering, Row, Source, Widget};
use crate::Metrics;
use crate::errors::validation;

const PATH: &str = "/annotations/alarms/0";

impl Metrics {
    /// The widget with what is to be drawn of its alarm, if it has one.
    ///
    /// # Errors
    ///
    /// `ValidationError` if there is no such alarm.
    pub(super) fn with_alarm<'w>(&self, widget: &'w Widget, caller: &Caller) -> Result<Cow<'w, Widget>, ServiceError> {
        let Some(arn) = widget.alarms.first() else { return Ok(Cow::Borrowed(widget)) };
        let missing = || validation(format!("Invalid MetricWidget: {PATH}: There is no alarm {arn}"));
        let (region, alarm) = self.pictured(arn, caller).ok_or_else(missing)?;
        let mut widget = widget.clone();
        widget.region.get_or_insert(region);
        if widget.title.is_empty() {
            widget.title = alarm.name;
        }
        widget.rows.extend(alarm.queries.into_iter().map(row));
        let mark = |value| Horizontal { value, label: alarm.condition, ..Horizontal::default() };
        widget.horizontal.extend(alarm.threshold.map(mark));
        Ok(Cow::Owned(widget))
    }

    /// What is drawn of the alarm of this ARN, and its Region.
    fn pictured(&self, arn: &str, caller: &Caller) -> Option<(Region, PicturedAlarm)> {
        let arn: Arn = arn.parse().ok()?;
        let name = arn.resource.strip_prefix("alarm:").filter(|_| arn.service == "cloudwatch")?;
        let region: Region = arn.region.parse().ok()?;
        let pictures = self.alarm_pictures.get().filter(|_| arn.account == caller.account.as_str())?;
        let alarm = pictures.picture(caller.account, &region, name)?;
        Some((region, alarm))
    }
}

fn row(query: WatchQuery) -> Row {
    let rendering =
        Rendering { id: Some(query.id), label: query.label, is_hidden: !query.returns_data, ..Rendering::default() };
    let (source, stat, period_s) = match query.of {
        QueryOf::Expression { text, period_s } => (Source::Expression(text), None, period_s),
        QueryOf::Metric { metric, statistic, period_s, .. } => {
            let dimension = |(name, value): &(Arc<str>, Arc<str>)| (name.to_string(), value.to_string());
            let source = Source::Metric {
                namespace: metric.namespace.to_string(),
                name: metric.name.to_string(),
                dimensions: metric.dimensions.iter().map(dimension).collect(),
            };
            (source, Some(statistic), Some(period_s))
        }
    };
    let period_s = period_s.and_then(|period_s| i32::try_from(period_s).ok());
    Row { source, rendering: Rendering { stat, period_s, ..rendering }, path: PATH.to_owned() }
}
