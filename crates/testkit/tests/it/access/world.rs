//! Fiches of two groupes, and what callers and others have made of them.

use super::direct::Direct;
use super::people::{OFFICE, Person, WORK, enter, grants, machine, role, team};
use crate::spine::tokens::Mint;
use crate::spine::{COMPLIANT, PRESSURE, UNANNOUNCED, audit, fiche_at, options};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::{Service, Stack};
use vigie_testkit::wait;

const LIMIT: Duration = Duration::from_secs(30);

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Without a token.
    Nobody,
    /// With a token that was good.
    Expired,
    /// With a token whose signature is another's.
    Forged,
    /// With a good token for somebody else.
    Elsewhere,
    /// A user without a permission.
    Powerless,
    /// A user who may read everything, and change nothing.
    Reader,
    /// A user who may change everything, and read nothing.
    Writer,
    /// A user with every permission, in scope `SELF`.
    Own,
    /// The same, in scope `GROUP`.
    Group,
    /// The same, in scope `ALL`.
    All,
    /// A service token with every permission but administration.
    Machine,
}

impl Who {
    pub const EVERYBODY: [Self; 11] = [
        Self::Nobody,
        Self::Expired,
        Self::Forged,
        Self::Elsewhere,
        Self::Powerless,
        Self::Reader,
        Self::Writer,
        Self::Own,
        Self::Group,
        Self::All,
        Self::Machine,
    ];

    /// Whether the credential is one.
    pub fn is_known(self) -> bool {
        self >= Self::Powerless
    }

    /// Those of them who log in.
    const USERS: [Self; 6] = [
        Self::Powerless,
        Self::Reader,
        Self::Writer,
        Self::Own,
        Self::Group,
        Self::All,
    ];

    const fn email(self) -> &'static str {
        match self {
            Self::Reader => "reader@vigie.test",
            Self::Writer => "writer@vigie.test",
            Self::Own => "own@vigie.test",
            Self::Group => "group@vigie.test",
            Self::All => "all@vigie.test",
            _ => "powerless@vigie.test",
        }
    }
}

/// Whose the thing is that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The caller's.
    Own,
    /// A colleague's.
    SameGroup,
    /// Somebody's of another groupe.
    OtherGroup,
}

impl Target {
    pub const ALL: [Self; 3] = [Self::Own, Self::SameGroup, Self::OtherGroup];
}

/// What requests are about, for one caller and one target.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    pub day: String,
    pub fiche: String,
    pub call: String,
    pub audit: String,
    /// Another one, for requests that end or delete it.
    pub spare: String,
    pub config: String,
    pub schedule: String,
    pub run: String,
    pub job: String,
    pub batch: String,
    /// Of audits; `batch` is of transcriptions.
    pub audit_batch: String,
}

/// What one caller has made.
#[derive(Debug, Clone, Default)]
struct Made {
    schedule: String,
    run: String,
    job: String,
    batch: String,
    audit_batch: String,
}

/// The stack, and everybody's things in it.
pub struct World {
    pub stack: Stack,
    pub gateway: Direct,
    pub analyzer: Direct,
    tokens: BTreeMap<Who, String>,
    access: BTreeMap<Who, String>,
    fiches: BTreeMap<Target, Ids>,
    made: BTreeMap<(Who, Target), Made>,
}

impl World {
    /// Everything, made through the API.
    pub async fn new() -> Result<Self> {
        let options = options().await?;
        let home = options.home.clone();
        let mut options = options
            .with_env("AUDIT_ENGINE", "lexical")
            .with_service_env(Service::Gateway, "PUSHER_DRY_RUN", "true");
        for (name, value) in [
            ("PUSHER_APP_ID", "1"),
            ("PUSHER_KEY", "key"),
            ("PUSHER_SECRET", "secret"),
            ("PUSHER_CLUSTER", "eu"),
        ] {
            options = options.with_service_env(Service::Gateway, name, value);
        }
        let stack = Stack::start(options).await?;
        let admin = stack.api().await?;
        let base = stack.state().gateway_url;
        let gateway = Direct::of(&stack, &home, Service::Gateway).await?;
        let analyzer = Direct::of(&stack, &home, Service::StepAnalyzer).await?;
        let mut world = Self {
            stack,
            gateway,
            analyzer,
            tokens: BTreeMap::new(),
            access: BTreeMap::new(),
            fiches: BTreeMap::new(),
            made: BTreeMap::new(),
        };
        let (people, fiches) = tokio::try_join!(people(&admin), fiches(&admin))?;
        world.fiches = fiches;
        for who in Who::USERS {
            let token = enter(&base, who.email()).await?.token();
            let token = token.context("logged in")?;
            world.access.insert(who, token.clone());
            world.tokens.insert(who, token);
        }
        let access = world.gateway.exchanged(&people.machine).await?;
        world.access.insert(Who::Machine, access);
        world.tokens.insert(Who::Machine, people.machine);
        world.strangers(&home).await?;
        world.things(&base).await?;
        Ok(world)
    }

