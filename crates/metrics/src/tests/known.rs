//! The resources of the other services, as the tests have them: the log groups `web` and `shop`, and the instance `i-1`.

use std::collections::BTreeMap;

use watchkeep_core::Arn;
use watchkeep_core::ports::*;

use super::*;

pub struct Neighbours;

/// The ARN of a log group of the tests' account and Region.
pub fn log_group(name: &str) -> String {
    format!("arn:aws:logs:us-east-1:000000000000:log-group:{name}")
}

/// The ARN of an instance, likewise.
pub fn instance(id: &str) -> String {
    format!("arn:aws:ec2:us-east-1:000000000000:instance/{id}")
}

static SORTS: &[ResourceSort] = &[ResourceSort { service: "Logs", resource: "LogGroups", quota: Some(1000) }];

impl ResourceDirectory for Neighbours {
    fn look_up(&self, arn: &Arn) -> Lookup {
        let text = arn.to_string();
        let text = text.strip_suffix(":*").unwrap_or(&text);
        let known = |kind, all: &[String]| match all.iter().any(|known| *known == text) {
            true => Lookup::Found(kind, text.parse().unwrap()),
            false => Lookup::Missing(kind),
        };
        match arn.service.as_str() {
            "logs" => {
                known(ResourceKind::LogGroup, &[log_group("web"), log_group("shop"), log_group(&"x".repeat(200))])
            }
            "ec2" => known(ResourceKind::Instance, &[instance("i-1")]),
            _ => Lookup::Unknown,
        }
    }

    fn of_metric(&self, _: &MetricPlace, metric: &MetricIdentity) -> Option<DescribedResource> {
        let (name, value) = metric.dimensions.first()?;
        let arn = match &**name {
            "LogGroupName" => log_group(value),
            "InstanceId" => instance(value),
            _ => return None,
        };
        let tags = BTreeMap::from([("Team".to_owned(), format!("team of {value}"))]);
        matches!(&**value, "web" | "shop" | "i-1").then(|| DescribedResource { arn: arn.parse().unwrap(), tags })
    }

    fn sorts(&self) -> &'static [ResourceSort] {
        SORTS
    }
}

impl World {
    /// An empty one with [`Neighbours`].
    pub async fn with_neighbours() -> World {
        let world = World::new().await;
        world.metrics.set_directories(vec![Arc::new(Neighbours)]);
        world
    }

    /// Puts a value into AWS's namespaces, as services do.
    pub async fn vend(&self, namespace: &str, name: &str, pairs: &[(&str, &str)], at: i64, value: f64) {
        let dimensions = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let measurement = Measurement {
            metric: MetricIdentity { namespace: namespace.into(), name: name.into(), dimensions },
            time: TimestampMs(NOW + at),
            precision: Precision::Minute,
            unit: "None",
            samples: Samples::One(value),
        };
        let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
        let refused = self.metrics.put(&place, Publisher::Service, vec![measurement]).await.unwrap();
        assert_eq!(refused, []);
    }
}

#[tokio::test]
async fn resources_with_a_quota_are_counted() {
    let world = World::with_neighbours().await;
    assert_eq!(world.metrics.usage(), []);
    for name in ["a", "b"] {
        let input = PutMetricDataQueryDefinitionInput {
            path: name.into(),
            expression: "up".into(),
            r#type: "PROMQL".into(),
            ..Default::default()
        };
        crate::query_definitions::put_metric_data_query_definition(&world.metrics, &caller(), input).await.unwrap();
    }
    let usage = world.metrics.usage();
    let shown: Vec<_> = usage.iter().map(|usage| (usage.sort.resource, usage.count, usage.sort.quota)).collect();
    assert_eq!(shown, [("MetricDataQueryDefinitions", 2, Some(1000))]);
    assert_eq!(usage[0].place, MetricPlace { account: AccountId::DEFAULT, region: Default::default() });
}
