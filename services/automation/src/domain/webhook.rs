//! What is refused as a webhook address when it is written (B10.3). Whoever delivers checks again,
//! with the addresses that the name resolves to.

use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Checks an address; the text of the refusal otherwise.
pub fn check(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "Invalid webhookUrl format")?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("webhookUrl must use http or https protocol");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("webhookUrl must not include credentials");
    }
    match url.host() {
        None => Err("Invalid webhookUrl format"),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let local = name == "localhost"
                || [".localhost", ".local", ".internal"]
                    .iter()
                    .any(|end| name.ends_with(end));
            if local {
                Err("webhookUrl hostname not allowed")
            } else {
                Ok(())
            }
        }
        Some(Host::Ipv4(ip)) if is_public_v4(ip) => Ok(()),
        Some(Host::Ipv6(ip)) if is_public_v6(ip) => Ok(()),
        Some(_) => Err("webhookUrl IP not allowed"),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special =
        a == 0 || a >= 224 || (a == 192 && b == 0 && c == 0) || (a == 198 && (b & 0xfe) == 18);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || shared
        || special)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Only the range that is given out, without mapped, translated, tunnelled or documented addresses.
    let segments = ip.segments();
    let global = segments[0] & 0xe000 == 0x2000;
    let tunnel = segments[0] == 0x2002 || (segments[0] == 0x2001 && segments[1] < 0x0200);
    let documented = segments[0] == 0x2001 && segments[1] == 0x0db8;
    global && !tunnel && !documented
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_public_addresses_are_accepted() {
        for good in [
            "https://hooks.example.org/a?b=c",
            "http://93.184.216.34/",
            "https://[2606:2800::1]/",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "hooks",
            "ftp://example.org",
            "https://a:b@example.org",
            "http://localhost:1",
            "http://x.local",
            "http://127.0.0.1",
            "http://10.1.2.3",
            "http://169.254.169.254/latest",
            "http://0x7f000001/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[fd00::1]/",
            "http://100.64.1.1/",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