    /// Tokens that look like that of the user who may do everything.
    async fn strangers(&mut self, home: &vigie_testkit::stack::Home) -> Result<()> {
        let good = self.access[&Who::All].clone();
        let mint = Mint::of(&self.stack, home, &good).await?;
        let (rest, signature) = good.rsplit_once('.').context("a token has parts")?;
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{rest}.{first}{}", &signature[1..]);
        for (who, token) in [
            (Who::Expired, mint.expired()?),
            (Who::Forged, forged),
            (Who::Elsewhere, mint.with(json!({ "aud": "elsewhere" }))?),
        ] {
            self.tokens.insert(who, token.clone());
            self.access.insert(who, token);
        }
        Ok(())
    }

    /// A schedule, a run, a job and batches of everybody who may make some.
    async fn things(&mut self, base: &str) -> Result<()> {
        let colleague = enter(base, "colleague@vigie.test").await?;
        let outsider = enter(base, "outsider@vigie.test").await?;
        let of = |target: Target| self.fiches[&target].fiche.clone();
        let same = make(&colleague, &of(Target::SameGroup), 100).await?;
        let other = make(&outsider, &of(Target::OtherGroup), 110).await?;
        for (number, who) in [Who::Own, Who::Group, Who::All, Who::Machine]
            .into_iter()
            .enumerate()
        {
            let api = ApiClient::new(base)?;
            api.use_token(&self.tokens[&who]);
            let own = make(&api, &of(Target::Own), 120 + 10 * number as u64).await?;
            self.made.insert((who, Target::Own), own);
            self.made.insert((who, Target::SameGroup), same.clone());
            self.made.insert((who, Target::OtherGroup), other.clone());
        }
        Ok(())
    }

    /// Two more audits of each fiche, which nothing works on any more: one to be ended or deleted, one
    /// that stays open.
    pub async fn leave_open(&mut self) -> Result<()> {
        let admin = self.stack.api().await?;
        for ids in self.fiches.values_mut() {
            let body = json!({
                "fiche_id": ids.fiche, "audit_config_id": ids.config.parse::<i64>()?,
            });
            admin.post("/api/audits/run", &body).await?;
            let spare = admin.post("/api/audits/run", &body).await?;
            let spare = found(&spare, "audit_db_id");
            ids.spare = spare.context("no audit was started")?;
        }
        Ok(())
    }

    /// What a request of this caller is about.
    pub fn ids(&self, who: Who, target: Target) -> Ids {
        // Who has nothing of his own asks for what somebody else has.
        let owner = if who >= Who::Own { who } else { Who::All };
        let made = self.made[&(owner, target)].clone();
        Ids {
            schedule: made.schedule,
            run: made.run,
            job: made.job,
            batch: made.batch,
            audit_batch: made.audit_batch,
            ..self.fiches[&target].clone()
        }
    }

    /// The credential that this caller shows the gateway.
    pub fn token(&self, who: Who) -> Option<&str> {
        self.tokens.get(&who).map(String::as_str)
    }

    /// The token that services get to see.
    pub fn access(&self, who: Who) -> Option<&str> {
        self.access.get(&who).map(String::as_str)
    }

    /// Another session of the same caller: for requests that end sessions.
    pub async fn again(&self, who: Who) -> Result<Option<String>> {
        if !Who::USERS.contains(&who) {
            return Ok(self.token(who).map(str::to_owned));
        }
        let api = enter(&self.stack.state().gateway_url, who.email()).await?;
        Ok(api.token())
    }
}

struct People {
    machine: String,
}

