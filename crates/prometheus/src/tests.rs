//! The API over metrics in memory, called as the gateway calls it.

mod alarming;
mod memory;
mod queries;
mod writes;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::Value as Json;
use watchkeep_core::ports::{Measurement, MetricIdentity, MetricPlace, MetricSink, Precision, Publisher, Samples};
use watchkeep_core::{AccountId, Caller, ManualClock, Principal, TimestampMs};
use watchkeep_wire::http_api::{HttpAnswer, HttpApi, HttpRequest};

use crate::Prometheus;
use memory::Memory;

/// 2023-11-14T22:13:20Z.
const NOW_MS: i64 = 1_700_000_000_000;

struct World {
    metrics: Arc<Memory>,
    api: Arc<dyn HttpApi>,
}

fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

fn place() -> MetricPlace {
    MetricPlace { account: AccountId::DEFAULT, region: Default::default() }
}

impl World {
    fn new() -> World {
        let metrics = Arc::new(Memory::default());
        let clock = Arc::new(ManualClock::new(TimestampMs(NOW_MS)));
        let api = Prometheus::new(metrics.clone(), metrics.clone(), clock).api();
        World { metrics, api }
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> HttpAnswer {
        let uri: Uri = target.parse().unwrap();
        let operation = self.api.route(&method, uri.path()).unwrap_or_else(|| panic!("{target} is not routed"));
        let pairs =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let headers: HeaderMap = pairs.collect();
        let request = HttpRequest { method, uri, headers: headers.clone(), body: body.into() };
        let answer = self.api.call(operation, caller(), request).await;
        answer.unwrap_or_else(|error| self.api.failure(operation, &headers, &error))
    }

    /// Status and JSON of a GET below the prefix.
    async fn get(&self, target: &str) -> (u16, Json) {
        let answer = self.send(Method::GET, &format!("/prometheus/api/v1/{target}"), &[], "").await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    /// The data of a successful answer.
    async fn data(&self, target: &str) -> Json {
        let (status, mut json) = self.get(target).await;
        assert_eq!((status, &json["status"]), (200, &Json::from("success")), "{json}");
        json["data"].take()
    }

    /// Puts samples of one metric, each some seconds before now.
    async fn put(&self, namespace: &str, name: &str, dimensions: &[(&str, &str)], samples: &[(i64, Samples)]) {
        let dimensions = dimensions.iter().map(|(name, value)| (Arc::from(*name), Arc::from(*value))).collect();
        let metric = MetricIdentity { namespace: namespace.into(), name: name.into(), dimensions };
        let measurement = |(ago, samples): &(i64, Samples)| Measurement {
            metric: metric.clone(),
            time: TimestampMs(NOW_MS - ago * 1000),
            precision: Precision::Second,
            unit: "None",
            samples: samples.clone(),
        };
        let measurements = samples.iter().map(measurement).collect();
        assert_eq!(self.metrics.put(&place(), Publisher::Service, measurements).await, Ok(vec![]));
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
