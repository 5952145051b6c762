//! The append-only trail of security and administration. Nothing secret goes in.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use vigie_identity::{Caller, PrincipalKind};
use vigie_service::grpc::Origin;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    kind: &'static str,
    id: Option<String>,
    name: Option<String>,
}

impl Actor {
    /// A person.
    pub fn user(id: i64, email: &str) -> Self {
        Self {
            kind: "user",
            id: Some(id.to_string()),
            name: Some(email.to_owned()),
        }
    }

    /// Somebody without a verified credential, such as a failed login.
    pub fn anonymous() -> Self {
        Self {
            kind: "anonymous",
            id: None,
            name: None,
        }
    }

    /// Its id, where it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whoever calls: the principal, else the service that acts for itself.
    pub fn of(caller: &Caller) -> Self {
        let Some(principal) = &caller.principal else {
            return Self {
                kind: "service",
                id: None,
                name: caller.service.map(|service| service.as_str().to_owned()),
            };
        };
        match &principal.kind {
            PrincipalKind::User(id) => Self::user(id.get(), &principal.email),
            PrincipalKind::Machine(id) => Self {
                kind: "machine",
                id: Some(id.clone()),
                name: Some(principal.email.clone()),
            },
        }
    }
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `user`, `role`, `team`, `service_token`, `session`, `teams`, `signing_key`.
    pub kind: &'static str,
    /// Its id; none for many at once.
    pub id: Option<String>,
    /// What a reader knows it by.
    pub name: Option<String>,
}

impl Target {
    /// One thing.
    #[expect(clippy::needless_pass_by_value, reason = "ids are numbers, or texts")]
    pub fn one(kind: &'static str, id: impl ToString, name: &str) -> Self {
        Self {
            kind,
            id: Some(id.to_string()),
            name: Some(name.to_owned()),
        }
    }

    /// Many at once.
    pub fn many(kind: &'static str) -> Self {
        Self {
            kind,
            id: None,
            name: None,
        }
    }
}

/// One thing that happened.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Who did it.
    pub actor: &'a Actor,
    /// `user.created`, `session.reused`, …
    pub action: &'static str,
    /// What it was done to.
    pub target: Target,
    /// What it was before.
    pub before: Option<Value>,
    /// What it is now.
    pub after: Option<Value>,
    /// Where the request came from.
    pub origin: &'a Origin,
}

/// Appends an entry, in the transaction of the action itself.
pub async fn append(conn: &mut PgConnection, entry: Entry<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_events
                (actor_type, actor_id, actor_name, action, target_type, target_id, target_name,
                 before, after, ip, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        entry.actor.kind,
        entry.actor.id.as_deref(),
        entry.actor.name.as_deref(),
        entry.action,
        entry.target.kind,
        entry.target.id,
        entry.target.name,
        entry.before,
        entry.after,
        entry.origin.address.map(|address| address.to_string()),
        entry.origin.request_id.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An entry as stored.
#[derive(Debug)]
pub struct Row {
    /// Grows with time.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Kind of the actor.
    pub actor_type: String,
    /// Id of the actor.
    pub actor_id: Option<String>,
    /// Name of the actor.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: String,
    /// Kind of the target.
    pub target_type: String,
    /// Id of the target.
    pub target_id: Option<String>,
    /// Name of the target.
    pub target_name: Option<String>,
    /// What it was before.
    pub before: Option<Value>,
    /// What it is now.
    pub after: Option<Value>,
    /// The client's address.
    pub ip: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

/// Which entries to list; a field without a value excludes nothing.
#[derive(Debug, Default)]
pub struct Filter {
    /// By actor.
    pub actor_id: Option<String>,
    /// By action.
    pub action: Option<String>,
    /// By kind of target.
    pub target_type: Option<String>,
    /// By target.
    pub target_id: Option<String>,
    /// From then on.
    pub since: Option<DateTime<Utc>>,
    /// Before then.
    pub until: Option<DateTime<Utc>>,
    /// Older than this entry.
    pub before_id: Option<i64>,
}

/// Entries, newest first.
pub async fn list(conn: &mut PgConnection, filter: &Filter, limit: i64) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT id, at, actor_type, actor_id, actor_name, action, target_type, target_id,
                target_name, before, after, ip, request_id
           FROM audit_events
          WHERE ($1::text IS NULL OR actor_id = $1)
            AND ($2::text IS NULL OR action = $2)
            AND ($3::text IS NULL OR target_type = $3)
            AND ($4::text IS NULL OR target_id = $4)
            AND ($5::timestamptz IS NULL OR at >= $5)
            AND ($6::timestamptz IS NULL OR at < $6)
            AND ($7::bigint IS NULL OR id < $7)
          ORDER BY id DESC
          LIMIT $8",
        filter.actor_id,
        filter.action,
        filter.target_type,
        filter.target_id,
        filter.since,
        filter.until,
        filter.before_id,
        limit,
    )
    .fetch_all(conn)
    .await
}
