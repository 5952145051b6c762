use super::directory::FakeDirectory;
use crate::support::App;
use anyhow::Result;
use sqlx::PgPool;
use std::net::IpAddr;
use tonic::transport::Channel;
use tonic::{Request, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::admin_service_client::AdminServiceClient;
use vigie_service::grpc::Origin;
use vigie_service::{ErrorCode, WireError};
use vigie_testkit::Schema;

pub const PHRASE: &str = "correct horse 9 battery";
pub const ADDRESS: &str = "192.0.2.7";
pub const REQUEST_ID: &str = "req-7";

/// Auth with a directory of its own, and its seeded administrator.
pub struct Office {
    pub app: App,
    pub directory: FakeDirectory,
    pub pool: PgPool,
    /// The administrator's access token.
    pub admin: String,
    client: AdminServiceClient<Channel>,
}

/// Calls an RPC of administration with somebody's access token.
macro_rules! ask {
    ($office:expr, $who:expr, $rpc:ident, $body:expr) => {{
        let request = $office.request($body, $who).await?;
        let answer = $office.client().$rpc(request).await;
        answer.map(tonic::Response::into_inner)
    }};
}
pub(super) use ask;

impl Office {
    pub async fn open() -> Result<Self> {
        let directory = FakeDirectory::serve().await?;
        let app = App::with(&[("FICHE_CACHE_GRPC_URL", &directory.url)]).await?;
        let admin = app.login().await?.access_token;
        Ok(Self {
            pool: app.database.pool(Schema::Auth).await?,
            client: app.admin().await?,
            app,
            directory,
            admin,
        })
    }

    pub fn client(&self) -> AdminServiceClient<Channel> {
        self.client.clone()
    }

    pub async fn request<T>(&self, body: T, who: &str) -> Result<Request<T>> {
        let origin = Origin {
            address: Some(ADDRESS.parse::<IpAddr>()?),
            request_id: Some(REQUEST_ID.to_owned()),
        };
        Ok(origin.attach(self.app.as_gateway(body, Some(who)).await?))
    }

    /// Creates an account and returns its id.
    pub async fn user(&self, email: &str, roles: &[&str]) -> Result<String> {
        let request = new_user(email, roles);
        let answer = ask!(self, &self.admin, create_user, request)?;
        Ok(answer.user.expect("a user").id)
    }

    /// Creates an account and logs it in; its id and access token.
    pub async fn member(&self, email: &str, roles: &[&str]) -> Result<(String, String)> {
        let id = self.user(email, roles).await?;
        Ok((id, self.app.login_as(email, PHRASE).await?.access_token))
    }

    /// Creates a role with these grants: `key`, flags, scope.
    pub async fn role(&self, key: &str, grants: &[(&str, &str, &str)]) -> Result<String> {
        let request = pb::CreateRoleRequest {
            key: key.to_owned(),
            name: key.to_owned(),
            permission_grants: Some(role_grants(grants)),
            ..pb::CreateRoleRequest::default()
        };
        let answer = ask!(self, &self.admin, create_role, request)?;
        Ok(answer.role.expect("a role").id)
    }

    pub async fn one<T>(&self, sql: &'static str) -> Result<T>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        Ok(sqlx::query_scalar(sql).fetch_one(&self.pool).await?)
    }

    pub async fn many<T>(&self, sql: &'static str) -> Result<Vec<T>>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        Ok(sqlx::query_scalar(sql).fetch_all(&self.pool).await?)
    }
}

pub fn new_user(email: &str, roles: &[&str]) -> pb::CreateUserRequest {
    pb::CreateUserRequest {
        email: email.to_owned(),
        password: PHRASE.to_owned(),
        role_keys: (!roles.is_empty()).then(|| texts(roles)),
        crm_user_id: None,
    }
}

pub fn texts(values: &[&str]) -> pb::Texts {
    pb::Texts {
        values: values.iter().map(|&value| value.to_owned()).collect(),
    }
}

pub fn role_grants(grants: &[(&str, &str, &str)]) -> pb::RoleGrants {
    pb::RoleGrants {
        grants: grants.iter().map(|grant| role_grant(*grant)).collect(),
    }
}

pub fn role_grant((key, flags, scope): (&str, &str, &str)) -> pb::RoleGrant {
    pb::RoleGrant {
        key: key.to_owned(),
        read: flags.contains('r'),
        write: flags.contains('w'),
        scope: scope.to_owned(),
    }
}

/// Class and sentence of a refusal.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (ErrorCode, String) {
    let error = WireError::from(&answer.expect_err("a refusal"));
    (error.code, error.message)
}

#[track_caller]
pub fn assert_invalid<T: std::fmt::Debug>(answer: Result<T, Status>, sentence: &str) {
    let error = WireError::from(&answer.expect_err("a refusal"));
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::Validation, sentence)
    );
    assert_eq!(error.details.len(), 1);
}

#[track_caller]
pub fn assert_refused<T: std::fmt::Debug>(
    answer: Result<T, Status>,
    code: ErrorCode,
    sentence: &str,
) {
    assert_eq!(refused(answer), (code, sentence.to_owned()));
}
