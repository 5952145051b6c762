//! What tests ask of it.

use super::{App, LIMIT, of, settings};
use serde_json::Value;
use tonic::Status;
use vigie_bus::Sending;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_events::fiche::{FicheFetch, FicheFetchFailed, FicheFetched, FicheSummaryUpdated};
use vigie_events::{Lane, Message, MessageId};
use vigie_fiche_cache::app::{AppState, Parts};
use vigie_fiche_cache::domain::vault::Vault;
use vigie_fiche_cache::rpc;
use vigie_identity::Caller;
use vigie_simulators::faults::Rule;
use vigie_testkit::wait;

impl App {
    /// How often the CRM was asked for a fiche, whatever it answered.
    pub fn asked(&self, fiche: &str) -> usize {
        let calls = self.sims.crm.calls().calls;
        let path = format!("/api/fiches/by-id/{fiche}");
        calls.iter().filter(|call| call.path == path).count()
    }

    pub fn fault(&self, fiche: &str, rule: Rule) {
        self.sims.crm.add(Rule {
            path: format!("/api/fiches/by-id/{fiche}"),
            ..rule
        });
    }

    /// Sends a command and waits for the fact that answers it.
    pub async fn fetch(&self, id: &str, fiche: &str, force: bool) -> Outcome {
        self.send(id, fiche, force, Lane::Interactive, Sending::First)
            .await;
        self.outcome(id, fiche).await
    }

    pub async fn send(&self, id: &str, fiche: &str, force: bool, lane: Lane, sending: Sending) {
        let body = FicheFetch {
            fiche_id: fiche.parse().unwrap(),
            force_refresh: Some(force),
            user_id: None,
            automation_run_id: None,
        };
        let message = Message::in_lane(MessageId::new(id), lane, body);
        self.bus.publish(&message, sending).await.unwrap();
    }

    pub async fn outcome(&self, id: &str, fiche: &str) -> Outcome {
        let entity = [fiche.to_owned()];
        wait::until("the answer", LIMIT, || async {
            let fetched = self.bus.last_fact::<FicheFetched>(&entity).await?;
            if let Some(fact) = fetched.filter(|fact| fact.body.request_id == id) {
                return Ok(Some(Outcome::Fetched(fact.body)));
            }
            let failed = self.bus.last_fact::<FicheFetchFailed>(&entity).await?;
            let failed = failed.filter(|fact| fact.body.request_id == id);
            Ok(failed.map(|fact| Outcome::Failed(fact.body)))
        })
        .await
        .unwrap()
    }

    pub async fn summary_fact(&self, fiche: &str, version: i64) -> FicheSummaryUpdated {
        wait::until("a summary", LIMIT, || async {
            let last = self
                .bus
                .last_fact::<FicheSummaryUpdated>(&[fiche.to_owned()])
                .await?;
            Ok(last
                .map(|fact| fact.body)
                .filter(|fact| fact.summary.version == version))
        })
        .await
        .unwrap()
    }

    pub async fn get(&self, caller: &Caller, request: pb::GetFicheRequest) -> Result<Got, Status> {
        let response = self
            .client()
            .get_fiche(of(caller, request))
            .await?
            .into_inner();
        Ok(Got {
            cache: response.cache(),
            payload: serde_json::from_str(&response.payload_json).unwrap(),
        })
    }

    /// Another process on the same database.
    pub fn replica(&self) -> AppState {
        self.replica_with(settings::vault().unwrap())
    }

    /// One with other keys.
    pub fn replica_with(&self, vault: Vault) -> AppState {
        AppState::from_parts(Parts {
            db: self.state.db.clone(),
            crm: self.state.crm.clone(),
            lifetimes: self.state.lifetimes,
            flights: vigie_fiche_cache::domain::flights::Flights::default(),
            jobs: settings::jobs(),
            webhooks: settings::webhooks().unwrap(),
            vault,
            access_days: 365,
        })
    }

    pub async fn get_at(
        &self,
        state: &AppState,
        caller: &Caller,
        request: pb::GetFicheRequest,
    ) -> Result<Got, Status> {
        let mut client = FicheServiceClient::new(rpc::service(state.clone()));
        let response = client.get_fiche(of(caller, request)).await?.into_inner();
        Ok(Got {
            cache: response.cache(),
            payload: serde_json::from_str(&response.payload_json).unwrap(),
        })
    }

    pub fn client(
        &self,
    ) -> FicheServiceClient<
        impl tonic::client::GrpcService<
            tonic::body::Body,
            ResponseBody = tonic::body::Body,
            Error = std::convert::Infallible,
            Future: Send,
        >,
    > {
        FicheServiceClient::new(rpc::service(self.state.clone()))
    }
}

#[derive(Debug)]
pub enum Outcome {
    Fetched(FicheFetched),
    Failed(FicheFetchFailed),
}

impl Outcome {
    pub fn fetched(self) -> FicheFetched {
        match self {
            Self::Fetched(fact) => fact,
            Self::Failed(fact) => panic!("{fact:?}"),
        }
    }

    pub fn failed(self) -> FicheFetchFailed {
        match self {
            Self::Failed(fact) => fact,
            Self::Fetched(fact) => panic!("{fact:?}"),
        }
    }
}

#[derive(Debug)]
pub struct Got {
    pub cache: pb::CacheState,
    pub payload: Value,
}

pub fn plain(fiche: &str) -> pb::GetFicheRequest {
    pb::GetFicheRequest {
        fiche_id: fiche.to_owned(),
        ..pb::GetFicheRequest::default()
    }
}

pub fn refresh(fiche: &str) -> pb::GetFicheRequest {
    pb::GetFicheRequest {
        refresh: true,
        ..plain(fiche)
    }
}
