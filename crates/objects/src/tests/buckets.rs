//! Buckets and what is kept of them.

use watchkeep_model::s3::{
    CreateBucketConfiguration, CreateBucketRequest, DeleteBucketRequest, GetBucketAclRequest, GetBucketLocationRequest,
    GetBucketTaggingRequest, ListBucketsRequest, PutBucketTaggingRequest, Tag, Tagging,
};

use super::{Fixture, code};
use crate::buckets::{create_bucket, delete_bucket, get_bucket_location, list_buckets};

#[tokio::test]
async fn buckets_are_created_listed_and_deleted() {
    let fixture = Fixture::new().await;
    assert_eq!(code(fixture.create_bucket("No").await), "InvalidBucketName");
    // As AWS has it in its first Region.
    fixture.create_bucket("bucket").await.unwrap();
    for name in ["alpha", "beta"] {
        fixture.create_bucket(name).await.unwrap();
    }
    let list = |input: ListBucketsRequest| async {
        let output = list_buckets(&fixture.objects, &fixture.caller, input).await.unwrap();
        let names: Vec<_> = output.buckets.unwrap().into_iter().map(|bucket| bucket.name.unwrap()).collect();
        (names, output.continuation_token)
    };
    assert_eq!(list(Default::default()).await.0, ["alpha", "beta", "bucket"]);
    let (page, token) = list(ListBucketsRequest { max_buckets: Some(2), ..Default::default() }).await;
    assert_eq!(page, ["alpha", "beta"]);
    let (page, token) = list(ListBucketsRequest { continuation_token: token, ..Default::default() }).await;
    assert_eq!((page, token), (vec!["bucket".to_owned()], None));
    assert_eq!(list(ListBucketsRequest { prefix: Some("b".into()), ..Default::default() }).await.0, ["beta", "bucket"]);
    fixture.put("k", b"x").await;
    let delete = |name: &str| {
        let input = DeleteBucketRequest { bucket: name.into(), ..Default::default() };
        delete_bucket(&fixture.objects, &fixture.caller, input)
    };
    assert_eq!(code(delete("bucket").await), "BucketNotEmpty");
    fixture.delete("k").await.unwrap();
    delete("bucket").await.unwrap();
    assert_eq!(code(delete("bucket").await), "NoSuchBucket");
    // A bucket of the same name has none of what the other had.
    fixture.create_bucket("bucket").await.unwrap();
    assert!(fixture.list(Default::default()).await.unwrap().contents.is_none());
}

#[tokio::test]
async fn buckets_are_in_the_region_that_is_asked() {
    let fixture = Fixture::new().await;
    for (here, constraint, expected) in [
        ("us-east-1", None, Ok(None)),
        ("us-east-1", Some("eu-west-3"), Ok(Some("eu-west-3"))),
        ("eu-west-1", Some("eu-west-1"), Ok(Some("eu-west-1"))),
        ("eu-west-1", Some("EU"), Ok(Some("eu-west-1"))),
        ("eu-west-1", None, Err("IllegalLocationConstraintException")),
        ("eu-west-1", Some("eu-west-2"), Err("IllegalLocationConstraintException")),
        ("eu-west-1", Some("us-east-1"), Err("InvalidLocationConstraint")),
    ] {
        let mut caller = fixture.caller.clone();
        caller.region = here.parse().unwrap();
        let name = format!("b-{here}-{}", constraint.unwrap_or("none").to_lowercase());
        let configuration =
            CreateBucketConfiguration { location_constraint: constraint.map(str::to_owned), ..Default::default() };
        let input = CreateBucketRequest {
            bucket: name.clone(),
            create_bucket_configuration: Some(configuration),
            ..Default::default()
        };
        let created = create_bucket(&fixture.objects, &caller, input.clone()).await;
        let Ok(region) = expected else {
            assert_eq!(code(created), expected.unwrap_err());
            continue;
        };
        created.unwrap();
        let again = code(create_bucket(&fixture.objects, &caller, input).await);
        assert_eq!(again, if region.is_none() { "" } else { "BucketAlreadyOwnedByYou" });
        let input = GetBucketLocationRequest { bucket: name, ..Default::default() };
        let location = get_bucket_location(&fixture.objects, &caller, input).await.unwrap();
        assert_eq!(location.location_constraint.as_deref(), region);
    }
    let mut other = fixture.caller.clone();
    other.account = "111122223333".parse().unwrap();
    let input = CreateBucketRequest { bucket: "bucket".into(), ..Default::default() };
    assert_eq!(code(create_bucket(&fixture.objects, &other, input).await), "BucketAlreadyExists");
}

#[tokio::test]
async fn tags_and_acl() {
    let fixture = Fixture::new().await;
    let get = || {
        let input = GetBucketTaggingRequest { bucket: "bucket".into(), ..Default::default() };
        crate::tags::get_bucket_tagging(&fixture.objects, &fixture.caller, input)
    };
    assert_eq!(code(get().await), "NoSuchTagSet");
    let tag = |key: &str| Tag { key: key.into(), value: "v".into() };
    let put = |tags: Vec<Tag>| {
        let tagging = Tagging { tag_set: tags };
        let input = PutBucketTaggingRequest { bucket: "bucket".into(), tagging, ..Default::default() };
        crate::tags::put_bucket_tagging(&fixture.objects, &fixture.caller, input)
    };
    put(vec![tag("a"), tag("b")]).await.unwrap();
    assert_eq!(get().await.unwrap().tag_set.len(), 2);
    assert_eq!(code(put(vec![tag("a"), tag("a")]).await), "InvalidTag");
    assert_eq!(code(put((0..51).map(|index| tag(&index.to_string())).collect()).await), "BadRequest");
    let input = GetBucketAclRequest { bucket: "bucket".into(), ..Default::default() };
    let acl = crate::acls::get_bucket_acl(&fixture.objects, &fixture.caller, input).await.unwrap();
    let grant = &acl.grants.unwrap()[0];
    assert_eq!(grant.permission.as_deref(), Some("FULL_CONTROL"));
    assert_eq!(grant.grantee.as_ref().unwrap().id, acl.owner.unwrap().id);
}
