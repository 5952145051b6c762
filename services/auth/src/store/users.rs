//! Users with what they may do.

use crate::domain::email::Email;
use crate::domain::session::UserStatus;
use sqlx::PgConnection;
use vigie_events::ids::UserId;

/// What a login checks.
pub struct Credentials {
    /// Row.
    pub id: i64,
    /// Stored password, if any.
    pub password_hash: Option<String>,
    /// Account status.
    pub status: UserStatus,
}

/// A user with roles and teams, as tokens and `/me` show them.
pub struct Account {
    /// Row.
    pub id: UserId,
    /// Login.
    pub email: String,
    /// Account status.
    pub status: UserStatus,
    /// Linked CRM user.
    pub crm_user_id: Option<String>,
    /// Token version.
    pub version: i64,
    /// Whether the seeded password is still in use.
    pub must_change_password: bool,
    /// Role keys, sorted.
    pub roles: Vec<String>,
    /// Current team names, sorted.
    pub groupes: Vec<String>,
    /// Current and former team names, sorted.
    pub groupe_names: Vec<String>,
}

/// One grant of one role of a user.
pub struct StoredGrant {
    /// Permission key.
    pub key: String,
    /// May read.
    pub can_read: bool,
    /// May write.
    pub can_write: bool,
    /// `SELF`, `GROUP` or `ALL`.
    pub scope: String,
}

/// What is needed to check a password.
pub async fn credentials(
    conn: &mut PgConnection,
    email: &Email,
) -> sqlx::Result<Option<Credentials>> {
    sqlx::query_as!(
        Credentials,
        r#"SELECT id, password_hash, status AS "status: UserStatus" FROM users WHERE email = $1"#,
        email.as_str(),
    )
    .fetch_optional(conn)
    .await
}

/// A user whose row is held until the transaction ends.
pub struct Locked {
    /// Login.
    pub email: String,
    /// Account status.
    pub status: UserStatus,
    /// Stored password, if any.
    pub password_hash: Option<String>,
    /// Token version.
    pub version: i64,
}

/// Reads a user and holds the row: nobody else changes the user's password, status or sessions.
pub async fn lock(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Locked>> {
    sqlx::query_as!(
        Locked,
        r#"SELECT email, status AS "status: UserStatus", password_hash, version
             FROM users WHERE id = $1 FOR NO KEY UPDATE"#,
        id,
    )
    .fetch_optional(conn)
    .await
}

/// Stores the same password in today's form.
pub async fn rehash(conn: &mut PgConnection, id: i64, hash: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET password_hash = $2 WHERE id = $1",
        id,
        hash
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The account with roles and teams.
pub async fn account(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Account>> {
    let row = sqlx::query!(
        r#"SELECT u.id, u.email, u.status AS "status: UserStatus", u.crm_user_id, u.version,
                  u.must_change_password,
                  ARRAY(SELECT r.key FROM user_roles ur JOIN roles r ON r.id = ur.role_id
                         WHERE ur.user_id = u.id ORDER BY r.key) AS "roles!",
                  ARRAY(SELECT DISTINCT btrim(t.name) FROM user_teams ut JOIN teams t ON t.id = ut.team_id
                         WHERE ut.user_id = u.id AND btrim(t.name) <> '' ORDER BY 1) AS "groupes!",
                  ARRAY(SELECT btrim(t.name) FROM user_teams ut JOIN teams t ON t.id = ut.team_id
                         WHERE ut.user_id = u.id AND btrim(t.name) <> ''
                        UNION
                        SELECT a.name FROM user_teams ut JOIN team_aliases a ON a.team_id = ut.team_id
                         WHERE ut.user_id = u.id
                        ORDER BY 1) AS "groupe_names!"
             FROM users u WHERE u.id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Account {
        id: UserId::new(row.id),
        email: row.email,
        status: row.status,
        crm_user_id: row.crm_user_id,
        version: row.version,
        must_change_password: row.must_change_password,
        roles: row.roles,
        groupes: row.groupes,
        groupe_names: row.groupe_names,
    }))
}

/// Every grant of every role of a user.
pub async fn grants(conn: &mut PgConnection, id: i64) -> sqlx::Result<Vec<StoredGrant>> {
    sqlx::query_as!(
        StoredGrant,
        r#"SELECT p.key, rp.can_read, rp.can_write, rp.scope::text AS "scope!"
             FROM user_roles ur
             JOIN role_permissions rp ON rp.role_id = ur.role_id
             JOIN permissions p ON p.id = rp.permission_id
            WHERE ur.user_id = $1 AND (rp.can_read OR rp.can_write)"#,
        id,
    )
    .fetch_all(conn)
    .await
}

/// Notes a login.
pub async fn touch_login(conn: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET last_login_at = now(), updated_at = now() WHERE id = $1",
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Creates the seeded administrator unless the address is known, and makes sure it holds `admin`.
/// Password and status of an existing account stay as they are. Returns whether it was created.
pub async fn seed_admin(
    conn: &mut PgConnection,
    email: &Email,
    password_hash: &str,
) -> sqlx::Result<bool> {
    let created = sqlx::query!(
        "INSERT INTO users (email, password_hash, status, must_change_password)
         VALUES ($1, $2, 'ACTIVE', true)
         ON CONFLICT (email) DO NOTHING",
        email.as_str(),
        password_hash,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected()
        == 1;
    sqlx::query!(
        "INSERT INTO user_roles (user_id, role_id)
         SELECT u.id, r.id FROM users u, roles r WHERE u.email = $1 AND r.key = 'admin'
         ON CONFLICT DO NOTHING",
        email.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(created)
}
