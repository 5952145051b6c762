//! The client of the gateway.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use url::Url;

use super::breaker::{Breaker, Open, Sign};
use super::config::{CrmConfig, normalise_base_url};
use super::directory::{self, CrmGroup, CrmUser};
use super::error::{CrmCause, CrmError, CrmOperation};
use super::fiche::{self, FicheDetails, FicheOptions, Reading};
use super::lenient::Quarantined;
use super::sales::SalesList;
use crate::retry::{self, GiveUp, RetryPolicy};
use crate::telemetry::{self, Call};
use crate::{Budget, NetworkCause, SetupError, http};

/// The status "sale" of the CRM.
const SALE: &str = "53";
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Asks the gateway. Cheap to clone; clones share connections, limits and the circuit breaker.
#[derive(Debug, Clone)]
pub struct CrmClient {
    shared: Arc<Shared>,
    breaker: Arc<Breaker>,
    authorization: Option<HeaderValue>,
    budget: Duration,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    base: Url,
    config: CrmConfig,
    fiches: Semaphore,
    sales: Semaphore,
}

/// One kind of request: where it goes and how long it may take.
struct Request {
    operation: CrmOperation,
    url: Url,
    timeout: Duration,
    retry: RetryPolicy,
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
            ..self.clone()
        })
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
        let list = self.ask(&request, Some(&self.shared.sales), read).await?;
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
        let list = self.ask(&request, Some(&self.shared.sales), read).await?;
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
        let fiche = self.ask(&request, Some(&self.shared.fiches), read).await?;
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
        let (rows, quarantined) = self.ask(&request, None, read).await?;
        report(&request.operation, &quarantined);
        Ok(rows)
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

    /// One operation: waits for its turn, asks with retries, and tells the breaker.
    async fn ask<T>(
        &self,
        request: &Request,
        turn: Option<&Semaphore>,
        read: impl Fn(Value) -> Option<Result<T, Absence>>,
    ) -> Result<T, CrmError> {
        let span = span(&request.operation);
        let outcome = self.ask_in_turn(request, turn, read);
        let outcome = outcome.instrument(span.clone()).await;
        if let Err(error) = &outcome {
            span.in_scope(|| {
                tracing::warn!(operation = request.operation.name(), path = request.url.path(), %error, "CRM call failed");
            });
        }
        outcome
    }

    async fn ask_in_turn<T>(
        &self,
        request: &Request,
        turn: Option<&Semaphore>,
        read: impl Fn(Value) -> Option<Result<T, Absence>>,
    ) -> Result<T, CrmError> {
        let budget = Budget::start(self.budget);
        let _turn = match turn {
            None => None,
            Some(turn) => match tokio::time::timeout(budget.remaining(), turn.acquire()).await {
                // The semaphore is never closed.
                Ok(permit) => permit.ok(),
                Err(_) => {
                    return Err(CrmError::Timeout {
                        operation: request.operation.clone(),
                    });
                }
            },
        };
        // After the wait: what happened meanwhile counts.
        self.refuse_if_open(&request.operation)?;
        let attempt = || self.attempt(request, budget, &read);
        let call = call(&request.operation);
        let outcome = retry::run(request.retry, budget, attempt, || call.retried())
            .await
            .map_err(|gave_up| match gave_up {
                GiveUp::Failed(error) => error,
                GiveUp::Later { after, error } => error.later(after),
            });
        self.breaker.note(sign(outcome.as_ref().err()));
        outcome
    }

    fn refuse_if_open(&self, operation: &CrmOperation) -> Result<(), CrmError> {
        let Some(open) = self.breaker.check() else {
            return Ok(());
        };
        call(operation).record("suspended", Duration::ZERO);
        let operation = operation.clone();
        Err(match open {
            Open::Auth(status) => CrmError::Auth { operation, status },
            Open::Failing(after) => CrmError::RetryLater {
                operation,
                cause: CrmCause::CircuitOpen,
                after,
            },
        })
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        budget: Budget,
        read: &impl Fn(Value) -> Option<Result<T, Absence>>,
    ) -> Result<T, CrmError> {
        let operation = || request.operation.clone();
        let response = self.send(request, budget.attempt(request.timeout)).await?;
        let status = response.status().as_u16();
        if !response.status().is_success() {
            let retry_after = http::retry_after(response.headers());
            return Err(CrmError::of_status(operation(), status, retry_after));
        }
        let body = http::read(response, LARGEST_ANSWER)
            .await
            .map_err(|cause| CrmError::of_network(operation(), cause))?;
        let invalid = || CrmError::InvalidResponse {
            operation: operation(),
        };
        let body = serde_json::from_slice(&body).map_err(|_| invalid())?;
        match read(body).ok_or_else(invalid)? {
            Ok(value) => Ok(value),
            // A statement, not a status: trying again would only repeat it.
            Err(Absence::Proven) => Err(CrmError::NotFound {
                operation: operation(),
                stated: true,
            }),
            Err(Absence::Unproven) => Err(CrmError::Upstream {
                operation: operation(),
                cause: CrmCause::Unsuccessful,
                retry_after: None,
            }),
        }
    }

    async fn send(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<reqwest::Response, CrmError> {
        let mut headers = telemetry::trace_headers();
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let begun = Instant::now();
        let sent = self
            .shared
            .http
            .get(request.url.clone())
            .headers(headers)
            .timeout(timeout)
            .send()
            .await;
        let call = call(&request.operation);
        match sent {
            Ok(response) => {
                call.record(
                    telemetry::outcome(response.status().as_u16()),
                    begun.elapsed(),
                );
                Ok(response)
            }
            Err(error) => {
                let cause = NetworkCause::of(&error);
                call.record(telemetry::network_outcome(cause), begun.elapsed());
                Err(CrmError::of_network(request.operation.clone(), cause))
            }
        }
    }
}

