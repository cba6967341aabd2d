//! Callers and services, as policies see them, with the global condition keys. Source: "AWS global condition context keys".

use jiff::Timestamp;
use watchkeep_core::{AccountId, Caller, Principal, Region, TimestampMs};
use watchkeep_lang::policy::{Asker, Context};

/// A caller, as policies see it.
#[derive(Debug, Clone)]
pub struct CallerAsks {
    account: String,
    /// The user's, the role's or the root's; none of services and of nobody.
    arn: Option<String>,
    session: Option<String>,
    service: Option<&'static str>,
}

impl CallerAsks {
    /// The caller of a call.
    pub fn new(caller: &Caller) -> CallerAsks {
        let account = caller.account.to_string();
        let session =
            matches!(caller.principal, Principal::AssumedRole { .. }).then(|| caller.principal_arn()).flatten();
        let (arn, service) = match &caller.principal {
            Principal::AssumedRole { role, .. } => (Some(format!("arn:aws:iam::{account}:role/{role}")), None),
            Principal::Service(service) => (None, Some(*service)),
            Principal::Root | Principal::User { .. } | Principal::Anonymous => (caller.principal_arn(), None),
        };
        CallerAsks { account, arn, session, service }
    }

    /// Who asks.
    pub fn asker(&self) -> Asker<'_> {
        match (&self.arn, self.service) {
            (Some(arn), _) => Asker::Identity { account: &self.account, arn, session: self.session.as_deref() },
            (None, Some(service)) => Asker::Service(service),
            (None, None) => Asker::Anonymous,
        }
    }

    /// The circumstances of the call, as the global condition keys have them.
    pub fn context(&self, caller: &Caller, now: TimestampMs) -> Context {
        let mut context = circumstances(&caller.region, now);
        context.add("aws:SourceIp", caller.source_address.to_string());
        // What does not leave the machine cannot be listened to on its way: policies that ask for TLS, as tools write them into
        // every queue and bucket, shut nobody out who works on loopback.
        let is_secure = caller.secure_transport || caller.source_address.is_loopback();
        context.add("aws:SecureTransport", is_secure.to_string());
        if let Some(user_agent) = &caller.user_agent {
            context.add("aws:UserAgent", user_agent.as_ref());
        }
        let kind = match &caller.principal {
            Principal::Root => "Account",
            Principal::User { .. } => "User",
            Principal::AssumedRole { .. } => "AssumedRole",
            Principal::Service(_) => "Service",
            Principal::Anonymous => "Anonymous",
        };
        context.add("aws:PrincipalType", kind);
        context.add("aws:PrincipalIsAWSService", self.service.is_some().to_string());
        if let Some(arn) = &self.arn {
            context.add("aws:PrincipalArn", arn);
            context.add("aws:PrincipalAccount", &self.account);
        }
        match &caller.principal {
            Principal::Root => context.add("aws:userid", &self.account),
            Principal::User { id, name, .. } => {
                context.add("aws:userid", id);
                context.add("aws:username", name);
            }
            Principal::AssumedRole { role_id, session, .. } => {
                context.add("aws:userid", format!("{role_id}:{session}"))
            }
            Principal::Service(_) | Principal::Anonymous => {}
        }
        context
    }
}

/// One of Watchkeep's services that acts for a resource of an account, as policies see it.
#[derive(Debug, Clone, Copy)]
pub struct ServiceAsks<'s> {
    /// Its principal, as `logs.us-east-1.amazonaws.com`.
    pub principal: &'s str,
    /// The account of the resource that it acts for.
    pub account: AccountId,
    /// That resource's Region.
    pub region: &'s Region,
    /// That resource's ARN, where the service gives one.
    pub source_arn: Option<&'s str>,
}

impl ServiceAsks<'_> {
    /// Who asks.
    pub fn asker(&self) -> Asker<'_> {
        Asker::Service(self.principal)
    }

    /// The circumstances, as the global condition keys have them.
    pub fn context(&self, now: TimestampMs) -> Context {
        let mut context = circumstances(self.region, now)
            .with("aws:PrincipalIsAWSService", "true")
            .with("aws:PrincipalServiceName", self.principal)
            .with("aws:PrincipalType", "Service")
            .with("aws:SecureTransport", "true")
            .with("aws:SourceAccount", self.account.to_string());
        if let Some(arn) = self.source_arn {
            context.add("aws:SourceArn", arn);
        }
        context
    }
}

