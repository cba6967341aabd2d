//! GetMetricWidgetImage: a metric widget as a picture. Sources: "GetMetricWidgetImage", "Metric Widget Structure and Syntax".

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{GetMetricWidgetImageInput, GetMetricWidgetImageOutput};
use watchkeep_wire::service::{Bare, Reply};

use crate::Metrics;
use crate::errors::{internal, validation};
use crate::limits::WIDGET_BYTES_MAX;
use crate::widget::Widget;

/// Draws a widget. With the output format `image/png`, the answer of the Query protocol is the picture itself.
pub(crate) async fn get_metric_widget_image(
    service: &Metrics,
    caller: &Caller,
    input: GetMetricWidgetImageInput,
) -> Result<Reply<GetMetricWidgetImageOutput>, ServiceError> {
    let bare = match input.output_format.as_deref() {
        None | Some("png") => None,
        Some("image/png") => Some(Bare { member: "MetricWidgetImage", content_type: "image/png" }),
        Some(other) => return Err(validation(format!("The value {other} for parameter OutputFormat is invalid."))),
    };
    if input.metric_widget.len() > WIDGET_BYTES_MAX {
        let text = format!("The parameter MetricWidget must not be larger than {WIDGET_BYTES_MAX} bytes.");
        return Err(validation(text));
    }
    let now = service.clock.now();
    let widget = Widget::parse(&input.metric_widget, now);
    let widget = widget.map_err(|invalid| validation(format!("Invalid MetricWidget: {invalid}")))?;
    let chart = service.chart(&widget, caller, now).await?;
    let failed = || internal("The request processing has failed because of an internal error.");
    // Each picture takes its pixels' memory and a processor for a while.
    let _turn = service.drawings.acquire().await.map_err(|_| failed())?;
    let drawn = tokio::task::spawn_blocking(move || chart.png()).await.map_err(|_| failed())?;
    let image = drawn.map_err(|error| {
        tracing::error!(%error, "a widget could not be drawn");
        failed()
    })?;
    let output = GetMetricWidgetImageOutput { metric_widget_image: Some(image) };
    Ok(Reply { bare, ..Reply::from(output) })
}
