//! The kinds of actions, by what their ARNs look like.

use watchkeep_core::Arn;
use watchkeep_core::ports::AlarmActionKind;

use crate::evaluation::StateValue;

/// A kind of action.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What it does.
    pub what: What,
    /// The states that it can be an action of.
    pub states: States,
    is: fn(&Arn) -> bool,
}

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Publishes to a topic.
    Topic,
    /// Invokes a function.
    Function,
    /// Does something to an EC2 instance.
    Instance,
    /// Carries out a scaling policy.
    Scaling,
    /// Opens an item or an incident in Systems Manager.
    SystemsManager,
    /// Begins an investigation.
    Investigation,
}

impl What {
    /// What it is to whoever carries it out, unless that is a topic or a function.
    pub(crate) fn carried_out_as(self) -> Option<AlarmActionKind> {
        match self {
            What::Instance => Some(AlarmActionKind::Instance),
            What::Scaling => Some(AlarmActionKind::Scaling),
            What::SystemsManager => Some(AlarmActionKind::SystemsManager),
            What::Investigation => Some(AlarmActionKind::Investigation),
            What::Topic | What::Function => None,
        }
    }
}

/// The states that an action can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum States {
    All,
    AlarmOnly,
}

impl States {
    /// Whether it can be for this one.
    pub(crate) fn has(self, state: StateValue) -> bool {
        self == States::All || state == StateValue::Alarm
    }
}

static KINDS: &[Kind] = &[
    Kind { what: What::Topic, states: States::All, is: |arn| arn.service == "sns" && has_owner(arn) },
    Kind {
        what: What::Function,
        states: States::All,
        is: |arn| arn.service == "lambda" && has_owner(arn) && arn.resource.starts_with("function:"),
    },
    Kind {
        what: What::Instance,
        states: States::All,
        is: |arn| {
            // Theirs have `ec2` where others have the account.
            let automated = ["stop", "terminate", "reboot", "recover"];
            (arn.service == "automate" && arn.account == "ec2" && automated.contains(&&*arn.resource))
                || (arn.service == "swf" && arn.resource.starts_with("action/actions/AWS_EC2.InstanceId."))
        },
    },
    Kind {
        what: What::Scaling,
        states: States::All,
        is: |arn| arn.service == "autoscaling" && has_owner(arn) && arn.resource.starts_with("scalingPolicy:"),
    },
    Kind {
        what: What::SystemsManager,
        states: States::AlarmOnly,
        is: |arn| {
            (arn.service == "ssm" && has_owner(arn) && is_ops_item(&arn.resource))
                || (arn.service == "ssm-incidents" && arn.resource.starts_with("responseplan/"))
        },
    },
    Kind {
        what: What::Investigation,
        states: States::AlarmOnly,
        is: |arn| arn.service == "aiops" && has_owner(arn) && arn.resource.starts_with("investigation-group"),
    },
];

/// The kind of action that an ARN names.
pub(crate) fn kind_of(arn: &str) -> Option<&'static Kind> {
    let arn: Arn = arn.parse().ok()?;
    KINDS.iter().find(|kind| (kind.is)(&arn))
}

fn has_owner(arn: &Arn) -> bool {
    !arn.region.is_empty() && !arn.account.is_empty()
}

fn is_ops_item(resource: &str) -> bool {
    let Some(rest) = resource.strip_prefix("opsitem:") else { return false };
    let (severity, category) =
        rest.split_once('#').map_or((rest, None), |(severity, category)| (severity, Some(category)));
    let categories = ["Availability", "Cost", "Performance", "Recovery", "Security"];
    ["1", "2", "3", "4"].contains(&severity)
        && category.is_none_or(|text| text.strip_prefix("CATEGORY=").is_some_and(|name| categories.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_arn() {
        let cases = [
            ("arn:aws:sns:eu-west-1:123456789012:ops", Some(What::Topic)),
            ("arn:aws:lambda:eu-west-1:123456789012:function:f:live", Some(What::Function)),
            ("arn:aws:automate:eu-west-1:ec2:stop", Some(What::Instance)),
            ("arn:aws:swf:eu-west-1:123456789012:action/actions/AWS_EC2.InstanceId.Stop/1.0", Some(What::Instance)),
            (
                "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1-2:autoScalingGroupName/g:policyName/p",
                Some(What::Scaling),
            ),
            ("arn:aws:ssm:eu-west-1:123456789012:opsitem:3#CATEGORY=Security", Some(What::SystemsManager)),
            ("arn:aws:ssm:eu-west-1:123456789012:opsitem:5", None),
            ("arn:aws:ssm-incidents::123456789012:responseplan/r", Some(What::SystemsManager)),
            ("arn:aws:aiops:eu-west-1:123456789012:investigation-group:1", Some(What::Investigation)),
            ("arn:aws:s3:::bucket", None),
            ("ops", None),
        ];
        for (arn, expected) in cases {
            assert_eq!(kind_of(arn).map(|kind| kind.what), expected, "{arn}");
        }
    }
}
