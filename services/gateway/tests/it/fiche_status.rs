//! What is known of fiches without asking the CRM.

use crate::support::App;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn batch(app: &App, body: &Value) -> (StatusCode, Value) {
    let request = app.request(Method::POST, "/api/fiches/status/batch");
    let response = request.json(body).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_cache_of_a_fiche_is_one_call() {
    let app = App::start().await;
    let (status, body) = app.get("/api/fiches/44/cache").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["data"],
        json!({"ficheId": "44", "groupe": null, "prospectNom": null, "prospectPrenom": null,
               "recordingsCount": 2, "fetchedAt": null, "expiresAt": null})
    );
    assert_eq!(app.world.script().calls.len(), 1);
    let (status, body) = app.get("/api/fiches/45/cache").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        (&body["error"], &body["code"]),
        (&json!("Fiche not cached"), &json!("NOT_FOUND"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_status_of_a_fiche_is_three_calls() {
    let app = App::start().await;
    let (status, body) = app.get("/api/fiches/44/status").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&body["data"]["ficheId"], &body["data"]["hasData"]),
        (&json!("44"), &json!(true))
    );
    assert_eq!(body["data"]["transcription"]["percentage"], 50);
    assert_eq!(app.world.script().calls.len(), 3);
    let (status, body) = app.get("/api/fiches/45/status").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["error"], "Fiche not found in database");
    assert!(body["message"].is_string());
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_status_of_many_fiches_is_three_calls_and_has_them_all() {
    let app = App::start().await;
    let (status, body) = batch(&app, &json!({"ficheIds": ["44", "45", "44"]})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["data"].as_object().unwrap().len(), 2);
    assert_eq!(body["data"]["44"]["audit"]["averageScore"], 82.5);
    assert_eq!(body["data"]["45"]["hasData"], false);
    assert_eq!(app.world.script().calls.len(), 3);
    let (status, body) = batch(&app, &json!({"ficheIds": []})).await;
    assert_eq!((status, &body["data"]), (StatusCode::OK, &json!({})));
    for (given, error) in [
        (json!({}), "ficheIds must be an array"),
        (
            json!({"ficheIds": ["4a"]}),
            "ficheIds must be ids of digits",
        ),
        (
            json!({"ficheIds": (0..501).map(|id| id.to_string()).collect::<Vec<_>>()}),
            "ficheIds must hold at most 500 ids",
        ),
    ] {
        let (status, body) = batch(&app, &given).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::BAD_REQUEST, &json!(error))
        );
    }
    app.stop().await.unwrap();
}
