//! Log groups as other services ask for them.

use watchkeep_core::Arn;
use watchkeep_core::ports::{Lookup, MetricIdentity, MetricPlace, ResourceDirectory, ResourceKind};

use super::*;

#[tokio::test]
async fn groups_are_known_by_arn_and_by_their_metrics() {
    let fixture = Fixture::new().await;
    let input = CreateLogGroupRequest {
        log_group_name: "/shop/web".into(),
        tags: Some([("Team".to_owned(), "a".to_owned())].into()),
        ..Default::default()
    };
    crate::log_groups::create_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.group("other").await;
    let arn: Arn = "arn:aws:logs:us-east-1:000000000000:log-group:/shop/web".parse().unwrap();
    let look_up = |text: &str| fixture.logs.look_up(&text.parse().unwrap());
    let found = Lookup::Found(ResourceKind::LogGroup, arn.clone());
    assert_eq!(look_up(&arn.to_string()), found);
    assert_eq!(look_up(&format!("{arn}:*")), found, "in the one way in which metrics have it");
    for missing in
        ["us-east-1:000000000000:log-group:/shop", "eu-west-1:000000000000:log-group:/shop/web", "x:y:log-group:z"]
    {
        assert_eq!(look_up(&format!("arn:aws:logs:{missing}")), Lookup::Missing(ResourceKind::LogGroup), "{missing}");
    }
    assert_eq!(look_up("arn:aws:s3:::bucket"), Lookup::Unknown);

    let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
    let described = |namespace: &str, group: &str| {
        let dimensions = vec![("LogGroupName".into(), group.into())];
        let metric = MetricIdentity { namespace: namespace.into(), name: "IncomingBytes".into(), dimensions };
        fixture.logs.of_metric(&place, &metric)
    };
    let resource = described("AWS/Logs", "/shop/web").unwrap();
    assert_eq!((resource.arn, resource.tags["Team"].as_str()), (arn, "a"));
    assert_eq!((described("AWS/Logs", "absent"), described("Shop", "/shop/web")), (None, None));

    let [usage] = fixture.logs.usage().try_into().unwrap();
    assert_eq!((usage.place, usage.count, usage.sort.resource), (place, 2, "LogGroups"));
}
