//! Machine callers: tokens of the environment, and service tokens (identity.md 1.7, 2.7).

use crate::domain::secret;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use vigie_identity::{Grant, Scope};

/// Every permission there is (identity.md 1.2); the migrations seed the same twelve.
const PERMISSION_KEYS: [&str; 12] = [
    "admin.permissions",
    "admin.roles",
    "admin.users",
    "audit-configs",
    "audits",
    "automation",
    "chat",
    "fiches",
    "products",
    "realtime",
    "recordings",
    "transcriptions",
];

/// How service tokens begin, so that one found in the wrong place is recognised.
const SERVICE_TOKEN: &str = "vgs_";
/// How the principals of service tokens are named; the id follows.
const SERVICE_TOKEN_PRINCIPAL: &str = "service-token-";

/// A new service token.
pub fn new_service_token() -> SecretString {
    let secret = secret::generate();
    SecretString::from(format!("{SERVICE_TOKEN}{}", secret.expose_secret()))
}

/// Whether this looks like a service token.
pub fn is_service_token(token: &SecretString) -> bool {
    token.expose_secret().starts_with(SERVICE_TOKEN)
}

/// The name of a service token's principal.
pub fn service_token_principal(id: i64) -> String {
    format!("{SERVICE_TOKEN_PRINCIPAL}{id}")
}

/// The service token behind a principal's name; `None` for other machines.
pub fn service_token_id(principal: &str) -> Option<i64> {
    principal
        .strip_prefix(SERVICE_TOKEN_PRINCIPAL)?
        .parse()
        .ok()
}

/// A grant of `API_AUTH_TOKEN_GRANTS` that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not <key>:<r|w|rw>:<SELF|GROUP|ALL>")]
pub struct InvalidGrant(String);

/// The configured tokens, as hashes, and what they may do.
#[derive(Debug, Clone, Default)]
pub struct MachineTokens {
    hashes: Vec<[u8; 32]>,
    grants: Vec<Grant>,
}

impl MachineTokens {
    /// Without `grants`: every key but `admin.*`, read and write, everywhere.
    pub fn new(tokens: &[SecretString], grants: &[String]) -> Result<Self, InvalidGrant> {
        let hashes = tokens.iter().map(digest).collect();
        let mut grants: Vec<_> = if grants.is_empty() {
            let keys = PERMISSION_KEYS
                .iter()
                .filter(|key| !key.starts_with("admin."));
            keys.map(|key| grant(key, true, true, Scope::All)).collect()
        } else {
            grants
                .iter()
                .map(|text| parse_grant(text))
                .collect::<Result<_, _>>()?
        };
        grants.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { hashes, grants })
    }

    /// The grants of a token, if it is one of ours. Takes the same time for any token.
    pub fn grants_of(&self, token: &SecretString) -> Option<&[Grant]> {
        let presented = digest(token);
        let known = self.hashes.iter().fold(0_u8, |known, hash| {
            known | hash.ct_eq(&presented).unwrap_u8()
        });
        (known == 1).then_some(&*self.grants)
    }
}

fn digest(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}

fn grant(key: &str, read: bool, write: bool, scope: Scope) -> Grant {
    let scope_if = |flag: bool| if flag { scope } else { Scope::Own };
    let (read_scope, write_scope) = (scope_if(read), scope_if(write));
    Grant {
        key: key.to_owned(),
        read,
        write,
        read_scope,
        write_scope,
    }
}

fn parse_grant(text: &str) -> Result<Grant, InvalidGrant> {
    let invalid = || InvalidGrant(text.to_owned());
    let mut parts = text.trim().split(':');
    let (Some(key), Some(flags), Some(scope), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid());
    };
    let key = PERMISSION_KEYS
        .iter()
        .find(|known| **known == key)
        .ok_or_else(invalid)?;
    let scope: Scope = scope.parse().map_err(|_| invalid())?;
    let (read, write) = match flags {
        "r" => (true, false),
        "w" => (false, true),
        "rw" => (true, true),
        _ => return Err(invalid()),
    };
    Ok(grant(key, read, write, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_leaves_administration_out() {
        let tokens = MachineTokens::new(&["one".into(), "two".into()], &[]).unwrap();
        let grants = tokens.grants_of(&"two".into()).unwrap();
        assert_eq!(grants.len(), 9);
        assert!(
            grants
                .iter()
                .all(|g| g.write && g.write_scope == Scope::All)
        );
        assert!(tokens.grants_of(&"three".into()).is_none());
    }

    #[test]
    fn configured_grants_are_exact() {
        let list = ["audits:r:GROUP".to_owned()];
        let tokens = MachineTokens::new(&["t".into()], &list).unwrap();
        let grant = &tokens.grants_of(&"t".into()).unwrap()[0];
        assert!(grant.read && !grant.write);
        assert_eq!(
            (grant.read_scope, grant.write_scope),
            (Scope::Group, Scope::Own)
        );
        for bad in [
            "audits",
            "audits:x:ALL",
            "nothing:r:ALL",
            "audits:r:WORLD",
            "audits:r:ALL:x",
        ] {
            assert!(MachineTokens::new(&[], &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
