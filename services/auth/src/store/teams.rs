//! Teams, their former names and their members.

use crate::domain::session::UserStatus;
use sqlx::PgConnection;

/// A team.
#[derive(Debug, Clone)]
pub struct Team {
    /// Row.
    pub id: i64,
    /// The group it mirrors.
    pub crm_group_id: String,
    /// Current name: what fiches are matched against.
    pub name: String,
    /// A head.
    pub responsable_1: Option<String>,
    /// A head.
    pub responsable_2: Option<String>,
    /// A head.
    pub responsable_3: Option<String>,
    /// How many members.
    pub members: i64,
}

/// A member of a team.
#[derive(Debug, Clone)]
pub struct Member {
    /// The team.
    pub team_id: i64,
    /// The account.
    pub user_id: i64,
    /// Its login.
    pub email: String,
    /// Its status.
    pub status: UserStatus,
    /// Its CRM user.
    pub crm_user_id: Option<String>,
}

/// What a team should be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The group it mirrors.
    pub crm_group_id: String,
    /// Name.
    pub name: String,
    /// A head.
    pub responsable_1: Option<String>,
    /// A head.
    pub responsable_2: Option<String>,
    /// A head.
    pub responsable_3: Option<String>,
}

/// What writing teams changed.
#[derive(Debug)]
pub struct Upserted {
    /// Row.
    pub id: i64,
    /// Whether it is new.
    pub created: bool,
}

/// Every team, by name.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Team>> {
    select(conn, None, None).await
}

