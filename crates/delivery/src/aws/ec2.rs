//! Stopping, terminating and rebooting instances. Sources: "StopInstances", "TerminateInstances", "RebootInstances" of EC2's API.

use watchkeep_core::ports::AlarmAction;

use super::{Aws, AwsError};

const VERSION: &str = "2016-11-15";

/// Does what the action says to the instance that the alarm watches.
pub(super) async fn act(aws: &Aws, action: &AlarmAction) -> Result<String, AwsError> {
    let never = |text: &str| AwsError::Never(text.to_owned());
    let instance = action.instance_id.as_deref().ok_or_else(|| never("the alarm watches no instance"))?;
    let operation = match word(&action.arn.resource).as_str() {
        "stop" => "StopInstances",
        "terminate" => "TerminateInstances",
        "reboot" => "RebootInstances",
        "recover" => return Err(never("EC2 has no call that recovers an instance")),
        _ => return Err(never("not an action on an instance")),
    };
    let members = [("Action", operation), ("Version", VERSION), ("InstanceId.1", instance)];
    aws.query("ec2", action.place.region.as_str(), &members).await?;
    Ok(format!("{operation} {instance}"))
}

/// What is done, of a resource as `stop` or `action/actions/AWS_EC2.InstanceId.Stop/1.0`.
pub fn word(resource: &str) -> String {
    let word = resource.strip_prefix("action/actions/AWS_EC2.InstanceId.").unwrap_or(resource);
    word.split('/').next().unwrap_or(word).to_ascii_lowercase()
}
