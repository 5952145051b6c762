//! Every route and every RPC, by everybody, about everybody's things.

use super::direct::Rpc;
use super::routes::{Behind, ELSEWHERE, Reach, Row, Rule, inner, rows};
use super::world::{Target, Who, World};
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use prost::Message;
use prost_types::FileDescriptorSet;
use reqwest::Client;
use std::collections::{BTreeMap, BTreeSet};
use tonic::Code;
use vigie_contracts::DESCRIPTORS;
use vigie_gateway::http::routes::{Listed, routes};
use vigie_testkit::api::http_client;
use vigie_testkit::stack::Service;

const AT_ONCE: usize = 6;

/// What a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Unauthenticated,
    /// The permission is missing.
    Refused,
    /// One of these, and whether the target is in it, where that is the rule.
    Answered(&'static [u16], Option<bool>),
    /// Beyond reach.
    Beyond(u16, Option<bool>),
}

/// The rules of identity.md 1.5, 1.6 and 6 in one place.
fn verdict((route, row): (&Listed, &Row), rule: &Rule, who: Who, target: Target) -> Verdict {
    let access = &route.access;
    if access.kind == "public" {
        return Verdict::Answered(rule.within, None);
    }
    let for_users = matches!(access.kind, "account" | "user");
    if !who.is_known() || (for_users && who == Who::Machine) {
        return Verdict::Unauthenticated;
    }
    let holds = |guard: &str| match who {
        Who::Powerless => false,
        Who::Reader => guard.rsplit('.').next() == Some("read"),
        Who::Writer => guard.rsplit('.').next() == Some("write"),
        // No administration by default (W15).
        Who::Machine => !guard.starts_with("admin."),
        _ => true,
    };
    let mut asked = access.guards.iter().map(String::as_str).chain(row.also);
    if !asked.all(holds) {
        return Verdict::Refused;
    }
    let reached = rule.reach.reaches(who, target);
    let shown = rule.shows.map(|_| reached);
    if reached {
        Verdict::Answered(rule.within, shown)
    } else {
        Verdict::Beyond(rule.beyond, shown)
    }
}

impl Verdict {
    fn statuses(&self) -> Vec<u16> {
        match self {
            Self::Unauthenticated => vec![401],
            Self::Refused => vec![403],
            Self::Answered(statuses, _) => statuses.to_vec(),
            Self::Beyond(status, _) => vec![*status],
        }
    }

    const fn shown(&self) -> Option<bool> {
        match self {
            Self::Answered(_, shown) | Self::Beyond(_, shown) => *shown,
            Self::Unauthenticated | Self::Refused => None,
        }
    }

    /// The wire code of a refusal.
    const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated => Some("AUTHENTICATION_ERROR"),
            Self::Refused | Self::Beyond(403, _) => Some("AUTHORIZATION_ERROR"),
            Self::Answered(..) | Self::Beyond(..) => None,
        }
    }
}

