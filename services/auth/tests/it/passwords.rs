//! Stored forms of former times.

use crate::support::{App, EMAIL, PASSWORD};
use anyhow::Result;
use vigie_testkit::Schema;

/// `pleaseletmein`, the vector of RFC 7914, in the form of the former system.
const LEGACY: &str = "scrypt$1$16384$8$1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046_2o-7qQT44-qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";

#[tokio::test]
async fn a_legacy_password_works_and_is_stored_anew() -> Result<()> {
    let app = App::start().await?;
    let pool = app.database.pool(Schema::Auth).await?;
    sqlx::query("UPDATE users SET password_hash = $1")
        .bind(LEGACY)
        .execute(&pool)
        .await?;
    assert!(app.login_as(EMAIL, "pleaseletmeout").await.is_err());
    // Twice: in the old form, then in today's. The policy is not asked.
    for _ in 0..2 {
        app.login_as(EMAIL, "pleaseletmein").await?;
    }
    let stored: String = sqlx::query_scalar("SELECT password_hash FROM users")
        .fetch_one(&pool)
        .await?;
    assert!(stored.starts_with("$argon2id$"), "{stored}");
    Ok(())
}

#[tokio::test]
async fn a_weak_seed_or_no_sealing_key_stops_the_start() -> Result<()> {
    for (name, value) in [
        ("AUTH_SEED_ADMIN_PASSWORD", "short"),
        ("AUTH_SEED_ADMIN_PASSWORD", "Password2026!"),
        ("VIGIE_ENCRYPTION_KEY", ""),
    ] {
        let Err(refused) = App::with(&[(name, value)]).await else {
            panic!("started with {name}={value:?}");
        };
        assert!(format!("{refused:#}").contains(name), "{refused:#}");
        assert!(!format!("{refused:#}").contains("Password2026!"));
    }
    let app = App::start().await?;
    app.login_as(EMAIL, PASSWORD).await?;
    Ok(())
}
