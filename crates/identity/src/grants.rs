//! Grants: what a role gives, and what several roles give together.

use crate::guard::{Access, split};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// How far a grant reaches, from narrow to wide.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub enum Scope {
    /// Fiches attributed to the caller.
    #[default]
    #[serde(rename = "SELF")]
    Own,
    /// Fiches of the caller's groupes.
    #[serde(rename = "GROUP")]
    Group,
    /// Every fiche.
    #[serde(rename = "ALL")]
    All,
}

/// A scope that is none of `SELF`, `GROUP`, `ALL`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope")]
pub struct UnknownScope;

impl Scope {
    /// The name in tokens, responses and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "SELF",
            Self::Group => "GROUP",
            Self::All => "ALL",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        [Self::Own, Self::Group, Self::All]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

/// An effective grant: what one user may do under one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The permission key.
    pub key: String,
    /// Whether reading is allowed.
    pub read: bool,
    /// Whether writing is allowed. Does not imply read.
    pub write: bool,
    /// What may be read; `SELF` when `read` is false.
    pub read_scope: Scope,
    /// What may be written; `SELF` when `write` is false.
    pub write_scope: Scope,
}

impl Grant {
    /// Whether the grant allows this action.
    pub const fn allows(&self, access: Access) -> bool {
        match access {
            Access::Read => self.read,
            Access::Write => self.write,
        }
    }

    /// How far it reaches for this action.
    pub const fn scope(&self, access: Access) -> Scope {
        match access {
            Access::Read => self.read_scope,
            Access::Write => self.write_scope,
        }
    }
}

/// A row role × permission: one scope for both flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGrant {
    /// The permission key.
    pub key: String,
    /// Whether the role may read.
    pub read: bool,
    /// Whether the role may write.
    pub write: bool,
    /// The scope of both.
    pub scope: Scope,
}

/// Merges the rows of all roles of a user (identity.md 1.4), sorted by key.
pub fn merge(rows: impl IntoIterator<Item = StoredGrant>) -> Vec<Grant> {
    let mut merged: BTreeMap<String, Grant> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.read || row.write) {
        let grant = merged.entry(row.key).or_insert_with_key(|key| Grant {
            key: key.clone(),
            read: false,
            write: false,
            read_scope: Scope::Own,
            write_scope: Scope::Own,
        });
        if row.read {
            grant.read = true;
            grant.read_scope = grant.read_scope.max(row.scope);
        }
        if row.write {
            grant.write = true;
            grant.write_scope = grant.write_scope.max(row.scope);
        }
    }
    merged.into_values().collect()
}

/// Reads the legacy `permission_keys` of a role (identity.md 2.4): a key without a suffix gives both
/// flags, entries on one key are OR-ed, the scope is always `GROUP`.
pub fn from_permission_keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<StoredGrant> {
    let mut rows: BTreeMap<&str, StoredGrant> = BTreeMap::new();
    for (key, access) in keys.into_iter().map(split) {
        let row = rows.entry(key).or_insert_with(|| StoredGrant {
            key: key.to_owned(),
            read: false,
            write: false,
            scope: Scope::Group,
        });
        row.read |= access != Some(Access::Write);
        row.write |= access != Some(Access::Read);
    }
    rows.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::{Grant, Scope, StoredGrant, from_permission_keys, merge};
    use proptest::prelude::*;

    fn row(key: &str, read: bool, write: bool, scope: Scope) -> StoredGrant {
        StoredGrant {
            key: key.to_owned(),
            read,
            write,
            scope,
        }
    }

    #[test]
    fn each_flag_takes_the_widest_scope_of_the_rows_that_have_it() {
        let merged = merge([
            row("audits", true, false, Scope::All),
            row("audits", true, true, Scope::Group),
            row("chat", false, false, Scope::All),
            row("admin.users", false, true, Scope::Group),
        ]);
        let json = serde_json::to_value(&merged).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                {"key":"admin.users","read":false,"write":true,"read_scope":"SELF","write_scope":"GROUP"},
                {"key":"audits","read":true,"write":true,"read_scope":"ALL","write_scope":"GROUP"},
            ])
        );
        assert_eq!(serde_json::from_value::<Vec<Grant>>(json).unwrap(), merged);
    }

    #[test]
    fn legacy_keys_follow_the_suffix_table() {
        let rows = from_permission_keys(["audits.read", "audits.run", "realtime.auth", "chat"]);
        assert_eq!(
            rows,
            [
                row("audits", true, true, Scope::Group),
                row("chat", true, true, Scope::Group),
                row("realtime", true, false, Scope::Group),
            ]
        );
    }

    fn rows() -> impl Strategy<Value = Vec<StoredGrant>> {
        let scope = prop_oneof![Just(Scope::Own), Just(Scope::Group), Just(Scope::All)];
        let one =
            ("[ab]", any::<bool>(), any::<bool>(), scope).prop_map(|(key, read, write, scope)| {
                StoredGrant {
                    key,
                    read,
                    write,
                    scope,
                }
            });
        proptest::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn order_of_roles_does_not_matter(mut rows in rows()) {
            let merged = merge(rows.clone());
            rows.reverse();
            prop_assert_eq!(merge(rows), merged);
        }

        #[test]
        fn a_role_more_never_takes_away(rows in rows(), more in rows()) {
            let before = merge(rows.clone());
            let after = merge(rows.into_iter().chain(more));
            for grant in before {
                let wider = after.iter().find(|other| other.key == grant.key).unwrap();
                prop_assert!(wider.read >= grant.read && wider.write >= grant.write);
                prop_assert!(wider.read_scope >= grant.read_scope);
                prop_assert!(wider.write_scope >= grant.write_scope);
            }
        }
    }
}
