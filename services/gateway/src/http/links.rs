//! What audits say of the schedules and runs that they belong to. Automation knows it: one call an
//! answer, and none where nothing is linked. Where it is away, ids stay without names.

use crate::app::{AppState, call};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use vigie_contracts::audit::v1::{AuditGroup, AuditRow, AutomationRunRef, AutomationScheduleRef};
use vigie_contracts::automation::v1::DescribeLinksRequest;
use vigie_identity::Caller;

/// Names are worth no longer wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something with links.
pub trait Linked {
    /// The schedule, if any.
    fn schedule(&mut self) -> Option<&mut AutomationScheduleRef>;
    /// The run, if any.
    fn run(&mut self) -> Option<&mut AutomationRunRef>;
}

impl Linked for AuditRow {
    fn schedule(&mut self) -> Option<&mut AutomationScheduleRef> {
        self.automation_schedule.as_mut()
    }

    fn run(&mut self) -> Option<&mut AutomationRunRef> {
        self.automation_run.as_mut()
    }
}

impl Linked for AuditGroup {
    fn schedule(&mut self) -> Option<&mut AutomationScheduleRef> {
        self.automation_schedule.as_mut()
    }

    fn run(&mut self) -> Option<&mut AutomationRunRef> {
        self.automation_run.as_mut()
    }
}

/// Fills what is linked.
pub async fn describe<'a, L: Linked + 'a>(
    gateway: &AppState,
    caller: &Caller,
    linked: impl Iterator<Item = &'a mut L>,
) {
    let mut linked: Vec<&mut L> = linked.collect();
    let (mut schedules, mut runs) = (BTreeSet::new(), BTreeSet::new());
    for one in &mut linked {
        schedules.extend(one.schedule().map(|schedule| schedule.id.clone()));
        runs.extend(one.run().map(|run| run.id.clone()));
    }
    if schedules.is_empty() && runs.is_empty() {
        return;
    }
    let request = DescribeLinksRequest {
        schedule_ids: schedules.into_iter().collect(),
        run_ids: runs.into_iter().collect(),
    };
    let mut request = call(caller, request);
    request.set_timeout(PATIENCE);
    let answer = match gateway.links.clone().describe_links(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            metrics::counter!("gateway.links.unnamed").increment(1);
            tracing::warn!(code = ?status.code(), "audits are shown without names of schedules");
            return;
        }
    };
    let names: HashMap<_, _> = answer
        .schedules
        .into_iter()
        .map(|schedule| (schedule.id, schedule.name))
        .collect();
    let runs: HashMap<_, _> = answer
        .runs
        .into_iter()
        .map(|run| (run.id.clone(), run))
        .collect();
    for one in linked {
        if let Some(schedule) = one.schedule() {
            schedule.name = names.get(&schedule.id).cloned();
        }
        if let Some(shown) = one.run()
            && let Some(run) = runs.get(&shown.id)
        {
            shown.status = Some(run.status.clone());
            shown.started_at = Some(run.started_at.clone());
            shown.completed_at.clone_from(&run.completed_at);
            shown.schedule_id = Some(run.schedule_id.clone());
        }
    }
}
