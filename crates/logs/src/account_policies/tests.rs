//! How many policies there may be, and which of them exclude each other.

use watchkeep_core::AccountId;

use super::*;

fn policy(name: &str, criteria: Option<&str>) -> Arc<Versioned<AccountPolicy>> {
    let value = AccountPolicy {
        name: name.into(),
        document: "{}".into(),
        selection_criteria: criteria.map(str::to_owned),
        updated: 1,
    };
    let key = ResourceKey::new(AccountId::DEFAULT, &Default::default(), name);
    Arc::new(Versioned { version: 1, key, value })
}

#[test]
fn policies_have_quotas_and_do_not_overlap() {
    use PolicyType::{DataProtection, FieldIndex, MetricExtraction, SubscriptionFilter, Transformer};
    fn prefix(index: usize) -> String {
        format!("LogGroupNamePrefix = \"p{index:02}\"")
    }
    let prefixes = |count: usize| (0..count).map(|index| Some(prefix(index))).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    let source = r#"DataSourceName = "a" AND DataSourceType = "b""#;
    type Case = (PolicyType, Vec<Option<String>>, Option<String>, &'static str);
    let cases: Vec<Case> = vec![
        (DataProtection, vec![], None, ""),
        (DataProtection, vec![None], None, "LimitExceededException"),
        (SubscriptionFilter, vec![text(r#"LogGroupName NOT IN ["a"]"#)], None, "LimitExceededException"),
        (Transformer, prefixes(19), Some(prefix(19)), ""),
        (Transformer, prefixes(20), Some(prefix(20)), "LimitExceededException"),
        (Transformer, prefixes(2), Some(prefix(1)), "InvalidParameterException"),
        (Transformer, vec![None], Some(prefix(1)), "InvalidParameterException"),
        (Transformer, prefixes(1), None, "LimitExceededException"),
        (FieldIndex, prefixes(20), text(source), ""),
        (FieldIndex, vec![None], text(source), ""),
        (FieldIndex, vec![text(source)], text(source), "InvalidParameterException"),
        (FieldIndex, vec![text(source)], None, ""),
        (MetricExtraction, vec![text(r#"LogGroupName IN ["a"]"#); 5], None, "LimitExceededException"),
        (MetricExtraction, vec![text(r#"LogGroupName NOT IN ["a"]"#)], text(r#"LogGroupName IN ["a"]"#), ""),
    ];
    for (policy_type, others, criteria, code) in cases {
        let others: Vec<_> = others.iter().map(|criteria| policy("other", criteria.as_deref())).collect();
        let wanted = policy("new", criteria.as_deref()).criteria();
        let outcome = check_others(policy_type, &wanted, &others);
        let found = outcome.err().map(|error| error.code.to_string()).unwrap_or_default();
        assert_eq!(found, code, "{policy_type:?} {} {criteria:?}", others.len());
    }
}

#[test]
fn each_type_has_its_criteria() {
    use PolicyType::{DataProtection, FieldIndex, MetricExtraction, SubscriptionFilter, Transformer};
    let all = [DataProtection, SubscriptionFilter, FieldIndex, Transformer, MetricExtraction];
    let cases: &[(&str, &[PolicyType])] = &[
        (r#"LogGroupName NOT IN ["a"]"#, &[SubscriptionFilter, MetricExtraction]),
        (r#"LogGroupName IN ["a"]"#, &[MetricExtraction]),
        (r#"LogGroupName = "a""#, &[]),
        (r#"LogGroupNamePrefix = "a""#, &[FieldIndex, Transformer]),
        (r#"LogGroupNamePrefix IN ["a"]"#, &[MetricExtraction]),
        (r#"LogGroupNamePrefix NOT IN ["a"]"#, &[MetricExtraction]),
        (r#"DataSourceName = "a" AND DataSourceType = "b""#, &[FieldIndex]),
        ("", &[]),
    ];
    for (text, expected) in cases {
        let found: Vec<_> = all.into_iter().filter(|policy_type| policy_type.criteria(text).is_ok()).collect();
        assert_eq!(&found, expected, "{text}");
    }
    let many = format!("LogGroupName NOT IN [{}\"a\"]", "\"a\",".repeat(50));
    assert!(SubscriptionFilter.criteria(&many).is_ok());
    assert!(MetricExtraction.criteria(&many).is_err());
}

#[test]
fn names_follow_rules() {
    for (name, is_right) in
        [("a", true), ("", false), ("aws/x", false), ("/aws/x", true), ("a:b", false), ("a*", false)]
    {
        assert_eq!(check_name(name).is_ok(), is_right, "{name}");
    }
    assert!(check_name(&"ä".repeat(256)).is_ok());
    assert!(check_name(&"a".repeat(257)).is_err());
}
