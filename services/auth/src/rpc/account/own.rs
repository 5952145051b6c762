//! The caller's own account.

use super::AccountError;
use crate::domain::session::UserStatus;
use crate::store::trail::{self, Actor, Entry, Target};
use crate::store::users::{self, Locked};
use serde_json::Value;
use sqlx::PgConnection;
use tonic::{Request, Status};
use uuid::Uuid;
use vigie_identity::Caller;
use vigie_service::grpc::Origin;
use vigie_service::status;

/// A user who acts on the own account.
pub struct Own {
    /// Row.
    pub user: i64,
    /// The session of the access token.
    pub sid: Option<Uuid>,
    /// Where the request comes from.
    pub origin: Origin,
}

impl Own {
    /// The user behind the token; a machine has no account.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let principal = Caller::from_request(request)?.principal()?;
        let not_a_user = || status(AccountError::Refused("Invalid or expired access token"));
        Ok(Self {
            user: principal.user_id().ok_or_else(not_a_user)?.get(),
            sid: principal
                .session
                .as_deref()
                .and_then(|sid| sid.parse().ok()),
            origin: Origin::of(request),
        })
    }

    /// Holds the account's row; refuses when it may not be used any more.
    pub async fn lock(&self, conn: &mut PgConnection) -> Result<Locked, AccountError> {
        let held = users::lock(conn, self.user).await?;
        let held = held.ok_or(AccountError::Refused("User not found"))?;
        if held.status == UserStatus::Active {
            Ok(held)
        } else {
            Err(AccountError::Refused("User is disabled"))
        }
    }

    /// Leaves an entry in the trail, about the account itself.
    pub async fn note(
        &self,
        conn: &mut PgConnection,
        email: &str,
        action: &'static str,
        after: Option<Value>,
    ) -> Result<(), AccountError> {
        let entry = Entry {
            actor: &Actor::user(self.user, email),
            action,
            target: Target::one("user", self.user, email),
            before: None,
            after,
            origin: &self.origin,
        };
        Ok(trail::append(conn, entry).await?)
    }
}
