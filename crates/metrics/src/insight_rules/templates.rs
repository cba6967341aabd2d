//! The templates of managed rules: what is most often asked of log groups with events of well-known formats. A further one is one
//! line of [`TEMPLATES`]. Which of them fit a group is for its owner to know: a rule over events of another format counts nothing.
//! Sources of the formats: "Flow log records", "CloudTrail record contents", "Values that appear in Resolver query logs", "Values
//! that appear in DNS query logs", "Variables for access logging for API Gateway", "Lambda Telemetry API Event schema reference",
//! "Relevant fields in performance log events for Amazon EKS and Kubernetes", Kubernetes' "Auditing", "Log fields" of AWS WAF,
//! Apache's "Log Files".

use serde_json::{Value, json};

/// A template, named in AWS's manner: the format, the analysis, the version.
#[derive(Debug)]
pub(super) struct Template {
    /// Its name.
    pub(super) name: &'static str,
    fields: Fields,
    keys: &'static [&'static str],
    /// Which events count, of all.
    filter: Filter,
    /// What is added up; events are counted without it.
    value_of: Option<&'static str>,
}

/// How the events of a group look.
#[derive(Debug, Clone, Copy)]
enum Fields {
    /// JSON objects.
    Json,
    /// Fields between blanks, some of which have names.
    Numbered(&'static [(u16, &'static str)]),
}

