//! Who makes a call.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{AccountId, Region};

/// The identity behind a call, as CloudTrail's `userIdentity` and IAM's policies see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The account's root credentials.
    Root,
    /// An IAM user, by its path and name (`/team/alice` has the path `/team/`).
    User {
        /// The unique id, `AIDA...`.
        id: String,
        /// The path, beginning and ending with `/`.
        path: String,
        /// The user's name.
        name: String,
    },
    /// A session of a role.
    AssumedRole {
        /// The role's unique id, `AROA...`.
        role_id: String,
        /// The role's name.
        role: String,
        /// The session's name.
        session: String,
    },
    /// Another of Watchkeep's services, by its service principal (`events.amazonaws.com`).
    Service(&'static str),
    /// Nobody: the call carried no credentials.
    Anonymous,
}

/// What is known of a call before its operation runs.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account that the call acts in.
    pub account: AccountId,
    /// The Region that the call acts in: that of the signature's scope.
    pub region: Region,
    /// Who calls.
    pub principal: Principal,
    /// The access key that signed the call.
    pub access_key_id: Option<Arc<str>>,
    /// Where the call came from.
    pub source_address: IpAddr,
    /// The client's `User-Agent`.
    pub user_agent: Option<Arc<str>>,
    /// This call's id, as the client sees it in `x-amzn-RequestId`.
    pub request_id: Arc<str>,
    /// Whether the call came over TLS.
    pub secure_transport: bool,
}

impl Caller {
    /// The ARN of the principal; `None` for nobody and for services.
    pub fn principal_arn(&self) -> Option<String> {
        let account = self.account;
        match &self.principal {
            Principal::Root => Some(format!("arn:aws:iam::{account}:root")),
            Principal::User { path, name, .. } => Some(format!("arn:aws:iam::{account}:user{path}{name}")),
            Principal::AssumedRole { role, session, .. } => {
                Some(format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"))
            }
            Principal::Service(_) | Principal::Anonymous => None,
        }
    }
}
