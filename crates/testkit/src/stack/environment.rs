//! The environment of each process. What the caller set wins over every default; addresses,
//! database roles and internal secrets are the stack's own business.

use super::layout::Layout;
use super::{Replica, Service};
use crate::env;
use crate::postgres::as_role;
use std::collections::BTreeMap;

/// The administrator that auth seeds, unless the caller names another.
const ADMIN_EMAIL: &str = "admin@vigie.local";

/// Key and secret that the stand-in for Pusher knows, unless told otherwise.
const SIMULATED_PUSHER: (&str, &str) = ("vigie-demo-key", "vigie-demo-secret");

/// Of the caller's environment, what would point a service at a database of somebody else.
pub(super) const NOT_INHERITED: [&str; 5] = [
    "DATABASE_URL",
    "DIRECT_URL",
    "PORT",
    "NATS_CREDS_FILE",
    "NATS_PREFIX",
];

/// Name and password of the administrator.
pub(super) fn admin(layout: &Layout) -> (String, String) {
    let email = caller(layout, "AUTH_SEED_ADMIN_EMAIL").unwrap_or_else(|| ADMIN_EMAIL.to_owned());
    let password = caller(layout, "AUTH_SEED_ADMIN_PASSWORD");
    (
        email,
        password.unwrap_or_else(|| layout.secrets.admin_password.clone()),
    )
}

/// The variables of one process.
pub(super) fn of(layout: &Layout, replica: Replica) -> Vec<(String, String)> {
    let mut vars = defaults(layout, replica.service);
    vars.retain(|name, _| env::var(name).is_none());
    vars.extend(layout.options.env.clone());
    vars.extend(addresses(layout, replica));
    if let Some(own) = layout.options.service_env.get(&replica.service) {
        vars.extend(own.clone());
    }
    vars.into_iter().collect()
}

fn caller(layout: &Layout, name: &str) -> Option<String> {
    layout
        .options
        .env
        .get(name)
        .cloned()
        .or_else(|| env::var(name))
}

/// What the caller may replace.
fn defaults(layout: &Layout, service: Service) -> BTreeMap<String, String> {
    let secrets = &layout.secrets;
    let mut vars = Vars::default();
    vars.set("VIGIE_ENV", "development");
    vars.set("API_BASE_URL", &layout.gateway_url());
    match service {
        Service::Auth => {
            let (email, password) = admin(layout);
            vars.set("AUTH_SEED_ADMIN_EMAIL", &email);
            vars.set("AUTH_SEED_ADMIN_PASSWORD", &password);
            vars.set("VIGIE_ENCRYPTION_KEY", &secrets.encryption_key);
        }
        Service::FicheCache | Service::Automation => {
            vars.set("VIGIE_ENCRYPTION_KEY", &secrets.encryption_key);
        }
        _ => {}
    }
    if layout.options.simulators {
        simulators(layout, service, &mut vars);
    }
    vars.0
}

/// Points a service at the simulators, where the caller named no other upstream.
fn simulators(layout: &Layout, service: Service, vars: &mut Vars) {
    let urls = layout.simulators();
    let key = &layout.secrets.simulator_key;
    match service {
        Service::FicheCache if caller(layout, "FICHE_API_URL").is_none() => {
            vars.set("FICHE_API_BASE_URL", &urls.crm_url);
        }
        Service::Transcription => {
            vars.set("RECORDING_ALLOWED_ORIGINS", &urls.crm_url);
            // A key of the caller's is for the real provider, never for a stand-in.
            if caller(layout, "ELEVENLABS_API_KEY").is_none() {
                vars.set("ELEVENLABS_API_KEY", key);
                vars.set("ELEVENLABS_BASE_URL", &urls.stt_url);
                // The stand-in has no bill to protect.
                vars.set("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", "600");
            }
        }
        Service::StepAnalyzer
            if ["OPENAI_API_KEY", "OPENAI_BASE_URL"]
                .iter()
                .all(|name| caller(layout, name).is_none())
                && caller(layout, "AUDIT_ENGINE").is_some_and(|engine| engine == "openai") =>
        {
            vars.set("OPENAI_API_KEY", key);
            vars.set("OPENAI_BASE_URL", &format!("{}/v1", urls.llm_url));
        }
        Service::Gateway if layout.options.pusher && caller(layout, "PUSHER_APP_ID").is_none() => {
            vars.set("PUSHER_APP_ID", "vigie");
            vars.set("PUSHER_KEY", SIMULATED_PUSHER.0);
            vars.set("PUSHER_SECRET", SIMULATED_PUSHER.1);
            vars.set("PUSHER_CLUSTER", "local");
            vars.set("PUSHER_HOST", &urls.pusher_url);
        }
        _ => {}
    }
}

/// What only the stack knows.
fn addresses(layout: &Layout, replica: Replica) -> BTreeMap<String, String> {
    let mut vars = Vars::default();
    let service = replica.service;
    vars.set("NATS_URL", &layout.nats_url());
    // The caller's own host name would be the same for every replica.
    vars.set("HOSTNAME", &replica.to_string());
    vars.set("GRPC_ADDR", &layout.address(replica, "grpc"));
    vars.set("METRICS_ADDR", &layout.address(replica, "metrics"));
    if service == Service::Gateway {
        vars.set("PORT", &layout.port_of(replica, "http").to_string());
    }
    if service == Service::Auth {
        vars.set("INTERNAL_CLIENTS", &layout.secrets.internal_clients());
    }
    vars.set("INTERNAL_CLIENT_SECRET", layout.secrets.internal(service));
    if let Some(schema) = service.schema() {
        vars.set(
            "DATABASE_URL",
            &as_role(&layout.postgres_url(), schema.role(), "vigie"),
        );
    }
    for other in Service::ALL {
        if let Some(variable) = other.url_variable() {
            let first = Replica {
                service: other,
                number: 1,
            };
            vars.set(
                variable,
                &format!("http://{}", layout.address(first, "grpc")),
            );
        }
    }
    vars.0
}

#[derive(Default)]
struct Vars(BTreeMap<String, String>);

impl Vars {
    fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}
