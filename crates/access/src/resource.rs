//! What the policy of a resource decides.

use watchkeep_core::AccountId;
use watchkeep_lang::policy::{Asker, Context, Decision, Policy, Request};

/// What is asked of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'r> {
    /// Who asks.
    pub asker: Asker<'r>,
    /// For what, as `s3:PutObject`.
    pub action: &'r str,
    /// Of which resource: its ARN.
    pub resource: &'r str,
    /// In which circumstances.
    pub context: &'r Context,
}

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A statement denies it.
    ExplicitDeny,
    /// No policy of the resource allows it, and nothing else could.
    NoResourcePolicyAllows,
}

/// Whether a resource of `owner` lets somebody in. Identities of its own account need no policy of the resource, since their own
/// policies have been asked before; those of other accounts, services and nobody need one that allows.
///
/// # Errors
///
/// [`Refusal`], for the text of an access-denied error.
pub fn resource_lets_in(owner: AccountId, policy: Option<&Policy>, ask: &Ask<'_>) -> Result<(), Refusal> {
    let Ask { asker, action, resource, context } = *ask;
    let decision =
        policy.map_or(Decision::Silent, |policy| policy.decide(&Request { asker, action, resource, context }));
    let is_owner = matches!(asker, Asker::Identity { account, .. } if account == owner.to_string());
    match decision {
        Decision::Denied => Err(Refusal::ExplicitDeny),
        Decision::Allowed(_) => Ok(()),
        Decision::Silent if is_owner => Ok(()),
        Decision::Silent => Err(Refusal::NoResourcePolicyAllows),
    }
}

impl Refusal {
    /// How the texts of access-denied errors go on, behind the resource.
    pub fn because(self, action: &str) -> String {
        match self {
            Refusal::ExplicitDeny => "with an explicit deny in a resource-based policy".to_owned(),
            Refusal::NoResourcePolicyAllows => format!("because no resource-based policy allows the {action} action"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_lang::policy::PolicyKind;

    #[test]
    fn who_is_let_in() {
        let owner: AccountId = "111122223333".parse().unwrap();
        let user = |account| Asker::Identity { account, arn: "arn:aws:iam::444455556666:user/eve", session: None };
        let (own, other) = (user("111122223333"), user("444455556666"));
        let logs = Asker::Service("logs.amazonaws.com");
        let allow = |principal| (r#""Allow""#, principal);
        let everybody = r#""*""#;
        let cases = [
            (None, own, Ok(())),
            (None, other, Err(Refusal::NoResourcePolicyAllows)),
            (None, logs, Err(Refusal::NoResourcePolicyAllows)),
            (None, Asker::Anonymous, Err(Refusal::NoResourcePolicyAllows)),
            (Some(allow(everybody)), Asker::Anonymous, Ok(())),
            (Some(allow(everybody)), other, Ok(())),
            (Some(allow(r#"{"AWS":"444455556666"}"#)), other, Ok(())),
            (Some(allow(r#"{"AWS":"444455556666"}"#)), own, Ok(())),
            (Some(allow(r#"{"Service":"logs.amazonaws.com"}"#)), logs, Ok(())),
            (Some(allow(r#"{"Service":"logs.amazonaws.com"}"#)), other, Err(Refusal::NoResourcePolicyAllows)),
            (Some((r#""Deny""#, everybody)), own, Err(Refusal::ExplicitDeny)),
        ];
        for (statement, asker, expected) in cases {
            let policy = statement.map(|(effect, principal)| {
                let text = format!(
                    r#"{{"Statement":{{"Effect":{effect},"Principal":{principal},"Action":"s3:*","Resource":"*"}}}}"#
                );
                Policy::parse(&text, PolicyKind::Resource).unwrap()
            });
            let context = Context::default();
            let ask = Ask { asker, action: "s3:GetObject", resource: "arn:aws:s3:::b/k", context: &context };
            assert_eq!(resource_lets_in(owner, policy.as_ref(), &ask), expected, "{statement:?} {asker:?}");
        }
    }
}