/// What a `success=false` amounts to.
enum Absence {
    Proven,
    Unproven,
}

fn authorization(token: Option<&SecretString>) -> Result<Option<HeaderValue>, SetupError> {
    token
        .map(|token| token.expose_secret().trim())
        .filter(|token| !token.is_empty())
        .map(|token| http::bearer(token, "the CRM token"))
        .transpose()
}

fn sign(error: Option<&CrmError>) -> Sign {
    match error {
        None => Sign::Healthy,
        Some(CrmError::Auth { status, .. }) => Sign::Auth(*status),
        Some(CrmError::Timeout { .. }) => Sign::Failing,
        Some(CrmError::Upstream { cause, .. }) => match cause {
            CrmCause::Status(500..=599) | CrmCause::Network(_) => Sign::Failing,
            CrmCause::Status(_) | CrmCause::Unsuccessful | CrmCause::CircuitOpen => Sign::Neutral,
        },
        Some(_) => Sign::Neutral,
    }
}

const fn call(operation: &CrmOperation) -> Call {
    Call {
        provider: "crm",
        operation: operation.name(),
    }
}

const fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

fn span(operation: &CrmOperation) -> tracing::Span {
    match operation {
        CrmOperation::Sales { .. } => tracing::info_span!("upstream.crm.sales"),
        CrmOperation::SalesDay(_) => tracing::info_span!("upstream.crm.sales_day"),
        CrmOperation::Fiche(id) => tracing::info_span!("upstream.crm.fiche", fiche.id = %id),
        CrmOperation::Users => tracing::info_span!("upstream.crm.users"),
        CrmOperation::Groups => tracing::info_span!("upstream.crm.groups"),
        CrmOperation::Health => tracing::info_span!("upstream.crm.health"),
    }
}

fn report(operation: &CrmOperation, quarantined: &[Quarantined]) {
    call(operation).quarantined(quarantined.len());
    if let Some(first) = quarantined.first() {
        tracing::warn!(
            operation = operation.name(),
            rows = quarantined.len(),
            section = first.section,
            index = first.index,
            reason = first.reason,
            "unreadable rows left out"
        );
    }
}
