//! How groups and streams are named: by name, by ARN, in answers.

use watchkeep_core::{Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_store::ResourceKey;

use crate::errors::{invalid, no_group};

/// The key of the caller's group of this name.
pub(crate) fn group_key(caller: &Caller, name: &str) -> ResourceKey {
    ResourceKey::new(caller.account, &caller.region, name)
}

/// The key of the group that `logGroupName` or `logGroupIdentifier` names; exactly one of them must be given.
pub(crate) fn group_of(
    caller: &Caller,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Result<ResourceKey, ServiceError> {
    match (name, identifier) {
        (Some(name), None) => Ok(group_key(caller, name)),
        (None, Some(identifier)) => identified(caller, identifier),
        (Some(_), Some(_)) => Err(invalid("Only one of logGroupName and logGroupIdentifier can be specified.")),
        (None, None) => Err(invalid("Either logGroupName or logGroupIdentifier must be specified.")),
    }
}

/// The key of the group of a name or an ARN, with or without `:*` at its end.
pub(crate) fn identified(caller: &Caller, identifier: &str) -> Result<ResourceKey, ServiceError> {
    if !identifier.starts_with("arn:") {
        return Ok(group_key(caller, identifier));
    }
    let arn: Arn = identifier.parse().map_err(|_| invalid("The specified log group identifier is invalid."))?;
    let name = group_named(&arn).ok_or_else(|| invalid("The specified log group identifier is invalid."))?;
    if arn.account != caller.account.as_str() || arn.region != caller.region.as_str() {
        return Err(no_group());
    }
    Ok(group_key(caller, name))
}

/// The name of the group that an ARN names, with or without `:*` at its end, if it names one.
pub(crate) fn group_named(arn: &Arn) -> Option<&str> {
    let name = arn.resource.strip_prefix("log-group:").filter(|_| arn.service == "logs")?;
    Some(name.strip_suffix(":*").unwrap_or(name))
}

/// The ARN of a group, as `logGroupArn` and tags have it.
pub(crate) fn group_arn(key: &ResourceKey) -> String {
    arn_of_group(key).to_string()
}

/// [`group_arn`], in its parts.
pub(crate) fn arn_of_group(key: &ResourceKey) -> Arn {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("logs", region, key.account.as_str(), format!("log-group:{}", key.name))
}

/// The ARN of a group and all its streams, as `arn` and policies have it.
pub(crate) fn group_arn_with_streams(key: &ResourceKey) -> String {
    group_arn(key) + ":*"
}

/// The ARN of a stream.
pub(crate) fn stream_arn(group: &ResourceKey, stream: &str) -> String {
    format!("{}:log-stream:{stream}", group_arn(group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::caller;

    #[test]
    fn groups_are_named_by_name_or_arn() {
        let caller = caller();
        let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/x#1";
        let found = |name: Option<&str>, identifier: Option<&str>| {
            group_of(&caller, name, identifier).map(|key| key.name).map_err(|error| error.code.to_string())
        };
        type Case<'t> = (Option<&'t str>, Option<&'t str>, Result<&'t str, &'t str>);
        let cases: &[Case<'_>] = &[
            (Some("a"), None, Ok("a")),
            (None, Some("a"), Ok("a")),
            (None, Some(arn), Ok("/aws/x#1")),
            (None, Some(&format!("{arn}:*")), Ok("/aws/x#1")),
            (None, None, Err("InvalidParameterException")),
            (Some("a"), Some("a"), Err("InvalidParameterException")),
            (None, Some("arn:aws:logs"), Err("InvalidParameterException")),
            (None, Some("arn:aws:s3:::bucket"), Err("InvalidParameterException")),
            (None, Some(&arn.replace("us-east-1", "eu-west-1")), Err("ResourceNotFoundException")),
            (None, Some(&arn.replace("0000:log", "0001:log")), Err("ResourceNotFoundException")),
        ];
        for (name, identifier, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found(*name, *identifier), expected, "{name:?} {identifier:?}");
        }
        let key = group_key(&caller, "/aws/x#1");
        assert_eq!(group_arn(&key), arn);
        assert_eq!(stream_arn(&key, "s/1"), format!("{arn}:log-stream:s/1"));
    }
}
