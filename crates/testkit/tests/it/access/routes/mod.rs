//! What each route is about and which RPCs stand behind it. Who may use it is not said here: that
//! follows from the route's guard and the rule of its scope.

mod admin;
mod audit_batches;
mod audit_configs;
mod audit_operations;
mod audits;
mod auth;
mod automation;
mod fiches;
mod realtime;
mod reviews;
mod transcriptions;

use super::direct::Rpc;
use super::world::{Ids, Target, Who};
use serde_json::Value;
use vigie_testkit::stack::Service;

/// An id that nothing has.
pub const NONE: &str = "987654321";

/// Which targets a caller reaches (identity.md 1.6, W20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is nobody's: the permission decides.
    Everything,
    /// SELF what is one's own, GROUP what is of one's groupe, ALL everything.
    Scoped,
    /// What one has made, ALL everything.
    Made,
    /// Everybody's things, so that only scope ALL reaches them.
    OnlyAll,
}

impl Reach {
    /// Whether a caller with the permission gets at the target.
    pub fn reaches(self, who: Who, target: Target) -> bool {
        match (self, who) {
            (Self::Everything, _) | (_, Who::All | Who::Machine | Who::Reader | Who::Writer) => {
                true
            }
            (Self::Made, _) | (Self::Scoped, Who::Own) => target == Target::Own,
            (Self::Scoped, Who::Group) => target != Target::OtherGroup,
            (Self::OnlyAll | Self::Scoped, _) => false,
        }
    }
}

/// Whether an answer shows the target.
pub type Shows = fn(&Ids, &[u8]) -> bool;

/// What a caller with the permission is answered.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub reach: Reach,
    /// Statuses within reach, all of them as good.
    pub within: &'static [u16],
    /// The status beyond it.
    pub beyond: u16,
    /// Where the status is the same, the rows tell.
    pub shows: Option<Shows>,
}

impl Rule {
    /// One of these answers, whoever may ask.
    pub const fn any(within: &'static [u16]) -> Self {
        Self {
            reach: Reach::Everything,
            within,
            beyond: 0,
            shows: None,
        }
    }

    /// This answer within reach and that beyond it.
    pub const fn of(reach: Reach, within: &'static [u16], beyond: u16) -> Self {
        Self {
            reach,
            within,
            beyond,
            shows: None,
        }
    }

    /// An answer for everybody, with the target in it only within reach.
    pub const fn rows(reach: Reach, shows: Shows) -> Self {
        Self {
            reach,
            within: &[200],
            beyond: 200,
            shows: Some(shows),
        }
    }
}

/// What is behind a route.
pub struct Behind {
    pub rpc: fn(&Ids) -> Rpc,
    pub rule: Rule,
}

/// A route's note.
pub struct Row {
    pub method: &'static str,
    /// As in the route table.
    pub path: &'static str,
    /// Added to the path.
    pub query: fn(&Ids) -> String,
    pub body: Option<fn(&Ids) -> Value>,
    pub rule: Rule,
    pub behind: Vec<Behind>,
    /// Whether it ends the session it is sent with.
    pub ends_session: bool,
    /// What its guard does not ask for, but this request.
    pub also: Option<&'static str>,
    /// Whether it is about the audit that nobody else's question is about.
    pub spare: bool,
}

impl Row {
    /// A route and its rule.
    pub fn new(method: &'static str, path: &'static str, rule: Rule) -> Self {
        Self {
            method,
            path,
            query: |_| String::new(),
            body: None,
            rule,
            behind: Vec::new(),
            ends_session: false,
            also: None,
            spare: false,
        }
    }

    pub fn query(mut self, query: fn(&Ids) -> String) -> Self {
        self.query = query;
        self
    }

    pub fn body(mut self, body: fn(&Ids) -> Value) -> Self {
        self.body = Some(body);
        self
    }

    /// An RPC that answers as the route does.
    pub fn rpc(self, rpc: fn(&Ids) -> Rpc) -> Self {
        let rule = self.rule;
        self.rpc_by(rule, rpc)
    }

    /// An RPC with a rule of its own.
    pub fn rpc_by(mut self, rule: Rule, rpc: fn(&Ids) -> Rpc) -> Self {
        self.behind.push(Behind { rpc, rule });
        self
    }

    pub const fn ending_sessions(mut self) -> Self {
        self.ends_session = true;
        self
    }

    /// Asks for one permission more.
    pub const fn also(mut self, guard: &'static str) -> Self {
        self.also = Some(guard);
        self
    }

    /// Its audit may be ended or deleted.
    pub const fn about_spare(mut self) -> Self {
        self.spare = true;
        self
    }

    /// Where a request goes.
    pub fn url(&self, ids: &Ids) -> String {
        let mut url = self.path.to_owned();
        let audit = if self.spare { &ids.spare } else { &ids.audit };
        let of_audits = self.path.starts_with("/api/audits/");
        let batch = if of_audits {
            &ids.audit_batch
        } else {
            &ids.batch
        };
        for (name, id) in [
            ("{fiche_id}", ids.fiche.as_str()),
            ("{call_id}", &ids.call),
            ("{audit_id}", audit),
            ("{schedule_id}", &ids.schedule),
            ("{run_id}", &ids.run),
            ("{job_id}", &ids.job),
            ("{batch_id}", batch),
            ("{user_id}", NONE),
            ("{config_id}", &ids.config),
            ("{step_id}", NONE),
            ("{step_position}", "1"),
            ("{control_point_index}", "1"),
            ("{role_id}", NONE),
            ("{team_id}", NONE),
            ("{service_token_id}", NONE),
            ("{delivery_id}", NONE),
            ("{sid}", "00000000-0000-4000-8000-000000000000"),
        ] {
            url = url.replace(name, id);
        }
        url + &(self.query)(ids)
    }
}

/// All notes.
pub fn rows() -> Vec<Row> {
    [
        auth::rows(),
        admin::rows(),
        fiches::rows(),
        transcriptions::rows(),
        audits::rows(),
        audit_operations::rows(),
        audit_batches::rows(),
        reviews::rows(),
        audit_configs::rows(),
        automation::rows(),
        realtime::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// RPCs behind no route, and who calls them: the gateway never gets an answer.
pub fn inner() -> Vec<Rpc> {
    [
        audits::inner(),
        automation::inner(),
        fiches::inner(),
        transcriptions::inner(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// RPCs that have tests of their own, and why.
pub const ELSEWHERE: &[(&str, &str)] = &[
    (
        "/vigie.auth.v1.AuthService/IssueInternalToken",
        "asks for a service's secret",
    ),
    (
        "/vigie.auth.v1.AuthService/ExchangeApiToken",
        "asks for a machine's token",
    ),
    (
        "/vigie.auth.v1.AuthService/RedeemStreamTicket",
        "asks for a ticket",
    ),
    (
        "/vigie.auth.v1.TrustService/PrincipalChanges",
        "any service may ask",
    ),
    (
        "/vigie.analyzer.v1.AnalyzerService/GetEngine",
        "names the engine, to two services",
    ),
];

/// Whether the text of an answer holds the fiche's id.
fn names_fiche(ids: &Ids, answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains(&ids.fiche)
}

fn auth<M: prost::Message>(path: &'static str, message: &M) -> Rpc {
    Rpc::new(Service::Auth, path, message)
}
