use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that are not the public internet.
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
    AZURE_HOST,
    ORACLE_METADATA,
];

/// A public number, yet every Azure machine reaches its own host agent by it.
const AZURE_HOST: Ipv4Net = v4([168, 63, 129, 16], 32);
const ALIBABA_METADATA: Ipv4Net = v4([100, 100, 100, 200], 32);
const ORACLE_METADATA: Ipv4Net = v4([192, 0, 0, 192], 32);

/// Where credentials of the machine are handed out; refused whatever the configuration says.
const NEVER: [IpNet; 6] = [
    IpNet::V4(v4([169, 254, 0, 0], 16)),
    IpNet::V4(AZURE_HOST),
    IpNet::V4(ALIBABA_METADATA),
    IpNet::V4(ORACLE_METADATA),
    IpNet::V6(v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10)),
    IpNet::V6(v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128)),
];

/// Only this part of IPv6 is handed out to the public internet; loopback, mapped, translated, local,
/// discard and multicast addresses lie outside.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Parts of [`GLOBAL_UNICAST`] that are not public: protocol assignments with Teredo,
/// documentation, 6to4, documentation again.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix)
}

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_UNICAST.contains(&address)
                && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// Whether an address is link-local or serves a cloud's metadata, in any of its forms.
pub(crate) fn is_never_allowed(address: IpAddr) -> bool {
    let forbidden = |address: IpAddr| NEVER.iter().any(|net| net.contains(&address));
    match address {
        IpAddr::V4(_) => forbidden(address),
        IpAddr::V6(v6) => forbidden(address) || embedded(v6).is_some_and(|v4| forbidden(v4.into())),
    }
}

/// The IPv4 address a translator would reach by this IPv6 address.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        // Compatible and mapped, translated, NAT64 with the well-known and the local prefix, 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0 | 1, .., high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(
            (u32::from(high) << 16) | u32::from(low),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1.1.1.1", true)]
    #[case("9.255.255.255", true)]
    #[case("10.0.0.0", false)]
    #[case("11.0.0.0", true)]
    #[case("100.63.255.255", true)]
    #[case("100.64.0.0", false)]
    #[case("100.127.255.255", false)]
    #[case("100.128.0.0", true)]
    #[case("168.63.129.15", true)]
    #[case("168.63.129.16", false)]
    #[case("172.15.255.255", true)]
    #[case("172.16.0.0", false)]
    #[case("172.31.255.255", false)]
    #[case("172.32.0.0", true)]
    #[case("198.17.255.255", true)]
    #[case("198.18.0.0", false)]
    #[case("198.19.255.255", false)]
    #[case("198.20.0.0", true)]
    #[case("223.255.255.255", true)]
    #[case("224.0.0.0", false)]
    #[case("255.255.255.255", false)]
    #[case("2606:4700:4700::1111", true)]
    #[case("2001:db7:ffff::1", true)]
    #[case("2001:db8::1", false)]
    #[case("2001:0:53aa::1", false)]
    #[case("2002:a00:1::", false)]
    #[case("::ffff:8.8.8.8", false)]
    #[case("64:ff9b::8.8.8.8", false)]
    #[case("100::1", false)]
    #[case("fec0::1", false)]
    #[case("ff02::1", false)]
    fn public_or_not(#[case] address: IpAddr, #[case] expected: bool) {
        assert_eq!(is_public(address), expected);
    }

    #[rstest]
    #[case("169.254.169.254")]
    #[case("::ffff:169.254.169.254")]
    #[case("64:ff9b::169.254.169.254")]
    #[case("64:ff9b:1::169.254.169.254")]
    #[case("::169.254.169.254")]
    #[case("2002:a9fe:a9fe::1")]
    #[case("fe80::1")]
    #[case("fd00:ec2::254")]
    #[case("100.100.100.200")]
    fn never_allowed(#[case] address: IpAddr) {
        assert!(is_never_allowed(address));
        assert!(!is_public(address));
    }

    proptest! {
        #[test]
        fn what_std_calls_local_is_not_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            let local = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!(local && is_public(address.into())));
        }

        #[test]
        fn wrapping_hides_nothing(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            prop_assert!(!is_public(address.to_ipv6_mapped().into()));
            prop_assert_eq!(
                is_never_allowed(address.into()),
                is_never_allowed(address.to_ipv6_mapped().into())
            );
        }
    }
}
