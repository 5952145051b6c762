//! One-time links: the first password of an invited account, a new one of an active account. The
//! link is the credential; it works once.

use super::AccountError;
use super::password::new_password;
use crate::app::AppState;
use crate::domain::secret;
use crate::domain::session::UserStatus;
use crate::revocation;
use crate::rpc::session;
use crate::rpc::throttle::Attempt;
use crate::store;
use crate::store::redeemed::{self, Kind, Link};
use crate::store::trail::{self, Actor, Entry, Target};
use secrecy::SecretString;
use tonic::Request;
use vigie_contracts::auth::v1 as pb;
use vigie_events::auth::PrincipalChange;
use vigie_service::grpc::Origin;

/// Characters of a link's secret that are looked at.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 20..=500;

/// The sentences of a link that does not work, in the order of their tests.
struct Sentences {
    field: &'static str,
    unknown: &'static str,
    used: &'static str,
    expired: &'static str,
    invalid: &'static str,
}

const fn sentences(kind: Kind) -> Sentences {
    match kind {
        Kind::Invite => Sentences {
            field: "invite_token",
            unknown: "Invalid invite token",
            used: "Invite token already used",
            expired: "Invite token expired",
            invalid: "Invite token invalid",
        },
        Kind::Reset => Sentences {
            field: "reset_token",
            unknown: "Invalid reset token",
            used: "Reset token already used",
            expired: "Reset token expired",
            invalid: "Reset token invalid",
        },
    }
}

/// What a link was presented with.
struct Redemption {
    kind: Kind,
    token: String,
    password: String,
    client: Option<pb::Client>,
    origin: Origin,
}

/// Sets the first password and opens the first session.
#[tracing::instrument(name = "rpc.account.accept_invite", skip_all, err(level = "debug"))]
pub async fn accept_invite(
    state: &AppState,
    request: Request<pb::AcceptInviteRequest>,
) -> Result<pb::AcceptInviteResponse, AccountError> {
    let origin = session::origin(&request, request.get_ref().client.as_ref());
    let request = request.into_inner();
    let redemption = Redemption {
        kind: Kind::Invite,
        token: request.invite_token,
        password: request.password,
        client: request.client,
        origin,
    };
    let session = Some(redeem(state, redemption).await?);
    Ok(pb::AcceptInviteResponse { session })
}

/// Sets a new password, ends every session and opens a new one.
#[tracing::instrument(name = "rpc.account.reset_password", skip_all, err(level = "debug"))]
pub async fn reset_password(
    state: &AppState,
    request: Request<pb::ResetPasswordRequest>,
) -> Result<pb::ResetPasswordResponse, AccountError> {
    let origin = session::origin(&request, request.get_ref().client.as_ref());
    let request = request.into_inner();
    let redemption = Redemption {
        kind: Kind::Reset,
        token: request.reset_token,
        password: request.password,
        client: request.client,
        origin,
    };
    let session = Some(redeem(state, redemption).await?);
    Ok(pb::ResetPasswordResponse { session })
}

async fn redeem(state: &AppState, redemption: Redemption) -> Result<pb::Session, AccountError> {
    let kind = redemption.kind;
    let token = redemption.token.trim();
    if !TOKEN_CHARS.contains(&token.chars().count()) {
        return Err(AccountError::Invalid {
            field: sentences(kind).field,
            problem: "must have 20 to 500 characters",
        });
    }
    // The password is looked at before the link, so that a link survives a weak one.
    new_password("password", redemption.password.clone(), "")?;
    let hash = secret::hash(&SecretString::from(token));

    let attempt = Attempt::link(&redemption.origin);
    attempt.admit(state).await?;
    let link = redeemed::find(&mut *state.pool.acquire().await?, kind, &hash).await?;
    let link = match usable(kind, link) {
        Ok(link) => link,
        Err(refused) => {
            attempt.count(state).await?;
            return Err(refused);
        }
    };
    let password = new_password("password", redemption.password, &link.email)?;
    let password_hash = state.passwords.hash(password).await?;

    let mut tx = state.db.begin().await?;
    // The user first, as everywhere; then of several callers one takes the link.
    let user = link.user_id;
    let account = store::users::lock(&mut tx, user).await?;
    if !redeemed::claim(&mut tx, kind, &hash).await? {
        return Err(AccountError::Refused(sentences(kind).used));
    }
    let invalid = || AccountError::Refused(sentences(kind).invalid);
    let account = account
        .filter(|account| account.status == expected(kind))
        .ok_or_else(invalid)?;
    store::accounts::set_password(&mut tx, user, Some(&password_hash)).await?;
    store::links::withdraw(&mut tx, user).await?;
    let action = match kind {
        Kind::Invite => {
            store::accounts::set_status(&mut tx, user, UserStatus::Active).await?;
            "invite.accepted"
        }
        Kind::Reset => {
            store::sessions::end_all(&mut tx, user, None).await?;
            revocation::end_all(&mut tx, user, PrincipalChange::Password).await?;
            "password.reset"
        }
    };
    Attempt::password(&account.email, &redemption.origin)
        .succeeded(&mut tx)
        .await?;
    let entry = Entry {
        actor: &Actor::user(user, &account.email),
        action,
        target: Target::one("user", user, &account.email),
        before: None,
        after: None,
        origin: &redemption.origin,
    };
    trail::append(&mut tx, entry).await?;
    let client = (redemption.client.as_ref(), &redemption.origin);
    let opened = session::open(state, &mut tx, user, client)
        .await?
        .ok_or_else(invalid)?;
    tx.commit().await?;
    Ok(session::answer(state, opened)?)
}

/// The link, if it may still be used.
fn usable(kind: Kind, link: Option<Link>) -> Result<Link, AccountError> {
    let sentences = sentences(kind);
    let link = link.ok_or(AccountError::Refused(sentences.unknown))?;
    if link.used {
        return Err(AccountError::Refused(sentences.used));
    }
    if link.expired {
        return Err(AccountError::Refused(sentences.expired));
    }
    if link.status != expected(kind) {
        return Err(AccountError::Refused(sentences.invalid));
    }
    Ok(link)
}

/// Whom a link is for.
const fn expected(kind: Kind) -> UserStatus {
    match kind {
        Kind::Invite => UserStatus::Invited,
        Kind::Reset => UserStatus::Active,
    }
}
