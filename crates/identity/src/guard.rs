/// What a guard asks of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// The `read` flag and scope.
    Read,
    /// The `write` flag and scope. Does not imply read.
    Write,
}

/// A permission that a route or an RPC asks for (identity.md 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Guard {
    key: &'static str,
    access: Access,
}

/// Last segments that name an action; any other belongs to the key.
const SUFFIXES: [(&str, Access); 8] = [
    ("read", Access::Read),
    ("auth", Access::Read),
    ("write", Access::Write),
    ("run", Access::Write),
    ("rerun", Access::Write),
    ("fetch", Access::Write),
    ("use", Access::Write),
    ("test", Access::Write),
];

impl Guard {
    /// Reads `base.suffix`: `audits.run` is `audits` with write, `admin.users` is itself with read.
    pub const fn parse(guard: &'static str) -> Self {
        let (key, access) = split(guard);
        match access {
            Some(access) => Self { key, access },
            None => Self {
                key,
                access: Access::Read,
            },
        }
    }

    /// The permission key.
    pub const fn key(self) -> &'static str {
        self.key
    }

    /// The action.
    pub const fn access(self) -> Access {
        self.access
    }
}

/// Splits a guard into its key and, where the last segment names one, its action.
pub(crate) const fn split(guard: &str) -> (&str, Option<Access>) {
    let bytes = guard.as_bytes();
    let mut dot = bytes.len();
    while dot > 0 {
        dot -= 1;
        if bytes[dot] == b'.' {
            let (base, rest) = guard.split_at(dot);
            let (_, suffix) = rest.split_at(1);
            return match action(suffix) {
                Some(access) => (base, Some(access)),
                None => (guard, None),
            };
        }
    }
    (guard, None)
}

const fn action(suffix: &str) -> Option<Access> {
    let mut i = 0;
    while i < SUFFIXES.len() {
        if suffix.eq_ignore_ascii_case(SUFFIXES[i].0) {
            return Some(SUFFIXES[i].1);
        }
        i += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Access, Guard};
    use rstest::rstest;

    #[rstest]
    #[case("audits.run", "audits", Access::Write)]
    #[case("audits.rerun", "audits", Access::Write)]
    #[case("audits.read", "audits", Access::Read)]
    #[case("realtime.auth", "realtime", Access::Read)]
    #[case("realtime.test", "realtime", Access::Write)]
    #[case("chat.use", "chat", Access::Write)]
    #[case("fiches.fetch", "fiches", Access::Write)]
    #[case("admin.users.read", "admin.users", Access::Read)]
    #[case("admin.users.WRITE", "admin.users", Access::Write)]
    #[case("admin.users", "admin.users", Access::Read)]
    #[case("chat", "chat", Access::Read)]
    #[case("audit-configs.write", "audit-configs", Access::Write)]
    fn reads_the_suffix_table(
        #[case] text: &'static str,
        #[case] key: &str,
        #[case] access: Access,
    ) {
        let guard = Guard::parse(text);
        assert_eq!((guard.key(), guard.access()), (key, access));
    }
}
