//! Accounts as administration sees and changes them.

use crate::domain::session::UserStatus;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;

/// A team, by what names it.
#[derive(Debug, Clone, Deserialize)]
pub struct TeamRef {
    /// Row.
    pub id: i64,
    /// The group it mirrors.
    pub crm_group_id: String,
    /// Current name.
    pub name: String,
}

/// An account with its roles and teams.
#[derive(Debug, Clone)]
pub struct Account {
    /// Row.
    pub id: i64,
    /// Login.
    pub email: String,
    /// Status.
    pub status: UserStatus,
    /// Whether it has a password.
    pub has_password: bool,
    /// Linked CRM user.
    pub crm_user_id: Option<String>,
    /// Role keys, sorted.
    pub roles: Vec<String>,
    /// By name.
    pub teams: Json<Vec<TeamRef>>,
    /// Last login.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An account, by what names it.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Row.
    pub id: i64,
    /// Login.
    pub email: String,
    /// Status.
    pub status: UserStatus,
    /// Linked CRM user.
    pub crm_user_id: Option<String>,
}

impl From<Account> for Linked {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            status: account.status,
            crm_user_id: account.crm_user_id,
        }
    }
}

/// A new account.
pub struct New<'a> {
    /// Login.
    pub email: &'a str,
    /// None for invited people.
    pub password_hash: Option<&'a str>,
    /// Status.
    pub status: UserStatus,
    /// Linked CRM user.
    pub crm_user_id: Option<&'a str>,
}

/// Accounts by id: those after `after` whose e-mail, CRM id or a team's name contains `q`; all of
/// them without `limit`.
pub async fn list(
    conn: &mut PgConnection,
    q: Option<&str>,
    after: Option<i64>,
    limit: Option<i64>,
) -> sqlx::Result<Vec<Account>> {
    select(conn, None, q, after, limit).await
}

/// One account.
pub async fn one(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Account>> {
    Ok(select(conn, Some(id), None, None, None).await?.pop())
}

async fn select(
    conn: &mut PgConnection,
    id: Option<i64>,
    q: Option<&str>,
    after: Option<i64>,
    limit: Option<i64>,
) -> sqlx::Result<Vec<Account>> {
    sqlx::query_as!(
        Account,
        r#"SELECT u.id, u.email, u.status AS "status: UserStatus", u.crm_user_id,
                  u.password_hash IS NOT NULL AS "has_password!", u.last_login_at, u.created_at,
                  ARRAY(SELECT r.key FROM user_roles ur JOIN roles r ON r.id = ur.role_id
                         WHERE ur.user_id = u.id ORDER BY r.key) AS "roles!",
                  coalesce((SELECT jsonb_agg(jsonb_build_object('id', t.id, 'crm_group_id', t.crm_group_id,
                                                                'name', t.name) ORDER BY t.name, t.id)
                              FROM user_teams ut JOIN teams t ON t.id = ut.team_id
                             WHERE ut.user_id = u.id), '[]') AS "teams!: Json<Vec<TeamRef>>"
             FROM users u
            WHERE ($1::bigint IS NULL OR u.id = $1)
              AND ($2::text IS NULL
                   OR position(lower($2) IN u.email) > 0
                   OR position(lower($2) IN lower(u.crm_user_id)) > 0
                   OR EXISTS (SELECT FROM user_teams ut JOIN teams t ON t.id = ut.team_id
                               WHERE ut.user_id = u.id AND position(lower($2) IN lower(t.name)) > 0))
              AND ($3::bigint IS NULL OR u.id > $3)
            ORDER BY u.id
            LIMIT $4"#,
        id,
        q,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The accounts linked to one of these CRM users, or with one of these logins.
pub async fn linked(
    conn: &mut PgConnection,
    crm_user_ids: &[String],
    emails: &[String],
) -> sqlx::Result<Vec<Linked>> {
    sqlx::query_as!(
        Linked,
        r#"SELECT id, email, status AS "status: UserStatus", crm_user_id FROM users
            WHERE crm_user_id = ANY($1) OR email = ANY($2)
            ORDER BY id"#,
        crm_user_ids,
        emails,
    )
    .fetch_all(conn)
    .await
}

/// Creates an account.
pub async fn insert(conn: &mut PgConnection, new: &New<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO users (email, password_hash, status, crm_user_id)
         VALUES ($1, $2, $3, $4) RETURNING id",
        new.email,
        new.password_hash,
        new.status as UserStatus,
        new.crm_user_id,
    )
    .fetch_one(conn)
    .await
}

/// Sets the status.
pub async fn set_status(conn: &mut PgConnection, id: i64, status: UserStatus) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET status = $2, updated_at = now() WHERE id = $1",
        id,
        status as UserStatus,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the password, or takes it away.
pub async fn set_password(
    conn: &mut PgConnection,
    id: i64,
    hash: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET password_hash = $2, must_change_password = false, updated_at = now()
          WHERE id = $1",
        id,
        hash,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Links a CRM user, or none.
pub async fn set_crm_user(
    conn: &mut PgConnection,
    id: i64,
    crm_user_id: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET crm_user_id = $2, updated_at = now() WHERE id = $1",
        id,
        crm_user_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the roles of an account.
pub async fn set_roles(conn: &mut PgConnection, id: i64, roles: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH removed AS (
             DELETE FROM user_roles WHERE user_id = $1 AND role_id <> ALL($2)
         )
         INSERT INTO user_roles (user_id, role_id)
         SELECT $1, role_id FROM UNNEST($2::bigint[]) AS r (role_id)
         ON CONFLICT DO NOTHING",
        id,
        roles,
    )
    .execute(conn)
    .await?;
    Ok(())
}
