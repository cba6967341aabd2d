//! Who may do what with a queue: its account whatever the queue's policy does not deny, everybody else what it allows. What the account's
//! own policies say was asked by the gateway before. Source: "Amazon SQS API permissions: Actions and resource reference".

use watchkeep_core::Caller;
use watchkeep_core::ports::ServiceClient;
use watchkeep_model::ServiceError;

use super::Queues;
use super::errors::access_denied;
use super::queue::Queue;
use crate::guard::{Wish, refused, who};

/// The actions that only the queue's account may use, whatever a policy says ("AddPermission", and the notes of these operations on
/// cross-account permissions).
pub(crate) const OWNERS: &[&str] = &[
    "AddPermission",
    "CancelMessageMoveTask",
    "CreateQueue",
    "DeleteQueue",
    "ListMessageMoveTasks",
    "ListQueueTags",
    "ListQueues",
    "RemovePermission",
    "SetQueueAttributes",
    "StartMessageMoveTask",
    "TagQueue",
    "UntagQueue",
];

/// The actions that the root of the queue's account may always use, to see and to mend a policy that shuts everybody out (those of AWS's
/// task policy SQSUnlockQueuePolicy, and AddPermission and RemovePermission).
const MENDING: &[&str] = &[
    "sqs:AddPermission",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:RemovePermission",
    "sqs:SetQueueAttributes",
];

impl Queues {
    /// Whether the caller may. `action` is an action's name, as `SendMessage`, which batches of messages share.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub(crate) fn admit(&self, caller: &Caller, queue: &Queue, action: &str) -> Result<(), ServiceError> {
        let full = format!("sqs:{action}");
        let wish = self.wish(queue, &full);
        if caller.account != queue.key.account && OWNERS.contains(&action) {
            let reason = watchkeep_access::Refusal::NoResourcePolicyAllows;
            return Err(access_denied(refused(&who(caller), &wish, reason)));
        }
        let lets = queue.guard().lets_caller(caller, &wish, MENDING);
        lets.map_err(|refusal| access_denied(refused(&who(caller), &wish, refusal)))
    }

    /// Whether a service may send messages.
    ///
    /// # Errors
    /// Why not, for a person.
    pub(crate) fn admit_service(&self, client: &ServiceClient, queue: &Queue) -> Result<(), String> {
        let wish = self.wish(queue, "sqs:SendMessage");
        let lets = queue.guard().lets_service(client, &wish, self.config.trust);
        lets.map_err(|refusal| refused(client.principal, &wish, refusal))
    }

    fn wish<'a>(&self, queue: &'a Queue, action: &'a str) -> Wish<'a> {
        Wish { owner: queue.key.account, resource: &queue.arn, action, now: self.clock.now(), context: &[] }
    }
}
