//! Policies: IAM's JSON policy language, as identities, buckets, topics, queues, log destinations and keys carry it.
//!
//! A policy is asked of a [`Request`]: who wants to do what to which resource, and in which [`Context`]. It denies, allows or is
//! silent; what follows from several policies is for whoever asks ("Policy evaluation logic"). Sources: "Grammar of the IAM JSON
//! policy language", "IAM JSON policy elements reference".
//!
//! ```
//! use watchkeep_lang::policy::{Asker, Context, Decision, Named, Policy, PolicyKind, Request};
//!
//! let policy = Policy::parse(
//!     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
//!         "Action": "s3:PutObject", "Resource": "arn:aws:s3:::exports/*",
//!         "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}}"#,
//!     PolicyKind::Resource,
//! )?;
//! let context = Context::default().with("aws:SourceAccount", "111122223333");
//! let request = Request {
//!     asker: Asker::Service("logs.us-east-1.amazonaws.com"),
//!     action: "s3:PutObject",
//!     resource: "arn:aws:s3:::exports/a.gz",
//!     context: &context,
//! };
//! assert_eq!(policy.decide(&request), Decision::Allowed(Named::Asker));
//! # Ok::<(), watchkeep_lang::policy::PolicyError>(())
//! ```

mod condition;
mod context;
mod document;
mod glob;
pub mod limits;
mod parse;
mod principal;
mod template;
#[cfg(test)]
mod tests;

pub use context::Context;
pub use principal::{Asker, Named};

use condition::Condition;
use glob::Glob;
use principal::Principals;
use template::Template;

/// A policy, compiled. Cheap to ask, safe to share between threads.
#[derive(Debug, Clone)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// What carries the policy: it decides which elements there must be, and may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// A user, group or role: no principal is named.
    Identity,
    /// A resource, as a bucket: principals are named.
    Resource,
    /// A role: who may assume it. No resource is named.
    Trust,
}

/// What a policy is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Who wants to.
    pub asker: Asker<'r>,
    /// Do what, as `s3:GetObject`.
    pub action: &'r str,
    /// To which resource: its ARN, or `*` where the action has none.
    pub resource: &'r str,
    /// In which circumstances.
    pub context: &'r Context,
}

/// What a policy says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement denies it, whatever others allow.
    Denied,
    /// A statement allows it, and names the asker like this.
    Allowed(Named),
    /// No statement is about it.
    Silent,
}

/// Why a text is not a policy. The texts are those that IAM answers with (`MalformedPolicyDocument`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not JSON, or has what the grammar has not.
    #[error("Syntax errors in policy.")]
    Syntax,
    /// Two statements have the same id.
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    RepeatedSid,
    /// An id has other characters than letters and digits.
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )]
    Sid,
    /// A statement is about no action.
    #[error("Policy statement must contain actions.")]
    NoAction,
    /// A statement is about no resource.
    #[error("Policy statement must contain resources.")]
    NoResource,
    /// A statement of a resource's policy names nobody.
    #[error("Missing required field Principal")]
    NoPrincipal,
    /// An action has no service in front.
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    /// An action has more than one colon.
    #[error("Actions/Condition can contain only one colon.")]
    Colons,
    /// An action's service has characters that no service has.
    #[error("Vendor {0} is not valid")]
    Vendor(String),
    /// A resource is no ARN.
    #[error("Resource {0} must be in ARN format or \"*\".")]
    Resource(String),
    /// An identity's policy names a principal.
    #[error("Policy document should not specify a principal.")]
    Principal,
    /// A role's trust policy names a resource.
    #[error("Has prohibited field Resource.")]
    TrustResource,
    /// A role's trust policy is about other actions than those of assuming it.
    #[error("AssumeRole policy may only specify STS AssumeRole actions.")]
    TrustAction,
    /// A number or a time of a condition is none.
    #[error("The policy failed legacy parsing")]
    Legacy,
    /// It has more statements, or values, than there may be.
    #[error("Syntax errors in policy.")]
    TooLarge,
}

#[derive(Debug, Clone)]
struct Statement {
    effect: Effect,
    principals: Option<Principals>,
    actions: Listed<Glob>,
    /// Absent in trust policies.
    resources: Option<Listed<Template>>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// What a statement is about: what is listed (`Action`), or everything else (`NotAction`).
#[derive(Debug, Clone)]
enum Listed<T> {
    These(Vec<T>),
    AllBut(Vec<T>),
}

impl<T> Listed<T> {
    fn has(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Listed::These(listed) => listed.iter().any(matches),
            Listed::AllBut(listed) => !listed.iter().any(matches),
        }
    }
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    ///
    /// [`PolicyError`]: what IAM would say of it.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Policy, PolicyError> {
        parse::parse(text, kind).map(|statements| Policy { statements })
    }

    /// What the policy says to a request: a statement that denies goes before all that allow; of these, the one that names
    /// the asker most closely.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let mut decision = Decision::Silent;
        let action = request.action.to_ascii_lowercase();
        for statement in &self.statements {
            let Some(named) = statement.is_about(request, &action) else { continue };
            match (statement.effect, decision) {
                (Effect::Deny, _) => return Decision::Denied,
                (Effect::Allow, Decision::Allowed(before)) => decision = Decision::Allowed(before.max(named)),
                (Effect::Allow, _) => decision = Decision::Allowed(named),
            }
        }
        decision
    }

    /// Whether the policy lets anybody in, whom nothing but the principal `*` names: such a resource is public
    /// ("The meaning of public", Amazon S3). A condition on who asks or from where makes it not public.
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.principals.as_ref().is_some_and(Principals::is_everyone)
                && !statement.conditions.iter().any(Condition::narrows_who)
        })
    }
}

impl Statement {
    /// How the statement names the asker, if it is about the request.
    fn is_about(&self, request: &Request<'_>, action: &str) -> Option<Named> {
        let named = match &self.principals {
            Some(principals) => principals.name(&request.asker)?,
            None => Named::Asker,
        };
        let resource =
            |template: &Template| template.glob(request.context).is_some_and(|glob| glob.matches(request.resource));
        let is_about = self.actions.has(|glob| glob.matches(action))
            && self.resources.as_ref().is_none_or(|resources| resources.has(resource))
            && self.conditions.iter().all(|condition| condition.holds(request.context));
        is_about.then_some(named)
    }
}
