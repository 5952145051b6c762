//! Roles and schemas: what keeps a service out of another's tables.

use std::fmt::Write;

/// A schema and the role that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Of the auth service.
    Auth,
    /// Of the fiche cache.
    Fiche,
    /// Of the transcription service.
    Transcription,
    /// Of the audit orchestrator.
    Audit,
    /// Of the automation service.
    Automation,
    /// For the bus crate's own tests; no service has it.
    Bus,
}

impl Schema {
    /// The schemas of a running stack.
    pub const SERVICES: [Self; 5] = [
        Self::Auth,
        Self::Fiche,
        Self::Transcription,
        Self::Audit,
        Self::Automation,
    ];

    /// The schema's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Fiche => "fiche",
            Self::Transcription => "transcription",
            Self::Audit => "audit",
            Self::Automation => "automation",
            Self::Bus => "bus",
        }
    }

    /// The role that owns it and nothing else.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Auth => "vigie_auth",
            Self::Fiche => "vigie_fiche",
            Self::Transcription => "vigie_transcription",
            Self::Audit => "vigie_audit",
            Self::Automation => "vigie_automation",
            Self::Bus => "vigie_bus",
        }
    }

    /// Every schema.
    pub const ALL: [Self; 6] = [
        Self::Auth,
        Self::Fiche,
        Self::Transcription,
        Self::Audit,
        Self::Automation,
        Self::Bus,
    ];
}

/// Makes the roles of all services. Roles belong to the whole server, so two processes may try.
pub fn ensure_roles() -> String {
    let mut sql = "BEGIN; SELECT pg_advisory_xact_lock(8734223001);\n".to_owned();
    for schema in Schema::ALL {
        let (role, name) = (schema.role(), schema.name());
        // `write!` to a String cannot fail.
        let _infallible = writeln!(
            sql,
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
               CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET search_path = {name};
             END IF; END $$;"
        );
    }
    sql.push_str("COMMIT;");
    sql
}

/// Makes the schemas of a database and closes it to everybody else.
pub fn ensure_schemas(database: &str, schemas: &[Schema]) -> String {
    let mut sql = format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
    );
    for schema in schemas {
        let (role, name) = (schema.role(), schema.name());
        let _infallible = writeln!(
            sql,
            "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role};
             CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {role};"
        );
    }
    if schemas.contains(&Schema::Audit) {
        // Its migrations take it where it is; a service's role may not make it.
        sql.push_str(
            "DO $$ BEGIN IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
               CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA audit;
             END IF; END $$;",
        );
    }
    sql
}
