//! Functions of IP addresses.

use std::net::IpAddr;

use crate::filter_policy::Cidr;
use crate::insights::plan::Function;
use crate::insights::value::Value;

/// The value, if it is one of these functions.
pub(super) fn call<'v>(function: Function, values: &[Value<'v>]) -> Option<Value<'v>> {
    let text = values.first().and_then(Value::as_text).unwrap_or_default();
    let address = text.parse::<IpAddr>().ok();
    let is_in_subnet = |_: IpAddr| {
        let subnet = values.get(1).and_then(Value::as_text);
        subnet.and_then(|subnet| Cidr::parse(&subnet)).is_some_and(|subnet| subnet.holds(&text))
    };
    Some(Value::Bool(match function {
        Function::IsValidIp => address.is_some(),
        Function::IsValidIpV4 => address.is_some_and(|address| address.is_ipv4()),
        Function::IsValidIpV6 => address.is_some_and(|address| address.is_ipv6()),
        Function::IsIpInSubnet => address.is_some_and(is_in_subnet),
        Function::IsIpV4InSubnet => address.filter(IpAddr::is_ipv4).is_some_and(is_in_subnet),
        Function::IsIpV6InSubnet => address.filter(IpAddr::is_ipv6).is_some_and(is_in_subnet),
        _ => return None,
    }))
}
