//! The client of the gateway.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use url::Url;

use super::breaker::Breaker;
use super::config::{CrmConfig, normalise_base_url};
use super::directory::{self, CrmGroup, CrmUser};
use super::error::{CrmError, CrmOperation};
use super::exchange::{Absence, Request, report};
use super::fiche::{self, FicheDetails, FicheOptions, Reading};
use super::gate::{CrmGate, Turn};
use super::sales::SalesList;
use crate::{SetupError, http};

/// The status "sale" of the CRM.
const SALE: &str = "53";

/// Asks the gateway. Cheap to clone; clones share connections, limits and the circuit breaker.
#[derive(Debug, Clone)]
pub struct CrmClient {
    pub(super) shared: Arc<Shared>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) gate: Option<Arc<dyn CrmGate>>,
    /// Whether the token is the platform's own.
    pub(super) judged: bool,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) budget: Duration,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) http: reqwest::Client,
    base: Url,
    config: CrmConfig,
    fiches: Semaphore,
    sales: Semaphore,
}

impl CrmClient {
    /// Checks the configuration and builds the client; calls nobody.
    pub fn new(config: CrmConfig) -> Result<Self, SetupError> {
        let base = normalise_base_url(&config.base_url)?;
        let http = http::build(http::builder(Duration::from_secs(10)))?;
        Ok(Self {
            authorization: authorization(config.token.as_ref())?,
            budget: config.timeouts.budget,
            breaker: Arc::default(),
            gate: None,
            judged: true,
            shared: Arc::new(Shared {
                http,
                base,
                fiches: Semaphore::new(config.fiche_concurrency.max(1)),
                sales: Semaphore::new(config.sales_concurrency.max(1)),
                config,
            }),
        })
    }

    /// The same client with another token, as a schedule may have its own.
    pub fn with_token(&self, token: &SecretString) -> Result<Self, SetupError> {
        Ok(Self {
            authorization: authorization(Some(token))?,
            // One schedule's refused token says nothing about the others'.
            breaker: Arc::default(),
            judged: false,
            ..self.clone()
        })
    }

    /// The same client behind a gate that other processes share.
    #[must_use]
    pub fn behind(&self, gate: Arc<dyn CrmGate>) -> Self {
        Self {
            gate: Some(gate),
            ..self.clone()
        }
    }

    /// The same client with less time for an operation, retries and queueing included.
    #[must_use]
    pub fn within(&self, budget: Duration) -> Self {
        Self {
            budget: budget.min(self.budget),
            ..self.clone()
        }
    }

    /// The sales of the days `start..=end`.
    pub async fn sales(&self, start: NaiveDate, end: NaiveDate) -> Result<SalesList, CrmError> {
        let with_recordings = self.shared.config.sales_include_recordings;
        let request = Request {
            operation: CrmOperation::Sales { start, end },
            url: self.sales_url(start, end, with_recordings),
            timeout: self.shared.config.timeouts.sales,
            retry: self.shared.config.retry,
        };
        let read = |body| SalesList::read(body, with_recordings).map(Ok);
        let list = self.ask(&request, Turn::Sales, read).await?;
        report(&request.operation, &list.quarantined);
        Ok(list)
    }

    /// The sales of one day with their recordings, in a single attempt; an answer without list counts as empty.
    pub async fn sales_day(&self, day: NaiveDate) -> Result<SalesList, CrmError> {
        let request = Request {
            operation: CrmOperation::SalesDay(day),
            url: self.sales_url(day, day, true),
            timeout: self.shared.config.timeouts.sales_day,
            retry: self.shared.config.retry.with_attempts(1),
        };
        let read = |body| Some(Ok(SalesList::read_or_empty(body, true)));
        let list = self.ask(&request, Turn::Sales, read).await?;
        report(&request.operation, &list.quarantined);
        Ok(list)
    }

