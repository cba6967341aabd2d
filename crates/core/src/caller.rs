//! Who makes a call.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::sync::watch;

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
    /// The access key that signed the call, or the credential whose token came with it.
    pub access_key_id: Option<Arc<str>>,
    /// Where the call came from.
    pub source_address: IpAddr,
    /// The client's `User-Agent`.
    pub user_agent: Option<Arc<str>>,
    /// This call's id, as the client sees it in `x-amzn-RequestId`.
    pub request_id: Arc<str>,
    /// Whether the call came over TLS.
    pub secure_transport: bool,
    /// The client's end of it.
    pub client: Client,
}

/// What a door knows of the client that waits for the answer; nothing of callers within the house.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The origin that the client sent its request to, as `https://watchkeep.example.com:4566`: what URLs in answers begin with.
    pub origin: Option<Arc<str>>,
    /// Tells when the client has gone.
    pub gone: Gone,
    /// How it proved who calls.
    pub proof: Proof,
}

/// How a client proves who calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Proof {
    /// By an access key, or, where nobody asks for proof, not at all.
    #[default]
    AccessKey,
    /// By a bearer token: what is called decides whether that is enough.
    BearerToken,
}

/// Tells operations that wait for something when nobody waits for their answer any more.
#[derive(Debug, Clone, Default)]
pub struct Gone(Option<watch::Receiver<bool>>);

/// The door's end of a [`Gone`].
#[derive(Debug)]
pub struct HangUp(watch::Sender<bool>);

impl HangUp {
    /// A client that is still there, and what tells when it is not.
    pub fn new() -> (HangUp, Gone) {
        let (sender, receiver) = watch::channel(false);
        (HangUp(sender), Gone(Some(receiver)))
    }

    /// The client has gone.
    pub fn tell(&self) {
        self.0.send_replace(true);
    }
}

impl Gone {
    /// Completes when the client has gone; never if it stays.
    pub async fn wait(&self) {
        if let Some(receiver) = &self.0
            && receiver.clone().wait_for(|gone| *gone).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

impl Caller {
    /// One of Watchkeep's services, which calls another in an account and a Region.
    pub fn service(principal: &'static str, account: AccountId, region: Region) -> Caller {
        Caller {
            account,
            region,
            principal: Principal::Service(principal),
            access_key_id: None,
            source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
            request_id: "-".into(),
            secure_transport: true,
            client: Client::default(),
        }
    }

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