/// One team.
pub async fn one(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Team>> {
    Ok(select(conn, Some(id), None).await?.pop())
}

/// The team of a group.
pub async fn of_group(conn: &mut PgConnection, group: &str) -> sqlx::Result<Option<Team>> {
    Ok(select(conn, None, Some(group)).await?.pop())
}

async fn select(
    conn: &mut PgConnection,
    id: Option<i64>,
    group: Option<&str>,
) -> sqlx::Result<Vec<Team>> {
    sqlx::query_as!(
        Team,
        r#"SELECT t.id, t.crm_group_id, t.name, t.responsable_1, t.responsable_2, t.responsable_3,
                  (SELECT count(*) FROM user_teams ut WHERE ut.team_id = t.id) AS "members!"
             FROM teams t
            WHERE ($1::bigint IS NULL OR t.id = $1) AND ($2::text IS NULL OR t.crm_group_id = $2)
            ORDER BY t.name, t.id"#,
        id,
        group,
    )
    .fetch_all(conn)
    .await
}

/// The members of teams, by e-mail.
pub async fn members(conn: &mut PgConnection, teams: &[i64]) -> sqlx::Result<Vec<Member>> {
    sqlx::query_as!(
        Member,
        r#"SELECT ut.team_id, u.id AS user_id, u.email, u.status AS "status: UserStatus", u.crm_user_id
             FROM user_teams ut JOIN users u ON u.id = ut.user_id
            WHERE ut.team_id = ANY($1)
            ORDER BY ut.team_id, u.email"#,
        teams,
    )
    .fetch_all(conn)
    .await
}

/// Makes teams what they should be, by their group; a group may stand once. A team that is renamed
/// keeps its former name as an alias unless another team has that name (W21), and a name that a
/// team takes is no alias any more. Returns the teams, and the members whose names changed.
pub async fn upsert(
    conn: &mut PgConnection,
    wanted: &[Wanted],
) -> sqlx::Result<(Vec<Upserted>, Vec<i64>)> {
    let column = |of: fn(&Wanted) -> &str| -> Vec<String> {
        wanted.iter().map(|team| of(team).to_owned()).collect()
    };
    let heads = |of: fn(&Wanted) -> &Option<String>| -> Vec<Option<String>> {
        wanted.iter().map(|team| of(team).clone()).collect()
    };
    let groups = column(|team| &team.crm_group_id);
    let names = column(|team| &team.name);
    let affected = renamed(conn, &groups, &names).await?;
    let rows = sqlx::query!(
        r#"INSERT INTO teams (crm_group_id, name, responsable_1, responsable_2, responsable_3)
           SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
           ON CONFLICT (crm_group_id) DO UPDATE
              SET name = excluded.name, responsable_1 = excluded.responsable_1,
                  responsable_2 = excluded.responsable_2, responsable_3 = excluded.responsable_3,
                  updated_at = now()
           RETURNING id, xmax = 0 AS "created!""#,
        &groups,
        &names,
        &heads(|team| &team.responsable_1) as &[Option<String>],
        &heads(|team| &team.responsable_2) as &[Option<String>],
        &heads(|team| &team.responsable_3) as &[Option<String>],
    )
    .fetch_all(conn)
    .await?;
    let upserted = rows.into_iter().map(|row| Upserted {
        id: row.id,
        created: row.created,
    });
    Ok((upserted.collect(), affected))
}

/// Moves the aliases for teams that are about to get these names. Returns the members of every team
/// whose names change.
async fn renamed(
    conn: &mut PgConnection,
    groups: &[String],
    names: &[String],
) -> sqlx::Result<Vec<i64>> {
    let taken = sqlx::query_scalar!(
        "DELETE FROM team_aliases WHERE name = ANY($1) RETURNING team_id",
        names,
    )
    .fetch_all(&mut *conn)
    .await?;
    let renamed = sqlx::query!(
        "SELECT t.id, btrim(t.name) AS former
           FROM teams t JOIN UNNEST($1::text[], $2::text[]) AS n (crm_group_id, name)
             ON n.crm_group_id = t.crm_group_id
          WHERE t.name <> n.name",
        groups,
        names,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = renamed.iter().map(|row| row.id).collect();
    let former: Vec<String> = renamed.into_iter().filter_map(|row| row.former).collect();
    sqlx::query!(
        "INSERT INTO team_aliases (team_id, name)
         SELECT r.id, r.former FROM UNNEST($1::bigint[], $2::text[]) AS r (id, former)
          WHERE r.former <> '' AND r.former <> ALL($3)
            AND NOT EXISTS (SELECT FROM teams o WHERE o.id <> ALL($1) AND btrim(o.name) = r.former)
         ON CONFLICT (name) DO NOTHING",
        &ids,
        &former,
        names,
    )
    .execute(&mut *conn)
    .await?;
    let teams: Vec<i64> = ids.into_iter().chain(taken).collect();
    members_of(conn, &teams).await
}

/// The ids of the members of teams.
pub async fn members_of(conn: &mut PgConnection, teams: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT user_id FROM user_teams WHERE team_id = ANY($1)",
        teams,
    )
    .fetch_all(conn)
    .await
}

/// Deletes a team; its memberships and aliases go with it.
pub async fn delete(conn: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM teams WHERE id = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Adds a member. One that a sync made becomes a manual one when a person adds it. Returns whether
/// there was none.
pub async fn add_member(
    conn: &mut PgConnection,
    team: i64,
    user: i64,
    source: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"INSERT INTO user_teams (team_id, user_id, source) VALUES ($1, $2, $3)
           ON CONFLICT (user_id, team_id) DO UPDATE
              SET source = CASE WHEN excluded.source = 'manual' THEN 'manual'
                                ELSE user_teams.source END
           RETURNING xmax = 0 AS "added!""#,
        team,
        user,
        source,
    )
    .fetch_one(conn)
    .await
}

/// Removes a member. Returns whether there was one.
pub async fn remove_member(conn: &mut PgConnection, team: i64, user: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM user_teams WHERE team_id = $1 AND user_id = $2",
        team,
        user,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A membership that a sync changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// The account.
    pub user_id: i64,
    /// Its login.
    pub email: String,
    /// The team's group.
    pub crm_group_id: String,
    /// The team's name.
    pub team: String,
}

/// Adds the missing members that the CRM names: pairs of group and CRM user.
pub async fn add_crm_members(
    conn: &mut PgConnection,
    groups: &[String],
    crm_users: &[String],
) -> sqlx::Result<Vec<Change>> {
    sqlx::query_as!(
        Change,
        r#"WITH added AS (
               INSERT INTO user_teams (user_id, team_id, source)
               SELECT DISTINCT u.id, t.id, 'crm'
                 FROM UNNEST($1::text[], $2::text[]) AS m (crm_group_id, crm_user_id)
                 JOIN teams t ON t.crm_group_id = m.crm_group_id
                 JOIN users u ON u.crm_user_id = m.crm_user_id
               ON CONFLICT (user_id, team_id) DO NOTHING
               RETURNING user_id, team_id
           )
           SELECT u.id AS user_id, u.email, t.crm_group_id, t.name AS team
             FROM added a JOIN users u ON u.id = a.user_id JOIN teams t ON t.id = a.team_id
            ORDER BY t.name, u.email"#,
        groups,
        crm_users,
    )
    .fetch_all(conn)
    .await
}

/// Removes the members that a sync made and the CRM does not name any more.
pub async fn prune_crm_members(
    conn: &mut PgConnection,
    groups: &[String],
    crm_users: &[String],
) -> sqlx::Result<Vec<Change>> {
    sqlx::query_as!(
        Change,
        r#"WITH removed AS (
               DELETE FROM user_teams ut USING teams t, users u
                WHERE ut.source = 'crm' AND t.id = ut.team_id AND u.id = ut.user_id
                  AND NOT EXISTS (
                      SELECT FROM UNNEST($1::text[], $2::text[]) AS m (crm_group_id, crm_user_id)
                       WHERE m.crm_group_id = t.crm_group_id AND m.crm_user_id = u.crm_user_id)
               RETURNING ut.user_id, ut.team_id
           )
           SELECT u.id AS user_id, u.email, t.crm_group_id, t.name AS team
             FROM removed r JOIN users u ON u.id = r.user_id JOIN teams t ON t.id = r.team_id
            ORDER BY t.name, u.email"#,
        groups,
        crm_users,
    )
    .fetch_all(conn)
    .await
}
