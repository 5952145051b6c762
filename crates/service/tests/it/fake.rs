//! A small service that signs its own tokens and answers three RPCs of auth's contract.

use secrecy::ExposeSecret;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tonic::service::Routes;
use tonic::{Request, Response, Status, async_trait};
use url::Url;
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::auth_service_server::{AuthService, AuthServiceServer};
use vigie_contracts::auth::v1::trust_service_server::{TrustService, TrustServiceServer};
use vigie_identity::grpc::Caller;
use vigie_identity::tokens::{
    InternalTokenSource, InternalTokensError, IssuedToken, Jwks, KeySource, KeySourceError, Realm,
    Signer, SigningKey,
};
use vigie_identity::{Clock, Guard, Principal, PrincipalKind};
use vigie_service::{
    Boot, GrpcOptions, LogFormat, LogSettings, Mode, Nats, Parts, Peers, Platform, Running,
    ServiceName, start,
};

pub const SECRET: &str = "of-this-service";

pub struct Keys {
    pub key: SigningKey,
    pub signer: Signer,
}

pub fn keys() -> Arc<Keys> {
    let key = SigningKey::generate().unwrap();
    Arc::new(Keys {
        signer: Signer::new(Realm::default(), &key),
        key,
    })
}

impl Keys {
    /// The token of a user who may read fiches.
    pub fn user(&self) -> Caller {
        let clock = Clock::system();
        let principal = Principal {
            kind: PrincipalKind::User("42".parse().unwrap()),
            email: "quality@example.test".to_owned(),
            roles: Vec::new(),
            crm_user_id: None,
            groupes: Vec::new(),
            groupe_names: Vec::new(),
            grants: Vec::new(),
            session: Some("s".to_owned()),
            version: 1,
            expires_at: clock.now() + chrono::TimeDelta::seconds(60),
        };
        let token = self.signer.access(&principal, clock.now()).unwrap().token;
        Caller {
            token: Some(token),
            ..Caller::default()
        }
    }
}

#[async_trait]
impl KeySource for Keys {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        Ok(Jwks {
            keys: vec![self.key.jwk()],
        })
    }
}

struct OwnTokens(Arc<Keys>);

#[async_trait]
impl InternalTokenSource for OwnTokens {
    async fn issue(&self, audience: ServiceName) -> Result<IssuedToken, InternalTokensError> {
        let now = Clock::system().now();
        let (token, _) = self
            .0
            .signer
            .internal(ServiceName::Auth, audience, now)
            .map_err(|error| InternalTokensError(error.to_string()))?;
        Ok(IssuedToken {
            token,
            expires_in: Duration::from_mins(5),
        })
    }
}

/// Calls seen, for tests of retries.
#[derive(Clone)]
pub struct Fake {
    pub keys: Arc<Keys>,
    pub calls: Arc<AtomicU32>,
    /// Refuses this many calls before it answers.
    pub refuse: u32,
    /// What it says to those who missed the feed.
    pub changes: Vec<pb::PrincipalChange>,
}

impl Fake {
    pub fn new(keys: &Arc<Keys>) -> Self {
        Self {
            keys: Arc::clone(keys),
            calls: Arc::default(),
            refuse: 0,
            changes: Vec::new(),
        }
    }
}

