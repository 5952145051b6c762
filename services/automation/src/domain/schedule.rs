//! A schedule as it is asked for (B2.1, B2.3).

use super::cron;
use super::fields::Fields;
use super::properties::{configs, emails, is_time_of_day, refuse_secrets, webhook_url};
use super::selection::Selection;
use serde_json::Value;
use vigie_events::transcription::Priority;
use vigie_service::Detail;

/// When a schedule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleType {
    /// By hand only.
    Manual,
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// By a cron expression.
    Cron,
}

impl ScheduleType {
    const WORDS: [(&'static str, Self); 5] = [
        ("MANUAL", Self::Manual),
        ("DAILY", Self::Daily),
        ("WEEKLY", Self::Weekly),
        ("MONTHLY", Self::Monthly),
        ("CRON", Self::Cron),
    ];

    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "MANUAL",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Cron => "CRON",
        }
    }

    /// The type with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .into_iter()
            .find(|(name, _)| *name == word)
            .map(|(_, one)| one)
    }
}

/// Wire words of priorities.
pub const PRIORITIES: [(&str, Priority); 3] = [
    ("low", Priority::Low),
    ("normal", Priority::Normal),
    ("high", Priority::High),
];

const MISFIRES: [(&str, &str); 2] = [("run_once", "run_once"), ("skip", "skip")];
const MAX_FICHES_MODES: [(&str, &str); 2] =
    [("candidates", "candidates"), ("retained", "retained")];

/// Longest name.
const MAX_NAME_CHARS: usize = 255;

/// The properties of a schedule that a client decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the contract's switches, each of its own"
)]
pub struct NewSchedule {
    /// Name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Whether it is due at all.
    pub is_active: bool,
    /// When it runs.
    pub schedule_type: ScheduleType,
    /// Given or derived.
    pub cron_expression: Option<String>,
    /// Zone of its times.
    pub timezone: String,
    /// `HH:MM`.
    pub time_of_day: Option<String>,
    /// 0 is Sunday.
    pub day_of_week: Option<i32>,
    /// 1 to 31.
    pub day_of_month: Option<i32>,
    /// What becomes of missed occurrences.
    pub misfire: String,
    /// The 31st of a short month is its last day.
    pub clamp_to_month_end: bool,
    /// Which fiches.
    pub selection: Selection,
    /// What `maxFiches` counts.
    pub max_fiches_mode: String,
    /// Have recordings transcribed.
    pub run_transcription: bool,
    /// Leave alone what is transcribed.
    pub skip_if_transcribed: bool,
    /// Lane of transcriptions.
    pub transcription_priority: Priority,
    /// Audits go on without some recordings.
    pub allow_partial_transcription: bool,
    /// Have fiches audited.
    pub run_audits: bool,
    /// With all configurations that run automatically.
    pub use_automatic_audits: bool,
    /// And with these.
    pub specific_audit_configs: Vec<i64>,
    /// A failed fiche does not stop the others.
    pub continue_on_error: bool,
    /// Repeat failed steps.
    pub retry_failed: bool,
    /// How often.
    pub max_retries: u32,
    /// Tell good ends.
    pub notify_on_complete: bool,
    /// Tell bad ends.
    pub notify_on_error: bool,
    /// Where to.
    pub webhook_url: Option<String>,
    /// And to whom.
    pub notify_emails: Vec<String>,
}

/// Why a body is no schedule.
#[derive(Debug, PartialEq, Eq)]
pub enum BadSchedule {
    /// Properties are wrong.
    Invalid(Vec<Detail>),
    /// A type lacks what it requires.
    Incomplete(&'static str),
}

impl NewSchedule {
    /// Reads a create body.
    pub fn read(body: &Value) -> Result<Self, BadSchedule> {
        let mut fields = Fields::of(body, "body");
        let schedule = read(&mut fields);
        let problems = fields.into_problems();
        match schedule {
            Some(mut schedule) if problems.is_empty() => {
                schedule.complete().map_err(BadSchedule::Incomplete)?;
                Ok(schedule)
            }
            _ => Err(BadSchedule::Invalid(problems)),
        }
    }

