//! Managed Contributor Insights rules: of which templates, for which resources, and what can be done with them.

use super::known::{instance, log_group};
use super::*;
use crate::LogEvent;
use crate::insight_rules::*;

const BYTES: &str = "VpcFlowLogs-BytesBySourceAddress-v1";
const ERRORS: &str = "CloudTrail-ErrorsByErrorCode-v1";

fn rule(template: &str, arn: &str) -> ManagedRule {
    ManagedRule { template_name: template.into(), resource_arn: arn.into(), tags: None }
}

/// Puts rules, and answers what failed: resource, exception, code.
async fn put(world: &World, managed_rules: Vec<ManagedRule>) -> Vec<(String, String, String)> {
    let input = PutManagedInsightRulesInput { managed_rules };
    let output = put_managed_insight_rules(&world.metrics, &caller(), input).await.unwrap();
    let shown = |failure: PartialFailure| {
        assert!(failure.failure_description.is_some());
        (failure.failure_resource.unwrap(), failure.exception_type.unwrap(), failure.failure_code.unwrap())
    };
    output.failures.unwrap().into_iter().map(shown).collect()
}

async fn list(world: &World, arn: &str) -> Result<Vec<ManagedRuleDescription>, ServiceError> {
    let input = ListManagedInsightRulesInput { resource_arn: arn.into(), ..Default::default() };
    let listed = list_managed_insight_rules(&world.metrics, &caller(), input).await?;
    Ok(listed.managed_rules.unwrap())
}

/// The rules that were made of templates for a resource: template, name, state.
async fn made(world: &World, arn: &str) -> Vec<(String, String, String)> {
    let listed = list(world, arn).await.unwrap().into_iter();
    let made = listed.filter_map(|listed| {
        let state = listed.rule_state.inspect(|_| assert_eq!(listed.resource_arn.as_deref(), Some(arn)))?;
        Some((listed.template_name.unwrap(), state.rule_name, state.state))
    });
    made.collect()
}

async fn described(world: &World) -> Vec<InsightRule> {
    let described = describe_insight_rules(&world.metrics, &caller(), Default::default()).await.unwrap();
    described.insight_rules.unwrap()
}

fn state(template: &str, name: &str, state: &str) -> (String, String, String) {
    (template.into(), name.into(), state.into())
}

#[tokio::test]
async fn a_template_and_a_group_make_a_rule_that_counts() {
    let world = World::with_neighbours().await;
    let arn = log_group("web");
    assert_eq!(made(&world, &arn).await, []);
    assert!(list(&world, &arn).await.unwrap().iter().all(|listed| listed.resource_arn.is_none()));
    let tag = Tag { key: "team".into(), value: "a".into() };
    let tagged = ManagedRule { tags: Some(vec![tag.clone()]), ..rule(BYTES, &format!("{arn}:*")) };
    assert_eq!(put(&world, vec![tagged]).await, []);
    let name = format!("{BYTES}-web");
    let world = world.crash().await;
    world.metrics.set_directories(vec![Arc::new(known::Neighbours)]);
    assert_eq!(made(&world, &arn).await, [state(BYTES, &name, "ENABLED")]);
    assert_eq!(made(&world, &log_group("shop")).await, []);
    let found = described(&world).await;
    assert_eq!((found[0].name.as_str(), found[0].managed_rule), (name.as_str(), Some(true)));
    assert_eq!(found[0].schema, "ServiceLogRule/1");
    let tags = ListTagsForResourceInput {
        resource_arn: format!("arn:aws:cloudwatch:us-east-1:000000000000:insight-rule/{name}"),
    };
    assert_eq!(
        crate::tags::list_tags_for_resource(&world.metrics, &caller(), tags).await.unwrap().tags,
        Some(vec![tag])
    );

    let flow = "2 1 eni-1 10.0.0.5 52.1.2.3 49152 443 6 10 840 1418530010 1418530070 ACCEPT OK";
    for group in ["web", "shop"] {
        let event = LogEvent { time_ms: NOW, message: flow };
        let place = (AccountId::DEFAULT, &Default::default());
        let contributions = world.metrics.contributions(place, group, TimestampMs(NOW), [event]);
        assert_eq!(contributions.is_some(), group == "web");
        if let Some(mut contributions) = contributions {
            world.store.append(contributions.take_rows()).await.unwrap();
            contributions.stored();
        }
    }
    let input = GetInsightRuleReportInput {
        rule_name: name,
        start_time: Timestamp(NOW - HOUR),
        end_time: Timestamp(NOW + HOUR),
        period: 3600,
        ..Default::default()
    };
    let report = get_insight_rule_report(&world.metrics, &caller(), input).await.unwrap();
    assert_eq!((report.key_labels.unwrap(), report.aggregate_value), (vec!["srcaddr".to_owned()], Some(840.0)));
}

