use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use chrono::{NaiveDate, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::seed::World;
use super::{Options, fault, payload};
use crate::calls;
use crate::faults::Hit;

/// The status of a sale.
const SALE: &str = "53";

struct Crm {
    public_url: String,
    token: Option<SecretString>,
    today: Option<NaiveDate>,
    bulk: Option<super::Bulk>,
}

impl Crm {
    fn world(&self) -> World {
        World {
            today: self.today.unwrap_or_else(|| Utc::now().date_naive()),
            bulk: self.bulk,
        }
    }

    /// Start of absolute addresses: the host the client used, so that it can reach it again.
    fn origin(&self, headers: &HeaderMap) -> String {
        headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .map_or_else(|| self.public_url.clone(), |host| format!("http://{host}"))
    }
}

pub(super) fn routes(options: Options) -> Router {
    let crm = Arc::new(Crm {
        public_url: options.public_url,
        token: options.token,
        today: options.today,
        bulk: options.bulk,
    });
    Router::new()
        .route("/api/fiches/sales-with-calls", get(sales))
        .route("/api/fiches/by-id/{id}", get(details))
        .route("/api/utilisateurs", get(users))
        .route("/api/utilisateurs/groupes", get(groups))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&crm),
            authenticate,
        ))
        .route("/health", get(health))
        .route("/records/{file}", get(audio))
        .with_state(crm)
}

/// How the CRM words a refusal.
pub fn error_body(status: u16) -> Value {
    let message = match status {
        400 => "Paramètres invalides",
        401 => "Non autorisé",
        403 => "Accès refusé",
        404 => "Fiche introuvable",
        429 => "Trop de requêtes",
        _ => "Erreur interne du CRM",
    };
    json!({ "success": false, "message": message })
}

fn refuse(status: StatusCode) -> Response {
    (status, Json(error_body(status.as_u16()))).into_response()
}

async fn authenticate(State(crm): State<Arc<Crm>>, request: Request, next: Next) -> Response {
    let Some(expected) = &crm.token else {
        return next.run(request).await;
    };
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let known = given.is_some_and(|token| token == expected.expose_secret());
    if known {
        next.run(request).await
    } else {
        refuse(StatusCode::UNAUTHORIZED)
    }
}

#[derive(Deserialize)]
struct SalesQuery {
    start_date: NaiveDate,
    end_date: NaiveDate,
    status_id: Option<String>,
    #[serde(default)]
    include_recordings: bool,
}

async fn sales(
    State(crm): State<Arc<Crm>>,
    Extension(hit): Extension<Hit>,
    headers: HeaderMap,
    query: Result<Query<SalesQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    hit.set_key(format!("sales:{}..{}", query.start_date, query.end_date));
    let listed = query
        .status_id
        .as_deref()
        .is_none_or(|status| status == SALE);
    let fiches = if listed {
        crm.world().sold(query.start_date, query.end_date)
    } else {
        Vec::new()
    };
    let origin = query.include_recordings.then(|| crm.origin(&headers));
    let answer = payload::sales_list(&fiches, origin.as_deref());
    Json(fault::spoil(&hit, answer)).into_response()
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct DetailsQuery {
    #[serde(default = "yes")]
    include_recordings: bool,
    #[serde(default)]
    include_mail_devis: bool,
}

async fn details(
    State(crm): State<Arc<Crm>>,
    Extension(hit): Extension<Hit>,
    headers: HeaderMap,
    Path(id): Path<String>,
    query: Result<Query<DetailsQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    hit.set_key(format!("fiche:{id}"));
    let Some(fiche) = id.parse().ok().and_then(|id| crm.world().fiche(id)) else {
        return refuse(StatusCode::NOT_FOUND);
    };
    let origin = query.include_recordings.then(|| crm.origin(&headers));
    let answer = payload::details(&fiche, origin.as_deref(), query.include_mail_devis);
    Json(fault::spoil(&hit, answer)).into_response()
}

async fn users(Extension(hit): Extension<Hit>) -> Json<Value> {
    hit.set_key("users");
    Json(fault::spoil(&hit, payload::users()))
}

#[derive(Deserialize)]
struct GroupsQuery {
    #[serde(default)]
    include_users: bool,
}

async fn groups(
    Extension(hit): Extension<Hit>,
    query: Result<Query<GroupsQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    hit.set_key("groups");
    let answer = payload::groups(query.include_users);
    Json(fault::spoil(&hit, answer)).into_response()
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn audio(
    State(crm): State<Arc<Crm>>,
    Extension(hit): Extension<Hit>,
    Path(file): Path<String>,
) -> Response {
    hit.set_key(format!("audio:{file}"));
    match crm.world().recording(&file) {
        Some(recording) => (
            [(header::CONTENT_TYPE, "audio/mpeg")],
            calls::audio(recording.slug),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