/// How an HTTP status is told in gRPC.
const fn grpc(status: u16) -> Code {
    match status {
        200 | 201 => Code::Ok,
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::FailedPrecondition,
        503 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// One route with its note, and everything that it takes to try it.
struct Trial<'a> {
    world: &'a World,
    http: &'a Client,
    base: &'a str,
    route: &'a Listed,
    row: &'a Row,
}

impl Trial<'_> {
    /// Everything that goes wrong, in words.
    async fn run(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for who in Who::EVERYBODY {
            for &target in self.targets() {
                if let Err(error) = self.through_the_gateway(who, target).await {
                    wrong.push(self.words("gateway", who, target, &error));
                }
            }
            for behind in &self.row.behind {
                for &target in self.targets() {
                    if let Err(error) = self.past_it(behind, who, target).await {
                        let rpc = (behind.rpc)(&self.world.ids(who, target));
                        wrong.push(self.words(rpc.path, who, target, &error));
                    }
                }
            }
        }
        wrong
    }

    fn targets(&self) -> &'static [Target] {
        let mut rules = self.row.behind.iter().map(|behind| &behind.rule);
        let all = |rule: &Rule| rule.reach == Reach::Everything;
        if all(&self.row.rule) && rules.all(all) {
            &[Target::Own]
        } else {
            &Target::ALL
        }
    }

    fn words(&self, way: &str, who: Who, target: Target, error: &anyhow::Error) -> String {
        let Listed { method, path, .. } = self.route;
        format!("{method} {path} [{way}] {who:?} {target:?}: {error:#}")
    }

    async fn credential(&self, who: Who, access: bool) -> Result<Option<String>> {
        if self.row.ends_session {
            return match who {
                Who::Machine if access => Ok(self.world.access(who).map(str::to_owned)),
                _ => self.world.again(who).await,
            };
        }
        let token = if access {
            self.world.access(who)
        } else {
            self.world.token(who)
        };
        Ok(token.map(str::to_owned))
    }

    async fn through_the_gateway(&self, who: Who, target: Target) -> Result<()> {
        let expected = verdict((self.route, self.row), &self.row.rule, who, target);
        let ids = self.world.ids(who, target);
        let url = format!("{}{}", self.base, self.row.url(&ids));
        let mut request = self.http.request(self.route.method.clone(), url);
        if let Some(token) = self.credential(who, false).await? {
            request = request.bearer_auth(token);
        }
        if let Some(body) = self.row.body {
            request = request.json(&body(&ids));
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let is_stream = answer
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind == "text/event-stream");
        // A stream that was opened has no end to wait for.
        let body = if is_stream {
            Vec::new()
        } else {
            answer.bytes().await?.to_vec()
        };
        let text = || {
            String::from_utf8_lossy(&body)
                .chars()
                .take(160)
                .collect::<String>()
        };
        let statuses = expected.statuses();
        ensure!(
            statuses.contains(&status),
            "{status}, not {statuses:?}: {}",
            text()
        );
        if let Some(code) = expected.code() {
            let answer: serde_json::Value = serde_json::from_slice(&body)?;
            ensure!(answer["code"] == code, "not {code}: {}", text());
        }
        if let (Some(shows), Some(shown)) = (self.row.rule.shows, expected.shown()) {
            ensure!(shows(&ids, &body) == shown, "shown, or not: {}", text());
        }
        Ok(())
    }

    /// With the gateway's own token, as if it had forgotten to look.
    async fn past_it(&self, behind: &Behind, who: Who, target: Target) -> Result<()> {
        let expected = verdict((self.route, self.row), &behind.rule, who, target);
        let ids = self.world.ids(who, target);
        let rpc = (behind.rpc)(&ids);
        let token = self.credential(who, true).await?;
        let answer = self.world.gateway.call(&rpc, token.as_deref()).await;
        let code = answer
            .as_ref()
            .map_or_else(tonic::Status::code, |_| Code::Ok);
        let codes: BTreeSet<_> = expected
            .statuses()
            .into_iter()
            .map(grpc)
            .map(i32::from)
            .collect();
        ensure!(
            codes.contains(&i32::from(code)),
            "{code:?}, not {expected:?}"
        );
        if let (Some(shows), Some(shown), Ok(answer)) =
            (behind.rule.shows, expected.shown(), &answer)
        {
            ensure!(shows(&ids, answer) == shown, "shown, or not");
        }
        // A user's token alone opens nothing.
        if self.route.access.kind != "public" && target == Target::Own {
            let alone = self.world.gateway.send(&rpc, None, token.as_deref()).await;
            let code = alone.map_or_else(|status| status.code(), |_| Code::Ok);
            ensure!(
                code == Code::Unauthenticated,
                "{code:?} without an internal token"
            );
        }
        Ok(())
    }
}

/// Paths of all RPCs of all services.
fn rpcs() -> Result<BTreeSet<String>> {
    let files = FileDescriptorSet::decode(DESCRIPTORS)?.file;
    let mut paths = BTreeSet::new();
    for file in files
        .iter()
        .filter(|file| file.package().starts_with("vigie."))
    {
        for service in &file.service {
            let of = |method: &prost_types::MethodDescriptorProto| {
                format!("/{}.{}/{}", file.package(), service.name(), method.name())
            };
            paths.extend(service.method.iter().map(of));
        }
    }
    ensure!(paths.len() > 50, "{} RPCs", paths.len());
    Ok(paths)
}

