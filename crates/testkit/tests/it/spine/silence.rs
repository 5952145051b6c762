//! Invariant 8: what is skipped, retried, put off or given up is counted, and logged with its ids.

use super::{
    COMPLIANT, IBAN_TOO_EARLY, PRESSURE, UNANNOUNCED, audit, check_complete, fiche_at, options,
};
use anyhow::{Context, Result, ensure};
use async_nats::HeaderMap;
use async_nats::jetstream;
use serde_json::{Value, json};
use std::time::Duration;
use vigie_testkit::api::{ApiClient, http_client, text};
use vigie_testkit::stack::{Service, Simulator, Stack};
use vigie_testkit::wait;

/// The audits have ended when this is waited for.
const SOON: Duration = Duration::from_secs(20);

const ANALYZE: &str = "work.audit.step.analyze.interactive";

/// What must be told of one mishap.
struct Told<'a> {
    service: Service,
    /// A line of `/metrics`: its name, and what its labels must hold.
    counter: (&'a str, &'a [&'a str]),
    /// A line of the log.
    message: &'a str,
    /// Its fields; `""` for any value.
    fields: &'a [(&'a str, &'a str)],
}

impl Told<'_> {
    /// Waits for both: a service may tell after the audit went on.
    async fn check(&self, stack: &Stack) -> Result<()> {
        let (name, labels) = self.counter;
        let service = self.service.name();
        let what = format!("{service} to count {name} {labels:?}");
        wait::until(&what, SOON, async || {
            let count = count(stack, self.service, name, labels).await?;
            Ok((count > 0.0).then_some(()))
        })
        .await?;
        let what = format!("{service} to log `{}` with {:?}", self.message, self.fields);
        wait::until(&what, SOON, async || {
            let mut lines = lines(stack, self.service)?;
            lines.retain(|line| line["message"] == self.message);
            ensure!(lines.iter().any(|line| self.is(line)), "only {lines:?}");
            Ok(Some(()))
        })
        .await
    }

    fn is(&self, line: &Value) -> bool {
        self.fields.iter().all(|(name, expected)| {
            let found = line.get(*name).map(text).unwrap_or_default();
            !found.is_empty() && found.contains(expected)
        })
    }
}

/// The sum of a counter over its labels that hold these.
async fn count(stack: &Stack, of: Service, name: &str, labels: &[&str]) -> Result<f64> {
    let services = stack.state().services;
    let service = services.iter().find(|it| it.name == of.name());
    let url = &service.context("the service runs")?.metrics_url;
    let text = http_client()?.get(url).send().await?.text().await?;
    let wanted = text.lines().filter(|line| {
        let own = line.strip_prefix(name);
        own.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    let values =
        wanted.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<f64>()?));
    values.sum()
}

