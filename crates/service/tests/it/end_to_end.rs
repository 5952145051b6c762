use crate::fake::{Fake, auth, keys, launch, other, url};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_contracts::auth::v1::{GetJwksRequest, GetMeRequest, LogoutRequest, RefreshRequest};
use vigie_identity::grpc::with_user;
use vigie_service::{Boot, ErrorCode, InternalChannel, Running, ServiceName, WireError};

/// A channel as a service gets it, kept after its wiring.
async fn caller_of(auth: &Running, target: &Running) -> (Running, InternalChannel) {
    let (give, take) = mpsc::channel();
    let peers = [
        (ServiceName::Auth, url(auth)),
        (ServiceName::FicheCache, url(target)),
    ];
    let running = launch(ServiceName::Gateway, peers, async |boot: Boot<()>| {
        give.send(boot.channel(ServiceName::FicheCache))?;
        Ok(())
    })
    .await
    .unwrap();
    (running, take.recv().unwrap())
}

async fn get(running: &Running, path: &str) -> (u16, String) {
    let _second = rustls::crypto::ring::default_provider().install_default();
    let url = format!("http://{}{path}", running.metrics_addr);
    let answer = reqwest::Client::builder()
        .build()
        .unwrap()
        .get(url)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_call_passes_both_tokens_and_ends_in_order() {
    let keys = keys();
    let auth = auth(Fake::new(&keys)).await;
    let target = other(&auth, Fake::new(&keys)).await;
    let (gateway, channel) = caller_of(&auth, &target).await;
    let mut client = AuthServiceClient::new(channel);

    let me = client
        .get_me(with_user(Request::new(GetMeRequest {}), &keys.user()))
        .await
        .unwrap();
    let user = me.into_inner().user.unwrap();
    assert_eq!((user.id.as_str(), user.email.as_str()), ("42", "gateway"));

    let alone = client.get_me(GetMeRequest {}).await.unwrap_err();
    assert_eq!(WireError::from(&alone).code, ErrorCode::Authentication);
    let request = with_user(Request::new(LogoutRequest::default()), &keys.user());
    let refused = WireError::from(&client.logout(request).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (ErrorCode::Authorization, "Missing permission")
    );

    let (status, metrics) = get(&target, "/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("rpc_server_seconds"), "{metrics}");
    assert!(metrics.contains("process_resident_memory_bytes"));
    for service in [gateway, target, auth] {
        service.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_stranger_reaches_public_rpcs_only() {
    let auth = auth(Fake::new(&keys())).await;
    let channel = Channel::from_shared(url(&auth).to_string())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = AuthServiceClient::new(channel.clone());
    assert_eq!(
        client.get_me(GetMeRequest {}).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    assert_eq!(
        client
            .get_jwks(GetJwksRequest {})
            .await
            .unwrap()
            .into_inner()
            .keys
            .len(),
        1
    );
    let health = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);
    auth.stop().await.unwrap();
}

#[tokio::test]
async fn readiness_follows_its_checks_and_liveness_does_not() {
    let up = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&up);
    let running = launch(ServiceName::Gateway, [], async |boot: Boot<()>| {
        boot.ready_when("postgres", move || {
            let up = seen.load(Ordering::SeqCst);
            async move {
                if up {
                    Ok(())
                } else {
                    anyhow::bail!("connection refused by 10.0.0.7")
                }
            }
        });
        Ok(())
    })
    .await
    .unwrap();
    let (status, body) = get(&running, "/ready").await;
    let report: serde_json::Value = serde_json::from_str(&body).unwrap();
    let failed = serde_json::json!({"ready": false, "checks": [
        {"name": "started", "ok": true}, {"name": "postgres", "ok": false},
    ]});
    assert_eq!((status, report), (503, failed));
    assert_eq!(get(&running, "/health").await.0, 200);
    up.store(true, Ordering::SeqCst);
    assert_eq!(get(&running, "/ready").await.0, 200);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_panic_ends_its_own_call_only() {
    let keys = keys();
    let auth = auth(Fake::new(&keys)).await;
    let target = other(&auth, Fake::new(&keys)).await;
    let (gateway, channel) = caller_of(&auth, &target).await;
    let mut client = AuthServiceClient::new(channel);
    let panicked = client.refresh(RefreshRequest::default()).await.unwrap_err();
    assert_eq!(WireError::from(&panicked).code, ErrorCode::Internal);
    let me = client
        .get_me(with_user(Request::new(GetMeRequest {}), &keys.user()))
        .await;
    assert!(me.is_ok());
    for service in [gateway, target, auth] {
        service.stop().await.unwrap();
    }
}
