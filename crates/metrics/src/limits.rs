//! The limits of the metrics service, a sentence each, with AWS's quota where there is one.

use std::time::Duration;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The datums of one PutMetricData, those of entities included. AWS: 1,000.
pub const DATUMS_MAX: usize = 1000;

/// The values of one datum. AWS: 150.
pub const VALUES_MAX: usize = 150;

/// The dimensions of a metric. AWS: 30.
pub const DIMENSIONS_MAX: usize = 30;

/// The entities of one PutMetricData. AWS: 2.
pub const ENTITIES_MAX: usize = 2;

/// The key attributes of an entity. AWS: 4.
pub const ENTITY_KEY_ATTRIBUTES_MAX: usize = 4;

/// The characters of the name of a key attribute. AWS: 32.
pub const ENTITY_KEY_ATTRIBUTE_NAME_CHARS_MAX: usize = 32;

/// The other attributes of an entity. AWS: 10.
pub const ENTITY_ATTRIBUTES_MAX: usize = 10;

/// The characters of the name of another attribute. AWS: 256.
pub const ENTITY_ATTRIBUTE_NAME_CHARS_MAX: usize = 256;

/// The characters of the value of any attribute of an entity. AWS: 2,048.
pub const ENTITY_VALUE_CHARS_MAX: usize = 2048;

/// The characters of a namespace, a metric's name and a dimension's name. AWS: 255.
pub const NAME_CHARS_MAX: usize = 255;

/// The characters of a dimension's value. AWS: 1,024.
pub const DIMENSION_VALUE_CHARS_MAX: usize = 1024;

/// How old a datum may be when it is put. AWS: two weeks.
pub const PAST_MAX_MS: i64 = 14 * DAY_MS;

/// How far in the future a datum may lie when it is put. AWS: two hours.
pub const FUTURE_MAX_MS: i64 = 2 * HOUR_MS;

/// How long points can be read by the second. AWS: 3 hours.
pub const KEEP_SECONDS_MS: i64 = 3 * HOUR_MS;

/// How long points can be read by the minute. AWS: 15 days.
pub const KEEP_MINUTES_MS: i64 = 15 * DAY_MS;

/// How long points can be read by five minutes. AWS: 63 days.
pub const KEEP_FIVE_MINUTES_MS: i64 = 63 * DAY_MS;

/// How long points can be read by the hour, and are kept at all. AWS: 455 days.
pub const KEEP_HOURS_MS: i64 = 455 * DAY_MS;

/// How long after the last moment at which something may be put into a day the day is rolled up: no call is under way so long.
pub const ROLLUP_SLACK_MS: i64 = 2 * HOUR_MS;

/// How much longer than anybody reads them the rows of a tier are kept: tiers are read from a midnight on.
pub const ROLLUP_MARGIN_MS: i64 = 2 * DAY_MS;

/// How often it is looked for days to be rolled up.
pub const ROLLUP_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// About how many rows of five minutes are made at once: they are in memory with all their samples.
pub const ROLLUP_GROUP_ROWS: usize = 32 << 10;

/// The rows of five minutes that a day's points of one series make, in one unit.
pub const ROLLUP_SERIES_ROWS_MAX: usize = 288;

/// The bytes of roll-ups that become durable together.
pub const ROLLUP_APPEND_BYTES: usize = 4 << 20;

/// The streams on one page of ListMetricStreams. AWS: 500.
pub const STREAMS_PAGE_MAX: usize = 500;

/// The metric names in the filters of a stream; a namespace without names counts as one. AWS: 1,000.
pub const STREAM_FILTER_NAMES_MAX: usize = 1000;

/// The statistics configurations of a stream. AWS: 100.
pub const STREAM_STATISTICS_CONFIGURATIONS_MAX: usize = 100;

/// The metrics of a statistics configuration. AWS: 100.
pub const STREAM_STATISTICS_METRICS_MAX: usize = 100;

/// The statistics of a statistics configuration. AWS: 20.
pub const STREAM_STATISTICS_MAX: usize = 20;

/// The minutes of metrics that a stream may still have to deliver. Beyond, the older half is given up.
pub const STREAM_PENDING_MAX: usize = 2_000_000;

/// How old data may be that a stream delivers. AWS: two days.
pub const STREAM_AGE_MS_MAX: i64 = 2 * DAY_MS;

/// How long after a minute is over it is delivered: data of the minute may be under way.
pub const STREAM_PUBLISH_DELAY_MS: i64 = 5 * SECOND_MS;

