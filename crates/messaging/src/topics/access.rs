//! Who may do what with a topic: its account whatever the topic's policy does not deny, everybody else what it allows. What the account's
//! own policies say was asked by the gateway before. Source: "Example cases for Amazon SNS access control".

use std::sync::Arc;

use watchkeep_access::Refusal;
use watchkeep_core::Caller;
use watchkeep_core::ports::ServiceClient;
use watchkeep_model::ServiceError;
use watchkeep_store::ResourceKey;

use super::Topics;
use super::directory::{Live, LiveTopic};
use super::errors::{denied, no_topic};
use super::resources::owner_of;
use crate::guard::{Guard, Wish, refused, who};

/// The actions that only the topic's account may use: no policy can name them ("AddPermission").
const OWNERS: &[&str] = &["SNS:TagResource", "SNS:UntagResource"];

/// The actions that the root of the topic's account may always use, to see and to mend a policy that shuts everybody out.
const MENDING: &[&str] =
    &["SNS:AddPermission", "SNS:GetTopicAttributes", "SNS:RemovePermission", "SNS:SetTopicAttributes"];

/// Alarms: a topic's default policy lets them in, since they say whose they are as older services do (`aws:SourceOwner`).
const ALARMS: &str = "cloudwatch.amazonaws.com";

impl Topics {
    /// The topic of this key, if the caller may do this with it. `action` is as `SNS:Publish`.
    ///
    /// # Errors
    /// `NotFound`, `AuthorizationError`.
    pub(crate) fn topic_for(
        &self,
        caller: &Caller,
        key: &ResourceKey,
        action: &str,
    ) -> Result<Arc<LiveTopic>, ServiceError> {
        self.topic_for_with(caller, key, action, &[])
    }

    /// The same, with condition keys of the request.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn topic_for_with(
        &self,
        caller: &Caller,
        key: &ResourceKey,
        action: &str,
        context: &[(&'static str, &str)],
    ) -> Result<Arc<LiveTopic>, ServiceError> {
        let live = self.core.directory.topic(key).ok_or_else(no_topic)?;
        let wish = Wish { owner: key.account, resource: &live.arn, action, now: self.core.clock.now(), context };
        if caller.account != key.account && OWNERS.contains(&action) {
            return Err(denied(refused(&who(caller), &wish, Refusal::NoResourcePolicyAllows)));
        }
        let lets = live.guard.lets_caller(caller, &wish, MENDING);
        lets.map_err(|refusal| denied(refused(&who(caller), &wish, refusal)))?;
        Ok(live)
    }

    /// Whether a service may publish.
    ///
    /// # Errors
    /// Why not, for a person.
    pub(crate) fn admit_service(&self, client: &ServiceClient, live: &LiveTopic) -> Result<(), String> {
        let (owner, account) = (live.topic.key.account, client.place.account);
        let of_alarms = [("aws:SourceOwner", account.as_str())];
        let context = if client.principal == ALARMS { &of_alarms[..] } else { &[] };
        let wish = Wish { owner, resource: &live.arn, action: "SNS:Publish", now: self.core.clock.now(), context };
        if client.principal == ALARMS && account == owner && matches!(live.guard, Guard::Absent) {
            return Ok(());
        }
        let lets = live.guard.lets_service(client, &wish, self.trust);
        lets.map_err(|refusal| refused(client.principal, &wish, refusal))
    }

    /// Whether the caller may see and change a subscription: its owner may, and its topic's.
    ///
    /// # Errors
    /// `AuthorizationError`.
    pub(crate) fn admit_to(&self, caller: &Caller, live: &Live, action: &str) -> Result<(), ServiceError> {
        let owners = [owner_of(&live.resource), live.topic.key.account];
        if owners.contains(&caller.account) {
            return Ok(());
        }
        let (owner, now) = (live.topic.key.account, self.core.clock.now());
        let wish = Wish { owner, resource: &live.arn, action, now, context: &[] };
        Err(denied(refused(&who(caller), &wish, Refusal::NoResourcePolicyAllows)))
    }
}
