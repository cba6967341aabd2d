//! What the metrics service keeps in the store.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::Clock;
use watchkeep_store::{Column, ColumnKind, Keep, Label, Table, TableOwner};

use crate::index::SeriesIndex;
use crate::limits::{DAY_MS, KEEP_SERIES_MS};
use crate::rollup::{Rollups, Tier};
use crate::series::SeriesId;

/// What a point has, put or rolled up. A single value is in `value`, a repeated one in `value` and `sample_count`; of a statistic
/// set `value` is absent, and so is `distribution` unless the samples are known. `resolution` is in seconds.
const POINT_COLUMNS: &[Column] = &[
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
];

/// What the series of a point is, for readers of the open files.
const POINT_LABELS: &[Label] = &[
    Label { name: "account", of: 0 },
    Label { name: "region", of: 0 },
    Label { name: "namespace", of: 0 },
    Label { name: "metric_name", of: 0 },
    Label { name: "dimensions", of: 0 },
];

const fn points_table(name: &'static str, id: u16, window_ms: i64) -> Table {
    Table {
        name,
        id,
        columns: POINT_COLUMNS,
        time: 1,
        sort: &[0, 1],
        retention_key: &[],
        text: None,
        bloom: &[],
        window_ms,
        labels: POINT_LABELS,
    }
}

/// One datum a row, unless its counts are all zero.
pub static METRIC_POINTS: Table = points_table("metric_points", 2, DAY_MS);

/// The points rolled up by five minutes; `time` is their start.
pub static METRIC_POINTS_5M: Table = points_table("metric_points_5m", 8, 7 * DAY_MS);

/// The points rolled up by the hour.
pub static METRIC_POINTS_1H: Table = points_table("metric_points_1h", 9, 28 * DAY_MS);

/// How far points are rolled up: of a day (`time` is its start) the series up to number `through`, or, if `is_whole` is 1, the day
/// and everything before it.
pub static METRIC_ROLLUPS: Table = Table {
    name: "metric_rollups",
    id: 10,
    columns: &[
        Column::new("time", ColumnKind::I64),
        Column::new("through", ColumnKind::U64),
        Column::new("is_whole", ColumnKind::U64),
    ],
    time: 0,
    sort: &[0],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: 365 * DAY_MS,
    labels: &[],
};

/// The columns of [`METRIC_ROLLUPS`], but for the time.
pub mod rollups {
    #![allow(missing_docs, reason = "named as the columns are")]
    pub const THROUGH: usize = 1;
    pub const IS_WHOLE: usize = 2;
}

/// The columns of [`METRIC_POINTS`] and its roll-ups, but for the time.
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

/// What Contributor Insights rules have counted: a row for each contributor that one call's events have in a minute. `keys` is a
/// JSON array of a value for each of the rule's keys; absent, where contributors were too many to be told apart.
pub static METRIC_CONTRIBUTIONS: Table = Table {
    name: "metric_contributions",
    id: 20,
    columns: &[
        Column::new("rule", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::nullable("keys", ColumnKind::Text),
        Column::new("count", ColumnKind::U64),
        Column::new("sum", ColumnKind::F64),
        Column::new("minimum", ColumnKind::F64),
        Column::new("maximum", ColumnKind::F64),
    ],
    time: 1,
    sort: &[0, 1],
    retention_key: &[0],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[Label { name: "insight_rule", of: 0 }],
};

/// The columns of [`METRIC_CONTRIBUTIONS`], but for the time.
pub mod contributions {
    #![allow(missing_docs, reason = "named as the columns are")]
    pub const RULE: usize = 0;
    pub const KEYS: usize = 2;
    pub const COUNT: usize = 3;
    pub const SUM: usize = 4;
    pub const MINIMUM: usize = 5;
    pub const MAXIMUM: usize = 6;
}

/// Says how long points are kept and what their series are.
pub(crate) struct PointsOwner {
    pub(crate) tier: Tier,
    pub(crate) rollups: Arc<Rollups>,
    pub(crate) index: Arc<SeriesIndex>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl TableOwner for PointsOwner {
    fn keep(&self, _: &[u64]) -> Keep {
        self.rollups.keep(self.tier, self.clock.now().0)
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        let series = self.index.by_id(SeriesId(id))?;
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