/// The metrics whose minutes are read at once to be delivered.
pub const STREAM_SERIES_AT_ONCE: usize = 1000;

/// The bytes of a record of JSON lines, about.
pub const STREAM_JSON_RECORD_BYTES: usize = 64 << 10;

/// The minutes of metrics in a record of OpenTelemetry's format.
pub const STREAM_RECORD_METRICS: usize = 100;

/// How long after its newest point a metric is listed. AWS: two weeks.
pub const LISTED_MS: i64 = 14 * DAY_MS;

/// How long after its newest point a metric counts as recently active. AWS: 3 hours.
pub const RECENTLY_ACTIVE_MS: i64 = 3 * HOUR_MS;

/// How much newer than a series' newest registration a point must be for the series to be registered again. After a restart the
/// newest point of a series that was not active of late is known to this precision; a shorter interval costs rows to read at
/// every start.
pub const REGISTER_INTERVAL_MS: i64 = 6 * HOUR_MS;

/// How long registrations of series are kept: so long that a series without one has no point younger than
/// [`UNREGISTERED_MS`].
pub const KEEP_SERIES_MS: i64 = 16 * DAY_MS;

/// A series that is not registered has no point younger than this: [`KEEP_SERIES_MS`] less [`REGISTER_INTERVAL_MS`], and some.
pub const UNREGISTERED_MS: i64 = 15 * DAY_MS;

/// How much of the newest points the hot head of a series holds: the three hours that most readers want, and the steps that a
/// reader's start is rounded down by.
pub const HEAD_MS: i64 = 3 * HOUR_MS + 10 * MINUTE_MS;

/// The bytes of one chunk of a hot head: what is dropped at once when it has grown old.
pub const CHUNK_BYTES: usize = 512;

/// The bytes of one series' hot head: 180 points a minute of any kind of number fit. Beyond, the oldest chunks go, and reading
/// them goes to the store.
pub const HEAD_BYTES_MAX: usize = 256 << 10;

/// The bytes of all hot heads. Beyond, each series that is written to keeps its newest chunk only.
pub const HEADS_BYTES_MAX: usize = 256 << 20;

/// The bytes of all series in memory, without their heads: of each its key and [`SERIES_BYTES`]. A series stays for two weeks
/// behind its newest point, so this is about how many metrics may be active in that time: one and a half million with a few
/// dimensions each. Beyond, no new ones are taken. AWS sets no limit, but it bills them.
pub const ALL_SERIES_BYTES_MAX: usize = 1 << 30;

/// What a series takes beside its key, measured with a million of them: the series, its places in the index, and a chunk that was
/// begun.
pub const SERIES_BYTES: usize = 640;

/// How often hot heads are freed of old points and series of long ago are forgotten.
pub const SWEEP_INTERVAL_MS: i64 = HOUR_MS;

/// The metrics on one page of ListMetrics. AWS: 500.
pub const LIST_PAGE: usize = 500;

/// The series that a listing looks at in one go: those who put data of new series wait so long.
pub const WALK_AT_ONCE: usize = 10_000;

/// The dimension filters of ListMetrics. AWS: 10.
pub const DIMENSION_FILTERS_MAX: usize = 10;

/// The data points of one GetMetricStatistics. AWS: 1,440.
pub const STATISTICS_DATAPOINTS_MAX: i64 = 1440;

/// The basic statistics of one GetMetricStatistics. AWS: 5.
pub const STATISTICS_MAX: usize = 5;

/// The extended statistics of one GetMetricStatistics. AWS: 10.
pub const EXTENDED_STATISTICS_MAX: usize = 10;

/// The queries of one GetMetricData. AWS: 500.
pub const QUERIES_MAX: usize = 500;

/// The data points on one page of GetMetricData. AWS: 100,800.
pub const DATAPOINTS_MAX: usize = 100_800;

/// The buckets that queries read at once may fill: bounds the memory of a page, and leaves room for a page of one query. A
/// bucket of samples counts as [`SAMPLES_BUCKET_WEIGHT`].
pub const BUCKETS_AT_ONCE: i64 = 4 * DATAPOINTS_MAX as i64;

/// The buckets that a request with expressions may read in all, weighed likewise: their points are all in memory at once.
pub const EXPRESSION_BUCKETS_MAX: i64 = 4 * BUCKETS_AT_ONCE;

