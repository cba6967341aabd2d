//! Networks of addresses, as `10.0.0.0/24` or `2001:db8::/32`.

use std::net::IpAddr;

/// A network. Addresses of the one version of IP are never in one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u32,
}

impl Cidr {
    /// The network of a text; a single address is a network of its own. What lies beyond the mask does not count.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address.parse().ok()?, bits.parse().ok()?)
            }
            Some(_) => return None,
            None => (text.parse().ok()?, width(text.parse().ok()?)),
        };
        (bits <= width(address)).then_some(Cidr { address, bits })
    }

    /// Whether a text is an address of the network.
    pub fn holds(&self, text: &str) -> bool {
        text.parse().is_ok_and(|address: IpAddr| {
            let network = |address| number(address).checked_shr(width(self.address) - self.bits).unwrap_or(0);
            width(address) == width(self.address) && network(address) == network(self.address)
        })
    }
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
    fn addresses_are_in_their_network() {
        let cases = [
            ("10.0.0.77/24", "10.0.0.255", true),
            ("10.0.0.0/24", "10.0.1.0", false),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "::1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3/32", "10.1.2.4", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "2001:db9::", true),
            ("::/0", "1.2.3.4", false),
            ("10.0.0.0/8", "ten", false),
        ];
        for (network, address, expected) in cases {
            assert_eq!(Cidr::parse(network).unwrap().holds(address), expected, "{address} in {network}");
        }
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "x/8"] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }
}
