//! What the metrics service keeps in the store.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_store::{Column, ColumnKind, Keep, Label, Table, TableOwner};

use crate::index::SeriesIndex;
use crate::limits::{KEEP_HOURS_MS, KEEP_SERIES_MS};
use crate::series::SeriesId;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// One datum a row, unless its counts are all zero. A single value is in `value`, a repeated one in `value` and `sample_count`; of a
/// statistic set `value` is absent, and so is `distribution` unless the samples are known.
pub static METRIC_POINTS: Table = Table {
    name: "metric_points",
    id: 2,
    columns: &[
        Column::new("series", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("resolution", ColumnKind::U64),
        Column::new("unit", ColumnKind::Text),
        Column::nullable("value", ColumnKind::F64),
        Column::nullable("sample_count", ColumnKind::F64),
        Column::nullable("sum", ColumnKind::F64),
        Column::nullable("minimum", ColumnKind::F64),
        Column::nullable("maximum", ColumnKind::F64),
        Column::nullable("distribution", ColumnKind::Bytes),
    ],
    time: 1,
    sort: &[0, 1],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[
        Label { name: "account", of: 0 },
        Label { name: "region", of: 0 },
        Label { name: "namespace", of: 0 },
        Label { name: "metric_name", of: 0 },
        Label { name: "dimensions", of: 0 },
    ],
};

/// The columns of [`METRIC_POINTS`], but for the time.
pub mod points {
    #![allow(missing_docs, reason = "named as the columns are")]
    pub const SERIES: usize = 0;
    pub const RESOLUTION: usize = 2;
    pub const UNIT: usize = 3;
    pub const VALUE: usize = 4;
    pub const SAMPLE_COUNT: usize = 5;
    pub const SUM: usize = 6;
    pub const MINIMUM: usize = 7;
    pub const MAXIMUM: usize = 8;
    pub const DISTRIBUTION: usize = 9;
}

/// What a series is: a row when it comes into being and now and then while it is active; `time` is that of one of its points.
/// `dimensions` and `entity` are JSON objects.
pub static METRIC_SERIES: Table = Table {
    name: "metric_series",
    id: 3,
    columns: &[
        Column::new("series", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("account", ColumnKind::Text),
        Column::new("region", ColumnKind::Text),
        Column::new("namespace", ColumnKind::Text),
        Column::new("metric_name", ColumnKind::Text),
        Column::new("dimensions", ColumnKind::Text),
        Column::nullable("entity", ColumnKind::Text),
    ],
    time: 1,
    sort: &[0, 1],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[],
};

/// The columns of [`METRIC_SERIES`] that are read back.
pub mod series {
    #![allow(missing_docs, reason = "named as the columns are")]
    pub const SERIES: usize = 0;
    pub const ACCOUNT: usize = 2;
    pub const REGION: usize = 3;
    pub const NAMESPACE: usize = 4;
    pub const METRIC_NAME: usize = 5;
    pub const DIMENSIONS: usize = 6;
}

/// Says how long points are kept and what their series are.
pub(crate) struct PointsOwner(pub(crate) Arc<SeriesIndex>);

impl TableOwner for PointsOwner {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(Duration::from_millis(KEEP_HOURS_MS as u64))
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        let series = self.0.by_id(SeriesId(id))?;
        let identity = series.identity();
        Some(match label {
            "account" => identity.account.to_owned(),
            "region" => identity.region.to_owned(),
            "namespace" => identity.namespace.to_owned(),
            "metric_name" => identity.name.to_owned(),
            "dimensions" => identity.dimensions_json(),
            _ => return None,
        })
    }
}

/// Says how long registrations of series are kept.
pub(crate) struct SeriesOwner;

impl TableOwner for SeriesOwner {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(Duration::from_millis(KEEP_SERIES_MS as u64))
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}
