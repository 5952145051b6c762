//! Whatever dies, audits end, and nothing is paid twice.

use super::{
    COMPLIANT, IBAN_TOO_EARLY, LIMIT, PRESSURE, UNANNOUNCED, audit, check_complete, check_gapless,
    fiche_at, model_calls, options,
};
use anyhow::Result;
use serde_json::json;
use vigie_testkit::api::{ApiClient, AuditDetail, Frame};
use vigie_testkit::stack::{Service, Simulator, Stack};
use vigie_testkit::wait;

/// Audits the sale at this place and, while the simulator is being asked, does harm.
async fn audit_despite(
    stack: &Stack,
    place: u64,
    busy: Simulator,
    harm: impl Future<Output = Result<()>>,
) -> Result<(AuditDetail, Vec<Frame>)> {
    let api = stack.api().await?;
    let fiche = fiche_at(&api, place).await?;
    fiche_despite(stack, &api, &fiche, busy, harm).await
}

async fn fiche_despite(
    stack: &Stack,
    api: &ApiClient,
    fiche: &str,
    busy: Simulator,
    harm: impl Future<Output = Result<()>>,
) -> Result<(AuditDetail, Vec<Frame>)> {
    let slow = json!({ "kind": "latency", "latency_ms": 400 });
    stack.fault(busy, &slow).await?;
    let mut events = Vec::new();
    let run = audit(api, fiche, |frame| events.push(frame.clone()));
    let harm = async {
        wait::until("a question to the simulator", LIMIT, || async {
            let calls = stack.calls(busy).await?;
            Ok((calls["in_flight"].as_u64() > Some(0)).then_some(()))
        })
        .await?;
        harm.await
    };
    let (detail, ()) = tokio::try_join!(run, harm)?;
    check_complete(&detail)?;
    stack.heal(busy).await?;
    Ok((detail, events))
}

#[tokio::test]
async fn a_killed_analyzer_costs_no_recorded_step() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let kill = stack.kill(Service::StepAnalyzer, 1);
    let (detail, _) = audit_despite(&stack, COMPLIANT, Simulator::Model, kill).await?;
    let (calls, in_flight) = model_calls(&stack).await?;
    let steps = check_complete(&detail)?;
    // Only what was being asked at that moment may be asked again.
    assert!(
        calls <= steps + in_flight,
        "{calls} calls for {steps} steps"
    );
    stack.down().await
}

#[tokio::test]
async fn a_killed_orchestrator_repeats_no_call() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let kill = stack.kill(Service::AuditOrchestrator, 1);
    let (detail, _) = audit_despite(&stack, COMPLIANT, Simulator::Model, kill).await?;
    assert_eq!(model_calls(&stack).await?.0, check_complete(&detail)?);
    stack.down().await
}

/// The analysis has its test above; these are the phases before it.
#[tokio::test]
async fn a_killed_orchestrator_waits_on_for_fiche_and_transcript() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let kill = stack.kill(Service::AuditOrchestrator, 1);
    audit_despite(&stack, UNANNOUNCED, Simulator::Crm, kill).await?;
    let kill = stack.kill(Service::AuditOrchestrator, 1);
    audit_despite(&stack, PRESSURE, Simulator::Speech, kill).await?;
    // One recording each, heard once.
    assert_eq!(stack.calls(Simulator::Speech).await?["total"], 2);
    stack.down().await
}

#[tokio::test]
async fn a_broker_that_lost_its_disk_costs_time_only() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let wipe = stack.wipe_nats();
    audit_despite(&stack, COMPLIANT, Simulator::Model, wipe).await?;
    stack.down().await
}

#[tokio::test]
async fn any_other_service_may_die_in_the_middle() -> Result<()> {
    let stack = Stack::start(options().await?).await?;

    let api = stack.api().await?;
    let (one, other) = tokio::try_join!(fiche_at(&api, UNANNOUNCED), fiche_at(&api, COMPLIANT))?;

    // Both cost the time until their messages come again, so they are waited for together: the
    // second fiche is in the cache already, and its audit does not wait for the fetch of the first.
    api.get(&format!("/api/fiches/{other}")).await?;
    tokio::try_join!(
        fiche_despite(
            &stack,
            &api,
            &one,
            Simulator::Crm,
            stack.kill(Service::FicheCache, 1)
        ),
        fiche_despite(
            &stack,
            &api,
            &other,
            Simulator::Speech,
            stack.kill(Service::Transcription, 1)
        ),
    )?;
    let calls = stack.calls(Simulator::Speech).await?;
    let number = |key: &str| calls[key].as_u64().unwrap_or_default();
    let (spoken, in_flight) = (number("total"), number("peak_in_flight"));
    // Only what was being heard at that moment may be heard again.
    assert!(spoken <= 3 + in_flight, "{spoken} calls for 3 recordings");

    let kill = stack.kill(Service::Auth, 1);
    audit_despite(&stack, IBAN_TOO_EARLY, Simulator::Model, kill).await?;

    // The client takes up the stream where it broke off.
    let kill = stack.kill(Service::Gateway, 1);
    let (detail, events) = audit_despite(&stack, PRESSURE, Simulator::Model, kill).await?;
    assert!(events.iter().all(|frame| frame.event != "reset"));
    check_gapless(&events, &detail)?;
    stack.down().await
}