/// The points that all expressions of a request may have as their values together, which are in memory until it is answered.
pub const EXPRESSION_POINTS_MAX: usize = 8_000_000;

/// How many buckets without samples one with samples is as dear as: even if each holds its samples by bins of an eighth over
/// six powers of ten, what is read at once stays far below [`SAMPLES_AT_ONCE`].
pub const SAMPLES_BUCKET_WEIGHT: i64 = 8;

/// The samples that one read may gather for percentiles and their like: 16 bytes each. Beyond, those that are nearly alike
/// become one, and the statistic approximate, as AWS's always are.
pub const SAMPLES_AT_ONCE: usize = 16 << 20;

/// How often a resource is written if other calls change it at the same time.
pub const WRITE_ATTEMPTS_MAX: usize = 5;

/// The tags of a resource. AWS: 50.
pub const TAGS_MAX: usize = 50;

/// The dashboards of an account, whose bodies are all in memory. AWS sets no limit.
pub const DASHBOARDS_MAX: usize = 2000;

/// The dashboards on one page of ListDashboards. AWS: 1,000.
pub const DASHBOARD_LIST_PAGE: usize = 1000;

/// The dashboards of one DeleteDashboards. AWS: 100.
pub const DASHBOARDS_AT_ONCE_MAX: usize = 100;

/// The characters of a dashboard's name. AWS: 255.
pub const DASHBOARD_NAME_CHARS_MAX: usize = 255;

/// The bytes of a dashboard's body. AWS: 1 MB, that of a request.
pub const DASHBOARD_BODY_BYTES_MAX: usize = 1 << 20;

/// The widgets of a dashboard. AWS: 500.
pub const DASHBOARD_WIDGETS_MAX: usize = 500;

/// The variables of a dashboard. AWS: 25.
pub const DASHBOARD_VARIABLES_MAX: usize = 25;

/// The metrics of a widget. AWS: 500.
pub const DASHBOARD_WIDGET_METRICS_MAX: usize = 500;

/// The metrics of a dashboard. AWS: 2,500.
pub const DASHBOARD_METRICS_MAX: usize = 2500;

/// The alarms of a widget. AWS: 100.
pub const DASHBOARD_ALARMS_MAX: usize = 100;

/// The annotations of a widget in one direction. AWS names no limit.
pub const DASHBOARD_ANNOTATIONS_MAX: usize = 500;

/// The columns of a dashboard's grid. AWS: 24.
pub const DASHBOARD_COLUMNS: i64 = 24;

/// The rows of a dashboard's grid that a widget may take. AWS: 1,000.
pub const DASHBOARD_HEIGHT_MAX: i64 = 1000;

/// How many errors, and how many warnings, the answer to a PutDashboard tells one by one.
pub const DASHBOARD_FINDINGS_MAX: usize = 100;

/// The saved queries of an account in a Region. AWS: 1,000.
pub const QUERY_DEFINITIONS_MAX: usize = 1000;

/// The saved queries on one page, unless fewer are asked for. AWS: 100.
pub const QUERY_DEFINITIONS_PAGE: usize = 100;

/// The Contributor Insights rules of an account in a Region. AWS: 100.
pub const INSIGHT_RULES_MAX: usize = 100;

/// The rules of one DeleteInsightRules, EnableInsightRules or DisableInsightRules.
pub const INSIGHT_RULES_AT_ONCE_MAX: usize = 100;

/// The rules on one page of DescribeInsightRules, unless fewer are asked for. AWS: 500.
pub const INSIGHT_RULES_PAGE: usize = 500;

/// How long what rules have counted is kept. AWS: 15 days.
pub const KEEP_CONTRIBUTIONS_MS: u64 = 15 * DAY_MS as u64;

/// The contributors of a rule that are told apart in what comes in within a minute. Others count in sums, without their keys.
pub const CONTRIBUTORS_A_MINUTE_MAX: usize = 100_000;

/// The bytes of keys that the events of one call may bring for all rules together, well below what one append of the store may
/// hold. What is beyond counts in sums, without its keys.
pub const CONTRIBUTION_BYTES_AT_ONCE: usize = 16 << 20;

/// The contributors in a report, unless another number is asked for. AWS: 10.
pub const REPORT_CONTRIBUTORS: usize = 10;

/// The contributors that may be asked for. AWS: 100.
pub const REPORT_CONTRIBUTORS_MAX: usize = 100;

/// How long the time range of a report may be. AWS: 24 hours.
pub const REPORT_RANGE_MS_MAX: i64 = DAY_MS;

