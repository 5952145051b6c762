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
mod tests {
    use super::{Check, Subject, Wanted, parse, parse_private};
    use chrono::DateTime;
    use rstest::rstest;
    use vigie_identity::{Grant, Principal, PrincipalKind, Scope};
    use vigie_service::ErrorCode;

    fn principal(grants: &[(&str, Scope)]) -> Principal {
        let grants = grants.iter().map(|(key, scope)| Grant {
            key: (*key).to_owned(),
            read: true,
            write: false,
            read_scope: *scope,
            write_scope: Scope::Own,
        });
        Principal {
            kind: PrincipalKind::Machine("m".to_owned()),
            email: "m".to_owned(),
            roles: Vec::new(),
            crm_user_id: None,
            groupes: Vec::new(),
            groupe_names: Vec::new(),
            grants: grants.collect(),
            session: None,
            version: 1,
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    fn one(name: &str) -> Wanted {
        parse([name]).unwrap().remove(0)
    }

    #[test]
    fn both_spellings_are_one_channel() {
        let wanted = parse(["private-audit-9", "audit-9", "job-automation-run-7"]).unwrap();
        let names: Vec<_> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
        assert_eq!(names, ["private-audit-9", "job-automation-run-7"]);
        assert_eq!(wanted[0].channel.as_str(), "audit-9");
        assert_eq!(wanted[1].subject, Subject::AutomationRun("7".to_owned()));
    }

    #[rstest]
    #[case("audit 9", ErrorCode::Validation)]
    #[case("", ErrorCode::Validation)]
    #[case("pusher-audit-9", ErrorCode::Validation)]
    #[case("org-9", ErrorCode::Authorization)]
    #[case("private-tenant-9", ErrorCode::Authorization)]
    #[case("private-private-audit-9", ErrorCode::Authorization)]
    #[case("presence-global", ErrorCode::Authorization)]
    #[case("audit-", ErrorCode::Authorization)]
    fn unknown_names_are_refused_and_named(#[case] name: &str, #[case] code: ErrorCode) {
        let refused = parse(["global", name]).unwrap_err();
        assert_eq!((refused.code, refused.name.as_str()), (code, name));
        let long = parse([format!("audit-{}", "9".repeat(195)).as_str()]).unwrap_err();
        assert_eq!(long.reason, "channel_name too long (max 200 chars)");
    }

    #[rstest]
    #[case("private-audit-9", Ok(Subject::Audit("9".to_owned())))]
    #[case("presence-global", Ok(Subject::Global))]
    #[case("private-realtime-test", Ok(Subject::Test))]
    #[case("audit-9", Err(ErrorCode::Authorization))]
    #[case("global", Err(ErrorCode::Authorization))]
    #[case("presence-org-1", Err(ErrorCode::Authorization))]
    #[case("presence-audit-9", Err(ErrorCode::Authorization))]
    #[case("pusher-audit-9", Err(ErrorCode::Validation))]
    #[case("a b", Err(ErrorCode::Validation))]
    fn pusher_asks_for_private_channels_only(
        #[case] name: &str,
        #[case] expected: Result<Subject, ErrorCode>,
    ) {
        let read = parse_private(name);
        assert_eq!(
            read.map(|wanted| wanted.subject)
                .map_err(|refused| refused.code),
            expected
        );
    }

    #[test]
    fn a_user_s_channel_is_the_user_s() {
        let mut user = principal(&[]);
        user.kind = PrincipalKind::User("42".parse().unwrap());
        assert_eq!(one("private-user-42").check(&user), Ok(Check::None));
        assert!(one("user-43").check(&user).is_err());
        assert!(one("user-42").check(&principal(&[])).is_err());
    }

    #[test]
    fn the_test_channel_takes_the_right_to_test() {
        let mut tester = principal(&[("realtime", Scope::All)]);
        assert!(one("realtime-test").check(&tester).is_err());
        tester.grants[0].write = true;
        assert_eq!(one("realtime-test").check(&tester), Ok(Check::None));
    }

    #[test]
    fn all_needs_no_look_up_and_less_does() {
        let audit = one("audit-audit-44-7-1");
        let check = audit.check(&principal(&[("audits", Scope::All)]));
        assert_eq!(check, Ok(Check::None));
        let check = audit.check(&principal(&[("audits", Scope::Group)]));
        assert_eq!(check, Ok(Check::Audit("audit-44-7-1".to_owned())));
        assert!(audit.check(&principal(&[("fiches", Scope::All)])).is_err());
        assert!(
            one("fiche-x")
                .check(&principal(&[("fiches", Scope::All)]))
                .is_err()
        );
    }

    #[test]
    fn jobs_are_heard_by_those_who_may_read_their_kind() {
        let others = |name: &str, own: &str| {
            let all = ["audits", "automation", "fiches", "transcriptions", "chat"];
            let grants: Vec<_> = all
                .into_iter()
                .filter(|key| *key != own)
                .map(|key| (key, Scope::All))
                .collect();
            assert!(one(name).check(&principal(&grants)).is_err(), "{name}");
        };
        others("job-4a1c", "fiches");
        others("job-automation-run-7", "automation");
        others("job-automation-schedule-7", "automation");
        others("job-transcription-batch-019a", "transcriptions");
        others("job-batch-1767604800000-3", "audits");
        let job = one("job-4a1c");
        assert_eq!(
            job.check(&principal(&[("fiches", Scope::All)])),
            Ok(Check::None)
        );
        let check = job.check(&principal(&[("fiches", Scope::Group)]));
        assert_eq!(check, Ok(Check::FetchJob("4a1c".to_owned())));
        let run = one("job-automation-run-7").check(&principal(&[("automation", Scope::Own)]));
        assert_eq!(run, Ok(Check::AutomationRun("7".to_owned())));
        let batch = one("job-transcription-batch-019a");
        let check = batch.check(&principal(&[("transcriptions", Scope::All)]));
        let id = "transcription-batch-019a".to_owned();
        assert_eq!(check, Ok(Check::TranscriptionBatch(id)));
        let batch = one("private-job-batch-1767604800000-3");
        let check = batch.check(&principal(&[("audits", Scope::Own)]));
        let id = "batch-1767604800000-3".to_owned();
        assert_eq!(check, Ok(Check::AuditBatch(id)));
        let check = batch.check(&principal(&[("audits", Scope::All)]));
        assert_eq!(check, Ok(Check::None));
        assert_eq!(one("global").check(&principal(&[])), Ok(Check::None));
    }
}
