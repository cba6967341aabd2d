//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;
use std::str::FromStr;

/// Text that is not an ARN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN: six parts separated by colons, the first of them `arn`")]
pub struct InvalidArn;

/// An ARN, split into its parts. Region and account may be empty (S3 buckets have neither, dashboards have no Region).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, ...
    pub partition: String,
    /// The service's namespace, as `logs`.
    pub service: String,
    /// The Region's name, or empty.
    pub region: String,
    /// The account id, or empty.
    pub account: String,
    /// All that follows the fifth colon, as `log-group:app:*`.
    pub resource: String,
}

impl Arn {
    /// An ARN of the `aws` partition.
    pub fn new(service: &str, region: &str, account: &str, resource: impl Into<String>) -> Self {
        Arn {
            partition: "aws".into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: resource.into(),
        }
    }
}

impl FromStr for Arn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, InvalidArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or(InvalidArn);
        if next()? != "arn" {
            return Err(InvalidArn);
        }
        let arn = Arn { partition: next()?, service: next()?, region: next()?, account: next()?, resource: next()? };
        if arn.partition.is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(InvalidArn);
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["arn:aws:logs:eu-west-1:123456789012:log-group:a:b:*", "arn:aws:s3:::bucket/key"] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
        for bad in ["", "arn:aws:logs", "arm:aws:logs:r:a:x", "arn:aws::r:a:x", "arn:aws:logs:r:a:"] {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }
}
