//! Administration of identity (identity.md 2.3 to 2.7). Path ids and the shape of bodies are checked
//! here; what the values mean, and who may grant what, is auth's to decide.

pub(super) mod audit_events;
pub(super) mod crm;
pub(super) mod keys;
pub(super) mod roles;
pub(super) mod service_tokens;
pub(super) mod teams;
pub(super) mod users;

use super::edge::Params;
use super::failure::Failure;
use crate::domain::ids::database_id;
use vigie_contracts::auth::v1 as pb;

/// An id in a path; `refused` is the contract's sentence for anything else.
fn path_id(text: String, refused: &'static str) -> Result<String, Failure> {
    match database_id(&text) {
        Some(_) => Ok(text),
        None => Err(Failure::validation(refused)),
    }
}

/// `limit` of a list: 1 to 200, where it is given.
fn limit(params: &Params) -> Result<Option<i64>, Failure> {
    let Some(text) = params.filled("limit") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(limit @ 1..=200) => Ok(Some(limit)),
        Ok(_) | Err(_) => Err(Failure::validation("Invalid query parameters")
            .with_detail("limit", "must be between 1 and 200")),
    }
}

/// A value of the query, where it is given.
fn given(params: &Params, name: &str) -> Option<String> {
    params.filled(name).map(str::to_owned)
}

/// A grant in a body, for the API's description.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub(super) struct GrantBody {
    key: String,
    /// False by default.
    read: Option<bool>,
    /// False by default.
    write: Option<bool>,
    /// `SELF`, `GROUP` or `ALL`; `SELF` by default.
    scope: Option<String>,
}

/// Whether any of a body's optional parts was sent.
fn sent<const N: usize>(fields: &super::fields::Fields<'_>, names: [&str; N]) -> bool {
    names.iter().any(|name| fields.has(name))
}

/// The grants of a body that needs some.
fn grants(sent: Option<pb::RoleGrants>) -> Vec<pb::RoleGrant> {
    sent.map(|sent| sent.grants).unwrap_or_default()
}
