//! Listings, compared with a model: a sorted map that is gone through naively.

use std::collections::BTreeSet;

use proptest::prelude::*;
use watchkeep_model::s3::{ListObjectsRequest, ListObjectsV2Output, ListObjectsV2Request};

use super::{Fixture, code};
use crate::list_objects::list_objects;

/// What a listing without end finds: keys, and common prefixes as keys that end in a star.
fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: &str, after: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for key in keys.iter().filter(|key| key.starts_with(prefix) && (after.is_empty() || key.as_str() > after)) {
        let rest = &key[prefix.len()..];
        let told = match rest.split_once(delimiter).filter(|_| !delimiter.is_empty()) {
            Some((before, _)) => format!("{prefix}{before}{delimiter}*"),
            None => key.clone(),
        };
        if found.last() != Some(&told) {
            found.push(told);
        }
    }
    found
}

/// Contents and common prefixes of a page, in order.
fn found(contents: Option<Vec<String>>, prefixes: Option<Vec<String>>) -> Vec<String> {
    let mut all: Vec<(String, String)> = contents.into_iter().flatten().map(|key| (key.clone(), key)).collect();
    all.extend(prefixes.into_iter().flatten().map(|prefix| (prefix.clone(), format!("{prefix}*"))));
    all.sort();
    all.into_iter().map(|(_, told)| told).collect()
}

fn found_v2(output: &ListObjectsV2Output) -> Vec<String> {
    let keys = output.contents.as_ref().map(|all| all.iter().map(|object| object.key.clone().unwrap()).collect());
    let prefixes = output.common_prefixes.as_ref().map(|all| all.iter().map(|it| it.prefix.clone().unwrap()).collect());
    found(keys, prefixes)
}

async fn all_v2(fixture: &Fixture, prefix: &str, delimiter: &str, after: &str, page: i32) -> Vec<String> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let input = ListObjectsV2Request {
            prefix: Some(prefix.into()),
            delimiter: Some(delimiter.into()),
            start_after: Some(after.into()),
            continuation_token: token,
            max_keys: Some(page),
            ..Default::default()
        };
        let output = fixture.list(input).await.unwrap();
        let found = found_v2(&output);
        assert_eq!(output.key_count, Some(found.len() as i32));
        assert!(found.len() <= page as usize);
        all.extend(found);
        token = output.next_continuation_token;
        assert_eq!(output.is_truncated, Some(token.is_some()));
        if token.is_none() {
            return all;
        }
    }
}

async fn all_v1(fixture: &Fixture, prefix: &str, delimiter: &str, page: i32) -> Vec<String> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let input = ListObjectsRequest {
            bucket: "bucket".into(),
            prefix: Some(prefix.into()),
            delimiter: Some(delimiter.into()),
            marker,
            max_keys: Some(page),
            ..Default::default()
        };
        let output = list_objects(&fixture.objects, &fixture.caller, input).await.unwrap();
        let keys: Option<Vec<String>> =
            output.contents.map(|all| all.into_iter().map(|object| object.key.unwrap()).collect());
        let last = keys.as_ref().and_then(|keys| keys.last().cloned());
        let prefixes = output.common_prefixes.map(|all| all.into_iter().map(|it| it.prefix.unwrap()).collect());
        all.extend(found(keys, prefixes));
        if output.is_truncated != Some(true) {
            return all;
        }
        marker = output.next_marker.or(last);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn listings_are_what_a_sorted_map_says(
        keys in proptest::collection::btree_set("[ab/]{1,4}", 1..24),
        prefix in "[ab/]{0,2}",
        delimiter in "(/|b|a/)?",
        after in "[ab/]{0,3}",
        page in 1_i32..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            for key in &keys {
                fixture.put(key, b"").await;
            }
            let expected = model(&keys, &prefix, &delimiter, &after);
            assert_eq!(all_v2(&fixture, &prefix, &delimiter, &after, page).await, expected, "{keys:?} {prefix} {delimiter} {after}");
            let expected = model(&keys, &prefix, &delimiter, "");
            assert_eq!(all_v1(&fixture, &prefix, &delimiter, page).await, expected, "{keys:?} {prefix} {delimiter}");
        });
    }
}

#[tokio::test]
async fn keys_of_all_kinds_are_told() {
    let fixture = Fixture::new().await;
    for key in ["a b+c", "ä/ö", "x\u{1}y", "~"] {
        fixture.put(key, b"").await;
    }
    let input =
        ListObjectsV2Request { encoding_type: Some("url".into()), delimiter: Some("/".into()), ..Default::default() };
    let output = fixture.list(input).await.unwrap();
    assert_eq!(found_v2(&output), ["%C3%A4/*", "a%20b%2Bc", "x%01y", "~"]);
    assert_eq!(output.encoding_type.as_deref(), Some("url"));
    for (input, expected) in [
        (ListObjectsV2Request { encoding_type: Some("x".into()), ..Default::default() }, "InvalidArgument"),
        (ListObjectsV2Request { max_keys: Some(-1), ..Default::default() }, "InvalidArgument"),
        (ListObjectsV2Request { continuation_token: Some("!".into()), ..Default::default() }, "InvalidArgument"),
        (ListObjectsV2Request { continuation_token: Some(String::new()), ..Default::default() }, "InvalidArgument"),
    ] {
        assert_eq!(code(fixture.list(input).await), expected);
    }
    let none = fixture.list(ListObjectsV2Request { max_keys: Some(0), ..Default::default() }).await.unwrap();
    assert_eq!((none.is_truncated, none.key_count), (Some(false), Some(0)));
}
