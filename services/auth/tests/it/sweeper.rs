//! What nobody can use any more is deleted, and nothing else.

use crate::support::App;
use anyhow::Result;
use std::time::Duration;
use vigie_contracts::auth::v1 as pb;
use vigie_testkit::{Schema, wait};

const SWEEP: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(20);

/// A row of each table, so old, and what tells it from others.
const OLD: [(&str, &str, &str); 7] = [
    (
        "refresh_tokens",
        "INSERT INTO refresh_tokens (user_id, token_hash, family_id, family_expires_at, expires_at)
         SELECT id, 'h' || $1, gen_random_uuid(), now() - $1::interval, now() - $1::interval FROM users",
        "1 day",
    ),
    (
        "stream_tickets",
        "INSERT INTO stream_tickets (ticket_hash, principal, channels, session_expires_at, expires_at)
         VALUES ('h' || $1, '{}', '{}', now(), now() - $1::interval)",
        "1 hour",
    ),
    (
        "user_invite_tokens",
        "INSERT INTO user_invite_tokens (user_id, token_hash, expires_at)
         SELECT id, 'h' || $1, now() - $1::interval FROM users",
        "30 days",
    ),
    (
        "password_reset_tokens",
        "INSERT INTO password_reset_tokens (user_id, token_hash, expires_at)
         SELECT id, 'h' || $1, now() - $1::interval FROM users",
        "30 days",
    ),
    (
        "attempts",
        "INSERT INTO attempts (kind, subject, window_start, counted, touched_at)
         VALUES ('login', 'h' || $1, now(), 1, now() - $1::interval)",
        "1 hour",
    ),
    (
        "principal_changes",
        "INSERT INTO principal_changes (user_id, version, reason, at)
         VALUES (1, 1, 'roles', now() - $1::interval)",
        "2 days",
    ),
    (
        "signing_keys",
        "INSERT INTO signing_keys (kid, public_key, private_key, not_before, retired_at)
         VALUES ('h' || $1, '', '', now() - interval '9 days', now() - $1::interval)",
        "1 day",
    ),
];

#[tokio::test]
async fn what_is_over_is_deleted_when_its_time_has_passed() -> Result<()> {
    let app = App::sweeping(SWEEP).await?;
    let session = app.login().await?;
    let pool = app.database.pool(Schema::Auth).await?;
    let mut before = Vec::new();
    for (table, insert, kept_for) in OLD {
        before.push(count(&pool, table).await?);
        // One that is just over, and one that is not.
        for age in [format!("{kept_for} 1 minute"), "50 minutes".to_owned()] {
            sqlx::query(insert).bind(age).execute(&pool).await?;
        }
    }
    for ((table, ..), before) in OLD.into_iter().zip(before) {
        let swept = wait::until(table, LIMIT, || async {
            Ok((count(&pool, table).await? == before + 1).then_some(()))
        });
        swept.await?;
    }
    // What lives was left alone.
    app.refresh(&session.refresh_token).await?;
    let request = app
        .as_gateway(pb::GetMeRequest {}, Some(&session.access_token))
        .await?;
    app.client.clone().get_me(request).await?;
    Ok(())
}

async fn count(pool: &sqlx::PgPool, table: &str) -> Result<i64> {
    let sql = format!("SELECT count(*) FROM {table}");
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
    Ok(count.fetch_one(pool).await?)
}
