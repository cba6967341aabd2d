//! What a widget asks of the metrics: its rows as queries of GetMetricData.

use hashbrown::{HashMap, HashSet};
use watchkeep_chart::View;
use watchkeep_core::Region;
use watchkeep_lang::metric_math::Expression;
use watchkeep_lang::metrics_insights::is_query;
use watchkeep_model::Timestamp;
use watchkeep_model::cloudwatch::{Dimension, GetMetricDataInput, LabelOptions, Metric, MetricDataQuery, MetricStat};

use super::member::{Invalid, invalid};
use super::{Row, Source, Widget};

/// The queries of a widget.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The request.
    pub(crate) input: GetMetricDataInput,
    /// The id of each row's query, in the order of the rows.
    pub(crate) ids: Vec<String>,
    /// The Regions of rows that are not of the widget's own, by id.
    pub(crate) regions: HashMap<String, Region>,
}

impl Widget {
    /// The queries of the rows. `home` is the Region of rows that name none.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if an expression looks for metrics in another Region than the widget's own.
    pub(crate) fn asked(&self, home: &Region) -> Result<Asked, Invalid> {
        let ids = self.ids();
        let mut queries = Vec::with_capacity(self.rows.len());
        let mut regions = HashMap::new();
        for (row, id) in self.rows.iter().zip(&ids) {
            let other = row.rendering.region.as_ref().filter(|region| *region != home);
            match (&row.source, other) {
                (Source::Metric { .. }, Some(region)) => {
                    regions.insert(id.clone(), region.clone());
                }
                (Source::Expression(text), Some(_)) if finds_metrics(text) => {
                    let message = "An expression that finds its metrics by itself does so in the widget's Region";
                    return Err(invalid(format!("{}/0/region", row.path), message));
                }
                _ => {}
            }
            queries.push(self.query(row, id));
        }
        let timezone = self.timezone.clone();
        let input = GetMetricDataInput {
            metric_data_queries: queries,
            start_time: Timestamp(self.start_ms),
            end_time: Timestamp(self.end_ms),
            label_options: timezone.map(|timezone| LabelOptions { timezone: Some(timezone) }),
            ..GetMetricDataInput::default()
        };
        Ok(Asked { input, ids, regions })
    }

    /// The ids: those given, and others that are not given for the rest.
    fn ids(&self) -> Vec<String> {
        let given: HashSet<&str> = self.rows.iter().filter_map(|row| row.rendering.id.as_deref()).collect();
        let mut number = 0;
        let mut next = || {
            loop {
                number += 1;
                let id = format!("row{number}");
                if !given.contains(id.as_str()) {
                    return id;
                }
            }
        };
        self.rows.iter().map(|row| row.rendering.id.clone().unwrap_or_else(&mut next)).collect()
    }

    fn query(&self, row: &Row, id: &str) -> MetricDataQuery {
        let rendering = &row.rendering;
        let base = MetricDataQuery {
            id: id.to_owned(),
            label: rendering.label.clone(),
            return_data: Some(!rendering.is_hidden),
            account_id: rendering.account_id.clone().or_else(|| self.account_id.clone()),
            ..MetricDataQuery::default()
        };
        match &row.source {
            Source::Expression(text) => {
                // Metric math has the period of its metrics, unless it finds them by itself.
                let needs_period = rendering.period_s.is_some() || finds_metrics(text) || has_no_metrics(text);
                let period = needs_period.then(|| self.period_s(row));
                MetricDataQuery { expression: Some(text.clone()), period, ..base }
            }
            Source::Metric { namespace, name, dimensions } => {
                let dimension =
                    |(name, value): &(String, String)| Dimension { name: name.clone(), value: value.clone() };
                let metric = Metric {
                    namespace: Some(namespace.clone()),
                    metric_name: Some(name.clone()),
                    dimensions: Some(dimensions.iter().map(dimension).collect()),
                };
                let stat = rendering.stat.as_ref().unwrap_or(&self.stat).clone();
                let stat = MetricStat { metric, period: self.period_s(row), stat, unit: None };
                MetricDataQuery { metric_stat: Some(stat), ..base }
            }
        }
    }

    fn period_s(&self, row: &Row) -> i32 {
        if self.sets_period_to_range && self.view != View::TimeSeries {
            let minutes = self.end_ms.saturating_sub(self.start_ms).saturating_add(59_999) / 60_000;
            return i32::try_from(minutes.saturating_mul(60)).unwrap_or(i32::MAX / 60 * 60);
        }
        row.rendering.period_s.unwrap_or(self.period_s)
    }
}

/// Whether an expression finds its metrics by itself.
pub(super) fn finds_metrics(text: &str) -> bool {
    is_query(text) || Expression::parse(text).is_ok_and(|expression| expression.functions().contains(&"SEARCH"))
}

/// Whether an expression has no metrics from which it could have its period.
fn has_no_metrics(text: &str) -> bool {
    Expression::parse(text)
        .is_ok_and(|expression| expression.references().is_empty() && !expression.functions().contains(&"METRICS"))
}
