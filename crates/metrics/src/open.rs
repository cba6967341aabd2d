//! Bringing back what is in memory: the series that had data of late, and the newest points of each.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, Semaphore};
use watchkeep_core::{AccountId, Clock, Random, Region};
use watchkeep_model::cloudwatch::Dimension;
use watchkeep_store::{Order, Scan, Store, StoreError};

use crate::anomaly::Anomaly;
use crate::datasets::DatasetKeys;
use crate::index::{SeriesIndex, Walk, horizon};
use crate::insight_rules::{self, RuleBook};
use crate::limits::{DRAWINGS_AT_ONCE, SWEEP_INTERVAL_MS};
use crate::point::of_batch;
use crate::resources::Resources;
use crate::rollup::{Rollups, Tier};
use crate::series::{KeyWriter, SeriesId};
use crate::streams::Feeds;
use crate::tables::{METRIC_CONTRIBUTIONS, METRIC_POINTS, METRIC_SERIES, PointsOwner, SeriesOwner, series};
use crate::{Metrics, MetricsConfig};

impl Metrics {
    /// Opens the service over a store that was opened with [`TABLES`](crate::TABLES) and is not started yet.
    ///
    /// # Errors
    ///
    /// What scanning the store can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: MetricsConfig,
    ) -> Result<Arc<Metrics>, StoreError> {
        let index = Arc::new(SeriesIndex::default());
        let rollups = Rollups::new(config.retention);
        for tier in [Tier::Points, Tier::FiveMinutes, Tier::Hours] {
            let (rollups, index, clock) = (rollups.clone(), index.clone(), clock.clone());
            store.set_owner(tier.table(), Arc::new(PointsOwner { tier, rollups, index, clock }));
        }
        store.set_owner(&METRIC_SERIES, Arc::new(SeriesOwner));
        let resources = Resources::open(store.catalog()).await?;
        let insight_rules = Arc::new(RuleBook::default());
        insight_rules::load(&resources, &insight_rules);
        store.set_owner(&METRIC_CONTRIBUTIONS, insight_rules.clone());
        let anomaly = Anomaly::open(store.catalog()).await?;
        let now_ms = clock.now().0;
        let restored = (index.clone(), rollups.clone());
        store
            .blocking(move |store| {
                let (index, rollups) = restored;
                rollups.restore(store)?;
                restore_series(store, &index, now_ms)?;
                restore_heads(store, &index, now_ms)
            })
            .await?;
        let next_sweep_ms = AtomicI64::new(now_ms.saturating_add(SWEEP_INTERVAL_MS));
        tracing::info!(series = index.count(), head_bytes = index.head_bytes(), "metrics opened");
        let metrics = Arc::new(Metrics {
            store,
            clock,
            random,
            index,
            rollups,
            rolling: Mutex::default(),
            resources,
            insight_rules,
            anomaly,
            known: Arc::default(),
            feeds: Feeds::default(),
            dataset_keys: DatasetKeys::default(),
            deliveries: config.deliveries,
            functions: config.functions,
            drawings: Semaphore::new(DRAWINGS_AT_ONCE),
            tagged_elsewhere: OnceLock::new(),
            alarm_pictures: OnceLock::new(),
            next_sweep_ms,
        });
        metrics.refresh_dataset_keys().await;
        Ok(metrics)
    }
}

fn restore_series(store: &Store, index: &SeriesIndex, now_ms: i64) -> Result<(), StoreError> {
    store.scan(&Scan::new(&METRIC_SERIES), &mut |batch| {
        for (row, (id, time_ms)) in batch.u64s(series::SERIES).iter().zip(batch.times()).enumerate() {
            let id = SeriesId(*id);
            // A series has many rows; what it is is the same in all of them.
            let known = index.by_id(id);
            let found = known.or_else(|| {
                let text = |column| batch.text(column, row);
                let account: AccountId = text(series::ACCOUNT).parse().ok()?;
                let region: Region = text(series::REGION).parse().ok()?;
                let dimensions: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(text(series::DIMENSIONS)).ok()?;
                let dimension = |(name, value): (String, serde_json::Value)| {
                    Some(Dimension { name, value: value.as_str()?.to_owned() })
                };
                let dimensions: Vec<Dimension> = dimensions.into_iter().filter_map(dimension).collect();
                let mut writer = KeyWriter::new(account, &region, text(series::NAMESPACE));
                let key = writer.key(text(series::METRIC_NAME), &dimensions).ok()?;
                Some(index.restore(key, id, horizon(now_ms)))
            });
            match found {
                Some(series) => {
                    series.saw_point(*time_ms);
                    series.was_registered(*time_ms, 0);
                }
                None => tracing::warn!(id = id.0, "the registration of a series cannot be read"),
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

fn restore_heads(store: &Store, index: &SeriesIndex, now_ms: i64) -> Result<(), StoreError> {
    let scan = Scan::new(&METRIC_POINTS).time(horizon(now_ms)..i64::MAX).order(Order::Ascending);
    let stats = store.scan(&scan, &mut |batch| {
        for (id, point) in of_batch(batch) {
            if let Some(series) = index.by_id(SeriesId(id)) {
                index.push(&series, &point, now_ms);
            }
        }
        ControlFlow::Continue(())
    })?;
    if stats.locked > 0 {
        // When their key can be used again, they are read from the store.
        index.walk("", None, |series| {
            series.head().missed(now_ms);
            Walk::On
        });
    }
    Ok(())
}
