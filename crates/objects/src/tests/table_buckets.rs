//! Buckets that hold the files of tables.

use futures_util::StreamExt as _;
use watchkeep_core::AccountId;
use watchkeep_core::ports::{BucketError, TableBuckets as _};
use watchkeep_model::s3::{
    DeleteBucketRequest, GetObjectRequest, ListBucketsRequest, PutBucketPolicyRequest, PutObjectRequest,
};

use super::{Fixture, code};
use crate::table_buckets::Port;
use crate::{bucket_policies, buckets};

const BUCKET: &str = "11111111-2222-4333-8444-555555555555--table-s3";

async fn got(fixture: &Fixture, key: &str) -> Vec<u8> {
    let input = GetObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() };
    let reply = crate::get_object::get_object(&fixture.objects, &fixture.caller, input).await.unwrap();
    let pieces: Vec<_> = reply.body.unwrap().collect().await;
    pieces.into_iter().flat_map(|piece| piece.unwrap()).collect()
}

#[tokio::test]
async fn a_service_writes_and_users_only_read() {
    let fixture = Fixture::new().await;
    let port = Port(fixture.objects.clone());
    let region = fixture.caller.region.clone();
    port.create(AccountId::DEFAULT, &region, BUCKET).await.unwrap();
    port.create(AccountId::DEFAULT, &region, BUCKET).await.unwrap();
    let other: AccountId = "111111111111".parse().unwrap();
    assert!(port.create(other, &region, BUCKET).await.is_err(), "it is another's");
    let large = vec![7; 100_000];
    port.put(BUCKET, "t/data/1", large.clone()).await.unwrap();
    port.put(BUCKET, "t/data/2", b"two".to_vec()).await.unwrap();
    assert!(
        matches!(port.put("bucket", "t", b"x".to_vec()).await, Err(BucketError::NoSuchBucket(_))),
        "a user's bucket"
    );
    let fixture = {
        drop(port);
        fixture.reopen().await
    };
    let port = Port(fixture.objects.clone());
    assert_eq!(got(&fixture, "t/data/1").await, large);
    let put = PutObjectRequest { bucket: BUCKET.into(), key: "t/data/1".into(), ..Default::default() };
    assert_eq!(code(fixture.try_put(put, b"mine").await), "AccessDenied");
    let delete = DeleteBucketRequest { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(code(buckets::delete_bucket(&fixture.objects, &fixture.caller, delete).await), "AccessDenied");
    let policy = PutBucketPolicyRequest { bucket: BUCKET.into(), policy: "{}".into(), ..Default::default() };
    assert_eq!(
        code(bucket_policies::put_bucket_policy(&fixture.objects, &fixture.caller, policy).await),
        "AccessDenied"
    );
    let listed = buckets::list_buckets(&fixture.objects, &fixture.caller, ListBucketsRequest::default()).await.unwrap();
    let listed: Vec<_> = listed.buckets.unwrap().into_iter().map(|bucket| bucket.name.unwrap()).collect();
    assert_eq!(listed, ["bucket"]);
    assert!(port.remove(BUCKET).await.is_err(), "it is not empty");
    assert_eq!(port.list(BUCKET, "t/data/1").await.unwrap(), ["t/data/2"]);
    let keys = port.list(BUCKET, "").await.unwrap();
    port.delete(BUCKET, &keys).await.unwrap();
    port.delete(BUCKET, &keys).await.unwrap();
    port.remove(BUCKET).await.unwrap();
    port.remove(BUCKET).await.unwrap();
    assert!(matches!(port.list(BUCKET, "").await, Err(BucketError::NoSuchBucket(_))));
}
