//! Into `analyzing`: configuration and timeline are frozen and the steps sent.

use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::domain::material::{Material, count};
use crate::domain::time::iso;
use crate::store;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::audit::{FailureStage, StepAnalyze};
use vigie_events::realtime::audit::{
    AnalysisStarted, Analyzing, ConfigLoaded, Generated, InProgress, IsStarted, Loaded, Progress,
    Started, TimelineGenerated,
};
use vigie_scorecard::ConfigSnapshot;

impl Workflow {
    pub(super) async fn analyze(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        material: &Material,
        mut announcer: Announcer,
    ) -> Result<(), WorkflowError> {
        let config = store::config::snapshot(tx, audit.config).await?;
        let Some(config) = config.filter(|config| !config.steps.is_empty()) else {
            let error = format!("Audit config {} has no steps", audit.config);
            return self
                .fail(tx, audit, announcer, FailureStage::ConfigInvalid, &error)
                .await;
        };
        announcer.enter(Phase::Analyzing);
        announce_start(&mut announcer, audit, &config)?;
        if let Some(error) = material.unusable(audit.fiche.as_str()) {
            let stage = FailureStage::MissingTranscription;
            return self.fail(tx, audit, announcer, stage, &error).await;
        }
        announce_analysis(&mut announcer, material, &config, &self.settings.model)?;
        let frozen = store::audit::Analysis {
            id: audit.id,
            sequence: announcer.sequence(),
            config: &config,
            material,
            engine: &self.settings.engine,
        };
        if !store::audit::analyze(tx, &frozen).await? {
            return Ok(());
        }
        let mut positions: Vec<i32> = config.steps.iter().map(|step| step.position).collect();
        positions.sort_unstable();
        let sent = self.settings.window.sent(positions.len(), 0);
        let steps: Vec<_> = positions
            .iter()
            .take(sent)
            .map(|&position| step_message(audit, position, 1))
            .collect();
        outbox::send_and_show(tx, &steps, &announcer.into_messages()).await?;
        let mut log = Lines::new(self.settings.log);
        let data = json!({"attempt": 1, "steps": positions.len(),
            "recordings": material.recordings_used, "missing_recordings": material.missing.len()});
        log.add(audit, Level::Info, "analyzing", "Steps sent", data);
        log.insert(tx).await?;
        Ok(())
    }
}

/// The command of one step.
pub(super) fn step_message(audit: &Audit, position: i32, attempt: u32) -> Message<StepAnalyze> {
    let step = StepAnalyze {
        audit_db_id: audit.id,
        audit_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        step_position: position,
        use_rlm: Some(audit.use_rlm),
        attempt,
        rerun: None,
    };
    step.message(audit.lane)
}

fn announce_start(
    announcer: &mut Announcer,
    row: &Audit,
    config: &ConfigSnapshot,
) -> serde_json::Result<()> {
    let steps = count(config.steps.len());
    announcer.say(|audit| ConfigLoaded {
        audit,
        config_id: config.id.clone(),
        config_name: config.name.clone(),
        steps_count: steps,
        status: Loaded::Only,
    })?;
    announcer.say(|audit| Started {
        audit,
        audit_config_id: config.id.clone(),
        audit_config_name: config.name.clone(),
        total_steps: steps,
        started_at: iso(row.started_at.unwrap_or(row.now)),
        status: IsStarted::Only,
    })
}

fn announce_analysis(
    announcer: &mut Announcer,
    material: &Material,
    config: &ConfigSnapshot,
    model: &str,
) -> serde_json::Result<()> {
    let steps = count(config.steps.len());
    announcer.say(|audit| TimelineGenerated {
        audit,
        recordings_count: material.recordings_used,
        total_chunks: material.total_chunks,
        status: Generated::Only,
    })?;
    announcer.say(|audit| Progress {
        audit,
        completed_steps: 0,
        total_steps: steps,
        failed_steps: 0,
        current_phase: "timeline".to_owned(),
        progress_percentage: 0,
        status: InProgress::Only,
    })?;
    announcer.say(|audit| AnalysisStarted {
        audit,
        total_steps: steps,
        model: model.to_owned(),
        status: Analyzing::Only,
    })
}
