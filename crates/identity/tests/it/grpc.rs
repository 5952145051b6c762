//! The layer that every gRPC server has.

use crate::fixture::{World, world};
use http::{Request, Response};
use rstest::rstest;
use secrecy::ExposeSecret;
use std::convert::Infallible;
use tonic::{Code, Status};
use tower::{Layer, ServiceExt, service_fn};
use vigie_identity::grpc::{AuthLayer, Caller, INTERNAL_TOKEN, with_user};
use vigie_identity::{Guard, ServiceName, WIRE_CODE};

const RUN: &str = "/vigie.audit.v1.AuditService/Run";
const LOGIN: &str = "/vigie.auth.v1.AuthService/Login";

/// Calls a server that answers with the caller it saw.
async fn call(world: &World, path: &str, headers: &[(&str, String)]) -> Result<Caller, Status> {
    let server = service_fn(async |request: Request<()>| {
        let mut response = Response::new(());
        response
            .extensions_mut()
            .insert(request.extensions().get::<Caller>().unwrap().clone());
        Ok::<_, Infallible>(response)
    });
    let verifier = std::sync::Arc::clone(&world.verifier);
    let layer = AuthLayer::new(verifier, ServiceName::AuditOrchestrator, [LOGIN]);
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(()).unwrap();
    let mut response = layer.layer(server).oneshot(request).await.unwrap();
    match response.extensions_mut().remove::<Caller>() {
        Some(caller) => Ok(caller),
        None => Err(Status::from_header_map(response.headers()).unwrap()),
    }
}

fn internal(world: &World) -> (&'static str, String) {
    let to = ServiceName::AuditOrchestrator;
    let (token, _) = world
        .signer
        .internal(ServiceName::Gateway, to, world.hands.now())
        .unwrap();
    (INTERNAL_TOKEN, token.expose_secret().to_owned())
}

fn bearer(world: &World) -> (&'static str, String) {
    let token = world
        .signer
        .access(&world.user(), world.hands.now())
        .unwrap();
    (
        "authorization",
        format!("Bearer {}", token.token.expose_secret()),
    )
}

#[tokio::test]
async fn knows_the_service_and_the_user() {
    let world = world();
    let user = bearer(&world);
    let caller = call(&world, RUN, &[internal(&world), user.clone()])
        .await
        .unwrap();
    assert_eq!(caller.service().unwrap(), ServiceName::Gateway);
    assert_eq!(caller.principal().unwrap(), &world.user());
    assert!(caller.require(Guard::parse("audits.read")).is_ok());
    let refused = caller
        .require(Guard::parse("admin.users.read"))
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::PermissionDenied, "Missing permission")
    );
    assert_eq!(
        refused.metadata().get(WIRE_CODE).unwrap(),
        "AUTHORIZATION_ERROR"
    );
    let onward = with_user(tonic::Request::new(()), &caller);
    assert_eq!(
        onward
            .metadata()
            .get("authorization")
            .unwrap()
            .to_str()
            .unwrap(),
        user.1
    );
}

#[tokio::test]
async fn a_service_may_act_for_itself_where_the_rpc_says_so() {
    let world = world();
    let caller = call(&world, RUN, &[internal(&world)]).await.unwrap();
    assert_eq!(
        caller.principal().unwrap_err().code(),
        Code::Unauthenticated
    );
    assert!(caller.require_service(&[ServiceName::Gateway]).is_ok());
    let refused = caller
        .require_service(&[ServiceName::Automation])
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::PermissionDenied, "Forbidden")
    );
    let read = Guard::parse("audits.read");
    assert!(
        caller
            .require_or_service(read, &[ServiceName::Gateway])
            .unwrap()
            .all()
    );
    let refused = caller.require_or_service(read, &[ServiceName::Automation]);
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    // With a user, the user's rights decide, whoever calls.
    let caller = call(&world, RUN, &[internal(&world), bearer(&world)])
        .await
        .unwrap();
    assert!(
        !caller
            .require_or_service(read, &[ServiceName::Gateway])
            .unwrap()
            .all()
    );
}

