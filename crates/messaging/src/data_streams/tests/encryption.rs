//! Streams under KMS keys.

use watchkeep_model::kinesis::{StartStreamEncryptionInput, StopStreamEncryptionInput};

use super::*;
use crate::data_streams::encryption;

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/k";

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_stream_with_a_key_need_the_key() {
    let world = World::new().await;
    let keys = world.owners.clone();
    keys.delete("gone");
    world.create("s", 1).await;
    let start = async |key: &str| {
        let input = StartStreamEncryptionInput {
            stream_name: Some("s".into()),
            encryption_type: "KMS".into(),
            key_id: key.into(),
            ..Default::default()
        };
        encryption::start_stream_encryption(&world.streams, &caller(), input).await
    };
    world.put("s", "k", "clear").await;
    assert_eq!(code(start("gone").await), "KMSNotFoundException");
    start(KEY).await.unwrap();
    assert_eq!(world.put("s", "k", "secret").await.encryption_type.as_deref(), Some("KMS"));
    let page = world.get(&world.iterator("s", SHARD, "TRIM_HORIZON").await, None).await;
    let told: Vec<_> = page.records.iter().map(|record| record.encryption_type.as_deref()).collect();
    assert_eq!((data(&page).join(" ").as_str(), told), ("clear secret", vec![None, Some("KMS")]));
    keys.disable(KEY);
    world.pass(120_000);
    assert_eq!(code(world.try_put("s", "k", "x").await), "KMSDisabledException");
    let iterator = world.iterator("s", SHARD, "TRIM_HORIZON").await;
    assert_eq!(code(world.try_get(&iterator, None).await), "KMSDisabledException");
    let input = StopStreamEncryptionInput {
        stream_name: Some("s".into()),
        encryption_type: "KMS".into(),
        key_id: KEY.into(),
        ..Default::default()
    };
    encryption::stop_stream_encryption(&world.streams, &caller(), input).await.unwrap();
    assert_eq!(world.put("s", "k", "again").await.encryption_type, None);
    assert_eq!(code(world.try_get(&iterator, None).await), "KMSDisabledException", "older records are under it");
    keys.enable(KEY);
    world.pass(10_000);
    assert_eq!(data(&world.get(&iterator, None).await), ["clear", "secret", "again"]);
}
