//! `pending` → `processing`: the fiches are frozen and the first ones are sent.

use super::turn::Turn;
use super::{Workflow, WorkflowError};
use crate::domain::outcome::Reason;
use crate::domain::selection::Selection;
use crate::domain::snapshot::{self, UsedConfig};
use crate::store;
use crate::store::log::Level;
use crate::store::run::Phase;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::collections::HashSet;
use vigie_events::ids::AutomationRunId;
use vigie_events::realtime::automation::RunSelection;

/// Most groupes that `automation.run.selection` names.
const SHOWN_GROUPES: usize = 10;

/// What other services said of a run that is to begin.
#[derive(Debug, Default)]
pub struct Known {
    /// The configurations that were resolved for it.
    pub configs: Vec<UsedConfig>,
    /// Fiches that whoever it acts for may not read.
    pub hidden: HashSet<String>,
}

impl Workflow {
    /// Begins a run with what was found out for it.
    pub async fn begin(
        &self,
        tx: &mut PgConnection,
        id: AutomationRunId,
        known: &Known,
    ) -> Result<(), WorkflowError> {
        let Some(mut run) = store::run::lock(tx, id).await? else {
            return Ok(());
        };
        if run.phase != Phase::Pending {
            return Ok(());
        }
        let configs = &known.configs;
        if run.plan.run_audits && configs.is_empty() {
            let error = "No audit configs resolved";
            return self.fail_run(tx, run, "NO_AUDIT_CONFIG", error).await;
        }
        run.plan.configs = configs.iter().map(|config| config.id).collect();
        let (mut fiches, snapshot) = store::run::selection(tx, id).await?;
        let candidates = fiches.len();
        fiches.retain(|fiche| !known.hidden.contains(fiche));
        let hidden = candidates - fiches.len();
        let selection = selection_of(&snapshot)?;
        let snapshot = snapshot::with_configs(snapshot, configs);
        let kept = i32::try_from(fiches.len()).unwrap_or(i32::MAX);
        let summary = json!({"candidates": candidates, "kept": kept, "failed_dates": []});
        store::run::begin(tx, &run, &snapshot, &summary).await?;
        store::item::insert_all(tx, id, &fiches).await?;
        run.phase = Phase::Processing;
        run.counters.selected = kept;
        let mut turn = Turn::of(run);
        turn.log.add(Level::Info, "selection resolved", &summary);
        if hidden > 0 {
            let out_of_scope = json!({"fiches": hidden});
            turn.log.add(
                Level::Warning,
                "fiches out of scope left out",
                &out_of_scope,
            );
        }
        say_selection(&mut turn, selection, kept)?;
        if fiches.is_empty() {
            return self.finish(tx, turn, Some(Reason::NoFichesManual)).await;
        }
        turn.say_progress()?;
        turn.slots_free = true;
        self.close(tx, turn).await
    }
}

fn selection_of(snapshot: &Value) -> Result<Selection, WorkflowError> {
    let stored = snapshot.get("selection").ok_or(WorkflowError::Selection)?;
    Selection::read(stored, "selection").map_err(|_| WorkflowError::Selection)
}

fn say_selection(turn: &mut Turn, selection: Selection, total: i32) -> serde_json::Result<()> {
    let message = RunSelection {
        run: turn.reference.clone(),
        mode: selection.mode.as_str().to_owned(),
        date_range: selection.date_range,
        groupes_count: i32::try_from(selection.groupes.len()).unwrap_or(i32::MAX),
        groupes: Some(selection.groupes).filter(|groupes| groupes.len() <= SHOWN_GROUPES),
        only_with_recordings: selection.only_with_recordings,
        only_unaudited: selection.only_unaudited,
        use_rlm: selection.use_rlm,
        max_fiches: selection.max_fiches,
        max_recordings_per_fiche: selection.max_recordings_per_fiche,
        total_fiches: total,
    };
    turn.say(&message)
}
