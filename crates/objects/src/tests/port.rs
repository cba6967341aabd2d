//! Buckets as other services use them.

use watchkeep_core::ports::{BucketClient, BucketError, BucketObject, MetricPlace};

use super::{Fixture, pairs};

#[tokio::test]
async fn services_do_what_the_policy_lets_them() {
    let fixture = Fixture::new().await;
    let buckets = fixture.objects.port();
    let client = BucketClient {
        principal: "logs.us-east-1.amazonaws.com".into(),
        place: MetricPlace { account: fixture.caller.account, region: fixture.caller.region.clone() },
        source_arn: Some("arn:aws:logs:us-east-1:000000000000:log-group:g:*".into()),
    };
    let object = |key: &str| BucketObject {
        key: key.into(),
        body: b"body".to_vec(),
        content_type: Some("text/plain"),
        content_encoding: Some("gzip"),
        metadata: vec![("m".into(), "v".into())],
    };
    let denied = |outcome: Result<(), BucketError>| matches!(outcome, Err(BucketError::Denied(_)));
    assert_eq!(buckets.check(&client, "none").await, Err(BucketError::NoSuchBucket("none".into())));
    assert!(denied(buckets.check(&client, "bucket").await));
    fixture
        .put_policy(
            r#"{"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Action": "s3:GetBucketAcl",
                "Resource": "arn:aws:s3:::bucket", "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}},
               {"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Action": ["s3:PutObject", "s3:GetObject"],
                "Resource": "arn:aws:s3:::bucket/p/*"},
               {"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::bucket", "Condition": {"StringLike": {"s3:prefix": "p/*"}}}"#,
        )
        .await;
    buckets.check(&client, "bucket").await.unwrap();
    let elsewhere = BucketClient {
        place: MetricPlace { account: "111122223333".parse().unwrap(), region: client.place.region.clone() },
        ..client.clone()
    };
    assert!(denied(buckets.check(&elsewhere, "bucket").await));
    assert!(denied(buckets.put(&client, "bucket", object("q/a")).await));
    for key in ["p/a", "p/b"] {
        buckets.put(&client, "bucket", object(key)).await.unwrap();
    }
    // Who is told that a bucket is busy asks again for ever.
    let too_long = buckets.put(&client, "bucket", object(&format!("p/{}", "k".repeat(1_023)))).await;
    assert_eq!(too_long, Err(BucketError::Refused("Your key is too long".into())));
    assert_eq!(buckets.get(&client, "bucket", "p/a").await.unwrap(), b"body");
    assert_eq!(buckets.get(&client, "bucket", "p/no").await, Err(BucketError::NoSuchKey("p/no".into())));
    assert_eq!(buckets.list(&client, "bucket", "p/", "").await.unwrap(), ["p/a", "p/b"]);
    assert_eq!(buckets.list(&client, "bucket", "p/", "p/a").await.unwrap(), ["p/b"]);
    assert!(matches!(buckets.list(&client, "bucket", "", "").await, Err(BucketError::Denied(_))));
    // A role of the account needs no policy, one of another account does.
    let role = BucketClient { principal: "arn:aws:iam::000000000000:role/firehose".into(), ..client.clone() };
    buckets.put(&role, "bucket", object("q/a")).await.unwrap();
    let other = BucketClient { principal: "arn:aws:iam::111122223333:role/firehose".into(), ..elsewhere };
    assert!(denied(buckets.put(&other, "bucket", object("q/a")).await));
    let told =
        fixture.get_with(watchkeep_model::s3::GetObjectRequest { key: "p/a".into(), ..Default::default() }).await;
    let told = told.unwrap().0;
    assert_eq!((told.content_encoding.as_deref(), told.metadata), (Some("gzip"), Some(pairs(&[("m", "v")]))));
}
