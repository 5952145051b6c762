//! Starting a run, or joining the open one (A5.8 rules 1, 2).

use super::plan::command;
use super::{Workflow, WorkflowError};
use crate::domain::plan::Target;
use crate::domain::run::{RunState, Source};
use crate::store::open::{self, Asked, Terms};
use crate::store::{item, run};
use sqlx::PgConnection;
use std::collections::HashMap;
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
    /// Who asks, for the log.
    pub by: Option<&'a str>,
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
        let terms = Terms {
            priority: wish.priority,
            lane: wish.lane,
            source: Source::of_command(wish.request_id),
            by: wish.by,
            force: wish.force,
            automation_run: wish.automation_run,
            batched: false,
            deadline: self.settings().deadline(wish.lane),
            log: self.settings().log,
        };
        let asked = Asked {
            fiche: wish.fiche.as_str(),
            request_id: wish.request_id,
        };
        let opened = self.open_all(tx, &[asked], &terms).await?;
        let opened = opened.into_values().next();
        opened.ok_or_else(|| WorkflowError::LostRace(wish.fiche.to_string()))
    }

    /// The same for many fiches, by fiche.
    pub async fn open_all(
        &self,
        tx: &mut PgConnection,
        asked: &[Asked<'_>],
        terms: &Terms<'_>,
    ) -> Result<HashMap<String, Opened>, WorkflowError> {
        let mut opened = HashMap::new();
        for it in open::insert(tx, asked, terms).await? {
            tracing::info!(run.id = %it.run_id, fiche.id = %it.fiche_id, "transcription run started");
            opened.insert(it.fiche_id, Opened::Started(it.run_id));
        }
        let others: Vec<Asked<'_>> = asked
            .iter()
            .filter(|it| !opened.contains_key(it.fiche))
            .copied()
            .collect();
        if others.is_empty() {
            return Ok(opened);
        }
        for it in open::join(tx, &others, terms).await? {
            if it.promoted {
                self.hasten(tx, it.run_id).await?;
            }
            opened.insert(it.fiche_id, Opened::Joined(it.run_id));
        }
        match others.iter().find(|it| !opened.contains_key(it.fiche)) {
            Some(lost) => Err(WorkflowError::LostRace(lost.fiche.to_owned())),
            None => Ok(opened),
        }
    }

    /// What a locked run still waits for is asked for once more, in the lane it has now: a person
    /// who joins the run of a schedule does not wait behind schedules. The old commands find nothing
    /// left to do.
    async fn hasten(&self, tx: &mut PgConnection, run_id: Uuid) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        match run.state {
            RunState::Planned => self.ask_again(tx, run_id).await,
            RunState::Ended(_) => Ok(()),
            RunState::Running => {
                let waiting = item::put_back_waiting(tx, run_id).await?;
                let Some(sending) = waiting.iter().map(|it| it.sends - 1).max() else {
                    return Ok(());
                };
                let mut commands = Vec::new();
                for it in waiting {
                    let target = Target {
                        call_id: it.call_id.parse()?,
                        index: it.recording_index,
                        has_url: true,
                    };
                    commands.push(command(&run, target));
                }
                let sending = u32::try_from(sending).unwrap_or(1).max(1);
                Ok(outbox::send_all_again(tx, &commands, sending).await?)
            }
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
