//! Channels that a client asks for (`events-and-config.md` E7, `identity.md` 3.2).

use super::ids::is_digits;
use vigie_events::realtime::Channel;
use vigie_identity::{Guard, Principal, Scope};
use vigie_service::ErrorCode;

/// Longest list of one stream.
pub const MAX_CHANNELS: usize = 50;
const MAX_NAME_CHARS: usize = 200;
/// The channel of `POST /api/realtime/pusher/test`.
pub const TEST_CHANNEL: &str = "realtime-test";

const AUDITS: Guard = Guard::parse("audits.read");
const FICHES: Guard = Guard::parse("fiches.read");
const AUTOMATION: Guard = Guard::parse("automation.read");
const TRANSCRIPTIONS: Guard = Guard::parse("transcriptions.read");
const TEST: Guard = Guard::parse("realtime.test");
/// What the ids of batches of transcriptions begin with.
const TRANSCRIPTION_BATCH: &str = "transcription-batch-";
/// What the ids of batches of audits begin with.
const AUDIT_BATCH: &str = "batch-";
/// The one presence channel.
const PRESENCE: &str = "presence-global";

/// Why a channel is not heard. Says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {name}")]
pub struct Refused {
    /// The class of the refusal.
    pub code: ErrorCode,
    /// The contract's words.
    pub reason: &'static str,
    /// The channel, as it was written.
    pub name: String,
}

/// A channel that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As the client wrote it.
    pub name: String,
    /// What it is called inside.
    pub channel: Channel,
    /// What it shows.
    pub subject: Subject,
}

/// What a channel shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An audit, by database or tracking id.
    Audit(String),
    /// A fiche.
    Fiche(String),
    /// A run of a schedule.
    AutomationRun(String),
    /// A schedule.
    AutomationSchedule(String),
    /// A batch of transcriptions.
    TranscriptionBatch(String),
    /// A batch of audits.
    AuditBatch(String),
    /// A job that fetches days of sales.
    Job(String),
    /// What concerns everybody.
    Global,
    /// One user, by id.
    User(String),
    /// Trials of the way itself.
    Test,
}

/// Who has to be asked whether a caller may hear a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Nobody: the grant decides.
    None,
    /// The owner of audits, about this key.
    Audit(String),
    /// The owner of fiches, about this id.
    Fiche(String),
    /// The owner of runs.
    AutomationRun(String),
    /// The owner of schedules.
    AutomationSchedule(String),
    /// The owner of batches of transcriptions.
    TranscriptionBatch(String),
    /// The owner of batches of audits.
    AuditBatch(String),
    /// The owner of jobs that fetch days of sales.
    FetchJob(String),
}

/// Reads a list of names: syntax, then family; doubles are dropped.
pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Wanted>, Refused> {
    let mut all: Vec<Wanted> = Vec::new();
    for name in names {
        let wanted = wanted(name, Channel::from_wire(name))?;
        if all.iter().all(|known| known.channel != wanted.channel) {
            all.push(wanted);
        }
    }
    Ok(all)
}

/// Reads a name as Pusher's clients write it: public channels need no permission and get none.
pub fn parse_private(name: &str) -> Result<Wanted, Refused> {
    let channel = if name == PRESENCE {
        Channel::global()
    } else if name.starts_with("private-") {
        Channel::from_wire(name)
    } else {
        check_syntax(name).map_err(|reason| refused(name, ErrorCode::Validation, reason))?;
        return Err(not_allowed(name));
    };
    wanted(name, channel)
}

fn wanted(name: &str, channel: Channel) -> Result<Wanted, Refused> {
    check_syntax(name).map_err(|reason| refused(name, ErrorCode::Validation, reason))?;
    let subject = subject(channel.as_str()).ok_or_else(|| not_allowed(name))?;
    Ok(Wanted {
        name: name.to_owned(),
        channel,
        subject,
    })
}

fn not_allowed(name: &str) -> Refused {
    refused(name, ErrorCode::Authorization, "Channel not allowed")
}

fn refused(name: &str, code: ErrorCode, reason: &'static str) -> Refused {
    Refused {
        code,
        reason,
        name: name.chars().take(MAX_NAME_CHARS).collect(),
    }
}

