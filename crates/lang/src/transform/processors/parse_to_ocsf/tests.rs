//! Records of each source, and the events that they become.

use serde_json::{Value, json};

use crate::transform::{Source, Transformer};

fn transformed(source: &str, version: &str, message: &str) -> Result<Value, String> {
    let config = json!([{"parseToOCSF": {"eventSource": source, "ocsfVersion": version}}]);
    let transformer = Transformer::parse(&config.to_string()).unwrap();
    let made = transformer.transform(&Source { message, ..Source::default() }).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&made).unwrap())
}

#[track_caller]
fn made(source: &str, version: &str, record: &Value) -> Value {
    transformed(source, version, &record.to_string()).unwrap()
}

/// That an event has these values, by JSON pointers; null where there must be none.
#[track_caller]
fn check(event: &Value, expected: &[(&str, Value)]) {
    for (path, value) in expected {
        assert_eq!(event.pointer(path).unwrap_or(&Value::Null), value, "{path} of {event:#}");
    }
}

#[track_caller]
fn check_failure(source: &str, message: &str, reason: &str) {
    let error = transformed(source, "V1.5", message).unwrap_err();
    assert!(error.contains(reason), "{message}: {error}");
}

fn cloudtrail(service: &str, name: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.08", "eventTime": "2024-05-01T10:00:00Z", "eventSource": service, "eventName": name,
        "awsRegion": "eu-central-1", "sourceIPAddress": "192.0.2.7", "userAgent": "aws-cli/2.15", "requestID": "r-1",
        "eventID": "e-1", "eventType": "AwsApiCall", "recipientAccountId": "111122223333", "eventCategory": "Management",
        "readOnly": true,
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE", "userName": "ann"},
    });
    let Value::Object(more) = more else { panic!("an object") };
    record.as_object_mut().unwrap().extend(more);
    record
}

