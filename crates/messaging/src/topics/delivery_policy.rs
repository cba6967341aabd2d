//! Delivery policies: how HTTP endpoints are tried again, of a topic and of a subscription ("Creating an HTTP/S delivery policy");
//! and the policies of the other protocols, which nobody changes ("Amazon SNS message delivery retries").

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use watchkeep_delivery::outbox::{Growth, Phase, RetryPolicy};

use super::limits::{POLICY_BYTES_MAX, RETRIES_MAX, RETRY_SECONDS_MAX};

/// What HTTP requests say they carry, unless a policy says otherwise.
pub(crate) const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";

/// How much of a pause is left to chance, in hundredths.
const JITTER_PERCENT: u32 = 20;

/// How an endpoint is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct HealthyRetryPolicy {
    min_delay_target: u64,
    max_delay_target: u64,
    num_retries: u64,
    num_max_delay_retries: u64,
    num_no_delay_retries: u64,
    num_min_delay_retries: u64,
    backoff_function: String,
}

impl Default for HealthyRetryPolicy {
    fn default() -> HealthyRetryPolicy {
        HealthyRetryPolicy {
            min_delay_target: 20,
            max_delay_target: 20,
            num_retries: 3,
            num_max_delay_retries: 0,
            num_no_delay_retries: 0,
            num_min_delay_retries: 0,
            backoff_function: "linear".to_owned(),
        }
    }
}

/// How often an endpoint is called.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct ThrottlePolicy {
    max_receives_per_second: Option<f64>,
}

/// What requests say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct RequestPolicy {
    header_content_type: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct TopicPolicy {
    http: TopicHttpPolicy,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct TopicHttpPolicy {
    default_healthy_retry_policy: Option<HealthyRetryPolicy>,
    /// What the page calls a policy for endpoints that fail often; AWS takes it and does not use it.
    default_sickly_retry_policy: Option<HealthyRetryPolicy>,
    default_throttle_policy: Option<ThrottlePolicy>,
    default_request_policy: Option<RequestPolicy>,
    disable_subscription_overrides: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct SubscriptionPolicy {
    healthy_retry_policy: Option<HealthyRetryPolicy>,
    sickly_retry_policy: Option<HealthyRetryPolicy>,
    throttle_policy: Option<ThrottlePolicy>,
    request_policy: Option<RequestPolicy>,
    guaranteed: bool,
}

/// The policy that is in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HttpPolicy {
    retry: HealthyRetryPolicy,
    throttle: ThrottlePolicy,
    request: RequestPolicy,
    overrides_are_disabled: bool,
}

/// Checks a topic's policy; the text says what is wrong with it.
pub(crate) fn check_of_topic(text: &str) -> Result<(), String> {
    let policy: TopicPolicy = read(text)?;
    let http = policy.http;
    let retry = [
        ("defaultHealthyRetryPolicy", &http.default_healthy_retry_policy),
        ("defaultSicklyRetryPolicy", &http.default_sickly_retry_policy),
    ];
    for (name, policy) in retry {
        policy.iter().try_for_each(|policy| policy.check()).map_err(|rule| format!("http.{name}: {rule}"))?;
    }
    check_parts(http.default_throttle_policy.as_ref(), http.default_request_policy.as_ref())
}

/// Checks a subscription's policy; the text says what is wrong with it.
pub(crate) fn check_of_subscription(text: &str) -> Result<(), String> {
    let policy: SubscriptionPolicy = read(text)?;
    let retry =
        [("healthyRetryPolicy", &policy.healthy_retry_policy), ("sicklyRetryPolicy", &policy.sickly_retry_policy)];
    for (name, policy) in retry {
        policy.iter().try_for_each(|policy| policy.check()).map_err(|rule| format!("{name}: {rule}"))?;
    }
    check_parts(policy.throttle_policy.as_ref(), policy.request_policy.as_ref())
}

/// The policy in force, of a topic's and a subscription's; either may be absent. They were checked when they were set.
pub(crate) fn effective(of_topic: Option<&str>, of_subscription: Option<&str>) -> HttpPolicy {
    let topic = of_topic.and_then(|text| read::<TopicPolicy>(text).ok()).unwrap_or_default().http;
    let own = of_subscription.filter(|_| !topic.disable_subscription_overrides);
    let own = own.and_then(|text| read::<SubscriptionPolicy>(text).ok()).unwrap_or_default();
    HttpPolicy {
        retry: own.healthy_retry_policy.or(topic.default_healthy_retry_policy).unwrap_or_default(),
        throttle: own.throttle_policy.or(topic.default_throttle_policy).unwrap_or_default(),
        request: own.request_policy.or(topic.default_request_policy).unwrap_or_default(),
        overrides_are_disabled: topic.disable_subscription_overrides,
    }
}

impl HttpPolicy {
    /// What requests say they carry.
    pub(crate) fn content_type(&self) -> &str {
        self.request.header_content_type.as_deref().unwrap_or(CONTENT_TYPE)
    }

    /// How long there must be between two requests, in milliseconds.
    pub(crate) fn spacing_ms(&self) -> i64 {
        self.throttle.max_receives_per_second.map_or(0, |rate| (1000.0 / rate) as i64)
    }

    /// When requests are tried again.
    pub(crate) fn retries(&self) -> RetryPolicy {
        self.retry.phases()
    }

    /// A topic's attribute `EffectiveDeliveryPolicy`.
    pub(crate) fn of_topic_json(&self) -> String {
        let mut http = json!({
            "defaultHealthyRetryPolicy": self.retry,
            "disableSubscriptionOverrides": self.overrides_are_disabled,
            "defaultRequestPolicy": {"headerContentType": self.content_type()},
        });
        if let (Some(rate), Some(http)) = (self.throttle.max_receives_per_second, http.as_object_mut()) {
            http.insert("defaultThrottlePolicy".to_owned(), json!({ "maxReceivesPerSecond": rate }));
        }
        json!({ "http": http }).to_string()
    }

    /// A subscription's attribute `EffectiveDeliveryPolicy`.
    pub(crate) fn of_subscription_json(&self) -> String {
        let throttle = self.throttle.max_receives_per_second;
        json!({
            "healthyRetryPolicy": self.retry,
            "sicklyRetryPolicy": null,
            "throttlePolicy": throttle.map_or(Value::Null, |rate| json!({ "maxReceivesPerSecond": rate })),
            "requestPolicy": {"headerContentType": self.content_type()},
            "guaranteed": false,
        })
        .to_string()
    }
}

/// When messages to queues and functions are tried again: what AWS calls its own endpoints.
pub(crate) fn retries_of_aws() -> RetryPolicy {
    let seconds = Duration::from_secs;
    RetryPolicy {
        phases: vec![
            Phase::steady(3, Duration::ZERO),
            Phase::steady(2, seconds(1)),
            Phase { retries: 10, first: seconds(1), last: seconds(20), growth: Growth::Exponential },
            Phase::steady(100_000, seconds(20)),
        ],
        age_max: None,
        jitter_percent: JITTER_PERCENT,
    }
}

/// When mails are tried again.
pub(crate) fn retries_of_mail() -> RetryPolicy {
    let seconds = Duration::from_secs;
    RetryPolicy {
        phases: vec![
            Phase::steady(2, seconds(10)),
            Phase { retries: 10, first: seconds(10), last: seconds(600), growth: Growth::Exponential },
            Phase::steady(38, seconds(600)),
        ],
        age_max: None,
        jitter_percent: JITTER_PERCENT,
    }
}

fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(format!("it has more than {POLICY_BYTES_MAX} bytes"));
    }
    serde_json::from_str(text).map_err(|error| format!("Unexpected JSON: {error}"))
}

