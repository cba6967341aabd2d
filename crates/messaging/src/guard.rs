//! The policy of a queue or a topic, compiled once, and what it says to who asks. Sources: "Using custom policies with the Amazon SQS
//! Access Policy Language", "Example cases for Amazon SNS access control".

use watchkeep_access::{Ask, CallerAsks, Refusal, ServiceAsks, resource_lets_in};
use watchkeep_core::ports::ServiceClient;
use watchkeep_core::{AccountId, Caller, Principal, TimestampMs};
use watchkeep_lang::policy::{Policy, PolicyKind};

/// Whom a resource lets in that has no policy, besides the identities of its own account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// Nobody, as on AWS.
    #[default]
    Nobody,
    /// Services that act for a resource of the same account.
    ServicesOfAccount,
}

/// The policy of a resource.
#[derive(Debug, Default)]
pub(crate) enum Guard {
    /// It has none.
    #[default]
    Absent,
    /// What it says.
    Policy(Box<Policy>),
    /// It was kept before policies were checked and asked, and is none: it lets nobody in but the account that it is of.
    Unreadable,
}

/// What is wanted of a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// The account of the resource.
    pub owner: AccountId,
    /// Its ARN.
    pub resource: &'a str,
    /// As `sqs:SendMessage`.
    pub action: &'a str,
    /// When.
    pub now: TimestampMs,
    /// Condition keys that the request has besides the global ones.
    pub context: &'a [(&'static str, &'a str)],
}

impl Guard {
    /// The policy as it is kept.
    pub fn new(text: Option<&str>, resource: &str) -> Guard {
        match text.map(|text| Policy::parse(text, PolicyKind::Resource)) {
            None => Guard::Absent,
            Some(Ok(policy)) => Guard::Policy(Box::new(policy)),
            Some(Err(error)) => {
                tracing::error!(resource, %error, "a policy cannot be read: it lets nobody of other accounts in");
                Guard::Unreadable
            }
        }
    }

    /// Whether a caller is let in. The root of the account that the resource is of is never shut out from `mending`, the actions that
    /// mend a policy.
    pub fn lets_caller(&self, caller: &Caller, wish: &Wish<'_>, mending: &[&str]) -> Result<(), Refusal> {
        let is_own = caller.account == wish.owner;
        let is_identity = !matches!(caller.principal, Principal::Service(_) | Principal::Anonymous);
        if is_own && is_identity && !matches!(self, Guard::Policy(_)) {
            return Ok(());
        }
        if is_own && caller.principal == Principal::Root && mending.contains(&wish.action) {
            return Ok(());
        }
        let asks = CallerAsks::new(caller);
        let mut context = asks.context(caller, wish.now);
        if is_identity {
            context.add("aws:SourceOwner", caller.account.as_str());
        }
        wish.context.iter().for_each(|(key, value)| context.add(key, *value));
        let ask = Ask { asker: asks.asker(), action: wish.action, resource: wish.resource, context: &context };
        resource_lets_in(wish.owner, self.policy(), &ask)
    }

    /// Whether a service is let in.
    pub fn lets_service(&self, client: &ServiceClient, wish: &Wish<'_>, trust: Trust) -> Result<(), Refusal> {
        let is_own = client.place.account == wish.owner;
        if matches!(self, Guard::Absent) && is_own && trust == Trust::ServicesOfAccount {
            return Ok(());
        }
        let asks = ServiceAsks {
            principal: client.principal,
            account: client.place.account,
            region: &client.place.region,
            source_arn: Some(&client.source_arn),
        };
        let mut context = asks.context(wish.now);
        wish.context.iter().for_each(|(key, value)| context.add(key, *value));
        let ask = Ask { asker: asks.asker(), action: wish.action, resource: wish.resource, context: &context };
        resource_lets_in(wish.owner, self.policy(), &ask)
    }