#[test]
fn a_call_becomes_api_activity() {
    let record = cloudtrail(
        "s3.amazonaws.com",
        "GetObject",
        json!({
            "requestParameters": {"bucketName": "shop", "key": "a"}, "responseElements": null,
            "additionalEventData": {"bytesTransferredOut": 5, "tags": ["x", "y"]},
            "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::shop/a"},
                {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::shop", "accountId": "111122223333"}],
        }),
    );
    let expected = json!({
        "activity_id": 2, "activity_name": "Read", "type_uid": 600302, "type_name": "API Activity: Read",
        "category_name": "Application Activity", "category_uid": 6, "class_name": "API Activity", "class_uid": 6003,
        "severity": "Informational", "severity_id": 1, "status": "Success", "status_id": 1,
        "time": 1714557600000_i64, "time_dt": "2024-05-01T10:00:00Z",
        "metadata": {"version": "1.5.0", "uid": "e-1", "event_code": "AwsApiCall", "profiles": ["cloud", "datetime"],
            "product": {"name": "CloudTrail", "vendor_name": "AWS", "version": "1.08", "feature": {"name": "Management"}}},
        "cloud": {"provider": "AWS", "region": "eu-central-1", "account": {"uid": "111122223333"}},
        "actor": {"user": {"type": "IAMUser", "name": "ann", "uid": "arn:aws:iam::111122223333:user/ann",
            "uid_alt": "AIDAEXAMPLE", "credential_uid": "AKIAEXAMPLE", "account": {"uid": "111122223333"}}},
        "api": {"operation": "GetObject", "service": {"name": "s3.amazonaws.com"},
            "request": {"uid": "r-1", "data": r#"{"bucketName":"shop","key":"a"}"#}},
        "http_request": {"user_agent": "aws-cli/2.15"}, "src_endpoint": {"ip": "192.0.2.7"},
        "resources": [{"uid": "arn:aws:s3:::shop/a", "type": "AWS::S3::Object"},
            {"uid": "arn:aws:s3:::shop", "type": "AWS::S3::Bucket", "owner": {"account": {"uid": "111122223333"}}}],
        "observables": [
            {"name": "actor.user.name", "type": "User Name", "type_id": 4, "value": "ann"},
            {"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": "192.0.2.7"},
            {"name": "resources[].uid", "type": "Resource UID", "type_id": 10, "value": "arn:aws:s3:::shop/a"},
            {"name": "resources[].uid", "type": "Resource UID", "type_id": 10, "value": "arn:aws:s3:::shop"}],
        "unmapped": {"readOnly": "true", "additionalEventData.bytesTransferredOut": "5", "additionalEventData.tags[]": "x,y"},
    });
    assert_eq!(made("CloudTrail", "V1.5", &record), expected);
    let old = made("CloudTrail", "V1.1", &record);
    check(
        &old,
        &[
            ("/metadata/version", json!("1.1.0")),
            ("/cloud/account", Value::Null),
            ("/unmapped/recipientAccountId", json!("111122223333")),
        ],
    );
    let failed = json!({"errorCode": "AccessDenied", "errorMessage": "no", "sourceIPAddress": "ecs.amazonaws.com",
        "eventCategory": null});
    check(
        &made("CloudTrail", "V1.5", &cloudtrail("dynamodb.amazonaws.com", "BatchGetItem", failed)),
        &[
            ("/activity_name", json!("Read")),
            ("/status", json!("Failure")),
            ("/api/response", json!({"error": "AccessDenied", "message": "no"})),
            ("/src_endpoint", json!({"domain": "ecs.amazonaws.com"})),
            ("/metadata/product/feature/name", json!("Management, Data, and Insights")),
        ],
    );
}

#[test]
fn names_of_operations_tell_the_activity() {
    for (name, id, activity) in [
        ("RunInstances", 1, "Create"),
        ("DescribeTargetHealth", 2, "Read"),
        ("AdminUpdateUserAttributes", 3, "Update"),
        ("UntagResource", 3, "Update"),
        ("TerminateInstances", 4, "Delete"),
        ("Invoke", 99, "Invoke"),
        ("Tagging", 99, "Tagging"),
        ("Batch", 99, "Batch"),
    ] {
        let event = made("CloudTrail", "V1.5", &cloudtrail("ec2.amazonaws.com", name, json!({})));
        check(&event, &[("/activity_id", json!(id)), ("/activity_name", json!(activity))]);
        check(&event, &[("/type_uid", json!(600_300 + id))]);
    }
}

#[test]
fn a_sign_in_becomes_authentication() {
    let login = cloudtrail(
        "signin.amazonaws.com",
        "ConsoleLogin",
        json!({"eventType": "AwsConsoleSignIn", "responseElements": {"ConsoleLogin": "Failure"}, "requestParameters": null,
            "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/", "MFAUsed": "Yes", "MobileVersion": "No"}}),
    );
    check(
        &made("CloudTrail", "V1.1", &login),
        &[
            ("/class_uid", json!(3002)),
            ("/type_name", json!("Authentication: Logon")),
            ("/status", json!("Failure")),
            ("/is_mfa", json!(true)),
            ("/user", json!({"uid": "arn:aws:iam::111122223333:user/ann", "uid_alt": "AIDAEXAMPLE"})),
            ("/dst_endpoint/svc_name", json!("https://console.aws.amazon.com/")),
            ("/unmapped/additionalEventData.MobileVersion", json!("No")),
        ],
    );
    let assumed = cloudtrail(
        "sts.amazonaws.com",
        "AssumeRole",
        json!({"requestParameters": {"roleArn": "arn:aws:iam::111122223333:role/deploy", "roleSessionName": "ci"},
            "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE"},
                "assumedRoleUser": {"assumedRoleId": "AROA:ci", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/ci"}}}),
    );
    check(
        &made("CloudTrail", "V1.5", &assumed),
        &[
            ("/user", json!({"name": "ci", "uid": "arn:aws:iam::111122223333:role/deploy", "uid_alt": "AIDAEXAMPLE"})),
            (
                "/session",
                json!({"credential_uid": "ASIAEXAMPLE", "uid": "arn:aws:sts::111122223333:assumed-role/deploy/ci", "uid_alt": "AROA:ci"}),
            ),
        ],
    );
    let challenge = cloudtrail(
        "signin.amazonaws.com",
        "CredentialChallenge",
        json!({"serviceEventDetails": {"CredentialChallenge": "Success"}, "additionalEventData": {"UserName": "test"},
            "userIdentity": {"type": "IdentityCenterUser", "accountId": "111122223333", "credentialId": "c-1",
                "onBehalfOf": {"userId": "u-1", "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-1"}}}),
    );
    check(
        &made("CloudTrail", "V1.5", &challenge),
        &[
            ("/activity_id", json!(99)),
            ("/activity_name", json!("CredentialChallenge")),
            ("/type_name", json!("Authentication: Other")),
            ("/user", json!({"name": "test", "uid_alt": "u-1"})),
            ("/actor/idp/uid", json!("arn:aws:identitystore::111122223333:identitystore/d-1")),
            ("/actor/user/credential_uid", json!("c-1")),
            ("/actor/user/name", json!("test")),
        ],
    );
}

#[test]
fn changes_of_users_and_roles_are_account_changes() {
    let created = json!({"requestParameters": {"userName": "bob"},
        "responseElements": {"user": {"userName": "bob", "userId": "AIDABOB", "arn": "arn:aws:iam::111122223333:user/bob"}}});
    check(
        &made("CloudTrail", "V1.1", &cloudtrail("iam.amazonaws.com", "CreateUser", created.clone())),
        &[
            ("/class_uid", json!(3001)),
            ("/type_uid", json!(300_101)),
            ("/user", json!({"name": "bob", "uid": "arn:aws:iam::111122223333:user/bob", "uid_alt": "AIDABOB"})),
        ],
    );
    let attach =
        json!({"requestParameters": {"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}});
    check(
        &made("CloudTrail", "V1.5", &cloudtrail("iam.amazonaws.com", "AttachUserPolicy", attach)),
        &[("/activity_name", json!("Attach Policy")), ("/policy/uid", json!("arn:aws:iam::aws:policy/ReadOnlyAccess"))],
    );
    check(
        &made(
            "CloudTrail",
            "V1.5",
            &cloudtrail("iam.amazonaws.com", "ChangePassword", json!({"requestParameters": null})),
        ),
        &[("/activity_name", json!("Password Change")), ("/user/name", json!("ann"))],
    );
    let group = json!({"requestParameters": {"groupName": "admins"}});
    for (service, name, more) in
        [("cognito-idp.amazonaws.com", "CreateUser", created), ("iam.amazonaws.com", "DeleteGroup", group)]
    {
        check(&made("CloudTrail", "V1.5", &cloudtrail(service, name, more)), &[("/class_uid", json!(6003))]);
    }
}

#[test]
fn vpc_flow_logs_become_network_activity() {
    let line = "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK";
    let expected = json!({
        "activity_id": 5, "activity_name": "Refuse", "type_uid": 400_105, "type_name": "Network Activity: Refuse",
        "category_name": "Network Activity", "category_uid": 4, "class_name": "Network Activity", "class_uid": 4001,
        "severity": "Informational", "severity_id": 1, "status_code": "OK",
        "action": "Denied", "action_id": 2, "disposition": "Blocked", "disposition_id": 2,
        "time": 1418530010000_i64, "time_dt": "2014-12-14T04:06:50Z", "start_time_dt": "2014-12-14T04:06:50Z",
        "end_time_dt": "2014-12-14T04:07:50Z",
        "metadata": {"version": "1.1.0", "profiles": ["cloud", "security_control", "datetime"],
            "product": {"name": "Amazon VPC", "vendor_name": "AWS", "version": "2", "feature": {"name": "Flowlogs"}}},
        "cloud": {"provider": "AWS", "account": {"uid": "123456789010"}},
        "connection_info": {"direction": "Unknown", "direction_id": 0, "protocol_num": 6},
        "src_endpoint": {"ip": "172.31.9.69", "port": 49761}, "dst_endpoint": {"ip": "172.31.9.12", "port": 3389},
        "traffic": {"packets": 20, "bytes": 4249},
        "observables": [
            {"name": "dst_endpoint.ip", "type": "IP Address", "type_id": 2, "value": "172.31.9.12"},
            {"name": "src_endpoint.ip", "type": "IP Address", "type_id": 2, "value": "172.31.9.69"}],
        "unmapped": {"interface_id": "eni-1235b8ca123456789"},
    });
    assert_eq!(transformed("VPCFlow", "V1.1", line), Ok(expected));
    let rich = json!({"version": 5, "account-id": "123456789010", "start": 1418530010, "end": "1418530070", "action": "ACCEPT",
        "srcaddr": "10.0.0.1", "pkt-srcaddr": "10.0.0.1", "dstaddr": "10.0.0.220", "pkt-dstaddr": "203.0.113.5",
        "flow-direction": "egress", "interface-id": "eni-1", "vpc-id": "vpc-1", "instance-id": "i-1", "subnet-id": "-",
        "tcp-flags": 19, "traffic-path": 8, "type": "IPv4", "pkt-dst-aws-service": "S3", "az-id": "use2-az2",
        "region": "us-east-2", "sublocation-id": "-", "ecs-task-id": "t-1"});
    check(
        &made("VPCFlow", "V1.5", &rich),
        &[
            ("/activity_name", json!("Traffic")),
            ("/action", json!("Allowed")),
            (
                "/src_endpoint",
                json!({"interface_uid": "eni-1", "vpc_uid": "vpc-1", "instance_uid": "i-1", "ip": "10.0.0.1"}),
            ),
            ("/dst_endpoint", json!({"svc_name": "S3", "ip": "203.0.113.5", "intermediate_ips": ["10.0.0.220"]})),
            (
                "/connection_info",
                json!({"tcp_flags": 19, "direction": "Outbound", "direction_id": 2, "boundary": "Internet Gateway",
                    "boundary_id": 11, "protocol_ver": "IPv4", "protocol_ver_id": 4}),
            ),
            (
                "/cloud",
                json!({"provider": "AWS", "account": {"uid": "123456789010"}, "region": "us-east-2", "zone": "use2-az2"}),
            ),
            ("/unmapped", json!({"ecs_task_id": "t-1"})),
        ],
    );
}

#[test]
fn resolver_query_logs_become_dns_activity() {
    let record = json!({"version": "1.1", "account_id": "123456789012", "region": "us-east-1", "vpc_id": "vpc-1",
        "query_timestamp": "2022-10-13T21:02:36Z", "query_name": "example.com.", "query_type": "A", "query_class": "IN",
        "rcode": "NXDOMAIN", "answers": [{"Rdata": "192.0.2.1", "Type": "A", "Class": "IN", "TTL": 5}, {"Rdata": "text", "Type": "TXT"}],
        "srcaddr": "10.0.0.9", "srcport": "15083", "transport": "UDP", "srcids": {"instance": "i-1"},
        "firewall_rule_action": "ALERT", "firewall_rule_group_id": "rslvr-frg-1", "firewall_domain_list_id": "rslvr-fdl-1"});
    check(
        &made("Route53Resolver", "V1.1", &record),
        &[
            ("/type_uid", json!(400_306)),
            ("/time", json!(1_665_694_956_000_i64)),
            ("/query", json!({"hostname": "example.com.", "type": "A", "class": "IN"})),
            ("/rcode", json!("NXDomain")),
            ("/rcode_id", json!(3)),
            ("/answers/0", json!({"type": "A", "rdata": "192.0.2.1", "class": "IN"})),
            ("/src_endpoint", json!({"vpc_uid": "vpc-1", "ip": "10.0.0.9", "instance_uid": "i-1", "port": 15083})),
            ("/action", json!("Allowed")),
            ("/disposition", json!("Alert")),
            ("/firewall_rule/uid", json!("rslvr-frg-1")),
            ("/observables/0/value", json!("192.0.2.1")),
            ("/observables/1/name", json!("src_endpoint.instance_uid")),
            ("/unmapped", json!({"answers[].TTL": "5", "firewall_domain_list_id": "rslvr-fdl-1"})),
        ],
    );
}

#[test]
fn waf_logs_become_http_activity() {
    let record = json!({"timestamp": 1_752_678_174_452_i64, "formatVersion": 1, "webaclId": "arn:aws:wafv2:us-east-2:1:regional/webacl/a/b",
        "terminatingRuleId": "captcha", "terminatingRuleType": "REGULAR", "action": "CAPTCHA", "responseCodeSent": 405,
        "terminatingRuleMatchDetails": [
            {"conditionType": "SQL_INJECTION", "sensitivityLevel": "HIGH", "location": "HEADER", "matchedData": ["10", "AND"]},
            {"conditionType": "XSS", "location": "URI"}],
        "rateBasedRuleList": [{"rateBasedRuleId": "x", "rateBasedRuleName": "Rate", "maxRateAllowed": 100}],
        "httpSourceName": "ALB", "httpSourceId": "app/1", "labels": [{"name": "awswaf:bot"}], "ruleGroupList": [],
        "httpRequest": {"clientIp": "192.0.2.4", "country": "US", "uri": "/pets", "args": "a=b", "httpVersion": "HTTP/1.1",
            "httpMethod": "PATCH", "requestId": "1-2", "scheme": "https",
            "headers": [{"name": "HOST", "value": "example.com"}, {"name": "x-forwarded-for", "value": "192.0.2.4, 10.0.0.1"}]},
        "ja3Fingerprint": "71912442e2cef8ae6f8ea3aba3fc0da9", "ja4Fingerprint": "t13d1812h1_91b4e2f43a96_a791466c72b5"});
    let event = made("AWSWAF", "V1.5", &record);
    check(
        &event,
        &[
            ("/activity_id", json!(99)),
            ("/activity_name", json!("PATCH")),
            ("/type_uid", json!(400_299)),
            ("/time_dt", json!("2025-07-16T15:02:54.452Z")),
            ("/action", json!("Denied")),
            ("/disposition_id", json!(22)),
            ("/http_status", json!(405)),
            ("/metadata/labels", json!(["awswaf:bot"])),
            (
                "/firewall_rule",
                json!({"uid": "captcha", "type": "REGULAR", "condition": "SQL_INJECTION", "match_location": "HEADER",
                    "match_details": ["10", "AND"], "sensitivity": "HIGH", "rate_limit": 100, "name": "Rate"}),
            ),
            ("/http_request/url", json!({"path": "/pets", "hostname": "example.com"})),
            ("/http_request/x_forwarded_for", json!(["192.0.2.4", "10.0.0.1"])),
            ("/http_request/http_headers/0", json!({"name": "HOST", "value": "example.com"})),
            ("/tls/version", json!("1.3")),
            ("/tls/ja3_hash/algorithm", json!("MD5")),
            ("/ja4_fingerprint_list/0/type", json!("JA4")),
            (
                "/unmapped",
                json!({"httpRequest.scheme": "https", "terminatingRuleMatchDetails[].conditionType": "XSS",
                    "terminatingRuleMatchDetails[].location": "URI", "rateBasedRuleList[].rateBasedRuleId": "x"}),
            ),
        ],
    );
    check(
        &made("AWSWAF", "V1.1", &record),
        &[("/tls", Value::Null), ("/unmapped/ja3Fingerprint", json!("71912442e2cef8ae6f8ea3aba3fc0da9"))],
    );
}

#[test]
fn kubernetes_audit_logs_become_api_activity() {
    let record = json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "a-1",
        "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/shop/pods/web/log", "verb": "get",
        "user": {"username": "ann", "uid": "u-1", "groups": ["dev", "system:authenticated"],
            "extra": {"accessKeyId": ["ASIAEXAMPLE"], "arn": ["arn:aws:sts::123456789012:assumed-role/dev/ann"],
                "canonicalArn": ["arn:aws:iam::123456789012:role/dev"], "sessionName": ["ann"]}},
        "sourceIPs": ["192.0.2.3", "10.0.0.1"], "userAgent": "kubectl", "responseStatus": {"code": 403, "reason": "Forbidden"},
        "objectRef": {"resource": "pods", "subresource": "log", "namespace": "shop", "name": "web", "apiVersion": "v1"},
        "requestObject": {"a": 1}, "requestReceivedTimestamp": "2021-09-07T20:37:30.502680Z",
        "stageTimestamp": "2021-09-07T20:37:30.642854Z", "annotations": {"authorization.k8s.io/decision": "forbid"}});
    check(
        &made("EKSAudit", "V1.5", &record),
        &[
            ("/activity_name", json!("Read")),
            ("/action", json!("Denied")),
            ("/status", json!("Failure")),
            ("/time", json!(1_631_047_050_642_i64)),
            ("/start_time_dt", json!("2021-09-07T20:37:30.50268Z")),
            ("/actor/user/groups", json!([{"name": "dev"}, {"name": "system:authenticated"}])),
            (
                "/actor/session",
                json!({"credential_uid": "ASIAEXAMPLE", "issuer": "arn:aws:iam::123456789012:role/dev", "uid": "ann"}),
            ),
            ("/cloud/account/uid", json!("123456789012")),
            ("/src_endpoint", json!({"ip": "192.0.2.3", "intermediate_ips": ["10.0.0.1"]})),
            ("/resources", json!([{"namespace": "shop", "name": "web", "type": "pods/log"}])),
            ("/api/response", json!({"error": "Forbidden", "code": 403})),
            ("/api/request", json!({"uid": "a-1", "data": "{\"a\":1}"})),
            ("/metadata/log_name", json!("Event")),
            ("/unmapped/annotations.authorization.k8s.io~1decision", json!("forbid")),
        ],
    );
}

#[test]
fn what_is_no_record_of_the_source_fails() {
    check_failure("CloudTrail", "text", "parseToOCSF: the text is no JSON object");
    check_failure("CloudTrail", r#"{"eventName": "x", "eventSource": "y"}"#, "the record has no 'eventTime'");
    check_failure(
        "CloudTrail",
        r#"{"eventName": "x", "eventSource": "y", "eventTime": "z"}"#,
        "'eventTime' is no time",
    );
    check_failure("VPCFlow", "2 1", "the line has 2 columns");
    let idle = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA";
    check_failure("VPCFlow", idle, "the record has no 'srcaddr'");
    let late = r#"{"start": 99999999999999999, "srcaddr": "10.0.0.1"}"#;
    check_failure("VPCFlow", late, "'start' is no time");
    check_failure("Route53Resolver", "{}", "the record has no 'query_timestamp'");
    check_failure("AWSWAF", r#"{"timestamp": 1}"#, "the record has no 'httpRequest'");
    check_failure("EKSAudit", "{}", "the record has no 'verb'");
}

#[test]
fn a_record_may_be_in_a_field() {
    let config = json!([{"parseToOCSF": {"eventSource": "VPCFlow", "ocsfVersion": "V1.5", "mappingVersion": "v1.5.0", "source": "a.b"}}]);
    let transformer = Transformer::parse(&config.to_string()).unwrap();
    assert_eq!(transformer.data_format(), Some("OCSF-1.5"));
    let of = |message: &str| {
        transformer.transform(&Source { message, ..Source::default() }).map_err(|error| error.to_string())
    };
    assert!(of(r#"{"a": {"b": {"start": 1, "srcaddr": "10.0.0.1"}}}"#).unwrap().contains("10.0.0.1"));
    assert!(of(r#"{"a": {"b": "2 1 e 10.0.0.1 10.0.0.2 1 2 6 1 1 1 2 ACCEPT OK"}}"#).unwrap().contains("Traffic"));
    assert!(of(r#"{"a": 1}"#).unwrap_err().contains("there is no field 'b'"));
    assert!(of(r#"{"a": {"b": 1}}"#).unwrap_err().contains("the field 'b' is no record"));
}

#[test]
fn what_is_not_mapped_has_an_end() {
    let long = "k".repeat(2_000);
    let inner: Vec<String> = (0..5_000).map(|number| format!("\"{number}\":1")).collect();
    let mut nested = format!("{{{}}}", inner.join(","));
    for _ in 0..50 {
        nested = format!("{{\"{long}\":{nested}}}");
    }
    check_failure(
        "EKSAudit",
        &format!(r#"{{"verb":"get","stageTimestamp":"2021-09-07T20:37:30Z","x":{nested}}}"#),
        "too large",
    );
}