fn check_parts(throttle: Option<&ThrottlePolicy>, request: Option<&RequestPolicy>) -> Result<(), String> {
    if let Some(rate) = throttle.and_then(|policy| policy.max_receives_per_second)
        && (rate < 1.0 || rate.is_nan())
    {
        return Err("throttlePolicy.maxReceivesPerSecond must be at least 1".to_owned());
    }
    let content_type = request.and_then(|policy| policy.header_content_type.as_deref()).unwrap_or(CONTENT_TYPE);
    let is_header = content_type.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && content_type.contains('/');
    if is_header { Ok(()) } else { Err("requestPolicy.headerContentType must be a media type".to_owned()) }
}

impl HealthyRetryPolicy {
    fn growth(&self) -> Option<Growth> {
        match self.backoff_function.as_str() {
            "linear" => Some(Growth::Linear),
            "arithmetic" => Some(Growth::Arithmetic),
            "geometric" => Some(Growth::Geometric),
            "exponential" => Some(Growth::Exponential),
            _ => None,
        }
    }

    fn backoff_retries(&self) -> Option<u64> {
        let others = [self.num_no_delay_retries, self.num_min_delay_retries, self.num_max_delay_retries];
        let others = others.into_iter().try_fold(0_u64, u64::checked_add)?;
        self.num_retries.checked_sub(others)
    }

    fn check(&self) -> Result<(), String> {
        let holds = |holds: bool, rule: &str| if holds { Ok(()) } else { Err(rule.to_owned()) };
        holds(self.num_retries <= RETRIES_MAX, "numRetries must be between 0 and 100")?;
        holds(self.min_delay_target >= 1, "minDelayTarget must be at least 1")?;
        holds(self.max_delay_target <= RETRY_SECONDS_MAX, "maxDelayTarget must be at most 3600")?;
        holds(self.min_delay_target <= self.max_delay_target, "maxDelayTarget must be at least minDelayTarget")?;
        holds(self.growth().is_some(), "backoffFunction must be one of arithmetic, exponential, geometric and linear")?;
        let counts =
            "numRetries must be at least the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries";
        holds(self.backoff_retries().is_some(), counts)?;
        let total: Duration = self.pauses().into_iter().sum();
        let is_short = total <= Duration::from_secs(RETRY_SECONDS_MAX);
        holds(is_short, "Total policy retry time cannot be greater than 3600 seconds")
    }

