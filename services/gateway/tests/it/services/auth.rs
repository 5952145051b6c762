use super::Service;
use crate::world::{API_TOKEN, REFRESH_TOKEN};
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::auth_service_server::AuthService;
use vigie_identity::{Clock, ServiceName, authentication_required};
use vigie_service::{ErrorCode, WireError};

impl Service {
    pub fn session(&self, client: Option<pb::Client>) -> pb::Session {
        self.0.script().client_ip = client.and_then(|client| client.ip);
        pb::Session {
            access_token: self.0.token(),
            expires_in_seconds: 900,
            user: Some(user()),
            refresh_token: REFRESH_TOKEN.to_owned(),
            refresh_expires_in_seconds: 2_592_000,
        }
    }
}

fn user() -> pb::User {
    pb::User {
        id: "42".to_owned(),
        email: "claire@vigie.test".to_owned(),
        ..pb::User::default()
    }
}

#[async_trait]
impl AuthService for Service {
    async fn login(
        &self,
        request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        self.0.enter("Login", &request)?;
        let request = request.into_inner();
        if request.password != "right" {
            let message = "Invalid email or password";
            return Err(WireError::new(ErrorCode::Authentication, message).into());
        }
        let session = Some(self.session(request.client));
        Ok(Response::new(pb::LoginResponse { session }))
    }

    async fn refresh(
        &self,
        request: Request<pb::RefreshRequest>,
    ) -> Result<Response<pb::RefreshResponse>, Status> {
        self.0.enter("Refresh", &request)?;
        let request = request.into_inner();
        let message = match request.refresh_token.as_deref() {
            Some(REFRESH_TOKEN) => {
                let session = Some(self.session(request.client));
                return Ok(Response::new(pb::RefreshResponse { session }));
            }
            Some(_) => "Invalid refresh token",
            None => "Missing refresh token",
        };
        Err(WireError::new(ErrorCode::Authentication, message).into())
    }

    async fn logout(
        &self,
        request: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        self.0.enter("Logout", &request)?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn get_me(
        &self,
        request: Request<pb::GetMeRequest>,
    ) -> Result<Response<pb::GetMeResponse>, Status> {
        self.0.enter("GetMe", &request)?;
        Ok(Response::new(pb::GetMeResponse { user: Some(user()) }))
    }

    async fn get_jwks(
        &self,
        _request: Request<pb::GetJwksRequest>,
    ) -> Result<Response<pb::GetJwksResponse>, Status> {
        let jwk = self.0.key.jwk();
        let key = pb::JsonWebKey {
            kid: jwk.kid,
            x: jwk.x,
        };
        Ok(Response::new(pb::GetJwksResponse { keys: vec![key] }))
    }

    async fn issue_internal_token(
        &self,
        request: Request<pb::IssueInternalTokenRequest>,
    ) -> Result<Response<pb::IssueInternalTokenResponse>, Status> {
        let audience: ServiceName = request.into_inner().audience.parse().unwrap();
        let now = Clock::system().now();
        let issued = self.0.signer.internal(ServiceName::Gateway, audience, now);
        let (token, expires_in_seconds) = issued.unwrap();
        let token = token.expose_secret().to_owned();
        Ok(Response::new(pb::IssueInternalTokenResponse {
            token,
            expires_in_seconds,
        }))
    }

    async fn exchange_api_token(
        &self,
        request: Request<pb::ExchangeApiTokenRequest>,
    ) -> Result<Response<pb::ExchangeApiTokenResponse>, Status> {
        self.0.enter("ExchangeApiToken", &request)?;
        if request.into_inner().api_token != API_TOKEN {
            return Err(authentication_required());
        }
        Ok(Response::new(pb::ExchangeApiTokenResponse {
            access_token: self.0.machine_token(),
            expires_in_seconds: 60,
        }))
    }

    async fn issue_stream_ticket(
        &self,
        request: Request<pb::IssueStreamTicketRequest>,
    ) -> Result<Response<pb::IssueStreamTicketResponse>, Status> {
        self.0.enter("IssueStreamTicket", &request)?;
        let mut script = self.0.script();
        let ticket = format!("ticket-{}", script.tickets.len());
        script
            .tickets
            .insert(ticket.clone(), request.into_inner().channels);
        Ok(Response::new(pb::IssueStreamTicketResponse {
            ticket,
            expires_in_seconds: 30,
        }))
    }

    async fn redeem_stream_ticket(
        &self,
        request: Request<pb::RedeemStreamTicketRequest>,
    ) -> Result<Response<pb::RedeemStreamTicketResponse>, Status> {
        self.0.enter("RedeemStreamTicket", &request)?;
        let ticket = self.0.script().tickets.remove(&request.into_inner().ticket);
        let session_expires_at_ms = Clock::system().now().timestamp_millis() + 60_000;
        let channels = ticket.ok_or_else(authentication_required)?;
        Ok(Response::new(pb::RedeemStreamTicketResponse {
            channels,
            session_expires_at_ms,
            holder: Some(pb::TicketHolder {
                user_id: "42".to_owned(),
                version: 1,
                sid: Some("s".to_owned()),
            }),
        }))
    }
}
