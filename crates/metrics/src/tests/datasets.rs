//! The dataset and its key.

use watchkeep_core::ports::{Measurement, MetricIdentity, MetricPlace, MetricSource, Precision, Publisher, Samples};

use super::*;
use crate::tables::{METRIC_POINTS, METRIC_POINTS_1H, METRIC_POINTS_5M};

const DATASET: &str = "arn:aws:cloudwatch:us-east-1:000000000000:dataset/default";
const RED: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-1111-1111-1111-111111111111";
const BLUE: &str = "arn:aws:kms:us-east-1:000000000000:key/22222222-2222-2222-2222-222222222222";

impl World {
    async fn kms_key(&self) -> Option<String> {
        let input = GetDatasetInput { dataset_identifier: DATASET.into() };
        crate::datasets::get_dataset(&self.metrics, &caller(), input).await.unwrap().kms_key_arn
    }

    async fn associate(&self, key: &str) -> Result<(), ServiceError> {
        let input = AssociateDatasetKmsKeyInput { dataset_identifier: "default".into(), kms_key_arn: key.into() };
        crate::datasets::associate_dataset_kms_key(&self.metrics, &caller(), input).await.map(drop)
    }

    async fn disassociate(&self) -> Result<(), ServiceError> {
        let input = DisassociateDatasetKmsKeyInput { dataset_identifier: "default".into() };
        crate::datasets::disassociate_dataset_kms_key(&self.metrics, &caller(), input).await.map(drop)
    }

    /// Until a key that was changed is asked for again.
    fn pass_trust(&self) {
        self.pass(MINUTE);
    }

    /// The code of what reading and putting answers.
    async fn codes(&self) -> [Option<String>; 2] {
        let code = |error: ServiceError| error.code.to_string();
        let read = self.data(query("Sum", 60, -HOUR, HOUR)).await.err().map(code);
        [read, self.put("Shop", vec![datum(0, 1.0)]).await.err().map(code)]
    }

    /// Whether there are rows of a table, and all of them are encrypted.
    fn is_encrypted(&self, table: &watchkeep_store::Table) -> bool {
        let keys = self.store.data_keys_of(table, i64::MIN..i64::MAX);
        !keys.is_empty() && keys.iter().all(Option::is_some)
    }
}

#[tokio::test]
async fn there_is_one_dataset_by_id_and_arn() {
    let world = World::new().await;
    let get = |identifier: &str| {
        let input = GetDatasetInput { dataset_identifier: identifier.into() };
        let metrics = world.metrics.clone();
        async move { crate::datasets::get_dataset(&metrics, &caller(), input).await }
    };
    let dataset = GetDatasetOutput { dataset_id: "default".into(), arn: DATASET.into(), kms_key_arn: None };
    assert_eq!(get("default").await.unwrap(), dataset);
    assert_eq!(get(DATASET).await.unwrap(), dataset);
    for other in [DATASET.replace("us-east-1", "eu-west-1"), DATASET.replace("0:d", "1:d")] {
        assert_eq!(get(&other).await.unwrap_err().code, "ResourceNotFoundException", "{other}");
    }
}

#[tokio::test]
async fn a_key_is_associated_replaced_and_taken_away() {
    let world = World::new().await;
    let code = |outcome: Result<(), ServiceError>| outcome.unwrap_err().code.to_string();
    assert_eq!(code(world.disassociate().await), "ResourceNotFoundException");
    world.owners.disable(RED);
    assert_eq!(code(world.associate(RED).await), "KmsKeyDisabledException");
    world.owners.enable(RED);
    world.owners.delete(BLUE);
    assert_eq!(code(world.associate(BLUE).await), "KmsKeyNotFoundException");
    assert_eq!(code(world.associate(&RED.replace("us-east-1", "eu-west-1")).await), "KmsKeyNotFoundException");
    assert_eq!(world.kms_key().await, None);
    world.associate(RED).await.unwrap();
    world.associate(RED).await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.kms_key().await.as_deref(), Some(RED));
    world.disassociate().await.unwrap();
    assert_eq!((world.kms_key().await, code(world.disassociate().await)), (None, "ResourceNotFoundException".into()));
}

#[tokio::test]
async fn points_are_encrypted_however_they_come_in() {
    let world = World::new().await;
    world.associate(RED).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
    let measurement = Measurement {
        metric: MetricIdentity { namespace: "Shop".into(), name: "Load".into(), dimensions: Vec::new() },
        time: TimestampMs(NOW),
        precision: Precision::Minute,
        unit: "None",
        samples: Samples::One(2.0),
    };
    let staged = world.metrics.stage(&place, Publisher::Client, vec![measurement.clone()]);
    let mut append = watchkeep_store::Append::new();
    staged.add_to(&mut append);
    world.store.append(append).await.unwrap();
    staged.stored();
    watchkeep_core::ports::MetricSink::put(&*world.metrics, &place, Publisher::Client, vec![measurement])
        .await
        .unwrap();
    assert!(world.is_encrypted(&METRIC_POINTS));
    assert_eq!(world.series("Sum", 60, -HOUR, HOUR).await, [(0, 5.0)]);
    let world = world.crash().await;
    assert_eq!(world.series("Sum", 60, -HOUR, HOUR).await, [(0, 5.0)]);
    world.store.seal_now().await.unwrap();
    assert!(world.is_encrypted(&METRIC_POINTS));
    assert_eq!(world.series("Sum", 60, -HOUR, HOUR).await, [(0, 5.0)]);
}

