//! Decisions about results, and analysing again (`audits.md` 6.12, 6.14).

use super::edge::Payload;
use super::failure::Failure;
use super::fields::Fields;
use super::reply::{Data, data};
use crate::app::{AppState, call};
use crate::domain::ids::database_id;
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

const STEP: &str = "Invalid review audit step result input";
const POINT: &str = "Invalid review audit control point input";
const MAX_PROMPT_CHARS: usize = 5000;

/// A decision about a step.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct StepReview {
    /// `CONFORME`, `PARTIEL` or `NON_CONFORME`.
    conforme: String,
    traite: Option<bool>,
    /// 0 or more.
    score: Option<i32>,
    #[serde(rename = "niveauConformite")]
    niveau_conformite: Option<String>,
    /// Shown as the author; by default the caller's e-mail.
    reviewer: Option<String>,
    reason: Option<String>,
    /// `lockVersion` of the step as it was read.
    #[serde(rename = "lockVersion")]
    lock_version: Option<i32>,
}

/// A decision about a control point: one of `statut` and `commentaire` at least.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct PointReview {
    statut: Option<String>,
    commentaire: Option<String>,
    reviewer: Option<String>,
    reason: Option<String>,
    #[serde(rename = "lockVersion")]
    lock_version: Option<i32>,
}

/// What a re-run adds.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct RerunBody {
    /// At most 5000 characters; `customInstructions` is an alias.
    #[serde(rename = "customPrompt")]
    custom_prompt: Option<String>,
    /// Takes back the decisions in force on what is analysed again.
    force: Option<bool>,
}

/// A step as it is in force.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewedStep {
    #[serde(flatten)]
    step: pb::StepResult,
    lock_version: i32,
}

/// A re-run that was queued.
#[derive(Serialize, ToSchema)]
pub struct Queued {
    success: bool,
    message: &'static str,
    event_id: String,
    audit_id: String,
    step_position: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_point_index: Option<i32>,
    rerun_id: String,
}

/// Re-runs of every step whose analysis failed.
#[derive(Serialize, ToSchema)]
pub struct FallbackQueued {
    success: bool,
    message: String,
    audit_id: String,
    reruns: Vec<pb::QueuedRerun>,
}

/// A number of a path, from 1.
fn number(text: &str, name: &str) -> Result<i32, Failure> {
    let number = text.parse().ok().filter(|number: &i32| *number >= 1);
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    number.filter(|_| plain).ok_or_else(|| {
        Failure::validation(format!("Invalid {name}")).with_detail(name, "must be 1 or more")
    })
}

fn step_of(audit_id: &str, position: &str) -> Result<i32, Failure> {
    if database_id(audit_id).is_none() {
        return Err(Failure::validation("Invalid audit_id"));
    }
    number(position, "step_position")
}

/// A number that may be left out, from 0.
fn count(fields: &mut Fields<'_>, body: &Payload, name: &str) -> Option<i32> {
    let value = body.get(name)?;
    let count = value.as_i64().and_then(|count| i32::try_from(count).ok());
    let count = count.filter(|count| *count >= 0);
    if count.is_none() {
        fields.refuse(name, "must be an integer of 0 or more");
    }
    count
}

/// Who shows as the author, why, and what was read.
fn signed(
    fields: &mut Fields<'_>,
    body: &Payload,
) -> (Option<String>, Option<String>, Option<i32>) {
    (
        fields.optional_text("reviewer", 200),
        fields.optional_text("reason", 5000),
        count(fields, body, "lockVersion"),
    )
}

/// Decides about a step.
#[utoipa::path(patch, path = "/api/audits/{audit_id}/steps/{step_position}/review", tag = "audits",
    params(("audit_id" = String, Path), ("step_position" = i32, Path)),
    request_body = StepReview, responses((status = 200, body = Data<ReviewedStep>)))]
