//! GetDataset.

use super::*;

#[tokio::test]
async fn there_is_one_dataset_by_id_and_arn() {
    let world = World::new().await;
    let get = |identifier: &str| {
        let input = GetDatasetInput { dataset_identifier: identifier.into() };
        let metrics = world.metrics.clone();
        async move { crate::datasets::get_dataset(&metrics, &caller(), input).await }
    };
    let arn = "arn:aws:cloudwatch:us-east-1:000000000000:dataset/default";
    let dataset = GetDatasetOutput { dataset_id: "default".into(), arn: arn.into(), kms_key_arn: None };
    assert_eq!(get("default").await.unwrap(), dataset);
    assert_eq!(get(arn).await.unwrap(), dataset);
    for other in [arn.replace("us-east-1", "eu-west-1"), arn.replace("0:d", "1:d")] {
        assert_eq!(get(&other).await.unwrap_err().code, "ResourceNotFoundException", "{other}");
    }
}