    /// Checks what its type requires (B2.3) and derives its cron text.
    fn complete(&mut self) -> Result<(), &'static str> {
        let (time, week, month) = (
            self.time_of_day.is_some(),
            self.day_of_week.is_some(),
            self.day_of_month.is_some(),
        );
        match self.schedule_type {
            ScheduleType::Daily if !time => Err("DAILY schedule requires timeOfDay"),
            ScheduleType::Weekly if !(time && week) => {
                Err("WEEKLY schedule requires timeOfDay and dayOfWeek")
            }
            ScheduleType::Monthly if !(time && month) => {
                Err("MONTHLY schedule requires timeOfDay and dayOfMonth")
            }
            ScheduleType::Cron if self.cron_expression.is_none() => {
                Err("CRON schedule requires cronExpression")
            }
            _ => {
                if self.cron_expression.is_none() {
                    self.cron_expression = cron::derived(self);
                }
                Ok(())
            }
        }
    }
}

fn read(fields: &mut Fields<'_>) -> Option<NewSchedule> {
    let name = fields.text("name");
    match &name {
        None if fields.raw("name").is_none() => fields.problem("name", "required", "Required"),
        Some(name) if name.is_empty() || name.chars().count() > MAX_NAME_CHARS => {
            fields.problem("name", "invalid_length", "Must have 1 to 255 characters");
        }
        _ => {}
    }
    let schedule_type = fields.word("scheduleType", &ScheduleType::WORDS);
    if fields.raw("scheduleType").is_none() {
        fields.problem("scheduleType", "required", "Required");
    }
    let selection = selection(fields);
    refuse_secrets(fields);
    let cron_expression = fields
        .text("cronExpression")
        .filter(|text| !text.trim().is_empty());
    if cron_expression
        .as_deref()
        .is_some_and(|text| !cron::is_valid(text))
    {
        fields.problem(
            "cronExpression",
            "invalid_cron",
            "Not a five-field cron expression",
        );
    }
    let timezone = fields.text("timezone").unwrap_or_else(|| "UTC".to_owned());
    if timezone.parse::<chrono_tz::Tz>().is_err() {
        fields.problem("timezone", "invalid_timezone", "Unknown time zone");
    }
    let time_of_day = fields.text("timeOfDay");
    if time_of_day
        .as_deref()
        .is_some_and(|text| !is_time_of_day(text))
    {
        fields.problem("timeOfDay", "invalid_string", "Expected HH:MM");
    }
    let schedule = NewSchedule {
        description: fields.text("description"),
        is_active: fields.flag("isActive", true),
        cron_expression,
        timezone,
        time_of_day,
        day_of_week: fields.int("dayOfWeek", 0, 6),
        day_of_month: fields.int("dayOfMonth", 1, 31),
        misfire: fields
            .word("misfire", &MISFIRES)
            .unwrap_or("run_once")
            .to_owned(),
        clamp_to_month_end: fields.flag("clampToMonthEnd", false),
        max_fiches_mode: fields
            .word("maxFichesMode", &MAX_FICHES_MODES)
            .unwrap_or("candidates")
            .to_owned(),
        run_transcription: fields.flag("runTranscription", true),
        skip_if_transcribed: fields.flag("skipIfTranscribed", true),
        transcription_priority: fields
            .word("transcriptionPriority", &PRIORITIES)
            .unwrap_or_default(),
        allow_partial_transcription: fields.flag("allowPartialTranscription", false),
        run_audits: fields.flag("runAudits", true),
        use_automatic_audits: fields.flag("useAutomaticAudits", true),
        specific_audit_configs: configs(fields),
        continue_on_error: fields.flag("continueOnError", true),
        retry_failed: fields.flag("retryFailed", false),
        max_retries: fields.int("maxRetries", 0, 5).map_or(0, i32::unsigned_abs),
        notify_on_complete: fields.flag("notifyOnComplete", true),
        notify_on_error: fields.flag("notifyOnError", true),
        webhook_url: webhook_url(fields),
        notify_emails: emails(fields),
        name: name?,
        schedule_type: schedule_type?,
        selection: selection?,
    };
    Some(schedule)
}

