use super::*;

const ALICE: Asker<'_> =
    Asker::Identity { account: "111122223333", arn: "arn:aws:iam::111122223333:user/alice", session: None };
const ROOT: Asker<'_> =
    Asker::Identity { account: "111122223333", arn: "arn:aws:iam::111122223333:root", session: None };
const SESSION: Asker<'_> = Asker::Identity {
    account: "111122223333",
    arn: "arn:aws:iam::111122223333:role/Admin",
    session: Some("arn:aws:sts::111122223333:assumed-role/Admin/bob"),
};
const LOGS: Asker<'_> = Asker::Service("logs.us-east-1.amazonaws.com");

fn decide(policy: &Policy, asker: Asker<'_>, action: &str, resource: &str, context: &Context) -> Decision {
    policy.decide(&Request { asker, action, resource, context })
}

/// A policy of one statement about `s3:GetObject` of everything.
fn statement(effect: &str, more: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"s3:GetObject","Resource":"*"{more}}}]}}"#
    )
}

#[test]
fn actions_and_resources_are_patterns() {
    use Decision::{Allowed, Silent};
    let yes = Allowed(Named::Asker);
    let cases = [
        (r#""Action":"s3:*","Resource":"*""#, "s3:GetObject", "arn:aws:s3:::b/k", yes),
        (r#""Action":"S3:getobject","Resource":"*""#, "s3:GetObject", "arn:aws:s3:::b/k", yes),
        (r#""Action":"s3:Get?bject","Resource":"*""#, "s3:GetObject", "*", yes),
        (r#""Action":["s3:Put*","*"],"Resource":"*""#, "logs:PutLogEvents", "*", yes),
        (r#""Action":"s3:Put*","Resource":"*""#, "s3:GetObject", "*", Silent),
        (r#""NotAction":"s3:Put*","Resource":"*""#, "s3:GetObject", "*", yes),
        (r#""NotAction":"s3:Get*","Resource":"*""#, "s3:GetObject", "*", Silent),
        (r#""Action":"*","Resource":"arn:aws:s3:::b*""#, "s3:GetObject", "arn:aws:s3:::bucket/a:b/c", yes),
        (r#""Action":"*","Resource":"arn:aws:s3:::B*""#, "s3:GetObject", "arn:aws:s3:::bucket/a", Silent),
        (r#""Action":"*","Resource":"arn:aws:s3:::b/*""#, "s3:ListAllMyBuckets", "*", Silent),
        (r#""Action":"*","NotResource":"arn:aws:s3:::b/*""#, "s3:ListAllMyBuckets", "*", yes),
        (r#""Action":"*","NotResource":["arn:aws:s3:::b/*"]"#, "s3:GetObject", "arn:aws:s3:::b/k", Silent),
    ];
    for (elements, action, resource, expected) in cases {
        let text = format!(r#"{{"Statement":{{"Effect":"Allow",{elements}}}}}"#);
        let policy = Policy::parse(&text, PolicyKind::Identity).unwrap();
        assert_eq!(decide(&policy, ALICE, action, resource, &Context::default()), expected, "{elements} {action}");
    }
}

#[test]
fn a_denial_goes_before_whatever_allows() {
    let text = r#"{"Statement":[
        {"Effect":"Deny","Action":"s3:Delete*","Resource":"*"},
        {"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let policy = Policy::parse(text, PolicyKind::Identity).unwrap();
    let context = Context::default();
    assert_eq!(decide(&policy, ALICE, "s3:DeleteObject", "*", &context), Decision::Denied);
    assert_eq!(decide(&policy, ALICE, "s3:GetObject", "*", &context), Decision::Allowed(Named::Asker));
    assert_eq!(decide(&policy, ALICE, "sqs:SendMessage", "*", &context), Decision::Silent);
}

#[test]
fn principals_name_askers() {
    const OTHER: Asker<'_> =
        Asker::Identity { account: "444455556666", arn: "arn:aws:iam::444455556666:user/eve", session: None };
    let user = "arn:aws:iam::111122223333:user/alice";
    let role = "arn:aws:iam::111122223333:role/Admin";
    let session = "arn:aws:sts::111122223333:assumed-role/Admin/bob";
    let cases = [
        (r#""Principal":"*""#.to_owned(), Asker::Anonymous, Some(Named::Asker)),
        (r#""Principal":{"AWS":"*"}"#.to_owned(), OTHER, Some(Named::Asker)),
        (r#""Principal":{"AWS":"111122223333"}"#.to_owned(), ALICE, Some(Named::Account)),
        (r#""Principal":{"AWS":["arn:aws:iam::111122223333:root"]}"#.to_owned(), SESSION, Some(Named::Account)),
        (r#""Principal":{"AWS":["arn:aws:iam::111122223333:root"]}"#.to_owned(), ROOT, Some(Named::Account)),
        (r#""Principal":{"AWS":"111122223333"}"#.to_owned(), OTHER, None),
        (format!(r#""Principal":{{"AWS":["111122223333","{user}"]}}"#), ALICE, Some(Named::Asker)),
        (format!(r#""Principal":{{"AWS":"{role}"}}"#), SESSION, Some(Named::Role)),
        (format!(r#""Principal":{{"AWS":"{session}"}}"#), SESSION, Some(Named::Asker)),
        (format!(r#""Principal":{{"AWS":"{user}"}}"#), SESSION, None),
        (r#""Principal":{"Service":"logs.us-east-1.amazonaws.com"}"#.to_owned(), LOGS, Some(Named::Asker)),
        (r#""Principal":{"Service":"sns.amazonaws.com"}"#.to_owned(), LOGS, None),
        (r#""Principal":{"AWS":"111122223333"}"#.to_owned(), LOGS, None),
        (r#""Principal":{"Federated":"cognito-identity.amazonaws.com"}"#.to_owned(), ALICE, None),
        (format!(r#""NotPrincipal":{{"AWS":"{user}"}}"#), ALICE, Some(Named::Asker)),
        (format!(r#""NotPrincipal":{{"AWS":["{user}","111122223333"]}}"#), ALICE, None),
        (format!(r#""NotPrincipal":{{"AWS":["{role}","111122223333"]}}"#), SESSION, Some(Named::Asker)),
        (format!(r#""NotPrincipal":{{"AWS":["{session}","{role}","111122223333"]}}"#), SESSION, None),
        (r#""NotPrincipal":{"AWS":"111122223333"}"#.to_owned(), ROOT, None),
    ];
    for (principal, asker, expected) in cases {
        let policy = Policy::parse(&statement("Allow", &format!(",{principal}")), PolicyKind::Resource).unwrap();
        let decision = decide(&policy, asker, "s3:GetObject", "*", &Context::default());
        assert_eq!(decision, expected.map_or(Decision::Silent, Decision::Allowed), "{principal} {asker:?}");
    }
}

#[test]
fn conditions_compare_keys_with_values() {
    let context = Context::default()
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:PrincipalTag/team", "red")
        .with("aws:SecureTransport", "true")
        .with("aws:CurrentTime", "2026-01-15T12:00:00Z")
        .with("aws:EpochTime", "1768478400")
        .with("s3:max-keys", "10")
        .with("s3:prefix", "home/alice/")
        .with("aws:username", "alice")
        .with("aws:SourceArn", "arn:aws:logs:us-east-1:111122223333:log-group:app:*")
        .with("aws:TagKeys", "team")
        .with("aws:TagKeys", "cost");
    let cases = [
        (r#"{"StringEquals":{"aws:principaltag/TEAM":["blue","red"]}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"Red"}}"#, false),
        (r#"{"StringEqualsIgnoreCase":{"aws:PrincipalTag/team":"Red"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalTag/team":"r*"}}"#, false),
        (r#"{"StringLike":{"aws:PrincipalTag/team":"r*"}}"#, true),
        (r#"{"StringNotEquals":{"aws:PrincipalTag/team":["blue","red"]}}"#, false),
        (r#"{"StringNotEquals":{"aws:PrincipalTag/none":"red"}}"#, true),
        (r#"{"StringEquals":{"aws:PrincipalTag/none":"red"}}"#, false),
        (r#"{"StringEqualsIfExists":{"aws:PrincipalTag/none":"red"}}"#, true),
        (r#"{"StringNotLike":{"aws:PrincipalTag/team":"b*"}}"#, true),
        (r#"{"NumericLessThanEquals":{"s3:max-keys":10}}"#, true),
        (r#"{"NumericLessThan":{"s3:max-keys":"10"}}"#, false),
        (r#"{"NumericEquals":{"s3:max-keys":"10.0"}}"#, true),
        (r#"{"NumericNotEquals":{"s3:prefix":"10"}}"#, true),
        (r#"{"NumericGreaterThan":{"s3:max-keys":[20, 9]}}"#, true),
        (r#"{"DateLessThan":{"aws:CurrentTime":"2026-01-16"}}"#, true),
        (r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-01-15T13:00:00+02:00"}}"#, true),
        (r#"{"DateEquals":{"aws:EpochTime":"2026-01-15T12:00:00Z"}}"#, true),
        (r#"{"DateGreaterThanEquals":{"aws:CurrentTime":"1768478401"}}"#, false),
        (r#"{"Bool":{"aws:SecureTransport":true}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":"FALSE"}}"#, false),
        (r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#, false),
        (r#"{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}"#, true),
        (r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}"#, true),
        (r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.7"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:logs:*:111122223333:log-group:app:*"}}"#, true),
        (r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:logs:us-east-1:111122223333:*"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:*:log-group:app:*"}}"#, false),
        (r#"{"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:*:*:*"}}"#, true),
        (r#"{"ArnLike":{"aws:username":"*"}}"#, false),
        (r#"{"Null":{"aws:MultiFactorAuthAge":"true"}}"#, true),
        (r#"{"Null":{"aws:username":true}}"#, false),
        (r#"{"Null":{"aws:username":false}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","owner"]}}"#, true),
        (r#"{"ForAllValues:StringEquals":{"aws:TagKeys":"team"}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"aws:RequestTag/x":"team"}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["owner","cost"]}}"#, true),
        (r#"{"ForAnyValue:StringEquals":{"aws:RequestTag/x":"team"}}"#, false),
        (r#"{"ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"}}"#, true),
        (r#"{"ForAllValues:StringNotEquals":{"aws:TagKeys":"team"}}"#, false),
        (r#"{"StringLike":{"s3:prefix":"home/${aws:username}/*"}}"#, true),
        (r#"{"StringEquals":{"s3:prefix":"home/${aws:userid, 'alice'}/"}}"#, true),
        (r#"{"StringEquals":{"s3:prefix":"home/${aws:userid}/"}}"#, false),
        (r#"{"StringNotEquals":{"s3:prefix":"home/${aws:userid}/"}}"#, true),
        (r#"{"StringLike":{"s3:prefix":"home/alic${?}/"}}"#, false),
        (r#"{"StringLike":{"s3:prefix":"home/alic?/"},"Bool":{"aws:SecureTransport":"false"}}"#, false),
        (r#"{"StringLike":{"s3:prefix":"home/*","aws:username":"bob"}}"#, false),
    ];
    for (condition, expected) in cases {
        let text = statement("Allow", &format!(r#","Condition":{condition}"#));
        let policy = Policy::parse(&text, PolicyKind::Identity).unwrap();
        let decision = decide(&policy, ALICE, "s3:GetObject", "*", &context);
        assert_eq!(decision == Decision::Allowed(Named::Asker), expected, "{condition}");
    }
}

#[test]
fn variables_stand_in_resources_of_the_newer_version_only() {
    let context = Context::default().with("aws:username", "ali*");
    let cases = [
        ("2012-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/ali*/a", true),
        // What comes from a variable has no wildcards.
        ("2012-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/alice/a", false),
        ("2012-10-17", "arn:aws:s3:::home/${aws:userid}/*", "arn:aws:s3:::home//a", false),
        ("2012-10-17", "arn:aws:s3:::a${$}{b}", "arn:aws:s3:::a${b}", true),
        ("2008-10-17", "arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/${aws:username}/a", true),
    ];
    for (version, resource, asked, expected) in cases {
        let text = format!(
            r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"{resource}"}}}}"#
        );
        let policy = Policy::parse(&text, PolicyKind::Identity).unwrap();
        let decision = decide(&policy, ALICE, "s3:GetObject", asked, &context);
        assert_eq!(decision != Decision::Silent, expected, "{version} {resource} {asked}");
    }
}

#[test]
fn what_is_no_policy_is_refused_as_iam_does() {
    use PolicyError::*;
    use PolicyKind::{Identity, Resource, Trust};
    let vendor = || Vendor("a_b".to_owned());
    let cases = [
        (Identity, "", Syntax),
        (Identity, "[]", Syntax),
        (Identity, "{}", Syntax),
        (Identity, r#"{"Statement":[]}"#, Syntax),
        (Identity, r#"{"Version":"2013-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, Syntax),
        (Identity, r#"{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}"#, Syntax),
        (Identity, r#"{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}"#, Syntax),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"*","NotAction":"a:b","Resource":"*"}}"#, Syntax),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","More":1}}"#, Syntax),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":1,"Resource":"*"}}"#, Syntax),
        (Identity, r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#, NoAction),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#, NoResource),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}"#, NoVendor),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:a:b","Resource":"*"}}"#, Colons),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"a_b:c","Resource":"*"}}"#, vendor()),
        (
            Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"bucket"}}"#,
            PolicyError::Resource("bucket".into()),
        ),
        (Identity, r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}"#, Principal),
        (Resource, r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#, NoPrincipal),
        (Resource, r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"alice"}}"#, Syntax),
        (Trust, r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Principal":"*"}}"#, TrustAction),
        (
            Trust,
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}"#,
            TrustResource,
        ),
        (
            Identity,
            r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"a:b","Resource":"*"}]}"#,
            RepeatedSid,
        ),
        (Identity, r#"{"Statement":[{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}]}"#, Sid),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(Policy::parse(text, kind).map(drop), Err(expected), "{text}");
    }
    for (condition, expected) in [
        (r#"{"StringIs":{"a:b":"c"}}"#, Syntax),
        (r#"{"Every:StringEquals":{"a:b":"c"}}"#, Syntax),
        (r#"{"StringEquals":"c"}"#, Syntax),
        (r#"{"StringEquals":{"a:b":[["c"]]}}"#, Syntax),
        (r#"{"NullIfExists":{"a:b":"true"}}"#, Syntax),
        (r#"{"NumericEquals":{"a:b":"ten"}}"#, Legacy),
        (r#"{"DateLessThan":{"a:b":"yesterday"}}"#, Legacy),
        (r#"{"IpAddress":{"a:b":"10.0.0"}}"#, Legacy),
    ] {
        let text = statement("Allow", &format!(r#","Condition":{condition}"#));
        assert_eq!(Policy::parse(&text, Identity).map(drop), Err(expected), "{condition}");
    }
}

#[test]
fn a_policy_for_everybody_makes_public() {
    let cases = [
        (r#","Principal":"*""#, true),
        (r#","Principal":{"AWS":"111122223333"}"#, false),
        (r#","Principal":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#, false),
        (r#","Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#, true),
        (r#","NotPrincipal":{"AWS":"111122223333"}"#, true),
    ];
    for (more, expected) in cases {
        let policy = Policy::parse(&statement("Allow", more), PolicyKind::Resource).unwrap();
        assert_eq!(policy.is_public(), expected, "{more}");
        let policy = Policy::parse(&statement("Deny", more), PolicyKind::Resource).unwrap();
        assert!(!policy.is_public(), "{more}");
    }
}
