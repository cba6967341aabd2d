//! Which addresses webhooks may lie at. Who may subscribe an endpoint could otherwise have the server call what only the server can
//! reach: its own ports, its neighbours, a cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network, as `10.0.0.0/8` or `fd00::/8`; a single address is one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network, as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let width = width(address);
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| InvalidNetwork)?;
        if bits <= width { Ok(Network { address, bits }) } else { Err(InvalidNetwork) }
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let cut = |address| number(address).checked_shr(width(self.address) - self.bits).unwrap_or(0);
        width(address) == width(self.address) && cut(address) == cut(self.address)
    }
}

/// The addresses that webhooks may lie at: those that anybody can reach, and these.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Networks that are allowed although they are private.
    pub networks: Vec<Network>,
    /// Whether this machine's own addresses (`127.0.0.1`, `::1`) are.
    pub loopback: Loopback,
}

/// Whether webhooks may lie on the machine itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loopback {
    /// They may.
    Allowed,
    /// They may not.
    #[default]
    Refused,
}

impl Reach {
    /// Whether a webhook may lie at this address.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = plain(address);
        is_public(address)
            || self.networks.iter().any(|network| network.holds(address))
            || (address.is_loopback() && self.loopback == Loopback::Allowed)
    }
}

/// The address behind one of IPv6 that only wraps one of IPv4.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let bits = v6.to_bits();
    let is_nat64 = bits >> 32 == 0x0064_ff9b_0000_0000_0000_0000;
    let is_6to4 = bits >> 112 == 0x2002;
    match () {
        () if v6.to_ipv4_mapped().is_some() || is_nat64 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
        () if is_6to4 => IpAddr::V4(Ipv4Addr::from_bits((bits >> 80) as u32)),
        () => address,
    }
}

/// Sources: the special-purpose address registries of IANA, for IPv4 and IPv6.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && b & 0xc0 == 64;
    let is_protocol = (a, b, c) == (192, 0, 0);
    let is_benchmark = a == 198 && b & 0xfe == 18;
    let is_reserved = a == 0 || a >= 240;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || is_shared
        || is_protocol
        || is_benchmark
        || is_reserved)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out, and of it not the addresses for documentation.
    let bits = address.to_bits();
    bits >> 125 == 1 && bits >> 96 != 0x2001_0db8
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_anybody_can_reach_is_public() {
        let cases = [
            ("93.184.216.34", true),
            ("2606:2800:220:1::1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("198.18.0.1", false),
            ("::", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:93.184.216.34", true),
            ("64:ff9b::a00:1", false),
            ("2002:a00:1::", false),
            ("2001:db8::1", false),
        ];
        for (address, expected) in cases {
            assert_eq!(Reach::default().allows(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn what_is_allowed_besides() {
        let networks = ["10.0.0.0/8", "fd00::/8", "192.168.1.5"].map(|text| text.parse().unwrap());
        let reach = Reach { networks: networks.to_vec(), loopback: Loopback::Allowed };
        for (address, expected) in [
            ("10.9.9.9", true),
            ("::ffff:10.9.9.9", true),
            ("fd12::1", true),
            ("192.168.1.5", true),
            ("192.168.1.6", false),
            ("127.0.0.53", true),
            ("::1", true),
            ("169.254.169.254", false),
        ] {
            assert_eq!(reach.allows(address.parse().unwrap()), expected, "{address}");
        }
        for bad in ["", "10.0.0.0/33", "x", "10.0.0.0/x"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