    /// All pauses, without what is left to chance.
    fn pauses(&self) -> Vec<Duration> {
        let policy = RetryPolicy { jitter_percent: 0, ..self.phases() };
        let random = watchkeep_core::SeededRandom::new(0);
        (1..=RETRIES_MAX as u32).map_while(|failed| policy.pause(failed, Duration::ZERO, &random)).collect()
    }

    fn phases(&self) -> RetryPolicy {
        let count = |retries: u64| u32::try_from(retries).unwrap_or(u32::MAX);
        let (min, max) = (Duration::from_secs(self.min_delay_target), Duration::from_secs(self.max_delay_target));
        RetryPolicy {
            phases: vec![
                Phase::steady(count(self.num_no_delay_retries), Duration::ZERO),
                Phase::steady(count(self.num_min_delay_retries), min),
                Phase {
                    retries: count(self.backoff_retries().unwrap_or(0)),
                    first: min,
                    last: max,
                    growth: self.growth().unwrap_or(Growth::Linear),
                },
                Phase::steady(count(self.num_max_delay_retries), max),
            ],
            age_max: None,
            jitter_percent: JITTER_PERCENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(policy: &HttpPolicy) -> Vec<u64> {
        policy.retry.pauses().iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn three_retries_20_seconds_apart_unless_said_otherwise() {
        assert_eq!(pauses(&effective(None, None)), [20, 20, 20]);
        let topic =
            r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 5, "maxDelayTarget": 5}}}"#;
        let own = r#"{"healthyRetryPolicy": {"numRetries": 6, "numNoDelayRetries": 1, "numMinDelayRetries": 1, "numMaxDelayRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 9}}"#;
        assert_eq!(pauses(&effective(Some(topic), None)), [5]);
        assert_eq!(pauses(&effective(Some(topic), Some(own))), [0, 1, 1, 5, 9, 9]);
        let closed = r#"{"http": {"disableSubscriptionOverrides": true}}"#;
        assert_eq!(pauses(&effective(Some(closed), Some(own))), [20, 20, 20]);
    }

    #[test]
    fn what_is_in_force_is_shown() {
        let expected = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}"#;
        assert_eq!(effective(None, None).of_topic_json(), expected);
        let own = r#"{"throttlePolicy": {"maxReceivesPerSecond": 10}, "requestPolicy": {"headerContentType": "application/json"}}"#;
        let policy = effective(None, Some(own));
        assert_eq!((policy.spacing_ms(), policy.content_type()), (100, "application/json"));
        assert!(policy.of_subscription_json().contains(r#""throttlePolicy":{"maxReceivesPerSecond":10.0}"#));
    }

    #[test]
    fn a_policy_keeps_its_rules() {
        let cases = [
            (
                r#"{"healthyRetryPolicy": {"numRetries": 101}}"#,
                "healthyRetryPolicy: numRetries must be between 0 and 100",
            ),
            (
                r#"{"healthyRetryPolicy": {"minDelayTarget": 30}}"#,
                "healthyRetryPolicy: maxDelayTarget must be at least minDelayTarget",
            ),
            (
                r#"{"healthyRetryPolicy": {"numNoDelayRetries": 4}}"#,
                "healthyRetryPolicy: numRetries must be at least the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries",
            ),
            (
                r#"{"healthyRetryPolicy": {"minDelayTarget": 3599, "maxDelayTarget": 3600}}"#,
                "healthyRetryPolicy: Total policy retry time cannot be greater than 3600 seconds",
            ),
            (
                r#"{"healthyRetryPolicy": {"backoffFunction": "x"}}"#,
                "healthyRetryPolicy: backoffFunction must be one of arithmetic, exponential, geometric and linear",
            ),
            (
                r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#,
                "throttlePolicy.maxReceivesPerSecond must be at least 1",
            ),
            (
                r#"{"requestPolicy": {"headerContentType": "x"}}"#,
                "requestPolicy.headerContentType must be a media type",
            ),
        ];
        for (policy, expected) in cases {
            assert_eq!(check_of_subscription(policy).unwrap_err(), expected, "{policy}");
        }
        assert!(check_of_subscription("{").unwrap_err().starts_with("Unexpected JSON"));
        assert!(check_of_topic(r#"{"http": {"unheard": 1}}"#).is_err());
        assert_eq!(
            check_of_topic(
                r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 50, "backoffFunction": "geometric"}}}"#
            ),
            Ok(())
        );
    }

    #[test]
    fn the_other_protocols_are_tried_as_documented() {
        let random = watchkeep_core::SeededRandom::new(0);
        let pauses = |policy: RetryPolicy| -> Vec<Duration> {
            (1..).map_while(|failed| policy.pause(failed, Duration::ZERO, &random)).collect()
        };
        let hours = |pauses: &[Duration]| pauses.iter().sum::<Duration>().as_secs() / 3600;
        let (mail, aws) = (pauses(retries_of_mail()), pauses(retries_of_aws()));
        assert_eq!((mail.len(), aws.len()), (50, 100_015));
        assert!(
            (5..=7).contains(&hours(&mail)) && hours(&aws) / 24 >= 18,
            "six hours, and 23 days less what is left to chance"
        );
    }
}