#[async_trait]
impl AuthService for Fake {
    async fn get_me(
        &self,
        request: Request<pb::GetMeRequest>,
    ) -> Result<Response<pb::GetMeResponse>, Status> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < self.refuse {
            return Err(Status::unavailable("warming up"));
        }
        let caller = Caller::from_request(&request)?;
        let user = pb::User {
            id: caller.principal()?.user_id().unwrap().to_string(),
            email: caller.service()?.to_string(),
            ..pb::User::default()
        };
        Ok(Response::new(pb::GetMeResponse { user: Some(user) }))
    }

    async fn get_jwks(
        &self,
        _request: Request<pb::GetJwksRequest>,
    ) -> Result<Response<pb::GetJwksResponse>, Status> {
        let jwk = self.keys.key.jwk();
        let keys = vec![pb::JsonWebKey {
            kid: jwk.kid,
            x: jwk.x,
        }];
        Ok(Response::new(pb::GetJwksResponse { keys }))
    }

    async fn issue_internal_token(
        &self,
        request: Request<pb::IssueInternalTokenRequest>,
    ) -> Result<Response<pb::IssueInternalTokenResponse>, Status> {
        let request = request.into_inner();
        if request.secret != SECRET {
            return Err(vigie_identity::authentication_required());
        }
        let service: ServiceName = request.service.parse().unwrap();
        let audience: ServiceName = request.audience.parse().unwrap();
        let now = Clock::system().now();
        let (token, seconds) = self.keys.signer.internal(service, audience, now).unwrap();
        Ok(Response::new(pb::IssueInternalTokenResponse {
            token: token.expose_secret().to_owned(),
            expires_in_seconds: seconds,
        }))
    }

    /// Asks for a permission that nobody has here.
    async fn logout(
        &self,
        request: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        Caller::from_request(&request)?.require(Guard::parse("fiches.read"))?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    /// Never answers.
    async fn login(
        &self,
        _request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        std::future::pending().await
    }

    async fn refresh(
        &self,
        _request: Request<pb::RefreshRequest>,
    ) -> Result<Response<pb::RefreshResponse>, Status> {
        panic!("a handler that panics");
    }

    async fn exchange_api_token(
        &self,
        _request: Request<pb::ExchangeApiTokenRequest>,
    ) -> Result<Response<pb::ExchangeApiTokenResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn issue_stream_ticket(
        &self,
        _request: Request<pb::IssueStreamTicketRequest>,
    ) -> Result<Response<pb::IssueStreamTicketResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn redeem_stream_ticket(
        &self,
        _request: Request<pb::RedeemStreamTicketRequest>,
    ) -> Result<Response<pb::RedeemStreamTicketResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

#[async_trait]
impl TrustService for Fake {
    async fn principal_changes(
        &self,
        request: Request<pb::PrincipalChangesRequest>,
    ) -> Result<Response<pb::PrincipalChangesResponse>, Status> {
        Caller::from_request(&request)?.service()?;
        Ok(Response::new(pb::PrincipalChangesResponse {
            changes: self.changes.clone(),
        }))
    }

    async fn rotate_keys(
        &self,
        _request: Request<pb::RotateKeysRequest>,
    ) -> Result<Response<pb::RotateKeysResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

pub const OPTIONS: GrpcOptions = GrpcOptions {
    public: &[
        "/vigie.auth.v1.AuthService/GetJwks",
        "/vigie.auth.v1.AuthService/IssueInternalToken",
    ],
    descriptors: &[vigie_contracts::DESCRIPTORS],
};

pub fn platform(peers: impl IntoIterator<Item = (ServiceName, Url)>) -> Platform {
    let any = "127.0.0.1:0".parse().unwrap();
    Platform {
        mode: Mode::Development,
        instance: "test".to_owned(),
        grpc_addr: any,
        metrics_addr: any,
        nats: Nats {
            url: String::new(),
            creds_file: None,
            prefix: None,
            replicas: 1,
        },
        database: None,
        peers: Peers::new(peers),
        internal_client_secret: Some(SECRET.into()),
        realm: Realm::default(),
        log: LogSettings {
            level: "info".to_owned(),
            format: LogFormat::Json,
        },
        otlp_endpoint: None,
    }
}

pub fn url(running: &Running) -> Url {
    format!("http://{}", running.grpc_addr.unwrap())
        .parse()
        .unwrap()
}

/// Starts a service with this wiring.
pub async fn launch(
    service: ServiceName,
    peers: impl IntoIterator<Item = (ServiceName, Url)>,
    wire: impl AsyncFnOnce(Boot<()>) -> anyhow::Result<()>,
) -> anyhow::Result<Running> {
    start(Parts::bind(service, (), platform(peers)).await?, wire).await
}

/// Starts the service that has the keys.
pub async fn auth(fake: Fake) -> Running {
    launch(ServiceName::Auth, [], async |boot: Boot<()>| {
        let keys = Arc::clone(&fake.keys);
        boot.use_own_keys(keys.clone(), Arc::new(OwnTokens(keys)));
        let routes = Routes::new(AuthServiceServer::new(fake.clone()));
        boot.serve_grpc(routes.add_service(TrustServiceServer::new(fake)), OPTIONS);
        Ok(())
    })
    .await
    .unwrap()
}

/// Starts a service that asks auth for keys, as all others do.
pub async fn other(auth: &Running, fake: Fake) -> Running {
    launch(
        ServiceName::FicheCache,
        [(ServiceName::Auth, url(auth))],
        async |boot: Boot<()>| {
            boot.serve_grpc(Routes::new(AuthServiceServer::new(fake)), OPTIONS);
            Ok(())
        },
    )
    .await
    .unwrap()
}
