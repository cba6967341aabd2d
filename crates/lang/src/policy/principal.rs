//! Who asks, and whom a statement names.

/// Who wants to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker<'a> {
    /// Nobody who is known.
    Anonymous,
    /// A service for itself, by its principal, as `logs.us-east-1.amazonaws.com`.
    Service(&'a str),
    /// An identity of an account.
    Identity {
        /// The account id.
        account: &'a str,
        /// The ARN of the user, the role or the account's root.
        arn: &'a str,
        /// The ARN of the role's session, if it is one.
        session: Option<&'a str>,
    },
}

/// How closely a statement names the asker, from the loosest. Within an account a policy of a resource that names its account only
/// leaves the decision to the identity's own policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// By the account.
    Account,
    /// By the role of its session.
    Role,
    /// With everybody, or itself: user, session or service. In an identity's own policy, too.
    Asker,
}

/// The principals that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Principals {
    /// `Principal`.
    These(Vec<Principal>),
    /// `NotPrincipal`.
    AllBut(Vec<Principal>),
}

/// A principal, as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Principal {
    /// `*`.
    Everyone,
    /// `AWS`: an account, by its id.
    Account(String),
    /// `AWS`: a user, role or session by its ARN, or by the unique id of one that was deleted.
    Identity(String),
    /// `Service`.
    Service(String),
    /// `Federated` or `CanonicalUser`: an identity of another house, which nobody here has.
    Foreign,
}

impl Principal {
    /// The principal of a value of `AWS`.
    pub(super) fn aws(value: &str) -> Principal {
        let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let root = value.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
        match root.unwrap_or(value) {
            "*" => Principal::Everyone,
            account if is_account(account) => Principal::Account(account.to_owned()),
            _ => Principal::Identity(value.to_owned()),
        }
    }

    fn names(&self, asker: &Asker<'_>) -> Option<Named> {
        match (self, asker) {
            (Principal::Everyone, _) => Some(Named::Asker),
            (Principal::Service(own), Asker::Service(service)) => {
                own.eq_ignore_ascii_case(service).then_some(Named::Asker)
            }
            (Principal::Account(own), Asker::Identity { account, .. }) => (own == account).then_some(Named::Account),
            (Principal::Identity(own), Asker::Identity { arn, session, .. }) => match session {
                Some(session) if own == session => Some(Named::Asker),
                Some(_) => (own == arn).then_some(Named::Role),
                None => (own == arn).then_some(Named::Asker),
            },
            _ => None,
        }
    }
}

impl Principals {
    /// How the statement names the asker, if it is about it. Who is left out by `NotPrincipal` must be so by every name that it
    /// has: itself, its role and its account.
    pub(super) fn name(&self, asker: &Asker<'_>) -> Option<Named> {
        match self {
            Principals::These(these) => these.iter().filter_map(|principal| principal.names(asker)).max(),
            Principals::AllBut(others) => {
                let has = |named| others.iter().any(|principal| principal.names(asker) == Some(named));
                let left_out = match asker {
                    Asker::Identity { session: Some(_), .. } => {
                        has(Named::Asker) && has(Named::Role) && has(Named::Account)
                    }
                    Asker::Identity { arn, session: None, .. } if arn.ends_with(":root") => has(Named::Account),
                    Asker::Identity { session: None, .. } => has(Named::Asker) && has(Named::Account),
                    Asker::Service(_) | Asker::Anonymous => has(Named::Asker),
                };
                (!left_out).then_some(Named::Asker)
            }
        }
    }

    /// Whether everybody is meant.
    pub(super) fn is_everyone(&self) -> bool {
        match self {
            Principals::These(these) => these.contains(&Principal::Everyone),
            Principals::AllBut(others) => !others.contains(&Principal::Everyone),
        }
    }
}
