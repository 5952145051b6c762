//! One operation against the gateway: a turn, attempts within a budget, a verdict for the breaker.

use std::time::{Duration, Instant};

use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tracing::Instrument as _;
use url::Url;

use super::breaker::Open;
use super::client::CrmClient;
use super::error::{CrmCause, CrmError, CrmOperation};
use super::gate::{Pass, Refused, Sign, Turn};
use super::lenient::Quarantined;
use crate::retry::{self, GiveUp, RetryPolicy};
use crate::telemetry::{self, Call};
use crate::{Budget, NetworkCause, http};

const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// One kind of request: where it goes and how long it may take.
pub(super) struct Request {
    pub(super) operation: CrmOperation,
    pub(super) url: Url,
    pub(super) timeout: Duration,
    pub(super) retry: RetryPolicy,
}

/// What a `success=false` amounts to.
pub(super) enum Absence {
    Proven,
    Unproven,
}

impl CrmClient {
    /// One operation: waits for its turn, asks with retries, and tells the breaker.
    pub(super) async fn ask<T>(
        &self,
        request: &Request,
        turn: Turn,
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
        turn: Turn,
        read: impl Fn(Value) -> Option<Result<T, Absence>>,
    ) -> Result<T, CrmError> {
        let budget = Budget::start(self.budget);
        let waiting = Instant::now();
        let _turn = self.local_turn(request, turn, budget).await?;
        let pass = self.pass(request, turn, budget).await?;
        metrics::histogram!("upstream.wait.duration", "provider" => "crm", "operation" => turn.name())
            .record(waiting.elapsed().as_secs_f64());
        // After the wait: what happened meanwhile counts.
        if self.gate.is_none() {
            self.refuse_if_open(&request.operation)?;
        }
        let attempt = || self.attempt(request, budget, &read);
        let call = call(&request.operation);
        let outcome = retry::run(request.retry, budget, attempt, || call.retried())
            .await
            .map_err(|gave_up| match gave_up {
                GiveUp::Failed(error) => error,
                GiveUp::Later { after, error } => error.later(after),
            });
        let sign = sign(outcome.as_ref().err());
        match (&self.gate, pass) {
            (Some(gate), Some(pass)) => gate.leave(pass, self.judged.then_some(sign)).await,
            _ => self.breaker.note(sign),
        }
        outcome
    }

    async fn local_turn(
        &self,
        request: &Request,
        turn: Turn,
        budget: Budget,
    ) -> Result<Option<SemaphorePermit<'_>>, CrmError> {
        let Some(turn) = self.semaphore(turn) else {
            return Ok(None);
        };
        match tokio::time::timeout(budget.remaining(), turn.acquire()).await {
            // The semaphore is never closed.
            Ok(permit) => Ok(permit.ok()),
            Err(_) => Err(CrmError::Timeout {
                operation: request.operation.clone(),
            }),
        }
    }

    /// The turn that all replicas share.
    async fn pass(
        &self,
        request: &Request,
        turn: Turn,
        budget: Budget,
    ) -> Result<Option<Pass>, CrmError> {
        let Some(gate) = &self.gate else {
            return Ok(None);
        };
        let entered = gate.enter(turn, self.judged, budget.remaining()).await;
        entered.map(Some).map_err(|refused| {
            call(&request.operation).record("suspended", Duration::ZERO);
            let operation = request.operation.clone();
            match refused {
                Refused::Auth(status) => CrmError::Auth { operation, status },
                Refused::Failing(after) => CrmError::RetryLater {
                    operation,
                    cause: CrmCause::CircuitOpen,
                    after,
                },
                Refused::NoTurn => CrmError::Timeout { operation },
            }
        })
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

    pub(super) async fn send(
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

pub(super) fn report(operation: &CrmOperation, quarantined: &[Quarantined]) {
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