    fn policy(&self) -> Option<&Policy> {
        match self {
            Guard::Policy(policy) => Some(policy),
            Guard::Absent | Guard::Unreadable => None,
        }
    }
}

/// The text of an access-denied error.
pub(crate) fn refused(who: &str, wish: &Wish<'_>, refusal: Refusal) -> String {
    let Wish { action, resource, .. } = wish;
    format!("User: {who} is not authorized to perform: {action} on resource: {resource} {}", refusal.because(action))
}

/// Who calls, as such texts have it.
pub(crate) fn who(caller: &Caller) -> String {
    match &caller.principal {
        Principal::Service(service) => (*service).to_owned(),
        _ => caller.principal_arn().unwrap_or_else(|| "anonymous".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchkeep_core::ports::MetricPlace;
    use watchkeep_lang::policy::{Asker, Context, Decision, Request};

    use super::*;
    use crate::queues::test_caller;

    const OWN: &str = "000000000000";
    const OTHER: &str = "111111111111";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";
    const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:t";

    fn wish(action: &str) -> Wish<'_> {
        let context = &[];
        Wish { owner: AccountId::DEFAULT, resource: QUEUE, action, now: TimestampMs(0), context }
    }

    fn caller(account: &str, principal: Principal) -> Caller {
        Caller { account: account.parse().unwrap(), principal, ..test_caller() }
    }

    fn alice() -> Principal {
        Principal::User { id: "AIDA1".into(), path: "/".into(), name: "alice".into() }
    }

    fn sns(account: &str) -> ServiceClient {
        let place = MetricPlace { account: account.parse().unwrap(), region: Default::default() };
        ServiceClient { principal: "sns.amazonaws.com", place, source_arn: TOPIC.replace(OWN, account) }
    }

    #[test]
    fn who_is_let_in() {
        let statement = |effect: &str, principal: &str, rest: &str| {
            let text = format!(
                r#"{{"Statement":{{"Effect":"{effect}","Principal":{principal},"Action":"SQS:*","Resource":"{QUEUE}"{rest}}}}}"#
            );
            Guard::new(Some(&text), QUEUE)
        };
        let (denied, silent) = (Err(Refusal::ExplicitDeny), Err(Refusal::NoResourcePolicyAllows));
        let absent = || Guard::Absent;
        let unreadable = || Guard::new(Some("{}"), QUEUE);
        let deny = || statement("Deny", r#""*""#, "");
        let allow_other = || statement("Allow", &format!(r#"{{"AWS":"{OTHER}"}}"#), "");
        for (guard, account, principal, expected) in [
            (absent(), OWN, alice(), Ok(())),
            (absent(), OWN, Principal::Anonymous, silent),
            (absent(), OTHER, alice(), silent),
            (unreadable(), OWN, alice(), Ok(())),
            (unreadable(), OTHER, alice(), silent),
            (deny(), OWN, alice(), denied),
            (deny(), OWN, Principal::Root, denied),
            (deny(), OTHER, Principal::Root, denied),
            (allow_other(), OTHER, alice(), Ok(())),
            (allow_other(), "222222222222", alice(), silent),
            (allow_other(), OWN, alice(), Ok(())),
            (statement("Allow", r#""*""#, ""), OWN, Principal::Anonymous, Ok(())),
        ] {
            let lets = guard.lets_caller(&caller(account, principal.clone()), &wish("sqs:SendMessage"), &[]);
            assert_eq!(lets, expected, "{guard:?} {account} {principal:?}");
        }
        let mends = |account, principal, action| {
            deny().lets_caller(&caller(account, principal), &wish(action), &["sqs:SetQueueAttributes"])
        };
        assert_eq!(mends(OWN, Principal::Root, "sqs:SetQueueAttributes"), Ok(()));
        assert_eq!(mends(OWN, alice(), "sqs:SetQueueAttributes"), denied);
        assert_eq!(mends(OTHER, Principal::Root, "sqs:SetQueueAttributes"), denied);

        let from = |key: &str, value: &str| format!(r#","Condition":{{"ArnEquals":{{"aws:{key}":"{value}"}}}}"#);
        let service = r#"{"Service":"sns.amazonaws.com"}"#;
        let of_topic = || statement("Allow", service, &from("SourceArn", TOPIC));
        let of_account = || {
            statement(
                "Allow",
                service,
                &format!(r#","Condition":{{"StringEquals":{{"aws:SourceAccount":"{OTHER}"}}}}"#),
            )
        };
        for (guard, account, trust, expected) in [
            (absent(), OWN, Trust::Nobody, silent),
            (absent(), OWN, Trust::ServicesOfAccount, Ok(())),
            (absent(), OTHER, Trust::ServicesOfAccount, silent),
            (unreadable(), OWN, Trust::ServicesOfAccount, silent),
            (of_topic(), OWN, Trust::Nobody, Ok(())),
            (of_topic(), OTHER, Trust::ServicesOfAccount, silent),
            (of_account(), OTHER, Trust::Nobody, Ok(())),
            (of_account(), OWN, Trust::ServicesOfAccount, silent),
            (deny(), OWN, Trust::ServicesOfAccount, denied),
            // As older policies have it.
            (statement("Allow", r#"{"AWS":"*"}"#, &from("SourceArn", TOPIC)), OWN, Trust::Nobody, Ok(())),
        ] {
            let lets = guard.lets_service(&sns(account), &wish("sqs:SendMessage"), trust);
            assert_eq!(lets, expected, "{guard:?} {account} {trust:?}");
        }
    }

    proptest! {
        /// What a guard decides is what the policy by itself says, and the rules for silence.
        #[test]
        fn a_guard_decides_as_its_policy(
            statements in proptest::collection::vec(
                (any::<bool>(), 0..5_usize, proptest::sample::select(vec!["sqs:*", "SQS:SendMessage", "sqs:Receive*"]), any::<bool>()),
                1..5,
            ),
            account in proptest::sample::select(vec![OWN, OTHER]),
            is_root in any::<bool>(),
            action in proptest::sample::select(vec!["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]),
        ) {
            let principals = [
                r#""*""#.to_owned(),
                format!(r#"{{"AWS":"{OWN}"}}"#),
                format!(r#"{{"AWS":"{OTHER}"}}"#),
                format!(r#"{{"AWS":"arn:aws:iam::{OTHER}:user/alice"}}"#),
                r#"{"Service":"sns.amazonaws.com"}"#.to_owned(),
            ];
            let statements: Vec<String> = statements.iter().map(|(allows, principal, action, is_this)| {
                let effect = if *allows { "Allow" } else { "Deny" };
                let resource = if *is_this { QUEUE } else { "arn:aws:sqs:us-east-1:000000000000:other" };
                format!(
                    r#"{{"Effect":"{effect}","Principal":{},"Action":"{action}","Resource":"{resource}"}}"#,
                    principals[*principal],
                )
            }).collect();
            let text = format!(r#"{{"Statement":[{}]}}"#, statements.join(","));
            let policy = Policy::parse(&text, PolicyKind::Resource).unwrap();
            let caller = caller(account, if is_root { Principal::Root } else { alice() });
            let arn = caller.principal_arn().unwrap();
            let asker = Asker::Identity { account, arn: &arn, session: None };
            let none = Context::default();
            let said = policy.decide(&Request { asker, action, resource: QUEUE, context: &none });
            let expected = match said {
                Decision::Denied => Err(Refusal::ExplicitDeny),
                Decision::Silent if account != OWN => Err(Refusal::NoResourcePolicyAllows),
                Decision::Silent | Decision::Allowed(_) => Ok(()),
            };
            let guard = Guard::new(Some(&text), QUEUE);
            prop_assert_eq!(guard.lets_caller(&caller, &wish(action), &[]), expected);
        }
    }
}