#[tokio::test]
async fn nothing_is_put_or_read_as_long_as_the_key_is_disabled() {
    let world = World::new().await;
    world.associate(RED).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.owners.disable(RED);
    world.pass_trust();
    let refused = || Some("KmsKeyDisabledException".to_owned());
    assert_eq!(world.codes().await, [refused(), refused()]);
    let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
    let times = TimestampMs(NOW)..TimestampMs(NOW + HOUR);
    let source: &dyn MetricSource = &*world.metrics;
    assert!(source.read(&place, &[], times, 10).await.is_err(), "PromQL neither");
    world.metrics.refresh_dataset_keys().await;
    let staged = world.metrics.stage(&place, Publisher::Client, Vec::new());
    assert_eq!(staged.refused(), 0);
    drop(staged);
    // A start does not need the key.
    let world = world.crash().await;
    assert_eq!(world.codes().await, [refused(), refused()]);
    world.owners.enable(RED);
    world.pass_trust();
    assert_eq!(world.series("Sum", 60, -HOUR, HOUR).await, [(0, 1.0)]);
    assert_eq!(world.codes().await, [None, None]);
    world.owners.delete(RED);
    world.pass_trust();
    let gone = || Some("KmsKeyNotFoundException".to_owned());
    assert_eq!(world.codes().await, [gone(), gone()]);
}

#[tokio::test]
async fn an_earlier_key_is_needed_for_three_hours_and_missed_later() {
    let world = World::new().await;
    world.associate(RED).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.pass(MINUTE);
    world.associate(BLUE).await.unwrap();
    world.put("Shop", vec![datum(MINUTE, 2.0)]).await.unwrap();
    world.owners.disable(RED);
    world.pass_trust();
    assert_eq!(world.codes().await[0].as_deref(), Some("KmsKeyDisabledException"));
    world.pass(4 * HOUR);
    let status = |start: i64| {
        let world = &world;
        async move {
            let answer = world.data(query("Sum", 60, start, HOUR)).await.unwrap();
            let result = answer.metric_data_results.unwrap().remove(0);
            (points(&result), result.status_code.unwrap(), answer.messages.unwrap().len())
        }
    };
    assert_eq!(status(MINUTE).await, (vec![(MINUTE, 2.0)], "Complete".into(), 0));
    // Of the first minute only what was put since, though all of it is still in memory.
    assert_eq!(status(-HOUR).await, (vec![(MINUTE, 2.0), (0, 1.0)], "PartialData".into(), 1));
    world.owners.enable(RED);
    world.pass_trust();
    assert_eq!(status(-HOUR).await, (vec![(MINUTE, 2.0), (0, 2.0)], "Complete".into(), 0));
}

#[tokio::test]
async fn roll_ups_are_encrypted_as_their_points_and_wait_for_the_key() {
    let world = World::new().await;
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.associate(RED).await.unwrap();
    world.put("Shop", vec![datum(0, 2.0), datum(HOUR, 4.0)]).await.unwrap();
    world.store.seal_now().await.unwrap();
    world.owners.disable(RED);
    world.pass(15 * DAY + 2 * HOUR);
    world.metrics.roll_up().await.unwrap_err();
    assert!(world.store.data_keys_of(&METRIC_POINTS_5M, i64::MIN..i64::MAX).is_empty());
    world.owners.enable(RED);
    world.pass_trust();
    assert_eq!(world.metrics.roll_up().await.unwrap(), 1);
    for table in [&METRIC_POINTS_5M, &METRIC_POINTS_1H] {
        let keys = world.store.data_keys_of(table, i64::MIN..i64::MAX);
        assert_eq!(keys.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true], "each under its own");
    }
    world.pass(DAY);
    assert_eq!(world.series("Sum", 3600, -HOUR, 2 * HOUR).await, [(0, 3.0), (HOUR, 4.0)]);
}

#[tokio::test]
async fn a_day_whose_key_is_disabled_is_not_passed_over_by_roll_ups() {
    let world = World::new().await;
    world.associate(RED).await.unwrap();
    world.put("Shop", vec![datum(0, 2.0)]).await.unwrap();
    world.pass(DAY);
    world.disassociate().await.unwrap();
    world.put("Shop", vec![datum(DAY, 4.0)]).await.unwrap();
    world.owners.disable(RED);
    world.pass(16 * DAY);
    world.metrics.roll_up().await.unwrap_err();
    assert!(world.store.data_keys_of(&METRIC_POINTS_5M, i64::MIN..i64::MAX).is_empty());
    world.owners.enable(RED);
    world.pass_trust();
    assert_eq!(world.metrics.roll_up().await.unwrap(), 2);
    assert_eq!(world.series("Sum", 3600, -HOUR, 2 * DAY).await, [(0, 2.0), (DAY, 4.0)]);
}