pub async fn review_step(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, position)): Path<(String, String)>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<ReviewedStep>>, Failure> {
    let step_position = step_of(&audit_id, &position)?;
    let mut fields = Fields::new(&body, STEP);
    let words = ["CONFORME", "PARTIEL", "NON_CONFORME"];
    let conforme = fields.one_of("conforme", &words);
    if !fields.has("conforme") {
        fields.refuse("conforme", "is required");
    }
    let levels = ["EXCELLENT", "BON", "ACCEPTABLE", "INSUFFISANT", "REJET"];
    let niveau_conformite = fields.one_of("niveauConformite", &levels);
    let traite = fields.has("traite").then(|| fields.flag("traite"));
    let score = count(&mut fields, &body, "score");
    let (reviewer, reason, lock_version) = signed(&mut fields, &body);
    fields.done()?;
    let request = pb::ReviewStepRequest {
        audit_id,
        step_position,
        conforme: conforme.unwrap_or_default(),
        traite,
        score,
        niveau_conformite,
        reviewer,
        reason,
        lock_version,
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.review_step(call(&caller, request)).await?;
    let answer = answer.into_inner();
    reviewed(answer.step, answer.lock_version)
}

/// Takes the decisions about a step back.
#[utoipa::path(delete, path = "/api/audits/{audit_id}/steps/{step_position}/review", tag = "audits",
    params(("audit_id" = String, Path), ("step_position" = i32, Path)),
    responses((status = 200, body = Data<ReviewedStep>)))]
pub async fn revoke_step(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, position)): Path<(String, String)>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<ReviewedStep>>, Failure> {
    let step_position = step_of(&audit_id, &position)?;
    let mut fields = Fields::new(&body, STEP);
    let (reviewer, reason, lock_version) = signed(&mut fields, &body);
    fields.done()?;
    let request = pb::RevokeStepReviewRequest {
        audit_id,
        step_position,
        reviewer,
        reason,
        lock_version,
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.revoke_step_review(call(&caller, request)).await?;
    let answer = answer.into_inner();
    reviewed(answer.step, answer.lock_version)
}

fn reviewed(
    step: Option<pb::StepResult>,
    lock_version: i32,
) -> Result<Json<Data<ReviewedStep>>, Failure> {
    let step = step.ok_or_else(|| Failure::incomplete("ReviewStep"))?;
    Ok(data(ReviewedStep { step, lock_version }))
}

/// Decides about a control point.
#[utoipa::path(patch,
    path = "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/review",
    tag = "audits", params(("audit_id" = String, Path), ("step_position" = i32, Path),
        ("control_point_index" = i32, Path)),
    request_body = PointReview, responses((status = 200, body = Data<pb::ReviewedControlPoint>)))]
pub async fn review_point(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, position, index)): Path<(String, String, String)>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::ReviewedControlPoint>>, Failure> {
    let step_position = step_of(&audit_id, &position)?;
    let control_point_index = number(&index, "control_point_index")?;
    let mut fields = Fields::new(&body, POINT);
    let words = ["PRESENT", "ABSENT", "PARTIEL", "NON_APPLICABLE"];
    let statut = fields.one_of("statut", &words);
    let commentaire = fields.optional_prose("commentaire", 20_000);
    if !fields.has("statut") && !fields.has("commentaire") {
        fields.refuse("statut", "or commentaire is required");
    }
    let (reviewer, reason, lock_version) = signed(&mut fields, &body);
    fields.done()?;
    let request = pb::ReviewControlPointRequest {
        audit_id,
        step_position,
        control_point_index,
        statut,
        commentaire,
        reviewer,
        reason,
        lock_version,
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.review_control_point(call(&caller, request)).await?;
    let point = answer.into_inner().control_point;
    Ok(data(point.ok_or_else(|| {
        Failure::incomplete("ReviewControlPoint")
    })?))
}

/// Takes the decisions about a control point back.
#[utoipa::path(delete,
    path = "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/review",
    tag = "audits", params(("audit_id" = String, Path), ("step_position" = i32, Path),
        ("control_point_index" = i32, Path)),
    responses((status = 200, body = Data<pb::ReviewedControlPoint>)))]
