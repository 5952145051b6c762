//! The table of all routes. What is not here does not exist; who may is said nowhere else.

use super::realtime::{stream, tickets};
use super::route::{Access, Route};
use super::{
    audit_run, audits, auth, automation, docs, fiches, health, recordings, transcriptions,
};
use vigie_identity::Guard;

use Access::{Account, Authenticated, Public};

const FICHES: Access = Access::Needs(&[Guard::parse("fiches.read")]);
const RECORDINGS: Access = Access::Needs(&[Guard::parse("recordings.read")]);
const TRANSCRIPTIONS: Access = Access::Needs(&[Guard::parse("transcriptions.read")]);
const TRANSCRIBE: Access = Access::Needs(&[Guard::parse("transcriptions.write")]);
const AUDITS: Access = Access::Needs(&[Guard::parse("audits.read")]);
const AUDIT_RUN: Access = Access::Needs(&[Guard::parse("audits.run")]);
const AUDIT_CONFIGS: Access = Access::Needs(&[Guard::parse("audit-configs.read")]);
const AUTOMATION: Access = Access::Needs(&[Guard::parse("automation.read")]);
const AUTOMATION_WRITE: Access = Access::Needs(&[
    Guard::parse("automation.read"),
    Guard::parse("automation.write"),
]);
const REALTIME: Access = Access::Needs(&[Guard::parse("realtime.auth")]);
const REALTIME_OR_TICKET: Access = Access::Ticket(&[Guard::parse("realtime.auth")]);

/// Every route. Static segments win over parameters, whatever the order.
pub fn table() -> Vec<Route> {
    vec![
        Route::get("/health", Public, health::health),
        Route::get("/ready", Public, health::ready),
        Route::get("/.well-known/jwks.json", Public, auth::jwks),
        Route::get("/api-docs", Public, docs::page),
        Route::get("/api-docs.json", Public, docs::document),
        Route::post("/api/auth/login", Public, auth::login),
        Route::post("/api/auth/refresh", Public, auth::refresh),
        Route::post("/api/auth/logout", Public, auth::logout),
        Route::get("/api/auth/me", Account, auth::me),
        Route::get("/api/fiches/search", FICHES, fiches::search),
        Route::get("/api/fiches/status/by-date", FICHES, fiches::by_date),
        Route::get("/api/fiches/{fiche_id}", FICHES, fiches::detail),
        Route::get("/api/recordings/{fiche_id}", RECORDINGS, recordings::list),
        Route::post(
            "/api/transcriptions/{fiche_id}",
            TRANSCRIBE,
            transcriptions::start,
        ),
        Route::get(
            "/api/transcriptions/{fiche_id}/status",
            TRANSCRIPTIONS,
            transcriptions::status,
        ),
        Route::get(
            "/api/transcriptions/{fiche_id}/recordings/{call_id}",
            TRANSCRIPTIONS,
            transcriptions::transcript,
        ),
        Route::get("/api/audits", AUDITS, audits::list),
        Route::post("/api/audits", AUDIT_RUN, audit_run::create),
        Route::post("/api/audits/run", AUDIT_RUN, audit_run::run),
        Route::post("/api/audits/run-latest", AUDIT_RUN, audit_run::run_latest),
        Route::get("/api/audits/by-fiche/{fiche_id}", AUDITS, audits::by_fiche),
        Route::get(
            "/api/audits/control-points/statuses",
            Authenticated,
            audits::control_point_statuses,
        ),
        Route::get("/api/audits/{audit_id}", AUDITS, audits::detail),
        Route::get("/api/audit-configs", AUDIT_CONFIGS, audits::configs),
        Route::get(
            "/api/automation/schedules",
            AUTOMATION,
            automation::schedules,
        ),
        Route::post(
            "/api/automation/schedules",
            AUTOMATION_WRITE,
            automation::create,
        ),
        Route::get(
            "/api/automation/schedules/{schedule_id}",
            AUTOMATION,
            automation::schedule,
        ),
        Route::get(
            "/api/automation/schedules/{schedule_id}/runs",
            AUTOMATION,
            automation::schedule_runs,
        ),
        Route::post(
            "/api/automation/trigger",
            AUTOMATION_WRITE,
            automation::trigger,
        ),
        Route::get("/api/automation/runs", AUTOMATION, automation::runs),
        Route::get("/api/automation/runs/{run_id}", AUTOMATION, automation::run),
        Route::post(
            "/api/automation/runs/{run_id}/cancel",
            AUTOMATION_WRITE,
            automation::cancel,
        ),
        Route::get("/api/realtime/stream", REALTIME_OR_TICKET, stream::stream),
        Route::post("/api/realtime/tickets", REALTIME, tickets::issue),
    ]
}
