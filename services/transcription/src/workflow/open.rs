//! Starting a run, or joining the open one (A5.8 rules 1, 2).

use super::{Workflow, WorkflowError};
use crate::domain::run::Source;
use crate::store::run::{self, NewRun};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_bus::outbox;
use vigie_events::Lane;
use vigie_events::fiche::FicheFetch;
use vigie_events::ids::{AutomationRunId, FicheId};
use vigie_events::transcription::Priority;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The fiche.
    pub fiche: &'a FicheId,
    /// As asked.
    pub priority: Priority,
    /// Where its work will wait.
    pub lane: Lane,
    /// Transcribe again what is transcribed.
    pub force: bool,
    /// `ce-id` of the command.
    pub request_id: &'a str,
    /// The automation run that asks.
    pub automation_run: Option<AutomationRunId>,
}

/// The run that serves a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// A new one, in `planned`.
    Started(Uuid),
    /// It was open already.
    Joined(Uuid),
}

impl Opened {
    /// Its id.
    pub const fn run_id(self) -> Uuid {
        match self {
            Self::Started(id) | Self::Joined(id) => id,
        }
    }

    /// Wire text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Joined(_) => "joined",
        }
    }
}

impl Workflow {
    /// Starts a run in `planned`, or joins the open one. Whoever starts it goes on with
    /// [`refresh`](Self::refresh) or [`plan`](Self::plan).
    pub async fn open(
        &self,
        tx: &mut PgConnection,
        wish: &Wish<'_>,
    ) -> Result<Opened, WorkflowError> {
        let new = NewRun {
            fiche: wish.fiche,
            priority: wish.priority,
            lane: wish.lane,
            source: Source::of_command(wish.request_id),
            force: wish.force,
            request_id: wish.request_id,
            automation_run: wish.automation_run,
            deadline: self.settings.deadline(wish.lane),
        };
        if let Some(run_id) = run::insert(tx, &new).await? {
            tracing::info!(run.id = %run_id, fiche.id = %wish.fiche, "transcription run started");
            return Ok(Opened::Started(run_id));
        }
        match run::join(tx, wish.fiche, wish.request_id, wish.force).await? {
            Some(run_id) => Ok(Opened::Joined(run_id)),
            None => Err(WorkflowError::LostRace(wish.fiche.clone())),
        }
    }

    /// Asks for the refresh that a new run waits for.
    pub async fn refresh(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
        fiche: &FicheId,
        lane: Lane,
    ) -> Result<(), WorkflowError> {
        let ask = FicheFetch::for_transcription(run_id, fiche.clone(), lane);
        Ok(outbox::send(tx, &ask).await?)
    }
}
