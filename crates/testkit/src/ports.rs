//! Free ports on the loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

/// Ports by what they are for, chosen so that no two are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Ports(BTreeMap<String, u16>);

impl Ports {
    /// Forgets the ports that somebody else listens on now.
    pub fn keep_free(&mut self) {
        self.0.retain(|_, port| is_free(*port));
    }

    /// The port of `name`: the one it had, else `preferred` when free, else any free one.
    pub fn of(&mut self, name: &str, preferred: Option<u16>) -> std::io::Result<u16> {
        if let Some(port) = self.0.get(name) {
            return Ok(*port);
        }
        let taken = |port: u16| self.0.values().any(|other| *other == port);
        let port = match preferred {
            Some(port) if is_free(port) && !taken(port) => port,
            _ => loop {
                let port = any()?;
                if !taken(port) {
                    break port;
                }
            },
        };
        self.0.insert(name.to_owned(), port);
        Ok(port)
    }
}

/// A port that nobody listens on at this moment.
pub fn any() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_and_a_free_one_kept() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = held.local_addr().unwrap().port();
        let mut ports = Ports::default();
        ports.0.insert("gateway".to_owned(), taken);
        ports.keep_free();
        let gateway = ports.of("gateway", Some(taken)).unwrap();
        assert_ne!(gateway, taken);
        assert_eq!(ports.of("gateway", None).unwrap(), gateway);
    }
}