#[tokio::test]
async fn a_managed_rule_is_disabled_enabled_and_deleted_but_not_changed() {
    let world = World::with_neighbours().await;
    let (arn, name) = (log_group("web"), format!("{ERRORS}-web"));
    put(&world, vec![rule(ERRORS, &arn)]).await;
    let names = || vec![name.clone()];
    let off = DisableInsightRulesInput { rule_names: names() };
    assert_eq!(disable_insight_rules(&world.metrics, &caller(), off).await.unwrap().failures, Some(vec![]));
    assert_eq!(made(&world, &arn).await, [state(ERRORS, &name, "DISABLED")]);
    let definition = described(&world).await[0].definition.clone();
    let change = PutInsightRuleInput { rule_name: name.clone(), rule_definition: definition, ..Default::default() };
    let error = put_insight_rule(&world.metrics, &caller(), change.clone()).await.unwrap_err();
    assert_eq!(error.code, "InvalidParameterValueException");
    assert_eq!(put(&world, vec![rule(ERRORS, &arn)]).await, []);
    assert_eq!(made(&world, &arn).await, [state(ERRORS, &name, "ENABLED")], "it is enabled again");
    assert_eq!(described(&world).await.len(), 1);
    let gone = DeleteInsightRulesInput { rule_names: names() };
    assert_eq!(delete_insight_rules(&world.metrics, &caller(), gone).await.unwrap().failures, Some(vec![]));
    assert_eq!(made(&world, &arn).await, []);
    // The definition can be a rule of one's own; a managed rule then gets another name.
    put_insight_rule(&world.metrics, &caller(), change).await.unwrap();
    assert_eq!(put(&world, vec![rule(ERRORS, &arn)]).await, []);
    let found = made(&world, &arn).await;
    assert!(found[0].1.starts_with(&format!("{name}-")), "{found:?}");
    let kinds: Vec<_> = described(&world).await.into_iter().map(|rule| rule.managed_rule.unwrap()).collect();
    assert_eq!(kinds, [false, true]);
}

#[tokio::test]
async fn what_cannot_be_made_is_told_by_itself() {
    let world = World::with_neighbours().await;
    let (web, absent) = (log_group("web"), log_group("absent"));
    let reserved = Tag { key: "aws:a".into(), value: String::new() };
    let rules = vec![
        rule(BYTES, &absent),
        rule("VpcFlowLogs-Nonesuch-v1", &web),
        rule(BYTES, &instance("i-1")),
        rule(BYTES, "no ARN"),
        ManagedRule { tags: Some(vec![reserved]), ..rule(BYTES, &web) },
        rule(ERRORS, &web),
    ];
    let arns = [&absent, &web, &instance("i-1"), "no ARN", &web];
    let failed = arns.map(|arn| (arn.to_owned(), "InvalidParameterValueException".to_owned(), "400".to_owned()));
    assert_eq!(put(&world, rules).await, failed);
    assert_eq!(made(&world, &web).await.len(), 1);
    let empty = PutManagedInsightRulesInput { managed_rules: Vec::new() };
    let error = put_managed_insight_rules(&world.metrics, &caller(), empty).await.unwrap_err();
    assert_eq!(error.code, "MissingRequiredParameterException");
    for arn in [absent.as_str(), &instance("i-1"), "no ARN", "arn:aws:ec2:us-east-1:1:vpc-endpoint-service/x"] {
        assert_eq!(list(&world, arn).await.unwrap_err().code, "InvalidParameterValueException", "{arn}");
    }
}

#[tokio::test]
async fn templates_are_listed_page_by_page_and_a_hundred_rules_are_the_most() {
    let world = World::with_neighbours().await;
    let arn = log_group(&"x".repeat(200));
    let all: Vec<_> =
        list(&world, &arn).await.unwrap().into_iter().map(|listed| listed.template_name.unwrap()).collect();
    let (mut paged, mut next_token) = (Vec::new(), None);
    loop {
        let input = ListManagedInsightRulesInput { resource_arn: arn.clone(), max_results: Some(7), next_token };
        let page = list_managed_insight_rules(&world.metrics, &caller(), input).await.unwrap();
        let names = page.managed_rules.unwrap().into_iter().map(|listed| listed.template_name.unwrap());
        paged.extend(names);
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let rules = |arn: &str| all.iter().map(|template| rule(template, arn)).collect::<Vec<_>>();
    assert_eq!(put(&world, rules(&arn)).await, []);
    assert!(made(&world, &arn).await.iter().all(|(_, name, _)| name.len() <= 128));
    assert_eq!(put(&world, rules(&log_group("web"))).await, []);
    let failed = put(&world, rules(&log_group("shop"))).await;
    assert_eq!(failed.len(), 3 * all.len() - 100);
    assert_eq!((failed[0].1.as_str(), described(&world).await.len()), ("LimitExceededException", 100));
}