/// Each route with its notes, and what has no counterpart.
fn paired<'a>(routes: &'a [Listed], rows: &'a [Row]) -> (Vec<(&'a Listed, &'a Row)>, Vec<String>) {
    let mut by_place: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_place
            .entry((row.method, row.path))
            .or_default()
            .push(row);
    }
    let mut pairs = Vec::new();
    let mut without = Vec::new();
    for route in routes {
        match by_place.remove(&(route.method.as_str(), route.path)) {
            Some(rows) => pairs.extend(rows.into_iter().map(|row| (route, row))),
            None => without.push(format!("{} {} has no note", route.method, route.path)),
        }
    }
    let rest = by_place.into_keys();
    without.extend(rest.map(|(method, path)| format!("{method} {path} is no route")));
    (pairs, without)
}

/// RPCs that are for other services are refused to the gateway, whoever it calls for.
async fn refused_within(world: &World, rpc: &Rpc) -> Vec<String> {
    let mut wrong = Vec::new();
    for who in [None, Some(Who::Own), Some(Who::All), Some(Who::Machine)] {
        let token = who.and_then(|who| world.access(who));
        let answer = world.gateway.call(rpc, token).await;
        let code = answer.map_or_else(|status| status.code(), |_| Code::Ok);
        if !matches!(code, Code::PermissionDenied | Code::Unauthenticated) {
            wrong.push(format!(
                "{} answers the gateway for {who:?}: {code:?}",
                rpc.path
            ));
        }
    }
    wrong
}

/// `GetEngine` is nobody's secret, but no door without a guard either.
async fn engine(world: &World) -> Vec<String> {
    let message = vigie_contracts::analyzer::v1::GetEngineRequest {};
    let path = "/vigie.analyzer.v1.AnalyzerService/GetEngine";
    let rpc = Rpc::new(Service::StepAnalyzer, path, &message);
    let code = |answer: Result<_, tonic::Status>| answer.map_or_else(|it| it.code(), |_| Code::Ok);
    let asked = code(world.gateway.call(&rpc, None).await);
    let itself = code(world.analyzer.call(&rpc, None).await);
    let nobody = code(world.gateway.send(&rpc, None, world.access(Who::All)).await);
    let expected = (Code::Ok, Code::PermissionDenied, Code::Unauthenticated);
    if (asked, itself, nobody) == expected {
        Vec::new()
    } else {
        vec![format!("GetEngine: {asked:?} {itself:?} {nobody:?}")]
    }
}

#[tokio::test]
async fn everybody_gets_what_the_rules_say_and_no_more() -> Result<()> {
    let (routes, rows, inner) = (routes(), rows(), inner());
    let (pairs, mut wrong) = paired(&routes, &rows);
    let mut world = World::new().await.context("the world")?;
    let ids = world.ids(Who::All, Target::Own);
    let behind = rows.iter().flat_map(|row| &row.behind);
    let mut tried: BTreeSet<String> = behind
        .map(|behind| (behind.rpc)(&ids).path.to_owned())
        .collect();
    tried.extend(inner.iter().map(|rpc| rpc.path.to_owned()));
    tried.extend(ELSEWHERE.iter().map(|(path, _)| (*path).to_owned()));
    let all = rpcs()?;
    let missing = all.symmetric_difference(&tried);
    wrong.extend(missing.map(|path| format!("{path}: an RPC without a note, or the reverse")));

    wrong.extend(engine(&world).await);
    // Audits that are asked for from here on need not be worked on.
    world.stack.stop(Service::StepAnalyzer).await?;
    world.leave_open().await?;
    for rpc in &inner {
        wrong.extend(refused_within(&world, rpc).await);
    }
    wrong.extend(super::filters::brought_to_light(&world, &pairs).await?);
    let base = world.stack.state().gateway_url;
    let http = http_client()?;
    let trial = |(route, row)| Trial {
        world: &world,
        http: &http,
        base: &base,
        route,
        row,
    };
    let (last, first): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(_, row)| row.ends_session);
    let trials: Vec<Trial<'_>> = first.into_iter().map(trial).collect();
    let runs: Vec<_> = trials.iter().map(Trial::run).collect();
    let mut runs = stream::iter(runs).buffer_unordered(AT_ONCE);
    while let Some(more) = runs.next().await {
        wrong.extend(more);
    }
    drop(runs);
    for pair in last {
        wrong.extend(trial(pair).run().await);
    }
    wrong.sort_unstable();
    assert!(
        wrong.is_empty(),
        "{} answers are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    world.stack.down().await
}