/// What must hold of an event.
#[derive(Debug)]
enum Filter {
    /// Nothing.
    None,
    /// A field is one of these.
    In(&'static str, &'static [&'static str]),
    /// A field is a number above this one.
    Above(&'static str, i64),
    /// A field is a number between these two, without them.
    Between(&'static str, i64, i64),
    /// A field is there.
    Present(&'static str),
}

const FLOW: Fields = Fields::Numbered(&[
    (3, "interface-id"),
    (4, "srcaddr"),
    (5, "dstaddr"),
    (7, "dstport"),
    (10, "bytes"),
    (13, "action"),
]);
const DNS: Fields = Fields::Numbered(&[(4, "query-name"), (6, "rcode"), (9, "resolver-address")]);
const COMMON: Fields = Fields::Numbered(&[(1, "client"), (5, "request"), (6, "status"), (7, "bytes")]);

const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "Client.RequestLimitExceeded",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
];
const DENIED: &[&str] =
    &["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation"];

const fn counts(name: &'static str, fields: Fields, keys: &'static [&'static str], filter: Filter) -> Template {
    Template { name, fields, keys, filter, value_of: None }
}

const fn sums(
    name: &'static str,
    fields: Fields,
    keys: &'static [&'static str],
    filter: Filter,
    value_of: &'static str,
) -> Template {
    Template { name, fields, keys, filter, value_of: Some(value_of) }
}

/// All templates, by name.
pub(super) static TEMPLATES: &[Template] = &[
    sums(
        "ApiGateway-BytesByResourcePath-v1",
        Fields::Json,
        &["$.httpMethod", "$.resourcePath"],
        Filter::None,
        "$.responseLength",
    ),
    counts("ApiGateway-ClientErrorsBySourceAddress-v1", Fields::Json, &["$.ip"], Filter::Between("$.status", 399, 500)),
    counts("ApiGateway-RequestsByResourcePath-v1", Fields::Json, &["$.httpMethod", "$.resourcePath"], Filter::None),
    counts("ApiGateway-RequestsBySourceAddress-v1", Fields::Json, &["$.ip"], Filter::None),
    counts(
        "ApiGateway-ServerErrorsByResourcePath-v1",
        Fields::Json,
        &["$.httpMethod", "$.resourcePath"],
        Filter::Above("$.status", 499),
    ),
    counts("CloudTrail-CallsByEventName-v1", Fields::Json, &["$.eventSource", "$.eventName"], Filter::None),
    counts("CloudTrail-CallsByPrincipal-v1", Fields::Json, &["$.userIdentity.arn"], Filter::None),
    counts("CloudTrail-CallsBySourceAddress-v1", Fields::Json, &["$.sourceIPAddress"], Filter::None),
    counts(
        "CloudTrail-DeniedCallsByPrincipal-v1",
        Fields::Json,
        &["$.userIdentity.arn", "$.eventName"],
        Filter::In("$.errorCode", DENIED),
    ),
    counts("CloudTrail-ErrorsByErrorCode-v1", Fields::Json, &["$.errorCode"], Filter::Present("$.errorCode")),
    counts("CloudTrail-ErrorsByPrincipal-v1", Fields::Json, &["$.userIdentity.arn"], Filter::Present("$.errorCode")),
    counts(
        "CloudTrail-ThrottledCallsByEventName-v1",
        Fields::Json,
        &["$.eventSource", "$.eventName"],
        Filter::In("$.errorCode", THROTTLED),
    ),
    counts(
        "CloudTrail-ThrottledCallsByPrincipal-v1",
        Fields::Json,
        &["$.userIdentity.arn"],
        Filter::In("$.errorCode", THROTTLED),
    ),
    sums("CommonLog-BytesByClient-v1", COMMON, &["client"], Filter::None, "bytes"),
    counts("CommonLog-ClientErrorsByClient-v1", COMMON, &["client"], Filter::Between("status", 399, 500)),
    counts("CommonLog-RequestsByClient-v1", COMMON, &["client"], Filter::None),
    counts("CommonLog-ServerErrorsByRequest-v1", COMMON, &["request"], Filter::Above("status", 499)),
    sums(
        "ContainerInsights-CpuByPod-v1",
        Fields::Json,
        &["$.Namespace", "$.PodName"],
        Filter::In("$.Type", &["Pod"]),
        "$.pod_cpu_usage_total",
    ),
    sums(
        "ContainerInsights-MemoryByPod-v1",
        Fields::Json,
        &["$.Namespace", "$.PodName"],
        Filter::In("$.Type", &["Pod"]),
        "$.pod_memory_working_set",
    ),
    counts(
        "EmbeddedMetrics-EventsByNamespace-v1",
        Fields::Json,
        &["$._aws.CloudWatchMetrics[0].Namespace"],
        Filter::None,
    ),
    counts("KubernetesAudit-CallsByUser-v1", Fields::Json, &["$.user.username"], Filter::None),
    counts(
        "KubernetesAudit-CallsByVerbAndResource-v1",
        Fields::Json,
        &["$.verb", "$.objectRef.resource"],
        Filter::None,
    ),
    counts(
        "KubernetesAudit-ErrorsByUser-v1",
        Fields::Json,
        &["$.user.username"],
        Filter::Above("$.responseStatus.code", 399),
    ),
    counts(
        "KubernetesAudit-ForbiddenCallsByUser-v1",
        Fields::Json,
        &["$.user.username", "$.verb", "$.objectRef.resource"],
        Filter::Between("$.responseStatus.code", 402, 404),
    ),
    counts("Lambda-ErrorsByErrorType-v1", Fields::Json, &["$.errorType"], Filter::Present("$.errorType")),
    counts("Lambda-EventsByLevel-v1", Fields::Json, &["$.level"], Filter::None),
    counts(
        "Lambda-InvocationsByStatus-v1",
        Fields::Json,
        &["$.record.status"],
        Filter::In("$.type", &["platform.report"]),
    ),
    counts("Route53-NonexistentDomainsByQueryName-v1", DNS, &["query-name"], Filter::In("rcode", &["NXDOMAIN"])),
    counts("Route53-QueriesByQueryName-v1", DNS, &["query-name"], Filter::None),
    counts("Route53-QueriesByResolverAddress-v1", DNS, &["resolver-address"], Filter::None),
    counts(
        "Route53Resolver-NonexistentDomainsBySourceAddress-v1",
        Fields::Json,
        &["$.srcaddr"],
        Filter::In("$.rcode", &["NXDOMAIN"]),
    ),
    counts("Route53Resolver-QueriesByQueryName-v1", Fields::Json, &["$.query_name"], Filter::None),
    counts("Route53Resolver-QueriesBySourceAddress-v1", Fields::Json, &["$.srcaddr"], Filter::None),
    sums("VpcFlowLogs-BytesByDestinationAddress-v1", FLOW, &["dstaddr"], Filter::None, "bytes"),
    sums("VpcFlowLogs-BytesByInterface-v1", FLOW, &["interface-id"], Filter::None, "bytes"),
    sums("VpcFlowLogs-BytesBySourceAddress-v1", FLOW, &["srcaddr"], Filter::None, "bytes"),
    sums("VpcFlowLogs-BytesBySourceAndDestinationAddress-v1", FLOW, &["srcaddr", "dstaddr"], Filter::None, "bytes"),
    counts("VpcFlowLogs-RejectedByDestinationPort-v1", FLOW, &["dstport"], Filter::In("action", &["REJECT"])),
    counts("VpcFlowLogs-RejectedBySourceAddress-v1", FLOW, &["srcaddr"], Filter::In("action", &["REJECT"])),
    counts(
        "Waf-BlockedRequestsByClient-v1",
        Fields::Json,
        &["$.httpRequest.clientIp"],
        Filter::In("$.action", &["BLOCK"]),
    ),
    counts("Waf-BlockedRequestsByRule-v1", Fields::Json, &["$.terminatingRuleId"], Filter::In("$.action", &["BLOCK"])),
];

impl Template {
    /// The template of this name.
    pub(super) fn named(name: &str) -> Option<&'static Template> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// The definition of a rule that does this to a log group.
    pub(super) fn definition(&self, log_group: &str) -> String {
        let filters: Vec<Value> = match &self.filter {
            Filter::None => Vec::new(),
            Filter::In(field, values) => vec![json!({ "Match": field, "In": values })],
            Filter::Above(field, bound) => vec![json!({ "Match": field, "GreaterThan": bound })],
            Filter::Between(field, least, most) => {
                vec![json!({ "Match": field, "GreaterThan": least }), json!({ "Match": field, "LessThan": most })]
            }
            Filter::Present(field) => vec![json!({ "Match": field, "IsPresent": true })],
        };
        let mut contribution = json!({ "Keys": self.keys, "Filters": filters });
        let mut definition = json!({
            "Schema": { "Name": "CloudWatchLogRule", "Version": 1 },
            "LogGroupNames": [log_group],
            "AggregateOn": if self.value_of.is_some() { "Sum" } else { "Count" },
        });
        if let (Some(value_of), Some(contribution)) = (self.value_of, contribution.as_object_mut()) {
            contribution.insert("ValueOf".to_owned(), value_of.into());
        }
        if let Some(members) = definition.as_object_mut() {
            match self.fields {
                Fields::Json => _ = members.insert("LogFormat".to_owned(), "JSON".into()),
                Fields::Numbered(fields) => {
                    let named = fields.iter().map(|(number, name)| (number.to_string(), Value::from(*name)));
                    members.insert("LogFormat".to_owned(), "CLF".into());
                    members.insert("Fields".to_owned(), Value::Object(named.collect()));
                }
            }
            members.insert("Contribution".to_owned(), contribution);
        }
        definition.to_string()
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_lang::insight_rule::{InsightRule, RuleSet};

    use super::*;

    #[test]
    fn templates_are_rules_in_the_order_of_their_names() {
        assert!(TEMPLATES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for template in TEMPLATES {
            let rule = InsightRule::parse(&template.definition("/a/b"))
                .unwrap_or_else(|error| panic!("{}: {error}", template.name));
            assert!(
                rule.covers("000000000000", "us-east-1", "/a/b") && !rule.covers("000000000000", "us-east-1", "/a/bc")
            );
            assert!(template.name.len() <= 128 && template.name.ends_with("-v1"));
        }
    }

    #[test]
    fn templates_count_events_of_their_formats() {
        let flow = |rest: &str| format!("2 123456789010 eni-1 10.0.0.5 52.1.2.3 49152 443 6 10 {rest}");
        let accepted = flow("840 1418530010 1418530070 ACCEPT OK");
        let rejected = flow("40 1418530010 1418530070 REJECT OK");
        let trail = r#"{"eventSource":"s3.amazonaws.com","eventName":"GetObject","errorCode":"AccessDenied",
            "sourceIPAddress":"1.2.3.4","userIdentity":{"arn":"arn:aws:iam::1:user/a"}}"#;
        let gateway = r#"{"ip":"1.2.3.4","httpMethod":"GET","resourcePath":"/a","status":"502","responseLength":"12"}"#;
        let common = r#"1.2.3.4 - bob [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 404 2326"#;
        let dns = "1.0 2017-12-13T08:16:02.130Z Z123 example.com A NXDOMAIN UDP FRA6 192.168.1.1 -";
        let resolver = r#"{"srcaddr":"10.0.0.5","query_name":"a.","rcode":"NXDOMAIN"}"#;
        let audit =
            r#"{"user":{"username":"bob"},"verb":"get","objectRef":{"resource":"pods"},"responseStatus":{"code":403}}"#;
        let pod = r#"{"Type":"Pod","Namespace":"n","PodName":"p","pod_cpu_usage_total":2.5}"#;
        let report = r#"{"type":"platform.report","record":{"status":"success"}}"#;
        let waf = r#"{"action":"BLOCK","terminatingRuleId":"r","httpRequest":{"clientIp":"1.2.3.4"}}"#;
        let embedded = r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"Shop"}]}}"#;
        // Template, event, and who contributes how much.
        type Case<'c> = (&'c str, &'c str, Option<(&'c str, f64)>);
        let cases: &[Case<'_>] = &[
            ("VpcFlowLogs-BytesBySourceAddress-v1", &accepted, Some(("10.0.0.5", 840.0))),
            ("VpcFlowLogs-BytesBySourceAndDestinationAddress-v1", &accepted, Some(("10.0.0.5,52.1.2.3", 840.0))),
            ("VpcFlowLogs-RejectedBySourceAddress-v1", &accepted, None),
            ("VpcFlowLogs-RejectedByDestinationPort-v1", &rejected, Some(("443", 1.0))),
            ("CloudTrail-CallsByPrincipal-v1", trail, Some(("arn:aws:iam::1:user/a", 1.0))),
            ("CloudTrail-ErrorsByErrorCode-v1", trail, Some(("AccessDenied", 1.0))),
            ("CloudTrail-DeniedCallsByPrincipal-v1", trail, Some(("arn:aws:iam::1:user/a,GetObject", 1.0))),
            ("CloudTrail-ThrottledCallsByPrincipal-v1", trail, None),
            ("ApiGateway-ServerErrorsByResourcePath-v1", gateway, Some(("GET,/a", 1.0))),
            ("ApiGateway-ClientErrorsBySourceAddress-v1", gateway, None),
            ("ApiGateway-BytesByResourcePath-v1", gateway, Some(("GET,/a", 12.0))),
            ("CommonLog-BytesByClient-v1", common, Some(("1.2.3.4", 2326.0))),
            ("CommonLog-ClientErrorsByClient-v1", common, Some(("1.2.3.4", 1.0))),
            ("CommonLog-ServerErrorsByRequest-v1", common, None),
            ("Route53-NonexistentDomainsByQueryName-v1", dns, Some(("example.com", 1.0))),
            ("Route53-QueriesByResolverAddress-v1", dns, Some(("192.168.1.1", 1.0))),
            ("Route53Resolver-NonexistentDomainsBySourceAddress-v1", resolver, Some(("10.0.0.5", 1.0))),
            ("KubernetesAudit-ForbiddenCallsByUser-v1", audit, Some(("bob,get,pods", 1.0))),
            ("ContainerInsights-CpuByPod-v1", pod, Some(("n,p", 2.5))),
            ("Lambda-InvocationsByStatus-v1", report, Some(("success", 1.0))),
            ("Waf-BlockedRequestsByClient-v1", waf, Some(("1.2.3.4", 1.0))),
            ("EmbeddedMetrics-EventsByNamespace-v1", embedded, Some(("Shop", 1.0))),
            ("EmbeddedMetrics-EventsByNamespace-v1", trail, None),
        ];
        for (name, event, expected) in cases {
            let rule = InsightRule::parse(&Template::named(name).unwrap().definition("g")).unwrap();
            let found = RuleSet::new([&rule]).contributions(event).next().flatten();
            let found = found.map(|found| (found.keys.join(","), found.value));
            assert_eq!(found, expected.map(|(keys, value)| (keys.to_owned(), value)), "{name}");
        }
    }
}
