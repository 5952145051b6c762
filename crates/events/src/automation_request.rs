//! Which fiche of which automation run an answer is for: commands of a run are sent under ids
//! that name both (`automation-and-transcription.md` B9), and facts give these ids back.

use crate::ids::{AuditConfigId, AutomationRunId, FicheId};

/// What a run asks for about a fiche.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutomationStep {
    /// `fiche/fetch`.
    Fetch,
    /// `fiche/transcribe`.
    Transcribe,
    /// `audit/run` with a configuration.
    Audit(AuditConfigId),
}

/// A command of a run, read back from its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomationRequest {
    /// The run.
    pub run: AutomationRunId,
    /// The fiche.
    pub fiche: FicheId,
    /// What was asked.
    pub step: AutomationStep,
    /// Which retry, 0 for the first request.
    pub retry: u32,
}

impl AutomationRequest {
    /// Reads `automation-<run>-<step>-<fiche>[-<config>][-retry-<n>][-again-<n>]`. `None` for ids
    /// of others.
    pub fn parse(id: &str) -> Option<Self> {
        let (run, rest) = id.strip_prefix("automation-")?.split_once('-')?;
        let run = run.parse().ok()?;
        let (word, rest) = rest.split_once('-')?;
        let (rest, _) = counted(rest, "-again-");
        let (rest, retry) = counted(rest, "-retry-");
        let (fiche, step) = match word {
            "fetch" => (rest, AutomationStep::Fetch),
            "transcribe" => (rest, AutomationStep::Transcribe),
            "audit" => {
                let (fiche, config) = rest.rsplit_once('-')?;
                (fiche, AutomationStep::Audit(config.parse().ok()?))
            }
            _ => return None,
        };
        let fiche = fiche.parse().ok()?;
        Some(Self {
            run,
            fiche,
            step,
            retry,
        })
    }
}

/// Cuts `<suffix><n>` off; 0 where it is not there.
fn counted<'a>(text: &'a str, suffix: &str) -> (&'a str, u32) {
    let cut = text
        .rsplit_once(suffix)
        .and_then(|(head, n)| n.parse().ok().map(|n| (head, n)));
    cut.unwrap_or((text, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fiche::FicheFetch;
    use crate::ids::TrackingId;
    use crate::transcription::{FicheTranscribe, Priority};

    fn parsed(id: &str) -> Option<(i64, String, AutomationStep, u32)> {
        let request = AutomationRequest::parse(id)?;
        let fiche = request.fiche.to_string();
        Some((request.run.get(), fiche, request.step, request.retry))
    }

    #[test]
    fn every_formula_is_read_back() {
        let run = AutomationRunId::new(508);
        let config = AuditConfigId::new(14);
        for retry in [0, 3] {
            for fiche in ["4410027", "A-12"] {
                let id: FicheId = fiche.parse().unwrap();
                let expected = |step| Some((508, fiche.to_owned(), step, retry));
                let fetch = FicheFetch::for_automation(run, id.clone(), retry).id;
                let audit = TrackingId::of_automation(run, &id, config, retry);
                let transcribe =
                    FicheTranscribe::for_automation(run, id, Priority::Low, false, retry).id;
                for (id, step) in [
                    (fetch.as_str(), AutomationStep::Fetch),
                    (fetch.again(2).as_str(), AutomationStep::Fetch),
                    (transcribe.again(1).as_str(), AutomationStep::Transcribe),
                    (audit.as_str(), AutomationStep::Audit(config)),
                ] {
                    assert_eq!(parsed(id), expected(step), "{id}");
                }
            }
        }
    }

    #[test]
    fn ids_of_others_are_not_ours() {
        for id in [
            "",
            "audit-7-fetch",
            "automation-run-7",
            "automation-x-fetch-1",
            "automation-7-fetch-",
            "automation-7-audit-44",
            "automation-7-settled-44",
            "automation-completed-7",
        ] {
            assert_eq!(parsed(id), None, "{id}");
        }
    }
}
