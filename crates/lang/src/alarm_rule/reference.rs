//! How an alarm is referred to.

use std::fmt;

/// An alarm, by its name or its ARN: in a rule, or as the suppressor of a composite alarm's actions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlarmReference {
    text: String,
    /// Where the name begins in the text, in bytes; 0 if it is all of it.
    name_at: usize,
}

/// What an alarm's ARN has before the name.
const RESOURCE: &str = "alarm:";

impl AlarmReference {
    /// Reads `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME`, and takes everything else as a name: a name may have colons.
    pub fn new(text: impl Into<String>) -> AlarmReference {
        let text = text.into();
        let name_at = name_in_arn(&text).map_or(0, |name| text.len() - name.len());
        AlarmReference { text, name_at }
    }

    /// The alarm's name.
    pub fn name(&self) -> &str {
        self.text.get(self.name_at..).unwrap_or_default()
    }

    /// Region and account, if it is an ARN. References must be of the composite's own account and Region.
    pub fn region_and_account(&self) -> Option<(&str, &str)> {
        let arn = self.text.get(..self.name_at)?;
        let mut parts = arn.split(':').skip(3);
        Some((parts.next()?, parts.next()?))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for AlarmReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn name_in_arn(text: &str) -> Option<&str> {
    let mut parts = text.splitn(6, ':');
    let is_alarm = parts.next() == Some("arn") && parts.next().is_some() && parts.next() == Some("cloudwatch");
    // Region and account.
    let resource = parts.nth(2).filter(|_| is_alarm)?;
    resource.strip_prefix(RESOURCE).filter(|name| !name.is_empty())
}
