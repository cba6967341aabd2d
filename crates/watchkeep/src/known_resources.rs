//! The resources that services ask one another for: log groups, and the instance that this host is.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use watchkeep_core::Arn;
use watchkeep_core::ports::{
    DescribedResource, Lookup, MetricIdentity, MetricPlace, ResourceDirectory, ResourceKind, ResourceSort,
    ResourceUsage,
};
use watchkeep_logs::Logs;

/// This host as an instance of EC2.
#[derive(Debug, Clone)]
pub struct HostInstance {
    /// The account and Region.
    pub place: MetricPlace,
    /// Its id.
    pub id: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl HostInstance {
    /// Its ARN.
    pub fn arn(&self) -> Arn {
        let MetricPlace { account, region } = &self.place;
        Arn::new("ec2", region.as_str(), account.as_str(), format!("instance/{}", self.id))
    }
}

impl ResourceDirectory for HostInstance {
    fn look_up(&self, arn: &Arn) -> Lookup {
        if *arn == self.arn() {
            return Lookup::Found(ResourceKind::Instance, arn.clone());
        }
        is_instance(arn)
    }

    fn of_metric(&self, place: &MetricPlace, metric: &MetricIdentity) -> Option<DescribedResource> {
        let is_own = |(name, value): &(Arc<str>, Arc<str>)| **name == *"InstanceId" && **value == *self.id;
        let is_of = *place == self.place && *metric.namespace == *"AWS/EC2" && metric.dimensions.iter().any(is_own);
        is_of.then(|| DescribedResource { arn: self.arn(), tags: self.tags.clone() })
    }
}

/// Where the host is not measured: there are no instances.
pub struct NoInstance;

impl ResourceDirectory for NoInstance {
    fn look_up(&self, arn: &Arn) -> Lookup {
        is_instance(arn)
    }

    fn of_metric(&self, _: &MetricPlace, _: &MetricIdentity) -> Option<DescribedResource> {
        None
    }
}

fn is_instance(arn: &Arn) -> Lookup {
    match arn.service == "ec2" && arn.resource.starts_with("instance/") {
        true => Lookup::Missing(ResourceKind::Instance),
        false => Lookup::Unknown,
    }
}

/// Log groups. Logs hold the metrics through their taps, so that these must not hold logs.
pub struct LogGroups(pub Weak<Logs>);

impl ResourceDirectory for LogGroups {
    fn look_up(&self, arn: &Arn) -> Lookup {
        self.0.upgrade().map_or(Lookup::Unknown, |logs| logs.look_up(arn))
    }

    fn of_metric(&self, place: &MetricPlace, metric: &MetricIdentity) -> Option<DescribedResource> {
        self.0.upgrade()?.of_metric(place, metric)
    }

    fn sorts(&self) -> &'static [ResourceSort] {
        self.0.upgrade().map_or(&[], |logs| logs.sorts())
    }

    fn usage(&self) -> Vec<ResourceUsage> {
        self.0.upgrade().map(|logs| logs.usage()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::AccountId;

    use super::*;

    #[test]
    fn the_host_is_the_only_instance() {
        let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
        let tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
        let host = HostInstance { place: place.clone(), id: "web-1".into(), tags: tags.clone() };
        let arn = |text: &str| -> Arn { text.parse().unwrap() };
        let own = arn("arn:aws:ec2:us-east-1:000000000000:instance/web-1");
        let other = arn("arn:aws:ec2:us-east-1:000000000000:instance/web-2");
        let group = arn("arn:aws:logs:us-east-1:000000000000:log-group:a");
        assert_eq!(host.look_up(&own), Lookup::Found(ResourceKind::Instance, own.clone()));
        assert_eq!(host.look_up(&other), Lookup::Missing(ResourceKind::Instance));
        assert_eq!(host.look_up(&group), Lookup::Unknown);
        assert_eq!(NoInstance.look_up(&own), Lookup::Missing(ResourceKind::Instance));
        let metric = |namespace: &str, id: &str| MetricIdentity {
            namespace: namespace.into(),
            name: "CPUUtilization".into(),
            dimensions: vec![("InstanceId".into(), id.into())],
        };
        let described = Some(DescribedResource { arn: own, tags });
        assert_eq!(host.of_metric(&place, &metric("AWS/EC2", "web-1")), described);
        assert_eq!(host.of_metric(&place, &metric("AWS/EC2", "web-2")), None);
        assert_eq!(host.of_metric(&place, &metric("Shop", "web-1")), None);
    }
}
