//! The chart of a widget: the answers to its queries, row by row.

use hashbrown::HashMap;
use watchkeep_chart::{Chart, Series};
use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::metric_identity::MetricIdentity;
use watchkeep_lang::metric_search;
use watchkeep_model::ServiceError;

use super::queries::{Asked, finds_metrics};
use super::{Row, Source, Widget};
use crate::Metrics;
use crate::errors::validation;
use crate::expressions::Answers;
use crate::queries::{Query, Request};
use crate::series::Identity;

impl Metrics {
    /// The chart of a widget, with data as GetMetricData gives them.
    ///
    /// # Errors
    ///
    /// `ValidationError` if the widget asks for what cannot be had; those of reading.
    pub(crate) async fn chart(
        &self,
        widget: &Widget,
        caller: &Caller,
        now: TimestampMs,
    ) -> Result<Chart, ServiceError> {
        let widget = &*self.with_alarm(widget, caller)?;
        let region = widget.region.clone().unwrap_or_else(|| caller.region.clone());
        let caller = Caller { region, ..caller.clone() };
        let asked =
            widget.asked(&caller.region).map_err(|invalid| validation(format!("Invalid MetricWidget: {invalid}")))?;
        let mut request = Request::check_across(&asked.input, &caller, now, &self.rollups.retention, &asked.regions)?;
        set_legend_labels(&mut request.queries);
        let answers = self.answers(&request, &caller, now).await?;
        let series = of_rows(widget, &asked, &request, answers, &caller, now);
        Ok(Chart {
            view: widget.view,
            width_px: widget.width_px,
            height_px: widget.height_px,
            theme: widget.theme,
            title: widget.title.clone(),
            series,
            is_stacked: widget.is_stacked,
            legend: widget.legend,
            start_ms: widget.start_ms,
            end_ms: widget.end_ms,
            offset_minutes: widget.offset_minutes,
            horizontal: widget.horizontal.clone(),
            vertical: widget.vertical.clone(),
            left: widget.left.clone(),
            right: widget.right.clone(),
            has_sparkline: widget.has_sparkline,
            has_full_precision: widget.has_full_precision,
        })
    }
}

/// The series of each row, in the order of the rows.
fn of_rows(
    widget: &Widget,
    asked: &Asked,
    request: &Request,
    answers: Answers,
    caller: &Caller,
    now: TimestampMs,
) -> Vec<Series> {
    let is_cut = !answers.messages.is_empty();
    let mut by_id: HashMap<&str, Vec<Series>> = HashMap::new();
    for ((query, (units, points)), unit) in request.queries.iter().zip(answers.metrics).zip(answers.units) {
        if query.returns_data {
            let result = query.result(&points, units.as_deref(), request, caller, now);
            let series = Series {
                label: result.label.unwrap_or_default(),
                unit: unit.map(|unit| unit.name().to_owned()).unwrap_or_default(),
                period_ms: query.window.period_ms,
                points,
                is_partial: query.is_forbidden,
                ..Series::default()
            };
            by_id.insert(&query.id, vec![series]);
        }
    }
    for (query, labelled) in request.expressions.iter().zip(answers.expressions) {
        let series = labelled.into_iter().map(|labelled| Series {
            label: labelled.label,
            period_ms: query.period_s.saturating_mul(1000),
            points: labelled.points,
            ..Series::default()
        });
        by_id.insert(&query.id, series.collect());
    }
    let rows = widget.rows.iter().zip(&asked.ids);
    rows.flat_map(|(row, id)| rendered(row, by_id.remove(id.as_str()).unwrap_or_default(), is_cut)).collect()
}

/// The series of a row as it wants them shown. A colour is for one series; several of an array have colours of their own.
fn rendered(row: &Row, series: Vec<Series>, is_cut: bool) -> Vec<Series> {
    let color = row.rendering.color.filter(|_| series.len() == 1);
    let is_cut = is_cut && matches!(&row.source, Source::Expression(text) if finds_metrics(text));
    let shown = |series: Series| {
        let is_partial = series.is_partial || is_cut;
        Series { color, side: row.rendering.side, is_partial, ..series }
    };
    series.into_iter().map(shown).collect()
}

/// In a legend, metrics of one name are told from one another by what differs in them, as those that a search finds are.
/// Where that says nothing, they keep the label that GetMetricData gives them.
fn set_legend_labels(queries: &mut [Query]) {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for query in queries.iter().filter(|query| query.returns_data) {
        *uses.entry(query.default_label.clone()).or_default() += 1;
    }
    let ambiguous: Vec<usize> = queries
        .iter()
        .enumerate()
        .filter(|(_, query)| query.returns_data && uses.get(&query.default_label).is_some_and(|uses| *uses > 1))
        .map(|(place, _)| place)
        .collect();
    let keys: Vec<String> = ambiguous.iter().filter_map(|place| Some(queries.get(*place)?.key.clone())).collect();
    let identities: Vec<Identity<'_>> = keys.iter().map(|key| Identity::of(key)).collect();
    let dimensions: Vec<Vec<(&str, &str)>> =
        identities.iter().map(|identity| identity.dimensions().collect()).collect();
    let metrics: Vec<MetricIdentity<'_>> = identities
        .iter()
        .zip(&dimensions)
        .map(|(identity, dimensions)| MetricIdentity {
            namespace: identity.namespace,
            name: identity.name,
            dimensions,
            account: identity.account,
            is_local: true,
        })
        .collect();
    for (place, label) in ambiguous.into_iter().zip(metric_search::labels(&metrics)) {
        if let Some(query) = queries.get_mut(place) {
            query.default_label = label;
        }
    }
}