    /// One fiche. `id` must be decimal digits; anything else is not found without asking.
    pub async fn fiche(&self, id: &str, options: FicheOptions) -> Result<FicheDetails, CrmError> {
        let operation = CrmOperation::Fiche(id.to_owned());
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CrmError::NotFound {
                operation,
                stated: true,
            });
        }
        let mut url = http::join(&self.shared.base, &["fiches", "by-id", id]);
        url.query_pairs_mut()
            .append_pair("include_recordings", flag(options.include_recordings))
            .append_pair("include_transcriptions", "false")
            .append_pair("include_mail_devis", flag(options.include_mail_devis));
        let request = Request {
            operation: operation.clone(),
            url,
            timeout: self.shared.config.timeouts.fiche,
            retry: self.shared.config.retry,
        };
        let read = |body| match fiche::read(body, id, options) {
            Reading::Fiche(fiche) => Some(Ok(*fiche)),
            Reading::Absent => Some(Err(Absence::Proven)),
            Reading::Unsuccessful => Some(Err(Absence::Unproven)),
            Reading::Invalid => None,
        };
        let fiche = self.ask(&request, Turn::Fiche, read).await?;
        report(&operation, &fiche.quarantined);
        Ok(fiche)
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<CrmUser>, CrmError> {
        let url = http::join(&self.shared.base, &["utilisateurs"]);
        self.directory(CrmOperation::Users, url).await
    }

    /// All groups; with `include_users` each names its members.
    pub async fn groups(&self, include_users: bool) -> Result<Vec<CrmGroup>, CrmError> {
        let mut url = http::join(&self.shared.base, &["utilisateurs", "groupes"]);
        url.query_pairs_mut()
            .append_pair("include_users", flag(include_users));
        self.directory(CrmOperation::Groups, url).await
    }

    /// Whether the gateway answers its probe with 200.
    #[tracing::instrument(name = "upstream.crm.health", skip_all)]
    pub async fn health(&self) -> Result<(), CrmError> {
        let mut url = self.shared.base.clone();
        // At the root of the domain: the base without its `/api`.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop().push("health");
        }
        let request = Request {
            operation: CrmOperation::Health,
            url,
            timeout: self.shared.config.timeouts.health,
            retry: self.shared.config.retry.with_attempts(1),
        };
        let response = self.send(&request, request.timeout).await?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(CrmError::of_status(request.operation, status, None)),
        }
    }

    async fn directory<T: directory::Row>(
        &self,
        operation: CrmOperation,
        url: Url,
    ) -> Result<Vec<T>, CrmError> {
        let request = Request {
            operation,
            url,
            timeout: self.shared.config.timeouts.directory,
            retry: self.shared.config.retry,
        };
        let read = |body| directory::read::<T>(body).map(Ok);
        let (rows, quarantined) = self.ask(&request, Turn::Directory, read).await?;
        report(&request.operation, &quarantined);
        Ok(rows)
    }

    /// The cap of this process.
    pub(super) fn semaphore(&self, turn: Turn) -> Option<&Semaphore> {
        match turn {
            Turn::Fiche => Some(&self.shared.fiches),
            Turn::Sales => Some(&self.shared.sales),
            Turn::Directory => None,
        }
    }

    fn sales_url(&self, start: NaiveDate, end: NaiveDate, with_recordings: bool) -> Url {
        let mut url = http::join(&self.shared.base, &["fiches", "sales-with-calls"]);
        url.query_pairs_mut()
            .append_pair("start_date", &start.to_string())
            .append_pair("end_date", &end.to_string())
            .append_pair("status_id", SALE)
            .append_pair("include_recordings", flag(with_recordings))
            .append_pair("include_transcriptions", "false");
        url
    }
}

fn authorization(token: Option<&SecretString>) -> Result<Option<HeaderValue>, SetupError> {
    token
        .map(|token| token.expose_secret().trim())
        .filter(|token| !token.is_empty())
        .map(|token| http::bearer(token, "the CRM token"))
        .transpose()
}

const fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}
