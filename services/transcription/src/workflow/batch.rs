//! Runs for many fiches at once, counted together (A10.2).

use super::change::progress;
use super::{Opened, Workflow, WorkflowError};
use crate::domain::run::Source;
use crate::store::batch::{self, Batch, Member, NewBatch};
use crate::store::open::{Asked, Terms};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_bus::outbox;
use vigie_events::fiche::FicheFetch;
use vigie_events::ids::FicheId;
use vigie_events::transcription::Priority;
use vigie_events::{Lane, Message};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct BatchWish<'a> {
    /// Fiches, each once, with the `ce-id` of its command.
    pub fiches: &'a [(FicheId, String)],
    /// As asked.
    pub priority: Priority,
    /// Who asks.
    pub by: &'a str,
}

impl Workflow {
    /// Starts or joins a run for each fiche and stores the batch that counts them, in one
    /// transaction. Members are in the order of the wish.
    pub async fn open_batch(
        &self,
        tx: &mut PgConnection,
        wish: BatchWish<'_>,
    ) -> Result<(Batch, Vec<Member>), WorkflowError> {
        let lane = wish.priority.lane(Lane::Bulk);
        let terms = Terms {
            priority: wish.priority,
            lane,
            source: Source::Batch,
            by: Some(wish.by),
            force: false,
            automation_run: None,
            batched: true,
            deadline: self.settings().deadline(lane),
            log: self.settings().log,
        };
        let asked: Vec<Asked<'_>> = wish
            .fiches
            .iter()
            .map(|(fiche, request_id)| Asked {
                fiche: fiche.as_str(),
                request_id,
            })
            .collect();
        let opened = self.open_all(tx, &asked, &terms).await?;
        let mut fetches: Vec<Message<FicheFetch>> = Vec::new();
        let mut members = Vec::new();
        for (fiche, _) in wish.fiches {
            let run = opened
                .get(fiche.as_str())
                .ok_or_else(|| WorkflowError::LostRace(fiche.to_string()))?;
            if let Opened::Started(run_id) = run {
                fetches.push(FicheFetch::for_transcription(*run_id, fiche.clone(), lane));
            }
            members.push(Member {
                fiche_id: fiche.to_string(),
                run_id: run.run_id(),
                joined: matches!(run, Opened::Joined(_)),
                outcome: None,
            });
        }
        outbox::send_all(tx, &fetches).await?;
        let id = format!("transcription-batch-{}", Uuid::now_v7());
        let new = NewBatch {
            id: &id,
            by: wish.by,
            priority: wish.priority,
        };
        let batch = batch::insert(tx, new, &members).await?;
        outbox::show(tx, &[progress(&batch, batch.sequence)?]).await?;
        Ok((batch, members))
    }
}
