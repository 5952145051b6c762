use crate::http::admin::{audit_events, crm, keys, roles, service_tokens, teams, users};
use crate::http::route::{Access, Route};
use utoipa::OpenApi;
use vigie_identity::Guard;

const USERS: Access = Access::Needs(&[Guard::parse("admin.users.read")]);
const USERS_WRITE: Access = Access::Needs(&[Guard::parse("admin.users.write")]);
const ROLES: Access = Access::Needs(&[Guard::parse("admin.roles.read")]);
const ROLES_WRITE: Access = Access::Needs(&[Guard::parse("admin.roles.write")]);
const PERMISSIONS: Access = Access::Needs(&[Guard::parse("admin.permissions.read")]);

#[derive(OpenApi)]
#[openapi(paths(
    users::list,
    users::create,
    users::from_crm,
    users::update,
    users::reset_link,
    users::invite,
    users::logout_all,
    roles::list,
    roles::create,
    roles::detail,
    roles::update,
    roles::delete,
    roles::permissions,
    teams::list,
    teams::upsert,
    teams::sync,
    teams::update,
    teams::delete,
    teams::add_member,
    teams::remove_member,
    crm::users,
    crm::teams,
    service_tokens::list,
    service_tokens::create,
    service_tokens::revoke,
    audit_events::list,
    keys::rotate
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = people();
    routes.extend(rights());
    routes
}

fn people() -> Vec<Route> {
    vec![
        Route::get("/api/admin/users", USERS, users::list),
        Route::post("/api/admin/users", USERS_WRITE, users::create),
        Route::post("/api/admin/users/from-crm", USERS_WRITE, users::from_crm),
        Route::patch("/api/admin/users/{user_id}", USERS_WRITE, users::update),
        Route::post(
            "/api/admin/users/{user_id}/reset-link",
            USERS_WRITE,
            users::reset_link,
        ),
        Route::post(
            "/api/admin/users/{user_id}/invite",
            USERS_WRITE,
            users::invite,
        ),
        Route::post(
            "/api/admin/users/{user_id}/logout-all",
            USERS_WRITE,
            users::logout_all,
        ),
        Route::get("/api/admin/teams", USERS, teams::list),
        Route::post("/api/admin/teams", USERS_WRITE, teams::upsert),
        Route::post("/api/admin/teams/sync-from-crm", USERS_WRITE, teams::sync),
        Route::patch("/api/admin/teams/{team_id}", USERS_WRITE, teams::update),
        Route::delete("/api/admin/teams/{team_id}", USERS_WRITE, teams::delete),
        Route::post(
            "/api/admin/teams/{team_id}/members",
            USERS_WRITE,
            teams::add_member,
        ),
        Route::delete(
            "/api/admin/teams/{team_id}/members/{user_id}",
            USERS_WRITE,
            teams::remove_member,
        ),
        Route::get("/api/admin/crm/users", USERS, crm::users),
        Route::get("/api/admin/crm/teams", USERS, crm::teams),
    ]
}

fn rights() -> Vec<Route> {
    vec![
        Route::get("/api/admin/roles", ROLES, roles::list),
        Route::post("/api/admin/roles", ROLES_WRITE, roles::create),
        Route::get("/api/admin/roles/{role_id}", ROLES, roles::detail),
        Route::patch("/api/admin/roles/{role_id}", ROLES_WRITE, roles::update),
        Route::delete("/api/admin/roles/{role_id}", ROLES_WRITE, roles::delete),
        Route::get("/api/admin/permissions", PERMISSIONS, roles::permissions),
        Route::get("/api/admin/service-tokens", USERS, service_tokens::list),
        Route::post(
            "/api/admin/service-tokens",
            USERS_WRITE,
            service_tokens::create,
        ),
        Route::delete(
            "/api/admin/service-tokens/{service_token_id}",
            USERS_WRITE,
            service_tokens::revoke,
        ),
        Route::get("/api/admin/audit-events", USERS, audit_events::list),
        Route::post("/api/admin/keys/rotate", USERS_WRITE, keys::rotate),
    ]
}