async fn people(admin: &ApiClient) -> Result<People> {
    let every: Vec<&str> = WORK.into_iter().chain(OFFICE).collect();
    for (key, scope) in [("m-own", "SELF"), ("m-group", "GROUP"), ("m-all", "ALL")] {
        role(admin, key, &grants(&every, scope)).await?;
    }
    role(admin, "m-none", &json!([])).await?;
    for (key, flag) in [("m-reader", "read"), ("m-writer", "write")] {
        let grant = |key: &&str| json!({ "key": key, flag: true, "scope": "ALL" });
        role(admin, key, &every.iter().map(grant).collect()).await?;
    }
    let ouest = team(admin, "42", "EQUIPE OUEST").await?;
    let nord = team(admin, "31", "EQUIPE NORD").await?;
    for (email, role, crm_user, team) in [
        (Who::Powerless.email(), "m-none", None, Some(&ouest)),
        // The adviser of the own fiche, in its groupe: SELF must not show a colleague's.
        (Who::Own.email(), "m-own", Some("205"), Some(&ouest)),
        // The adviser of the foreign fiche: GROUP must not show what is his elsewhere.
        (Who::Group.email(), "m-group", Some("107"), Some(&ouest)),
        (Who::All.email(), "m-all", None, None),
        (Who::Reader.email(), "m-reader", None, None),
        (Who::Writer.email(), "m-writer", None, None),
        ("colleague@vigie.test", "m-all", Some("209"), Some(&ouest)),
        ("outsider@vigie.test", "m-all", None, Some(&nord)),
    ] {
        let person = Person {
            email,
            roles: &[role],
            crm_user,
            team: team.map(String::as_str),
        };
        person.create(admin).await?;
    }
    let machine = machine(admin, "matrix").await?;
    Ok(People { machine })
}

/// A fiche of the caller, one of a colleague and one of another groupe; each transcribed and audited.
async fn fiches(admin: &ApiClient) -> Result<BTreeMap<Target, Ids>> {
    let day = chrono::Utc::now().date_naive().to_string();
    admin.fiches_on(&day).await?;
    let configs = admin.audit_configs().await?;
    let config = configs.first().context("no configuration")?.to_string();
    let one = async |target, place| -> Result<(Target, Ids)> {
        let fiche = fiche_at(admin, place).await?;
        let detail = audit(admin, &fiche, |_| {}).await?;
        let recordings = admin.get(&format!("/api/recordings/{fiche}")).await?;
        let rows = &recordings["data"];
        let call = found(rows, "call_id").or_else(|| found(rows, "callId"));
        let call = call.with_context(|| format!("no recording: {recordings}"))?;
        let ids = Ids {
            day: day.clone(),
            audit: text(&detail.0["id"]),
            config: config.clone(),
            call,
            fiche,
            ..Ids::default()
        };
        Ok((target, ids))
    };
    let (own, same, other) = tokio::try_join!(
        one(Target::Own, UNANNOUNCED),
        one(Target::SameGroup, PRESSURE),
        one(Target::OtherGroup, COMPLIANT),
    )?;
    Ok(BTreeMap::from([own, same, other]))
}

/// What a caller makes of a fiche, and of days that nobody else asks for.
async fn make(api: &ApiClient, fiche: &str, days_ago: u64) -> Result<Made> {
    let body = json!({
        "name": format!("matrix {days_ago}"), "scheduleType": "MANUAL",
        "ficheSelection": { "mode": "manual", "ficheIds": [fiche] },
        "runTranscription": true, "skipIfTranscribed": true, "runAudits": false,
    });
    let made = api.post("/api/automation/schedules", &body).await?;
    let schedule = text(&made["data"]["id"]);
    let run = api.trigger_schedule(&schedule).await?;
    let run = found(&run, "run_id").with_context(|| format!("no run: {run}"))?;
    let body = json!({ "fiche_ids": [fiche] });
    let batch = api.post("/api/transcriptions/batch", &body).await?;
    let audit_batch = api.post("/api/audits/batch", &body).await?;
    let day = chrono::Utc::now().date_naive() - chrono::Days::new(days_ago);
    let wish = json!({ "startDate": day.to_string(), "endDate": day.to_string() });
    let path = "/api/fiches/status/by-date-range";
    let range = api.call(Method::POST, path, Some(&wish)).await?;
    let job =
        found(&range["meta"], "backgroundJobId").with_context(|| format!("no job: {range}"))?;
    // A run that has ended is told apart from one that cannot be ended.
    wait::until("the run's end", LIMIT, async || {
        let run = api.get(&format!("/api/automation/runs/{run}")).await?;
        let status = found(&run, "status").unwrap_or_default();
        Ok((!["pending", "running", "queued"].contains(&status.as_str())).then_some(()))
    })
    .await?;
    Ok(Made {
        schedule,
        run,
        job,
        batch: text(&batch["batch_id"]),
        audit_batch: text(&audit_batch["batch_id"]),
    })
}

/// The first value of this name, at any depth.
pub fn found(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let here = fields.get(name).map(text).filter(|text| !text.is_empty());
            here.or_else(|| fields.values().find_map(|value| found(value, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| found(item, name)),
        _ => None,
    }
}
