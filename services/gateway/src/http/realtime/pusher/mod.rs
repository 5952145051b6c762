//! For clients of Pusher (`identity.md` 3.2, 3.3).

pub(in crate::http) mod auth;
pub(in crate::http) mod test;
pub(in crate::http) mod user;

use crate::app::AppState;
use crate::config::PusherAccount;
use crate::domain::pusher::SocketId;
use crate::http::failure::Failure;
use vigie_service::ErrorCode;

fn account(gateway: &AppState) -> Result<&PusherAccount, Failure> {
    let account = gateway.config.pusher.account.as_ref();
    account.ok_or_else(|| Failure::new(ErrorCode::RealtimeUnavailable, "Pusher not configured"))
}

fn socket(socket_id: &str) -> Result<SocketId<'_>, Failure> {
    SocketId::parse(socket_id).ok_or_else(|| {
        let problem = "must be two numbers, such as 123.456";
        Failure::validation("Invalid socket_id").with_detail("socket_id", problem)
    })
}