pub async fn revoke_point(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, position, index)): Path<(String, String, String)>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::ReviewedControlPoint>>, Failure> {
    let step_position = step_of(&audit_id, &position)?;
    let control_point_index = number(&index, "control_point_index")?;
    let mut fields = Fields::new(&body, POINT);
    let (reviewer, reason, lock_version) = signed(&mut fields, &body);
    fields.done()?;
    let request = pb::RevokeControlPointReviewRequest {
        audit_id,
        step_position,
        control_point_index,
        reviewer,
        reason,
        lock_version,
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.revoke_control_point_review(call(&caller, request));
    let point = answer.await?.into_inner().control_point;
    Ok(data(point.ok_or_else(|| {
        Failure::incomplete("RevokeControlPointReview")
    })?))
}

/// The first of the two names that holds a text; other values are ignored.
fn prompt(body: &Payload) -> Result<Option<String>, Failure> {
    let text = |name| body.get(name).and_then(Value::as_str);
    let filled = |text: &&str| !text.trim().is_empty();
    let prompt = text("customPrompt").filter(filled);
    let prompt = prompt.or_else(|| text("customInstructions").filter(filled));
    if prompt.is_some_and(|text| text.chars().count() > MAX_PROMPT_CHARS || text.contains('\0')) {
        let refused = Failure::validation("Invalid rerun input");
        return Err(refused.with_detail("customPrompt", "must have at most 5000 characters"));
    }
    Ok(prompt.map(str::to_owned))
}

fn forced(body: &Payload) -> bool {
    body.get("force").and_then(Value::as_bool).unwrap_or(false)
}

/// Analyses a step again.
#[utoipa::path(post, path = "/api/audits/{audit_id}/steps/{step_position}/rerun", tag = "audits",
    params(("audit_id" = String, Path), ("step_position" = i32, Path)),
    request_body = RerunBody,
    responses((status = 200, body = Queued), (status = 429, description = "asked too often")))]
pub async fn rerun_step(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, position)): Path<(String, String)>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Queued>, Failure> {
    let request = pb::RerunStepRequest {
        step_position: step_of(&audit_id, &position)?,
        audit_id: audit_id.clone(),
        custom_prompt: prompt(&body)?,
        force: forced(&body),
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.rerun_step(call(&caller, request)).await?;
    let rerun = answer.into_inner().rerun;
    let rerun = rerun.ok_or_else(|| Failure::incomplete("RerunStep"))?;
    Ok(queued("Step re-run queued", audit_id, None, rerun))
}

/// Analyses a control point again.
#[utoipa::path(post,
    path = "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/rerun",
    tag = "audits", params(("audit_id" = String, Path), ("step_position" = i32, Path),
        ("control_point_index" = i32, Path)),
    request_body = RerunBody,
    responses((status = 200, body = Queued), (status = 429, description = "asked too often")))]
pub async fn rerun_point(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, position, index)): Path<(String, String, String)>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Queued>, Failure> {
    let index = number(&index, "control_point_index")?;
    let request = pb::RerunControlPointRequest {
        step_position: step_of(&audit_id, &position)?,
        audit_id: audit_id.clone(),
        control_point_index: index,
        custom_prompt: prompt(&body)?,
        force: forced(&body),
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.rerun_control_point(call(&caller, request)).await?;
    let rerun = answer.into_inner().rerun;
    let rerun = rerun.ok_or_else(|| Failure::incomplete("RerunControlPoint"))?;
    Ok(queued(
        "Control point re-run queued",
        audit_id,
        Some(index),
        rerun,
    ))
}

fn queued(
    message: &'static str,
    audit_id: String,
    control_point_index: Option<i32>,
    rerun: pb::QueuedRerun,
) -> Json<Queued> {
    Json(Queued {
        success: true,
        message,
        event_id: rerun.event_id,
        audit_id,
        step_position: rerun.step_position,
        control_point_index,
        rerun_id: rerun.rerun_id,
    })
}

/// Analyses every step again whose analysis failed.
#[utoipa::path(post, path = "/api/audits/{audit_id}/rerun-fallback", tag = "audits",
    params(("audit_id" = String, Path)),
    responses((status = 200, body = FallbackQueued), (status = 429, description = "asked too often")))]
pub async fn rerun_fallback(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(audit_id): Path<String>,
) -> Result<Json<FallbackQueued>, Failure> {
    if database_id(&audit_id).is_none() {
        return Err(Failure::validation("Invalid audit_id"));
    }
    let request = pb::RerunFallbackRequest {
        audit_id: audit_id.clone(),
    };
    let mut reviews = gateway.reviews.clone();
    let answer = reviews.rerun_fallback(call(&caller, request)).await?;
    let reruns = answer.into_inner().reruns;
    Ok(Json(FallbackQueued {
        success: true,
        message: format!("{} step re-runs queued", reruns.len()),
        audit_id,
        reruns,
    }))
}
