//! Tags.

use watchkeep_model::ServiceError;
use watchkeep_model::kms::{ListResourceTagsRequest, Tag, TagResourceRequest, UntagResourceRequest};

use super::{Fixture, code};

fn tag(key: &str, value: &str) -> Tag {
    Tag { tag_key: key.into(), tag_value: value.into() }
}

async fn set(fixture: &Fixture, key_id: &str, tags: Vec<Tag>) -> Result<(), ServiceError> {
    let input = TagResourceRequest { key_id: key_id.into(), tags };
    crate::tags::tag_resource(&fixture.keys, &fixture.caller, input).await.map(drop)
}

#[tokio::test]
async fn tags_are_set_listed_and_removed() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    set(&fixture, &key_id, vec![tag("b", "1"), tag("a", "2"), tag("c", "")]).await.unwrap();
    set(&fixture, &key_id, vec![tag("b", "3")]).await.unwrap();
    let input = UntagResourceRequest { key_id: key_id.clone(), tag_keys: vec!["c".into(), "none".into()] };
    crate::tags::untag_resource(&fixture.keys, &fixture.caller, input).await.unwrap();
    let list = |marker| {
        let input = ListResourceTagsRequest { key_id: key_id.clone(), limit: Some(1), marker };
        crate::tags::list_resource_tags(&fixture.keys, &fixture.caller, input)
    };
    let first = list(None).await.unwrap();
    let second = list(first.next_marker.clone()).await.unwrap();
    let told = [first.tags.unwrap(), second.tags.unwrap()].concat();
    let told: Vec<_> = told.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect();
    assert_eq!(told, [("a".to_owned(), "2".to_owned()), ("b".to_owned(), "3".to_owned())]);
    assert_eq!((first.truncated, second.truncated), (Some(true), Some(false)));
}

#[tokio::test]
async fn tags_have_rules() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    assert_eq!(code(set(&fixture, &key_id, vec![tag("aws:x", "")]).await), "TagException");
    assert_eq!(code(set(&fixture, &key_id, vec![tag("x", "1"), tag("x", "2")]).await), "TagException");
    let many = |from: usize, to: usize| (from..to).map(|number| tag(&number.to_string(), "")).collect::<Vec<_>>();
    set(&fixture, &key_id, many(0, 49)).await.unwrap();
    assert_eq!(code(set(&fixture, &key_id, many(49, 51)).await), "LimitExceededException");
    set(&fixture, &key_id, many(49, 50)).await.unwrap();
}