fn selection(fields: &mut Fields<'_>) -> Option<Selection> {
    let Some(value) = fields.raw("ficheSelection") else {
        fields.problem("ficheSelection", "required", "Required");
        return None;
    };
    match Selection::read(value, "body.ficheSelection") {
        Ok(selection) => Some(selection),
        Err(problems) => {
            fields.merge(problems);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(extra: Value) -> Value {
        let mut body = json!({"name": "Ventes", "scheduleType": "MANUAL",
            "ficheSelection": {"mode": "manual", "ficheIds": ["1"]}});
        if let (Some(body), Value::Object(extra)) = (body.as_object_mut(), extra) {
            body.extend(extra);
        }
        body
    }

    fn read(extra: Value) -> Result<NewSchedule, BadSchedule> {
        NewSchedule::read(&body(extra))
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let schedule = read(json!({"unknown": {"ignored": true}})).unwrap();
        assert!(schedule.is_active && schedule.run_transcription && schedule.run_audits);
        assert!(schedule.skip_if_transcribed && schedule.continue_on_error);
        assert!(schedule.use_automatic_audits && schedule.notify_on_complete);
        assert_eq!((schedule.retry_failed, schedule.max_retries), (false, 0));
        assert_eq!(schedule.transcription_priority, Priority::Normal);
        assert_eq!(
            (schedule.timezone.as_str(), schedule.cron_expression),
            ("UTC", None)
        );
    }

    #[test]
    fn types_require_their_times() {
        let missing = |extra| match read(extra) {
            Err(BadSchedule::Incomplete(text)) => text,
            other => panic!("{other:?}"),
        };
        let daily = missing(json!({"scheduleType": "DAILY"}));
        assert_eq!(daily, "DAILY schedule requires timeOfDay");
        let weekly = missing(json!({"scheduleType": "WEEKLY", "timeOfDay": "09:00"}));
        assert_eq!(weekly, "WEEKLY schedule requires timeOfDay and dayOfWeek");
        let monthly = missing(json!({"scheduleType": "MONTHLY", "dayOfMonth": 3}));
        assert_eq!(
            monthly,
            "MONTHLY schedule requires timeOfDay and dayOfMonth"
        );
        let cron = missing(json!({"scheduleType": "CRON"}));
        assert_eq!(cron, "CRON schedule requires cronExpression");
    }

    #[test]
    fn cron_texts_are_derived() {
        let cron = |extra| read(extra).unwrap().cron_expression;
        let daily = cron(json!({"scheduleType": "DAILY", "timeOfDay": "06:30"}));
        assert_eq!(daily.as_deref(), Some("30 6 * * *"));
        let weekly = json!({"scheduleType": "WEEKLY", "timeOfDay": "09:05", "dayOfWeek": 0});
        assert_eq!(cron(weekly).as_deref(), Some("5 9 * * 0"));
    }

    #[test]
    fn bad_properties_are_told_together() {
        let Err(BadSchedule::Invalid(problems)) = NewSchedule::read(&json!({
            "name": "", "scheduleType": "HOURLY", "timeOfDay": "24:00", "dayOfWeek": 7,
            "description": null, "timezone": "Mars/Base", "maxRetries": 6,
            "webhookUrl": "http://127.0.0.1/", "notifyEmails": ["a@b.fr", 7, " ", "nobody"],
            "externalApiKey": "k", "specificAuditConfigs": [1.5]
        })) else {
            unreachable!()
        };
        let mut paths: Vec<&str> = problems
            .iter()
            .filter_map(|detail| detail.path.strip_prefix("body."))
            .collect();
        paths.sort_unstable();
        let expected = [
            "dayOfWeek",
            "description",
            "externalApiKey",
            "ficheSelection",
            "maxRetries",
            "name",
            "notifyEmails[1]",
            "scheduleType",
            "specificAuditConfigs",
            "timeOfDay",
            "timezone",
            "webhookUrl",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn config_ids_keep_their_leading_integer() {
        let schedule = read(json!({"specificAuditConfigs": [14, "12abc", "x", null, -3, 14]}));
        assert_eq!(schedule.unwrap().specific_audit_configs, [14, 12]);
        let none = read(json!({"notifyEmails": "a@b.fr", "webhookUrl": ""})).unwrap();
        assert_eq!((none.notify_emails.len(), none.webhook_url), (0, None));
    }
}
