//! Carrying out scaling policies of Auto Scaling groups. Sources: "ExecutePolicy", "DescribePolicies" of EC2 Auto Scaling's API.

use watchkeep_core::ports::AlarmAction;

use super::{Aws, AwsError, element};

const SERVICE: &str = "autoscaling";
const VERSION: &str = "2011-01-01";

/// Carries out the policy that the action names, with the datapoint that was compared if the policy is one of steps.
pub(super) async fn execute_policy(aws: &Aws, action: &AlarmAction) -> Result<String, AwsError> {
    let region = action.place.region.as_str();
    let group = group(&action.arn.resource).ok_or_else(|| {
        AwsError::Never("only policies of Auto Scaling groups can be carried out by a call".to_owned())
    })?;
    let policy = action.arn.to_string();
    let about = [("AutoScalingGroupName", group), ("Version", VERSION)];
    let asked = [("Action", "DescribePolicies"), ("PolicyNames.member.1", policy.as_str())];
    let described = aws.query(SERVICE, region, &[asked.as_slice(), &about].concat()).await?;
    let kind =
        element(&described, "PolicyType").ok_or_else(|| AwsError::Never(format!("there is no policy {policy}")))?;
    let (value, threshold) =
        (action.value.unwrap_or_default().to_string(), action.threshold.unwrap_or_default().to_string());
    let mut members = vec![("Action", "ExecutePolicy"), ("PolicyName", policy.as_str())];
    members.extend(about);
    match kind {
        "StepScaling" if action.value.is_none() || action.threshold.is_none() => {
            return Err(AwsError::Never("a policy of steps needs a datapoint and a threshold".to_owned()));
        }
        "StepScaling" => members.extend([("MetricValue", value.as_str()), ("BreachThreshold", threshold.as_str())]),
        // An alarm waits for the cooldown of a simple policy.
        _ => members.push(("HonorCooldown", "true")),
    }
    aws.query(SERVICE, region, &members).await?;
    Ok(format!("ExecutePolicy {policy}"))
}

/// The group of `scalingPolicy:ID:autoScalingGroupName/GROUP:policyName/POLICY`.
fn group(resource: &str) -> Option<&str> {
    let (_, rest) = resource.split_once(":autoScalingGroupName/")?;
    rest.split_once(":policyName/").map(|(group, _)| group)
}
