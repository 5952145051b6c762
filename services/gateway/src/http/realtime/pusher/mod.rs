//! For clients of Pusher (`identity.md` 3.2, 3.3).

pub(in crate::http) mod auth;
pub(in crate::http) mod test;

use crate::app::AppState;
use crate::config::PusherAccount;
use crate::http::failure::Failure;
use vigie_service::ErrorCode;

fn account(gateway: &AppState) -> Result<&PusherAccount, Failure> {
    let account = gateway.config.pusher.account.as_ref();
    account.ok_or_else(|| Failure::new(ErrorCode::RealtimeUnavailable, "Pusher not configured"))
}