/// The shortest period of a report, in seconds: contributions are added up by the minute. AWS: 60.
pub const REPORT_PERIOD_S_MIN: i64 = 60;

/// The contributors of all buckets of a report together that are told apart, of some 100 bytes each.
pub const REPORT_CELLS_MAX: usize = 1 << 20;

/// The bytes of the keys of contributors that a report holds.
pub const REPORT_KEY_BYTES_MAX: usize = 64 << 20;

/// The rules of one PutManagedInsightRules.
pub const MANAGED_RULES_AT_ONCE_MAX: usize = 100;

/// The templates on one page of ListManagedInsightRules, unless another number is asked for. AWS: 100.
pub const MANAGED_RULES_PAGE: usize = 100;

/// The selectors of an enrichment, included and excluded ones together. AWS: 100.
pub const ENRICHMENT_SELECTORS_MAX: usize = 100;

/// How long a function that `LAMBDA` calls may take. AWS: 10 seconds.
pub const FUNCTION_TIME: Duration = Duration::from_secs(10);

/// The calls of functions of one GetMetricData, all of which are under way at once.
pub const FUNCTION_CALLS_MAX: usize = 10;

/// The series that a function may return: as many as a search.
pub const FUNCTION_SERIES_MAX: usize = 500;

/// The shortest period of what functions return, in seconds. AWS: 60.
pub const FUNCTION_PERIOD_S_MIN: i64 = 60;

/// The bytes of a metric widget. AWS: 100 KB.
pub const WIDGET_BYTES_MAX: usize = 100 << 10;

/// The pixels of each side of a widget's picture. AWS: 2,000.
pub const WIDGET_SIDE_PX_MAX: u32 = watchkeep_chart::limits::SIDE_PX_MAX;

/// The annotations of each direction of a widget; those of a larger list could not be told apart.
pub const ANNOTATIONS_MAX: usize = watchkeep_chart::limits::ANNOTATIONS_MAX;

/// The alarms of a metric widget. AWS: 1.
pub const WIDGET_ALARMS_MAX: usize = 1;

/// The pictures that are drawn at once: each takes 16 MB at most, and a processor.
pub const DRAWINGS_AT_ONCE: usize = 4;

/// The anomaly detectors of an account in a Region. AWS: 500.
pub const DETECTORS_MAX: usize = 500;

/// The anomaly detectors on a page of DescribeAnomalyDetectors. AWS: 100.
pub const DETECTORS_PAGE_MAX: usize = 100;

/// The metrics and expressions of a detector of metric math. AWS: 10.
pub const DETECTOR_QUERIES_MAX: usize = 10;

/// How often a detector is written anew if others change it at the same time.
pub const DETECTOR_WRITES_MAX: usize = 10;

/// The bands that one GetMetricData may ask for: each may have to be trained, a few hundredths of a second of one core.
pub const BANDS_MAX: usize = 50;

/// The points of one bound of a band: three weeks of minutes, and a week and some of seconds.
pub const BAND_POINTS_MAX: usize = 700_000;

/// The models of bands that are in memory, of up to 15 KB each. Beyond, the one that was not used for longest goes.
pub const BAND_MODELS_MAX: usize = 2000;

/// How many models may be trained at once: each reads two weeks of points and takes a few megabytes meanwhile.
pub const BAND_TRAININGS_AT_ONCE: usize = 2;

/// How old the model of a detector may be before it is trained anew in the background.
pub const BAND_RETRAINED_MS: i64 = 30 * MINUTE_MS;

/// How old a model may be for a band.
pub const BAND_FRESH_MS: i64 = HOUR_MS;

/// How long after a band was last asked for its model is kept trained, if it is a detector's.
pub const BAND_USED_MS: i64 = DAY_MS;

/// How often is looked for models to be trained.
pub const BAND_CHECK_INTERVAL: Duration = Duration::from_secs(300);

/// The earlier KMS keys of a dataset that are remembered, to say so when data under them cannot be read.
pub const DATASET_EARLIER_KEYS_MAX: usize = 64;

/// How long after a dataset's KMS key was replaced or taken away it must still be usable for reading. AWS: three hours.
pub const DATASET_KEY_REQUIRED_MS: i64 = 3 * HOUR_MS;

/// How often the data keys of datasets are asked for in the background: more often than they are believed without asking.
pub const DATASET_KEY_REFRESH: Duration = Duration::from_secs(30);
