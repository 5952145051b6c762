//! Who administers, and whether they still may.

use super::AdminError;
use crate::app::AppState;
use crate::domain::admin::grants::{covers, is_full};
use crate::domain::machine;
use crate::domain::session::UserStatus;
use crate::rpc::session::merged;
use crate::store::trail::{self, Actor, Entry, Target};
use crate::store::{admins, roles, service_tokens, users};
use serde_json::Value;
use sqlx::PgConnection;
use tonic::{Request, Status};
use vigie_bus::Tx;
use vigie_identity::{Access, Caller, Denied, Grant, Guard, PrincipalKind};
use vigie_service::grpc::Origin;

/// A call that may read.
pub fn reading<T>(request: &Request<T>, guard: Guard) -> Result<(), Status> {
    Caller::from_request(request)?.require(guard)?;
    Ok(())
}

/// A call that writes: the token allowed it, the database has the last word.
pub struct Call {
    caller: Caller,
    guard: Guard,
    origin: Origin,
}

/// The one who writes, as the database knows them within the transaction.
pub struct Admin {
    grants: Vec<Grant>,
    actor: Actor,
    origin: Origin,
}

impl Call {
    /// Checks the guard against the token, then against the caller's live account (W2).
    pub async fn open<T>(
        state: &AppState,
        request: &Request<T>,
        guard: Guard,
    ) -> Result<Self, Status> {
        let caller = Caller::from_request(request)?.clone();
        caller.require(guard)?;
        let call = Self {
            caller,
            guard,
            origin: Origin::of(request),
        };
        let live = async { call.live(&mut *state.pool.acquire().await?).await };
        live.await.map_err(vigie_service::status)?;
        Ok(call)
    }

    /// Opens the transaction of the write. Administration goes one at a time, so that what is
    /// checked holds until the commit: of two administrators who demote each other one comes late.
    pub async fn begin(self, state: &AppState) -> Result<(Tx, Admin), AdminError> {
        let mut tx = state.db.begin().await?;
        admins::lock(&mut tx).await?;
        let grants = self.live(&mut tx).await?;
        let admin = Admin {
            grants,
            actor: Actor::of(&self.caller),
            origin: self.origin,
        };
        Ok((tx, admin))
    }

    /// The caller's grants at this moment.
    async fn live(&self, conn: &mut PgConnection) -> Result<Vec<Grant>, AdminError> {
        let principal = self
            .caller
            .principal
            .as_deref()
            .ok_or(AdminError::Ended("Authentication required"))?;
        let grants = match &principal.kind {
            PrincipalKind::User(id) => match admins::status(conn, id.get()).await? {
                None => return Err(AdminError::Ended("User not found")),
                Some(UserStatus::Invited | UserStatus::Disabled) => {
                    return Err(AdminError::Ended("User is disabled"));
                }
                Some(UserStatus::Active) => merged(users::grants(conn, id.get()).await?),
            },
            PrincipalKind::Machine(name) => {
                if let Some(id) = machine::service_token_id(name)
                    && !service_tokens::is_live(conn, id).await?
                {
                    return Err(AdminError::Ended("Authentication required"));
                }
                principal.grants.clone()
            }
        };
        let (key, access): (_, Access) = (self.guard.key(), self.guard.access());
        let allowed = grants
            .iter()
            .any(|grant| grant.key == key && grant.allows(access));
        if allowed {
            Ok(grants)
        } else {
            Err(Denied::MissingPermission.into())
        }
    }
}

impl Admin {
    /// Refuses to give what the caller does not hold (W16).
    pub fn may_give(&self, grants: &[Grant]) -> Result<(), AdminError> {
        if covers(&self.grants, grants) {
            return Ok(());
        }
        Err(AdminError::BeyondOwnRights(
            "Cannot grant more than you hold",
        ))
    }

    /// Refuses to touch the credentials of somebody who holds more than the caller: whoever sets a
    /// password, or has a link that does, may log in with it.
    pub async fn may_take_over(
        &self,
        conn: &mut PgConnection,
        user: i64,
    ) -> Result<(), AdminError> {
        let theirs = merged(users::grants(conn, user).await?);
        if covers(&self.grants, &theirs) {
            return Ok(());
        }
        Err(AdminError::BeyondOwnRights(
            "This user holds more than you do",
        ))
    }

    /// Refuses to take rights from a full administrator, unless the caller is one.
    pub async fn may_reduce(&self, conn: &mut PgConnection, user: i64) -> Result<(), AdminError> {
        let keys = roles::permission_keys(conn).await?;
        let theirs = merged(users::grants(conn, user).await?);
        if is_full(&theirs, &keys) && !is_full(&self.grants, &keys) {
            return Err(AdminError::BeyondOwnRights(
                "Only a full administrator may change a full administrator",
            ));
        }
        Ok(())
    }

    /// Refuses all but full administrators: for the grants of built-in roles.
    pub async fn must_be_full(&self, conn: &mut PgConnection) -> Result<(), AdminError> {
        if is_full(&self.grants, &roles::permission_keys(conn).await?) {
            return Ok(());
        }
        Err(AdminError::BeyondOwnRights(
            "Only a full administrator may change the grants of a built-in role",
        ))
    }

    /// Leaves an entry in the trail, in the action's own transaction.
    pub async fn note(
        &self,
        conn: &mut PgConnection,
        action: &'static str,
        target: Target,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), AdminError> {
        let entry = Entry {
            actor: &self.actor,
            action,
            target,
            before,
            after,
            origin: &self.origin,
        };
        Ok(trail::append(conn, entry).await?)
    }

    /// What the trail calls this administrator.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}

/// Counts full administrators before a change, and refuses one that leaves none (W16).
pub struct LastAdminGuard(i64);

impl LastAdminGuard {
    /// Before the change.
    pub async fn before(conn: &mut PgConnection) -> Result<Self, AdminError> {
        Ok(Self(admins::count_full(conn).await?))
    }

    /// After it, in the same transaction.
    pub async fn check(self, conn: &mut PgConnection) -> Result<(), AdminError> {
        if self.0 > 0 && admins::count_full(conn).await? == 0 {
            return Err(AdminError::Conflict(
                "This would leave no active administrator",
            ));
        }
        Ok(())
    }
}
