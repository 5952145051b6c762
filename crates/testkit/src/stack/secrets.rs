//! What a stack must not share, made once.

use super::Service;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// The secrets of one stack. Stored with mode 0600.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Of the seeded administrator.
    pub admin_password: String,
    /// `VIGIE_ENCRYPTION_KEY`.
    pub encryption_key: String,
    /// What the simulators ask of their callers.
    pub simulator_key: String,
    internal: BTreeMap<Service, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Fresh random ones.
    pub fn generate() -> Self {
        Self {
            admin_password: hex::encode(random::<9>()),
            encryption_key: STANDARD.encode(random::<32>()),
            simulator_key: format!("sim-{}", hex::encode(random::<12>())),
            internal: Service::ALL
                .into_iter()
                .map(|service| (service, hex::encode(random::<32>())))
                .collect(),
        }
    }

    /// A service's own secret towards auth.
    pub fn internal(&self, service: Service) -> &str {
        self.internal.get(&service).map_or("", String::as_str)
    }

    /// What auth knows of all of them: `<service>=<SHA-256 hex>`, comma separated.
    pub fn internal_clients(&self) -> String {
        let clients = self.internal.iter().map(|(service, secret)| {
            format!(
                "{service}={}",
                hex::encode(Sha256::digest(secret.as_bytes()))
            )
        });
        clients.collect::<Vec<_>>().join(",")
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