fn lines(stack: &Stack, of: Service) -> Result<Vec<Value>> {
    let services = stack.state().services;
    let service = services.iter().find(|it| it.name == of.name());
    let log = std::fs::read_to_string(&service.context("the service runs")?.log)?;
    // The last line may be half written.
    Ok(log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

/// Sends a command that nobody can read, and one that was sent before.
async fn rubbish_and_repetition(stack: &Stack, audit: &str, fiche: &str) -> Result<()> {
    let broker = jetstream::new(async_nats::connect(&stack.state().nats_url).await?);
    let mut headers = HeaderMap::new();
    headers.insert("ce-id", "rubbish-1");
    headers.insert("ce-type", "audit/step.analyze");
    headers.insert("Nats-Msg-Id", "rubbish-1");
    let sent = broker.publish_with_headers(ANALYZE, headers, "{\"step\":".into());
    sent.await?.await?;

    let events = broker.get_stream("EVENTS").await?;
    let subject = format!("event.audit.step.analyzed.{audit}.1");
    let fact = events.get_last_raw_message_by_subject(&subject).await?;
    let mut headers = fact.headers.clone();
    headers.insert("Nats-Msg-Id", format!("{fiche}#again"));
    let sent = broker.publish_with_headers(subject, headers, fact.payload);
    sent.await?.await?;
    Ok(())
}

async fn faults(stack: &Stack, rules: &[(Simulator, Value)]) -> Result<()> {
    for (simulator, rule) in rules {
        stack.fault(*simulator, rule).await?;
    }
    Ok(())
}

fn once(status: u16) -> Value {
    json!({ "kind": "status", "status": status, "count": 1 })
}

/// What goes wrong once and then right is told too.
async fn retried(stack: &Stack, api: &ApiClient) -> Result<()> {
    let fiche = fiche_at(api, COMPLIANT).await?;
    let crm = json!({ "kind": "status", "status": 503, "count": 1, "match": fiche });
    let rules = [
        (Simulator::Crm, crm),
        (Simulator::Speech, once(500)),
        (Simulator::Model, once(503)),
        (
            Simulator::Model,
            json!({ "kind": "schema_violation", "count": 1 }),
        ),
    ];
    faults(stack, &rules).await?;
    let detail = audit(api, &fiche, |_| {}).await?;
    check_complete(&detail)?;
    let id = text(&detail.0["id"]);
    let command = format!("audit-step-{id}-");
    rubbish_and_repetition(stack, &id, &fiche).await?;
    let fetch = format!("audit-{id}-fetch");
    let analyzed = format!("audit-step-analyzed-{id}-1");
    for told in [
        Told {
            service: Service::FicheCache,
            counter: ("upstream_retry", &["provider=\"crm\""]),
            message: "asked again",
            fields: &[("message.id", &fetch), ("upstream.provider", "crm")],
        },
        Told {
            service: Service::Transcription,
            counter: ("vigie_speech_retries_total", &[]),
            message: "recording tried again",
            fields: &[("run.id", ""), ("call.id", ""), ("error", "")],
        },
        Told {
            service: Service::StepAnalyzer,
            counter: ("upstream_retry", &["provider=\"openai\""]),
            message: "asked again",
            fields: &[("message.id", &command), ("upstream.provider", "openai")],
        },
        Told {
            service: Service::StepAnalyzer,
            counter: ("analyzer_answer_invalid", &[]),
            message: "the model's answer is of no use",
            fields: &[("message.id", &command), ("problem", "")],
        },
        Told {
            service: Service::StepAnalyzer,
            counter: ("bus_parked", &["step-analyzer-step-interactive"]),
            message: "parked in the dead letters",
            fields: &[("message.id", "rubbish-1"), ("reason", "undecodable")],
        },
        Told {
            service: Service::AuditOrchestrator,
            counter: ("bus_consumed", &["outcome=\"seen\"", "step-analyzed"]),
            message: "skipped: seen before",
            fields: &[("message.id", &analyzed)],
        },
    ] {
        told.check(stack).await?;
    }
    Ok(())
}

/// What stays wrong is told by whoever gave it up.
async fn given_up(stack: &Stack, api: &ApiClient) -> Result<()> {
    let (refused, unheard) =
        tokio::try_join!(fiche_at(api, UNANNOUNCED), fiche_at(api, IBAN_TOO_EARLY))?;
    stack.fault(Simulator::Model, &once(400)).await?;
    let refused = audit(api, &refused, |_| {}).await?;
    stack.fault(Simulator::Speech, &once(400)).await?;
    let unheard_audit = audit(api, &unheard, |_| {}).await?;
    let unknown = audit(api, "99999999", |_| {}).await?;
    ensure!(unheard_audit.status() == "failed" && unknown.status() == "failed");
    let id = |detail: &vigie_testkit::api::AuditDetail| text(&detail.0["id"]);
    let (refused, unheard_audit, unknown) = (id(&refused), id(&unheard_audit), id(&unknown));
    for told in [
        Told {
            service: Service::StepAnalyzer,
            counter: ("analyzer_steps", &["outcome=\"failed\""]),
            message: "step analysis failed",
            fields: &[("audit.id", &refused), ("audit.step", ""), ("reason", "")],
        },
        Told {
            service: Service::Transcription,
            counter: ("vigie_transcription_recordings_total", &["end=\"failed\""]),
            message: "recording not transcribed",
            fields: &[
                ("fiche.id", &unheard),
                ("call.id", ""),
                ("class", "permanent"),
            ],
        },
        Told {
            service: Service::AuditOrchestrator,
            counter: ("audit_ended", &["outcome=\"missing_transcription\""]),
            message: "audit failed",
            fields: &[("audit.id", &unheard_audit)],
        },
        Told {
            service: Service::FicheCache,
            counter: ("upstream_request", &["provider=\"crm\"", "not_found"]),
            message: "fetch ended without a fiche",
            fields: &[("fiche.id", "99999999")],
        },
        Told {
            service: Service::AuditOrchestrator,
            counter: ("audit_ended", &["outcome=\"fiche_not_found\""]),
            message: "audit failed",
            fields: &[("audit.id", &unknown)],
        },
    ] {
        told.check(stack).await?;
    }
    Ok(())
}

/// A provider that wants to be left alone: both who puts the step off and who keeps it tell.
async fn put_off(stack: &Stack, api: &ApiClient) -> Result<()> {
    let patience = json!({ "kind": "status", "status": 429, "retry_after": 3600, "count": 1 });
    stack.fault(Simulator::Model, &patience).await?;
    let fiche = fiche_at(api, PRESSURE).await?;
    let queued = api.run_latest_audit(&fiche).await?;
    for told in [
        Told {
            service: Service::StepAnalyzer,
            counter: ("analyzer_steps", &["outcome=\"deferred\""]),
            message: "step deferred",
            fields: &[("audit.id", &queued.audit_db_id), ("audit.step", "")],
        },
        Told {
            service: Service::AuditOrchestrator,
            counter: ("audit_step_deferred", &[]),
            message: "step deferred",
            fields: &[
                ("audit.id", &queued.audit_db_id),
                ("step", ""),
                ("reason", ""),
            ],
        },
    ] {
        told.check(stack).await?;
    }
    Ok(())
}

#[tokio::test]
async fn whatever_goes_wrong_is_counted_and_logged() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    retried(&stack, &api).await?;
    given_up(&stack, &api).await?;
    put_off(&stack, &api).await?;
    stack.down().await
}
