//! Roles, their grants and the permissions there are.

use crate::store::users::StoredGrant;
use sqlx::PgConnection;
use vigie_identity::grants;

/// A role without its grants.
#[derive(Debug, Clone)]
pub struct Role {
    /// Row.
    pub id: i64,
    /// Never changes.
    pub key: String,
    /// Shown.
    pub name: String,
    /// Shown.
    pub description: Option<String>,
}

/// A grant of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrant {
    /// The role.
    pub role_id: i64,
    /// Permission key.
    pub key: String,
    /// May read.
    pub can_read: bool,
    /// May write.
    pub can_write: bool,
    /// `SELF`, `GROUP` or `ALL`.
    pub scope: String,
}

/// A permission.
pub struct Permission {
    /// Row.
    pub id: i64,
    /// What guards name.
    pub key: String,
    /// Shown.
    pub description: Option<String>,
}

/// Every role, by key.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Role>> {
    sqlx::query_as!(
        Role,
        "SELECT id, key, name, description FROM roles ORDER BY key"
    )
    .fetch_all(conn)
    .await
}

/// One role.
pub async fn one(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Role>> {
    sqlx::query_as!(
        Role,
        "SELECT id, key, name, description FROM roles WHERE id = $1",
        id
    )
    .fetch_optional(conn)
    .await
}

/// The roles with these keys; fewer when one is unknown or stands twice.
pub async fn by_keys(conn: &mut PgConnection, keys: &[String]) -> sqlx::Result<Vec<Role>> {
    sqlx::query_as!(
        Role,
        "SELECT id, key, name, description FROM roles WHERE key = ANY($1) ORDER BY key",
        keys,
    )
    .fetch_all(conn)
    .await
}

/// The grants of roles, by key; rows that grant nothing are left out.
pub async fn grants(conn: &mut PgConnection, roles: &[i64]) -> sqlx::Result<Vec<RoleGrant>> {
    sqlx::query_as!(
        RoleGrant,
        r#"SELECT rp.role_id, p.key, rp.can_read, rp.can_write, rp.scope::text AS "scope!"
             FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id
            WHERE rp.role_id = ANY($1) AND (rp.can_read OR rp.can_write)
            ORDER BY rp.role_id, p.key"#,
        roles,
    )
    .fetch_all(conn)
    .await
}

impl From<RoleGrant> for StoredGrant {
    fn from(grant: RoleGrant) -> Self {
        Self {
            key: grant.key,
            can_read: grant.can_read,
            can_write: grant.can_write,
            scope: grant.scope,
        }
    }
}

/// Creates a role without grants.
pub async fn insert(
    conn: &mut PgConnection,
    key: &str,
    name: &str,
    description: Option<&str>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO roles (key, name, description) VALUES ($1, $2, $3) RETURNING id",
        key,
        name,
        description,
    )
    .fetch_one(conn)
    .await
}

/// Renames and describes a role.
pub async fn describe(
    conn: &mut PgConnection,
    id: i64,
    name: &str,
    description: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE roles SET name = $2, description = $3, updated_at = now() WHERE id = $1",
        id,
        name,
        description,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces all grants of a role. `false` when a key is unknown.
pub async fn replace_grants(
    conn: &mut PgConnection,
    role: i64,
    wanted: &[grants::StoredGrant],
) -> sqlx::Result<bool> {
    sqlx::query!("DELETE FROM role_permissions WHERE role_id = $1", role)
        .execute(&mut *conn)
        .await?;
    let keys: Vec<String> = wanted.iter().map(|grant| grant.key.clone()).collect();
    let reads: Vec<bool> = wanted.iter().map(|grant| grant.read).collect();
    let writes: Vec<bool> = wanted.iter().map(|grant| grant.write).collect();
    let scopes: Vec<String> = wanted
        .iter()
        .map(|grant| grant.scope.as_str().to_owned())
        .collect();
    let done = sqlx::query!(
        "INSERT INTO role_permissions (role_id, permission_id, can_read, can_write, scope)
         SELECT $1, p.id, g.can_read, g.can_write, g.scope::permission_scope
           FROM UNNEST($2::text[], $3::bool[], $4::bool[], $5::text[])
                AS g (key, can_read, can_write, scope)
           JOIN permissions p ON p.key = g.key",
        role,
        &keys,
        &reads,
        &writes,
        &scopes,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == wanted.len() as u64)
}

/// Deletes a role; its grants go with it.
pub async fn delete(conn: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM roles WHERE id = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Who holds a role.
pub async fn holders(conn: &mut PgConnection, id: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT user_id FROM user_roles WHERE role_id = $1 ORDER BY user_id",
        id
    )
    .fetch_all(conn)
    .await
}

/// Every permission, by key.
pub async fn permissions(conn: &mut PgConnection) -> sqlx::Result<Vec<Permission>> {
    sqlx::query_as!(
        Permission,
        "SELECT id, key, description FROM permissions ORDER BY key"
    )
    .fetch_all(conn)
    .await
}

/// The keys of every permission.
pub async fn permission_keys(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT key FROM permissions ORDER BY key")
        .fetch_all(conn)
        .await
}
