use crate::fixture::Hands;
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tonic::async_trait;
use vigie_identity::ServiceName;
use vigie_identity::tokens::{
    InternalTokenSource, InternalTokens, InternalTokensError, IssuedToken,
};

struct Source {
    asked: AtomicUsize,
    seconds: u64,
}

#[async_trait]
impl InternalTokenSource for Source {
    async fn issue(&self, audience: ServiceName) -> Result<IssuedToken, InternalTokensError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::task::yield_now().await;
        if self.seconds == 0 {
            return Err(InternalTokensError("down".to_owned()));
        }
        Ok(IssuedToken {
            token: format!("{audience}-{asked}").into(),
            expires_in: Duration::from_secs(self.seconds),
        })
    }
}

fn tokens(seconds: u64, hands: &Hands) -> (Arc<Source>, InternalTokens) {
    let source = Arc::new(Source {
        asked: AtomicUsize::new(0),
        seconds,
    });
    (
        Arc::clone(&source),
        InternalTokens::new(source, hands.clock()),
    )
}

async fn get(tokens: &InternalTokens, audience: ServiceName) -> String {
    tokens
        .get(audience)
        .await
        .unwrap()
        .expose_secret()
        .to_owned()
}

#[tokio::test]
async fn one_request_serves_all_until_a_minute_before_the_end() {
    let hands = Hands::default();
    let (source, tokens) = tokens(300, &hands);
    let together = (0..8).map(|_| get(&tokens, ServiceName::Auth));
    for token in futures::future::join_all(together).await {
        assert_eq!(token, "auth-1");
    }
    assert_eq!(get(&tokens, ServiceName::FicheCache).await, "fiche-cache-2");
    hands.forward(239);
    assert_eq!(get(&tokens, ServiceName::Auth).await, "auth-1");
    hands.forward(1);
    assert_eq!(get(&tokens, ServiceName::Auth).await, "auth-3");
    assert_eq!(source.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_short_token_is_used_for_half_of_its_life() {
    let hands = Hands::default();
    let (_, tokens) = tokens(40, &hands);
    assert_eq!(get(&tokens, ServiceName::Auth).await, "auth-1");
    hands.forward(19);
    assert_eq!(get(&tokens, ServiceName::Auth).await, "auth-1");
    hands.forward(1);
    assert_eq!(get(&tokens, ServiceName::Auth).await, "auth-2");
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let hands = Hands::default();
    let (source, tokens) = tokens(0, &hands);
    assert!(tokens.get(ServiceName::Auth).await.is_err());
    assert!(tokens.get(ServiceName::Auth).await.is_err());
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}
