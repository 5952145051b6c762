use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The address of the client: the first one, from our side, that is not a trusted proxy (W13).
pub fn client_address(headers: &HeaderMap, peer: SocketAddr, trusted: &[IpNet]) -> IpAddr {
    let mut address = canonical(peer.ip());
    let hops: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.iter().rev() {
        if !is_trusted(address, trusted) {
            break;
        }
        match hop_address(hop.trim()) {
            Some(next) => address = canonical(next),
            // A proxy that we trust wrote nonsense: it is the last hop that is known.
            None => break,
        }
    }
    address
}

/// Whether a trusted proxy says that the client speaks TLS to it.
pub(super) fn behind_tls(headers: &HeaderMap, peer: SocketAddr, trusted: &[IpNet]) -> bool {
    let proto = headers
        .get(FORWARDED_PROTO)
        .and_then(|value| value.to_str().ok());
    is_trusted(canonical(peer.ip()), trusted) && proto == Some("https")
}

/// Some proxies write the port too, and brackets around IPv6.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    bare.unwrap_or(hop).parse().or_else(|_| with_port()).ok()
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// A mapped IPv4 address as what it is.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::client_address;
    use axum::http::HeaderMap;
    use rstest::rstest;

    #[rstest]
    #[case("203.0.113.9:1", "198.51.100.1", "203.0.113.9")]
    #[case("10.0.0.1:1", "198.51.100.1", "198.51.100.1")]
    #[case("10.0.0.1:1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1")]
    #[case("10.0.0.1:1", "", "10.0.0.1")]
    #[case("10.0.0.1:1", "unknown, 10.0.0.2", "10.0.0.2")]
    #[case("[::ffff:10.0.0.1]:1", "198.51.100.1", "198.51.100.1")]
    #[case("10.0.0.1:1", "198.51.100.1:4711", "198.51.100.1")]
    #[case("10.0.0.1:1", "[2001:db8::7]:4711, [::ffff:10.0.0.3]", "2001:db8::7")]
    fn only_trusted_proxies_are_believed(
        #[case] peer: &str,
        #[case] forwarded: &str,
        #[case] client: &str,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let address = client_address(&headers, peer.parse().unwrap(), &trusted);
        assert_eq!(address.to_string(), client);
    }
}