/// What is the same whoever asks.
fn circumstances(region: &Region, now: TimestampMs) -> Context {
    let time = Timestamp::from_second(now.seconds()).unwrap_or_default();
    Context::default()
        .with("aws:RequestedRegion", region.as_str())
        .with("aws:CurrentTime", time.to_string())
        .with("aws:EpochTime", now.seconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use watchkeep_lang::policy::{Decision, Policy, PolicyKind, Request};

    #[test]
    fn what_stays_on_the_machine_is_secure() {
        for (address, has_tls, expected) in [
            ("127.0.0.1", false, "true"),
            ("::1", false, "true"),
            ("10.1.2.3", false, "false"),
            ("10.1.2.3", true, "true"),
        ] {
            let caller = Caller {
                account: "111122223333".parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
                principal: Principal::Root,
                access_key_id: None,
                source_address: address.parse().unwrap(),
                user_agent: None,
                request_id: "r".into(),
                secure_transport: has_tls,
                client: watchkeep_core::Client::default(),
            };
            let context = CallerAsks::new(&caller).context(&caller, TimestampMs(0));
            let text = format!(
                r#"{{"Statement": {{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {{"Bool": {{"aws:SecureTransport": "{expected}"}}}}}}}}"#
            );
            let policy = Policy::parse(&text, PolicyKind::Resource).unwrap();
            let asks = CallerAsks::new(&caller);
            let request = Request { asker: asks.asker(), action: "sqs:SendMessage", resource: "*", context: &context };
            assert!(matches!(policy.decide(&request), Decision::Allowed(_)), "{address}");
        }
    }

    #[test]
    fn callers_are_known_by_their_names_and_circumstances() {
        let user = Principal::User { id: "AIDAX".into(), path: "/team/".into(), name: "alice".into() };
        let session = Principal::AssumedRole { role_id: "AROAX".into(), role: "Admin".into(), session: "bob".into() };
        let cases = [
            (Principal::Root, r#"{"AWS": "111122223333"}"#, r#"{"StringEquals": {"aws:userid": "111122223333"}}"#),
            (
                user,
                r#"{"AWS": "arn:aws:iam::111122223333:user/team/alice"}"#,
                r#"{"StringEquals": {"aws:username": "alice", "aws:PrincipalType": "User"}}"#,
            ),
            (
                session.clone(),
                r#"{"AWS": "arn:aws:iam::111122223333:role/Admin"}"#,
                r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/Admin"}}"#,
            ),
            (
                session,
                r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/Admin/bob"}"#,
                r#"{"StringEquals": {"aws:userid": "AROAX:bob"}}"#,
            ),
            (
                Principal::Anonymous,
                r#""*""#,
                r#"{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "Null": {"aws:userid": true}}"#,
            ),
            (
                Principal::Service("sns.amazonaws.com"),
                r#"{"Service": "sns.amazonaws.com"}"#,
                r#"{"Bool": {"aws:PrincipalIsAWSService": true}}"#,
            ),
        ];
        for (principal, named, condition) in cases {
            let caller = Caller {
                account: "111122223333".parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
                principal: principal.clone(),
                access_key_id: None,
                source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                user_agent: None,
                request_id: "r".into(),
                secure_transport: false,
                client: watchkeep_core::Client::default(),
            };
            let asks = CallerAsks::new(&caller);
            let context = asks.context(&caller, TimestampMs(1_768_478_400_000));
            let everywhere = r#"{"DateLessThan": {"aws:CurrentTime": "2026-02-01"}, "StringEquals": {"aws:RequestedRegion": "us-east-1"}}"#;
            for condition in [condition, everywhere] {
                let text = format!(
                    r#"{{"Statement": {{"Effect": "Allow", "Principal": {named}, "Action": "*", "Resource": "*", "Condition": {condition}}}}}"#
                );
                let policy = Policy::parse(&text, PolicyKind::Resource).unwrap();
                let request = Request { asker: asks.asker(), action: "s3:GetObject", resource: "*", context: &context };
                assert!(matches!(policy.decide(&request), Decision::Allowed(_)), "{principal:?} {text}");
            }
        }
    }
}
