//! Grants that requests name, and how far a holder's own reach (identity.md 2.4, W16).

use super::fields::Refused;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vigie_identity::grants::{StoredGrant, from_permission_keys, merge};
use vigie_identity::{Access, Grant, Scope};

/// A grant as a request names it; a blank scope is `SELF`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedGrant {
    /// The permission key.
    pub key: String,
    /// May read.
    pub read: bool,
    /// May write.
    pub write: bool,
    /// `SELF`, `GROUP` or `ALL`.
    pub scope: String,
}

/// Reads named grants. Repeated keys are merged: flags OR-ed, the widest scope kept. Sorted by key.
pub fn parse(named: &[NamedGrant]) -> Result<Vec<StoredGrant>, Refused> {
    let mut merged: BTreeMap<String, StoredGrant> = BTreeMap::new();
    for (place, grant) in named.iter().enumerate() {
        let path = format!("permission_grants[{place}]");
        let read = one(&path, grant)?;
        merged
            .entry(read.key.clone())
            .and_modify(|known| {
                known.read |= read.read;
                known.write |= read.write;
                known.scope = known.scope.max(read.scope);
            })
            .or_insert(read);
    }
    Ok(merged.into_values().collect())
}

fn one(path: &str, grant: &NamedGrant) -> Result<StoredGrant, Refused> {
    let key = grant.key.trim();
    if key.is_empty() {
        return Err(Refused::new(format!("{path}.key"), "key must not be blank"));
    }
    if !(grant.read || grant.write) {
        return Err(Refused::new(
            path,
            "Permission grant must enable read and/or write",
        ));
    }
    let scope = match grant.scope.as_str() {
        "" => Scope::Own,
        text => text.parse().map_err(|_| {
            let path = format!("{path}.scope");
            Refused::new(path, "scope must be SELF, GROUP or ALL")
        })?,
    };
    Ok(StoredGrant {
        key: key.to_owned(),
        read: grant.read,
        write: grant.write,
        scope,
    })
}

/// What stored grants allow; an unknown scope is the narrowest.
pub fn effective(named: &[NamedGrant]) -> Vec<Grant> {
    merge(named.iter().map(|grant| StoredGrant {
        key: grant.key.clone(),
        read: grant.read,
        write: grant.write,
        scope: grant.scope.parse().unwrap_or(Scope::Own),
    }))
}

/// Reads the legacy list of keys.
pub fn parse_keys(keys: &[String]) -> Result<Vec<StoredGrant>, Refused> {
    if let Some(place) = keys.iter().position(|key| key.trim().is_empty()) {
        let path = format!("permission_keys[{place}]");
        return Err(Refused::new(path, "permission key must not be blank"));
    }
    Ok(from_permission_keys(keys.iter().map(|key| key.trim())))
}

/// Whether a holder of `held` may give `wanted`: each flag, as far as it reaches.
pub fn covers(held: &[Grant], wanted: &[Grant]) -> bool {
    let covered = |wanted: &Grant, access| {
        !wanted.allows(access)
            || held.iter().any(|grant| {
                grant.key == wanted.key
                    && grant.allows(access)
                    && grant.scope(access) >= wanted.scope(access)
            })
    };
    wanted
        .iter()
        .all(|wanted| covered(wanted, Access::Read) && covered(wanted, Access::Write))
}

/// Whether the holder may do everything there is, everywhere.
pub fn is_full(held: &[Grant], keys: &[String]) -> bool {
    let everything: Vec<_> = keys
        .iter()
        .map(|key| Grant {
            key: key.clone(),
            read: true,
            write: true,
            read_scope: Scope::All,
            write_scope: Scope::All,
        })
        .collect();
    covers(held, &everything)
}

