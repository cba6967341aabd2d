//! Tags of whatever has them.

use super::*;
use crate::dashboards::put_dashboard;
use crate::insight_rules::put_insight_rule;
use crate::query_definitions::put_metric_data_query_definition;
use crate::tags::{list_tags_for_resource, tag_resource, untag_resource};

fn pairs(tags: &[(&str, &str)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.to_string(), value: value.to_string() }).collect()
}

async fn tag(world: &World, arn: &str, tags: Vec<Tag>) -> Result<TagResourceOutput, ServiceError> {
    tag_resource(&world.metrics, &caller(), TagResourceInput { resource_arn: arn.into(), tags }).await
}

async fn tags(world: &World, arn: &str) -> Result<Vec<(String, String)>, ServiceError> {
    let input = ListTagsForResourceInput { resource_arn: arn.into() };
    let tags = list_tags_for_resource(&world.metrics, &caller(), input).await?.tags.unwrap();
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// A resource of each kind, created with the tag `team=a`; their ARNs.
async fn one_of_each(world: &World) -> Vec<String> {
    let mut arns = Vec::new();
    let given = Some(pairs(&[("team", "a")]));
    let input = PutDashboardInput {
        dashboard_name: "shop".into(),
        dashboard_body: "{\"widgets\":[]}".into(),
        tags: given.clone(),
    };
    put_dashboard(&world.metrics, &caller(), input).await.unwrap();
    arns.push("arn:aws:cloudwatch::000000000000:dashboard/shop".to_owned());
    let input = PutMetricDataQueryDefinitionInput {
        path: "shop/orders".into(),
        expression: "up".into(),
        r#type: "PROMQL".into(),
        tags: given.clone(),
        ..Default::default()
    };
    let put = put_metric_data_query_definition(&world.metrics, &caller(), input).await.unwrap();
    arns.push(put.arn);
    let input = PutInsightRuleInput {
        rule_name: "by ip/1".into(),
        rule_definition:
            r#"{"Schema":{"Name":"CloudWatchLogRule","Version":1},"LogGroupNames":["web"],"LogFormat":"JSON",
            "Contribution":{"Keys":["$.ip"]},"AggregateOn":"Count"}"#
                .into(),
        tags: given,
        ..Default::default()
    };
    put_insight_rule(&world.metrics, &caller(), input).await.unwrap();
    arns.push("arn:aws:cloudwatch:us-east-1:000000000000:insight-rule/by ip/1".to_owned());
    arns
}

#[tokio::test]
async fn every_kind_of_resource_has_tags() {
    let world = World::new().await;
    let arns = one_of_each(&world).await;
    for arn in &arns {
        assert_eq!(tags(&world, arn).await.unwrap(), [("team".into(), "a".into())], "{arn}");
        tag(&world, arn, pairs(&[("team", "b"), ("cost", "")])).await.unwrap();
        assert_eq!(tags(&world, arn).await.unwrap(), [("cost".into(), "".into()), ("team".into(), "b".into())]);
        let input = UntagResourceInput { resource_arn: arn.clone(), tag_keys: vec!["cost".into(), "absent".into()] };
        untag_resource(&world.metrics, &caller(), input).await.unwrap();
    }
    let world = world.crash().await;
    for arn in &arns {
        assert_eq!(tags(&world, arn).await.unwrap(), [("team".into(), "b".into())], "{arn}");
    }
}

#[tokio::test]
async fn tags_of_a_put_count_only_when_it_creates() {
    let world = World::new().await;
    let arn = one_of_each(&world).await.swap_remove(0);
    let input = PutDashboardInput {
        dashboard_name: "shop".into(),
        dashboard_body: "{\"widgets\":[],\"start\":\"-PT1H\"}".into(),
        tags: Some(pairs(&[("other", "x")])),
    };
    put_dashboard(&world.metrics, &caller(), input).await.unwrap();
    assert_eq!(tags(&world, &arn).await.unwrap(), [("team".into(), "a".into())]);
}

#[tokio::test]
async fn what_tags_may_not_be() {
    let world = World::new().await;
    let arn = one_of_each(&world).await.swap_remove(0);
    let many: Vec<(String, &str)> = (0..50).map(|index| (format!("k{index}"), "v")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    for wrong in [pairs(&[("aws:x", "y")]), pairs(&[("AWS:x", "y")]), pairs(&[("a", "1"), ("a", "2")]), pairs(&many)] {
        let error = tag(&world, &arn, wrong).await.unwrap_err();
        assert_eq!((error.query_code.as_ref(), error.status), ("InvalidParameterValue", 400), "{}", error.message);
    }
    assert_eq!(tags(&world, &arn).await.unwrap().len(), 1, "nothing was changed");
    tag(&world, &arn, pairs(&many[1..])).await.unwrap();
    assert_eq!(tags(&world, &arn).await.unwrap().len(), 50);
}

#[tokio::test]
async fn arns_of_nothing() {
    let world = World::new().await;
    one_of_each(&world).await;
    let account = "000000000000";
    let cases = [
        ("shop".to_owned(), "InvalidParameterValue"),
        (format!("arn:aws:logs:us-east-1:{account}:log-group:a"), "InvalidParameterValue"),
        (format!("arn:aws:cloudwatch::{account}:dashboard/none"), "ResourceNotFoundException"),
        (format!("arn:aws:cloudwatch:us-east-1:{account}:dashboard/shop"), "ResourceNotFoundException"),
        ("arn:aws:cloudwatch::111111111111:dashboard/shop".to_owned(), "ResourceNotFoundException"),
        (format!("arn:aws:cloudwatch:us-east-1:{account}:metric-query-definition/x"), "ResourceNotFoundException"),
        (format!("arn:aws:cloudwatch:us-east-1:{account}:shop"), "ResourceNotFoundException"),
    ];
    for (arn, code) in cases {
        assert_eq!(tags(&world, &arn).await.unwrap_err().query_code, code, "{arn}");
        assert_eq!(tag(&world, &arn, pairs(&[("a", "b")])).await.unwrap_err().query_code, code, "{arn}");
        let input = UntagResourceInput { resource_arn: arn.clone(), tag_keys: vec!["a".into()] };
        assert_eq!(untag_resource(&world.metrics, &caller(), input).await.unwrap_err().query_code, code, "{arn}");
    }
}
