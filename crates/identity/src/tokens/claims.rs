use crate::{Grant, Principal, PrincipalKind, Scope};
use chrono::DateTime;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::HashSet;

/// Claims of an access token (identity.md 1.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// User id in decimal, or `machine:<name>`.
    pub sub: String,
    /// Signed at, epoch seconds.
    pub iat: i64,
    /// Ends at, epoch seconds.
    pub exp: i64,
    /// Id of this token.
    pub jti: String,
    /// Refresh family; users only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Version of the user; a machine has 0.
    pub ver: i64,
    /// Login e-mail; a machine's name.
    pub email: String,
    /// Role keys.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Linked CRM user.
    #[serde(default)]
    pub crm_user_id: Option<String>,
    /// Team names.
    #[serde(default)]
    pub groupes: Vec<String>,
    /// Team names and their former ones.
    #[serde(default)]
    pub groupe_names: Vec<String>,
    /// Effective grants.
    #[serde(default, deserialize_with = "lenient_grants")]
    pub permission_grants: Vec<Grant>,
}

/// Claims of an internal token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternalClaims {
    /// Issuer.
    pub iss: String,
    /// Calling service.
    pub sub: String,
    /// Called service.
    pub aud: String,
    /// Signed at, epoch seconds.
    pub iat: i64,
    /// Ends at, epoch seconds.
    pub exp: i64,
    /// Id of this token.
    pub jti: String,
}

/// Claims that no principal can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid claim `{0}`")]
pub struct InvalidClaims(pub &'static str);

const MACHINE: &str = "machine:";

/// The `sub` of a principal.
pub(super) fn subject(kind: &PrincipalKind) -> String {
    match kind {
        PrincipalKind::User(id) => id.to_string(),
        PrincipalKind::Machine(name) => format!("{MACHINE}{name}"),
    }
}

impl TryFrom<AccessClaims> for Principal {
    type Error = InvalidClaims;

    fn try_from(claims: AccessClaims) -> Result<Self, InvalidClaims> {
        let kind = match claims.sub.strip_prefix(MACHINE) {
            Some("") => return Err(InvalidClaims("sub")),
            Some(name) => PrincipalKind::Machine(name.to_owned()),
            None => PrincipalKind::User(claims.sub.parse().map_err(|_| InvalidClaims("sub"))?),
        };
        let session = claims.sid.filter(|sid| !sid.is_empty());
        if matches!(kind, PrincipalKind::User(_)) && session.is_none() {
            return Err(InvalidClaims("sid"));
        }
        if claims.email.trim().is_empty() {
            return Err(InvalidClaims("email"));
        }
        if claims.jti.is_empty() {
            return Err(InvalidClaims("jti"));
        }
        Ok(Self {
            kind,
            email: claims.email,
            roles: claims.roles,
            crm_user_id: claims.crm_user_id,
            groupes: claims.groupes,
            groupe_names: claims.groupe_names,
            grants: claims.permission_grants,
            session,
            version: claims.ver,
            expires_at: DateTime::from_timestamp(claims.exp, 0).ok_or(InvalidClaims("exp"))?,
        })
    }
}

/// Malformed entries are skipped, the first of a key wins, an unknown scope is the narrowest.
fn lenient_grants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Grant>, D::Error> {
    let mut seen = HashSet::new();
    let entries = Vec::<Value>::deserialize(deserializer)?;
    Ok(entries
        .iter()
        .filter_map(grant)
        .filter(|grant| seen.insert(grant.key.clone()))
        .collect())
}

fn grant(entry: &Value) -> Option<Grant> {
    let scope = |name: &str| {
        entry
            .get(name)
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
            .unwrap_or(Scope::Own)
    };
    Some(Grant {
        key: entry.get("key")?.as_str()?.to_owned(),
        read: entry.get("read")?.as_bool()?,
        write: entry.get("write")?.as_bool()?,
        read_scope: scope("read_scope"),
        write_scope: scope("write_scope"),
    })
}