/// Whether a grant among these is about administration.
pub fn administers(held: &[Grant]) -> bool {
    held.iter().any(|grant| grant.key.starts_with("admin."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(key: &str, read: bool, write: bool, scope: &str) -> NamedGrant {
        NamedGrant {
            key: key.to_owned(),
            read,
            write,
            scope: scope.to_owned(),
        }
    }

    #[test]
    fn repeated_keys_are_merged_as_in_the_contract() {
        let grants = [
            named("audits", true, false, "SELF"),
            named("audits", false, true, "GROUP"),
            named("audit-configs", true, false, ""),
        ];
        let grants = parse(&grants).unwrap();
        let told: Vec<_> = grants
            .iter()
            .map(|grant| (&*grant.key, grant.read, grant.write, grant.scope))
            .collect();
        assert_eq!(
            told,
            [
                ("audit-configs", true, false, Scope::Own),
                ("audits", true, true, Scope::Group)
            ]
        );
    }

    #[test]
    fn a_grant_of_nothing_or_of_no_scope_is_refused() {
        let refused = parse(&[named("audits", false, false, "ALL")]).unwrap_err();
        assert_eq!(
            refused.message,
            "Permission grant must enable read and/or write"
        );
        let refused = parse(&[named("audits", true, false, "all")]).unwrap_err();
        assert_eq!(refused.path, "permission_grants[0].scope");
        assert!(parse(&[named(" ", true, false, "ALL")]).is_err());
    }

    #[test]
    fn legacy_keys_reach_the_group() {
        let keys = ["audits.read", "audits.run", "realtime.auth", "chat"].map(str::to_owned);
        let told: Vec<_> = parse_keys(&keys)
            .unwrap()
            .into_iter()
            .map(|grant| (grant.key, grant.read, grant.write, grant.scope))
            .collect();
        assert_eq!(
            told,
            [
                ("audits".to_owned(), true, true, Scope::Group),
                ("chat".to_owned(), true, true, Scope::Group),
                ("realtime".to_owned(), true, false, Scope::Group)
            ]
        );
    }

    #[test]
    fn a_holder_gives_no_more_than_it_has() {
        let grant = |read, write, read_scope, write_scope| Grant {
            key: "audits".to_owned(),
            read,
            write,
            read_scope,
            write_scope,
        };
        let mine = [grant(true, true, Scope::All, Scope::Group)];
        assert!(covers(
            &mine,
            &[grant(true, true, Scope::All, Scope::Group)]
        ));
        assert!(!covers(
            &mine,
            &[grant(false, true, Scope::Own, Scope::All)]
        ));
        assert!(!covers(&[], &[grant(true, false, Scope::Own, Scope::Own)]));
        assert!(covers(&[], &[]));
    }

    fn any_named() -> impl Strategy<Value = NamedGrant> {
        let flags = prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))];
        ("[a-c]", flags, prop_oneof!["SELF", "GROUP", "ALL"]).prop_map(
            |(key, (read, write), scope)| NamedGrant {
                key,
                read,
                write,
                scope,
            },
        )
    }

    fn effective(stored: &[StoredGrant]) -> Vec<Grant> {
        merge(stored.iter().cloned())
    }

    proptest! {
        #[test]
        fn merging_ignores_order_and_repetition(mut grants in prop::collection::vec(any_named(), 0..8)) {
            let once = parse(&grants).unwrap();
            let doubled: Vec<_> = grants.iter().chain(&grants).cloned().collect();
            prop_assert_eq!(&parse(&doubled).unwrap(), &once);
            grants.reverse();
            prop_assert_eq!(&parse(&grants).unwrap(), &once);
            prop_assert!(once.is_sorted_by(|a, b| a.key < b.key));
        }

        #[test]
        fn merged_grants_cover_each_of_their_parts(grants in prop::collection::vec(any_named(), 0..8)) {
            let all = effective(&parse(&grants).unwrap());
            for part in &grants {
                let part = effective(&parse(std::slice::from_ref(part)).unwrap());
                prop_assert!(covers(&all, &part));
            }
        }

        #[test]
        fn covering_is_transitive(
            a in prop::collection::vec(any_named(), 0..5),
            b in prop::collection::vec(any_named(), 0..5),
            c in prop::collection::vec(any_named(), 0..5),
        ) {
            let [a, b, c] = [a, b, c].map(|grants| effective(&parse(&grants).unwrap()));
            prop_assert!(covers(&a, &a));
            prop_assert!(!(covers(&a, &b) && covers(&b, &c)) || covers(&a, &c));
        }
    }
}