fn check_syntax(name: &str) -> Result<(), &'static str> {
    if name.chars().count() > MAX_NAME_CHARS {
        return Err("channel_name too long (max 200 chars)");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-=@,.;".contains(c);
    if name.is_empty() || !name.chars().all(allowed) {
        return Err("channel_name contains invalid characters");
    }
    if name.starts_with("pusher-") {
        return Err("channel_name cannot start with 'pusher-'");
    }
    Ok(())
}

fn subject(channel: &str) -> Option<Subject> {
    match channel {
        "global" => return Some(Subject::Global),
        TEST_CHANNEL => return Some(Subject::Test),
        _ => {}
    }
    let (family, id) = channel.split_once('-').filter(|(_, id)| !id.is_empty())?;
    match family {
        "audit" => Some(Subject::Audit(id.to_owned())),
        "fiche" => Some(Subject::Fiche(id.to_owned())),
        "job" => Some(job(id)),
        "user" => Some(Subject::User(id.to_owned())),
        _ => None,
    }
}

fn job(id: &str) -> Subject {
    let number = |prefix| {
        id.strip_prefix(prefix)
            .filter(|id| is_digits(id))
            .map(str::to_owned)
    };
    number("automation-run-")
        .map(Subject::AutomationRun)
        .or_else(|| number("automation-schedule-").map(Subject::AutomationSchedule))
        .or_else(|| {
            id.starts_with(TRANSCRIPTION_BATCH)
                .then(|| Subject::TranscriptionBatch(id.to_owned()))
        })
        .or_else(|| {
            id.starts_with(AUDIT_BATCH)
                .then(|| Subject::AuditBatch(id.to_owned()))
        })
        .unwrap_or_else(|| Subject::Job(id.to_owned()))
}

impl Wanted {
    /// Decides by the caller's grants, and says who else has to be asked.
    pub fn check(&self, principal: &Principal) -> Result<Check, Refused> {
        let all = |guard: Guard| {
            let grant = principal.grant(guard.key());
            grant.is_some_and(|grant| grant.read && grant.read_scope == Scope::All)
        };
        let decided = match &self.subject {
            Subject::Audit(key) => principal.has(AUDITS).then(|| {
                if all(AUDITS) {
                    Check::None
                } else {
                    Check::Audit(key.clone())
                }
            }),
            Subject::Fiche(id) if !is_digits(id) => None,
            Subject::Fiche(id) => principal.has(FICHES).then(|| {
                if all(FICHES) {
                    Check::None
                } else {
                    Check::Fiche(id.clone())
                }
            }),
            // A job is heard by those who may read it (W31): the key of its own kind decides, its
            // owner the rest.
            Subject::AutomationRun(id) => principal
                .has(AUTOMATION)
                .then(|| Check::AutomationRun(id.clone())),
            Subject::AutomationSchedule(id) => principal
                .has(AUTOMATION)
                .then(|| Check::AutomationSchedule(id.clone())),
            Subject::TranscriptionBatch(id) => principal
                .has(TRANSCRIPTIONS)
                .then(|| Check::TranscriptionBatch(id.clone())),
            Subject::AuditBatch(id) => principal.has(AUDITS).then(|| {
                if all(AUDITS) {
                    Check::None
                } else {
                    Check::AuditBatch(id.clone())
                }
            }),
            Subject::Job(id) => principal.has(FICHES).then(|| {
                if all(FICHES) {
                    Check::None
                } else {
                    Check::FetchJob(id.clone())
                }
            }),
            Subject::Global => Some(Check::None),
            Subject::User(id) => {
                let own = principal
                    .user_id()
                    .is_some_and(|own| own.to_string() == *id);
                own.then_some(Check::None)
            }
            Subject::Test => principal.has(TEST).then_some(Check::None),
        };
        decided.ok_or_else(|| self.forbidden())
    }

    /// The refusal of this channel.
    pub fn forbidden(&self) -> Refused {
        self.refused(ErrorCode::Authorization, "Forbidden")
    }

    /// What is answered when nobody could decide.
    pub fn undecided(&self) -> Refused {
        self.refused(ErrorCode::RealtimeUnavailable, "Realtime not available")
    }

    fn refused(&self, code: ErrorCode, reason: &'static str) -> Refused {
        refused(&self.name, code, reason)
    }
}

#[cfg(test)]
mod tests;
