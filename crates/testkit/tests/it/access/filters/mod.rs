//! W17: whatever is asked of a list, it shows nothing that the scope hides.

mod lists;

use self::lists::{LISTS, List};
use super::routes::{Reach, Row};
use super::world::{Ids, Target, Who, World};
use anyhow::{Result, ensure};
use futures::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use reqwest::Client;
use std::collections::BTreeSet;
use vigie_gateway::http::routes::Listed;
use vigie_testkit::api::http_client;

/// Questions of one caller about one hidden thing.
const CASES: usize = 12;
const AT_ONCE: usize = 6;
/// Of the fiche of the other groupe.
const OTHER_GROUPE: &str = "EQUIPE NORD";

impl List {
    /// Some of the parameters, one perhaps twice.
    fn query(&self, hidden: &Ids, random: &mut StdRng) -> String {
        let mut query = String::new();
        for _ in 0..random.random_range(1..=4) {
            let Some((name, values)) = self.parameters.choose(random) else {
                continue;
            };
            let value = values.choose(random).copied().unwrap_or_default();
            let value = value
                .replace("{fiche}", &hidden.fiche)
                .replace("{audit}", &hidden.audit)
                .replace("{config}", &hidden.config)
                .replace("{schedule}", &hidden.schedule)
                .replace("{run}", &hidden.run)
                .replace("{day}", &hidden.day);
            query = format!("{query}&{name}={value}");
        }
        query
    }
}

/// One list and a caller who is not to see something of it.
struct Hiding<'a> {
    world: &'a World,
    http: &'a Client,
    base: &'a str,
    list: &'a List,
    row: &'a Row,
    who: Who,
    target: Target,
    seed: u64,
}

impl Hiding<'_> {
    async fn run(&self) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let hidden = self.world.ids(self.who, self.target);
        let mut wrong = Vec::new();
        let mut answered = false;
        for _ in 0..CASES {
            let mut url = self.row.url(&hidden);
            let more = self.list.query(&hidden, &mut random);
            let sign = if url.contains('?') { "&" } else { "?" };
            url = format!("{url}{sign}{}", more.trim_start_matches('&'));
            match self.ask(&url, &hidden).await {
                Ok(status) => answered |= status != 400,
                Err(error) => {
                    wrong.push(format!("{url} {:?} {:?}: {error:#}", self.who, self.target));
                }
            }
        }
        if !answered && wrong.is_empty() {
            wrong.push(format!("{}: every filter was refused", self.list.path));
        }
        wrong
    }

    async fn ask(&self, url: &str, hidden: &Ids) -> Result<u16> {
        let request = self.http.get(format!("{}{url}", self.base));
        let request = request.bearer_auth(self.world.token(self.who).unwrap_or_default());
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await?;
        let text = String::from_utf8_lossy(&body);
        let start: String = text.chars().take(160).collect();
        let beyond = match self.who {
            Who::Powerless => 403,
            _ => self.row.rule.beyond,
        };
        // A filter that says nothing may be refused instead.
        let refused = status == 400 && self.who != Who::Powerless;
        ensure!(
            status == beyond || refused,
            "{status}, not {beyond}: {start}"
        );
        if status != 200 {
            return Ok(status);
        }
        let shown = self
            .row
            .rule
            .shows
            .is_some_and(|shows| shows(hidden, &body));
        ensure!(!shown, "shown: {start}");
        let named = self.target == Target::OtherGroup && text.contains(OTHER_GROUPE);
        ensure!(!named, "its groupe is shown: {start}");
        Ok(status)
    }
}

/// Everything that a filter brings to light.
pub async fn brought_to_light(world: &World, pairs: &[(&Listed, &Row)]) -> Result<Vec<String>> {
    let (http, base) = (http_client()?, world.stack.state().gateway_url);
    let mut hidings = Vec::new();
    let mut tried = BTreeSet::new();
    for (_, row) in pairs.iter().filter(|(_, row)| row.method == "GET") {
        let Some(list) = LISTS.iter().find(|list| list.path == row.path) else {
            continue;
        };
        tried.insert(list.path);
        for who in [Who::Powerless, Who::Own, Who::Group] {
            for target in Target::ALL {
                let hidden = match who {
                    Who::Powerless => target == Target::Own,
                    _ => {
                        row.rule.reach != Reach::Everything && !row.rule.reach.reaches(who, target)
                    }
                };
                if hidden {
                    let seed = 17 + hidings.len() as u64;
                    hidings.push(Hiding {
                        world,
                        http: &http,
                        base: &base,
                        list,
                        row,
                        who,
                        target,
                        seed,
                    });
                }
            }
        }
    }
    let mut wrong: Vec<String> = LISTS
        .iter()
        .filter(|list| !tried.contains(list.path))
        .map(|list| format!("{}: a list without a note", list.path))
        .collect();
    let untried = pairs.iter().filter(|(_, row)| {
        row.method == "GET" && row.rule.shows.is_some() && !tried.contains(row.path)
    });
    wrong.extend(untried.map(|(_, row)| format!("{}: a list without filters", row.path)));
    let runs: Vec<_> = hidings.iter().map(Hiding::run).collect();
    let mut runs = stream::iter(runs).buffer_unordered(AT_ONCE);
    while let Some(more) = runs.next().await {
        wrong.extend(more);
    }
    Ok(wrong)
}
