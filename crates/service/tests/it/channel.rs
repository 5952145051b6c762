use crate::fake::{Fake, auth, keys, url};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tonic::{Code, Request, async_trait};
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_contracts::auth::v1::{GetMeRequest, LoginRequest};
use vigie_identity::grpc::with_user;
use vigie_identity::tokens::{
    InternalTokenSource, InternalTokens, InternalTokensError, IssuedToken,
};
use vigie_identity::{Clock, ServiceName};
use vigie_service::{ErrorCode, InternalChannel, WireError};

/// Gives what it was made with.
struct Given(Option<secrecy::SecretString>);

#[async_trait]
impl InternalTokenSource for Given {
    async fn issue(&self, _audience: ServiceName) -> Result<IssuedToken, InternalTokensError> {
        let token = self
            .0
            .clone()
            .ok_or_else(|| InternalTokensError("down".to_owned()))?;
        Ok(IssuedToken {
            token,
            expires_in: Duration::from_mins(5),
        })
    }
}

fn channel(fake: &Fake, url: &url::Url, with_token: bool) -> InternalChannel {
    let now = Clock::system().now();
    let signed = fake
        .keys
        .signer
        .internal(ServiceName::Gateway, ServiceName::Auth, now);
    let source = Given(with_token.then(|| signed.unwrap().0));
    let tokens = Arc::new(InternalTokens::new(Arc::new(source), Clock::system()));
    InternalChannel::new(ServiceName::Auth, url, tokens).unwrap()
}

#[tokio::test]
async fn a_refused_call_is_tried_twice_more() {
    for (refuse, calls, ok) in [(2, 3, true), (3, 3, false)] {
        let fake = Fake {
            refuse,
            ..Fake::new(&keys())
        };
        let auth = auth(fake.clone()).await;
        let mut client = AuthServiceClient::new(channel(&fake, &url(&auth), true));
        let request = with_user(Request::new(GetMeRequest {}), &fake.keys.user());
        assert_eq!(client.get_me(request).await.is_ok(), ok);
        assert_eq!(fake.calls.load(Ordering::SeqCst), calls);
        auth.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let fake = Fake::new(&keys());
    let auth = auth(fake.clone()).await;
    let mut client = AuthServiceClient::new(channel(&fake, &url(&auth), true));
    let mut request = Request::new(LoginRequest::default());
    request.set_timeout(Duration::from_millis(100));
    let late = client.login(request).await.unwrap_err();
    assert!(
        matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{late}"
    );
    assert_eq!(WireError::from(&late).code, ErrorCode::Unavailable);
    auth.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_there_and_no_token_are_unavailable() {
    let fake = Fake::new(&keys());
    let nowhere: url::Url = "http://127.0.0.1:1".parse().unwrap();
    for with_token in [true, false] {
        let mut client = AuthServiceClient::new(channel(&fake, &nowhere, with_token));
        let error = client.get_me(GetMeRequest {}).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(WireError::from(&error).message, "Service unavailable");
    }
}