#[rstest]
#[case::nothing(false, None)]
#[case::user_alone(false, Some("good"))]
#[case::broken_user(true, Some("Bearer nonsense"))]
#[case::other_scheme(true, Some("Basic YTpi"))]
#[case::no_token(true, Some("Bearer "))]
#[tokio::test]
async fn refuses(#[case] with_internal: bool, #[case] authorization: Option<&str>) {
    let world = world();
    let mut headers = Vec::new();
    if with_internal {
        headers.push(internal(&world));
    }
    match authorization {
        Some("good") => headers.push(bearer(&world)),
        Some(text) => headers.push(("authorization", text.to_owned())),
        None => {}
    }
    let refused = call(&world, RUN, &headers).await.unwrap_err();
    let told = (refused.code(), refused.message());
    assert_eq!(told, (Code::Unauthenticated, "Authentication required"));
    assert_eq!(
        refused.metadata().get(WIRE_CODE).unwrap(),
        "AUTHENTICATION_ERROR"
    );
}

#[tokio::test]
async fn refuses_a_user_token_as_an_internal_one_and_one_for_another_service() {
    let world = world();
    let (_, user) = bearer(&world);
    let user = user.trim_start_matches("Bearer ").to_owned();
    assert!(call(&world, RUN, &[(INTERNAL_TOKEN, user)]).await.is_err());
    let (elsewhere, _) = world
        .signer
        .internal(
            ServiceName::Gateway,
            ServiceName::FicheCache,
            world.hands.now(),
        )
        .unwrap();
    let elsewhere = elsewhere.expose_secret().to_owned();
    assert!(
        call(&world, RUN, &[(INTERNAL_TOKEN, elsewhere)])
            .await
            .is_err()
    );
    let (_, internal) = internal(&world);
    let as_user = ("authorization", format!("Bearer {internal}"));
    assert!(
        call(&world, RUN, &[(INTERNAL_TOKEN, internal), as_user])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn public_paths_are_exact() {
    let world = world();
    let broken = [("authorization", "Bearer nonsense".to_owned())];
    for path in [
        LOGIN,
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/X",
    ] {
        let caller = call(&world, path, &broken).await.unwrap();
        assert!(caller.principal.is_none() && caller.service.is_none());
        // A service that says who it is is known, but not asked to.
        let known = call(&world, path, &[internal(&world)]).await.unwrap();
        assert_eq!(known.service, Some(ServiceName::Gateway));
        let forged = [(INTERNAL_TOKEN, "nonsense".to_owned())];
        assert!(call(&world, path, &forged).await.unwrap().service.is_none());
    }
    for path in [
        "/vigie.auth.v1.AuthService/LoginAs",
        "/grpc.health.v1.HealthX/Check",
        "/",
    ] {
        assert!(call(&world, path, &[]).await.is_err(), "{path}");
    }
}

#[tokio::test]
async fn without_keys_the_call_may_be_tried_again() {
    let world = world();
    world.published.go_down();
    let refused = call(&world, RUN, &[internal(&world)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}

#[tokio::test]
async fn of_two_credentials_none_counts() {
    let world = world();
    let (user, service) = (bearer(&world), internal(&world));
    let twice = [service.clone(), user.clone(), user.clone()];
    assert!(call(&world, RUN, &twice).await.is_err());
    let nonsense = ("authorization", "Bearer nonsense".to_owned());
    for headers in [
        [service.clone(), user.clone(), nonsense.clone()],
        [service.clone(), nonsense, user.clone()],
        [service.clone(), service.clone(), user.clone()],
    ] {
        let refused = call(&world, RUN, &headers).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    // One header with two values in it, and injected separators.
    let token = user.1.trim_start_matches("Bearer ").to_owned();
    for value in [
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer\t{token}"),
        token,
    ] {
        let headers = [service.clone(), ("authorization", value)];
        assert!(call(&world, RUN, &headers).await.is_err());
    }
}
