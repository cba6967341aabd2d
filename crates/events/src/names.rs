//! Names, keys and ARNs of buses and rules.

use watchkeep_core::{Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_store::ResourceKey;

use crate::errors::{invalid, no_bus};
use crate::limits::BUS_NAME_CHARS_MAX;

/// The bus that every account has in every Region.
pub(crate) const DEFAULT_BUS: &str = "default";

/// What names of partner event sources, and of their buses, begin with.
pub(crate) const PARTNER_PREFIX: &str = "aws.partner/";

/// What FIFO queues' and topics' names end with.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";

/// Between the names of bus and rule in a rule's key: neither has it.
const SEPARATOR: char = ':';

/// The ARN of a bus.
pub(crate) fn bus_arn(bus: &ResourceKey) -> String {
    arn(bus, &format!("event-bus/{}", bus.name))
}

/// The ARN of a rule of a bus.
pub(crate) fn rule_arn(bus: &ResourceKey, rule: &str) -> String {
    match bus.name.as_str() {
        DEFAULT_BUS => arn(bus, &format!("rule/{rule}")),
        name => arn(bus, &format!("rule/{name}/{rule}")),
    }
}

/// The ARN of a resource of this key's account and Region.
pub(crate) fn arn(key: &ResourceKey, resource: &str) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("events", region, key.account.as_str(), resource).to_string()
}

/// The key of a rule.
pub(crate) fn rule_key(bus: &ResourceKey, rule: &str) -> ResourceKey {
    ResourceKey { name: format!("{}{SEPARATOR}{rule}", bus.name), ..bus.clone() }
}

/// What the names of the keys of all rules of a bus begin with.
pub(crate) fn rule_prefix(bus: &ResourceKey) -> String {
    format!("{}{SEPARATOR}", bus.name)
}

/// The name of the rule of a key.
pub(crate) fn rule_name(key: &ResourceKey) -> &str {
    key.name.split_once(SEPARATOR).map_or("", |(_, rule)| rule)
}

/// The key of the bus that a rule's key is of.
pub(crate) fn bus_of_rule(key: &ResourceKey) -> ResourceKey {
    let bus = key.name.split_once(SEPARATOR).map_or("", |(bus, _)| bus);
    ResourceKey { name: bus.to_owned(), ..key.clone() }
}

/// The key of the bus of a name or an ARN; the default one if nothing is given.
pub(crate) fn bus_key(caller: &Caller, bus: Option<&str>) -> Option<ResourceKey> {
    match bus {
        None => Some(ResourceKey::new(caller.account, &caller.region, DEFAULT_BUS)),
        Some(bus) if bus.starts_with("arn:") => bus_of_arn(bus),
        Some(bus) => Some(ResourceKey::new(caller.account, &caller.region, bus)),
    }
}

/// The key of the bus of an ARN.
pub(crate) fn bus_of_arn(arn: &str) -> Option<ResourceKey> {
    let arn: Arn = arn.parse().ok().filter(|arn: &Arn| arn.service == "events")?;
    let name = arn.resource.strip_prefix("event-bus/").filter(|name| is_bus_name(name))?;
    Some(ResourceKey::new(arn.account.parse().ok()?, &arn.region.parse().ok()?, name))
}

/// The key of a bus of the caller's own account and Region.
///
/// # Errors
///
/// The bus is somebody else's, or no bus's name.
pub(crate) fn own_bus_key(caller: &Caller, bus: Option<&str>) -> Result<ResourceKey, ServiceError> {
    let shown = bus.unwrap_or(DEFAULT_BUS);
    let key = bus_key(caller, bus).ok_or_else(|| invalid(format!("Parameter {shown} is not valid.")))?;
    match key.account == caller.account && key.region.as_ref() == Some(&caller.region) {
        true => Ok(key),
        false => Err(no_bus(&key.name)),
    }
}

/// Whether a text may name a bus.
pub(crate) fn is_bus_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
    (1..=BUS_NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::AccountId;

    #[test]
    fn arns_of_rules_name_buses_but_the_default_one() {
        let bus = |name: &str| ResourceKey::new(AccountId::DEFAULT, &Default::default(), name);
        let cases = [
            ("default", "arn:aws:events:us-east-1:000000000000:rule/r"),
            ("orders", "arn:aws:events:us-east-1:000000000000:rule/orders/r"),
            ("aws.partner/a/b", "arn:aws:events:us-east-1:000000000000:rule/aws.partner/a/b/r"),
        ];
        for (name, expected) in cases {
            assert_eq!(rule_arn(&bus(name), "r"), expected);
            let key = rule_key(&bus(name), "r");
            assert_eq!((rule_name(&key), bus_of_rule(&key)), ("r", bus(name)));
            assert_eq!(bus_of_arn(&bus_arn(&bus(name))), Some(bus(name)));
        }
        for bad in ["", "x", "arn:aws:events:us-east-1:000000000000:rule/r", "arn:aws:events:us-east-1:1:event-bus/b"] {
            assert_eq!(bus_of_arn(bad), None, "{bad}");
        }
    }
}
