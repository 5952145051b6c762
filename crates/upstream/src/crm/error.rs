//! Why the gateway gave nothing. The texts are part of the HTTP contract; they hold no query string and no token.

use std::fmt;
use std::time::Duration;

use chrono::NaiveDate;

use crate::NetworkCause;
use crate::retry::{Classify, Verdict, is_transient_status};

/// What was asked of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmOperation {
    /// The sales of a range.
    Sales {
        /// First day.
        start: NaiveDate,
        /// Last day, included.
        end: NaiveDate,
    },
    /// The sales of one day, asked by automation.
    SalesDay(NaiveDate),
    /// One fiche.
    Fiche(String),
    /// All users.
    Users,
    /// All groups.
    Groups,
    /// The probe.
    Health,
}

impl CrmOperation {
    /// The operation as metrics and spans name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sales { .. } => "sales",
            Self::SalesDay(_) => "sales_day",
            Self::Fiche(_) => "fiche",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Health => "health",
        }
    }
}

impl fmt::Display for CrmOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sales { start, end } => {
                write!(f, "Failed to fetch sales with calls for {start}..{end}")
            }
            Self::SalesDay(day) => {
                write!(f, "Failed to fetch fiches for {}", day.format("%d/%m/%Y"))
            }
            Self::Fiche(id) => write!(f, "Failed to fetch fiche details for {id}"),
            Self::Users => f.write_str("Failed to fetch CRM users"),
            Self::Groups => f.write_str("Failed to fetch CRM groups"),
            Self::Health => f.write_str("Failed to reach the CRM gateway"),
        }
    }
}

/// What went wrong upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrmCause {
    /// An HTTP error status.
    Status(u16),
    /// Nothing usable came over the network.
    Network(NetworkCause),
    /// The gateway says it failed, in a 200.
    Unsuccessful,
    /// The client stopped asking: the gateway kept failing.
    CircuitOpen,
}

impl fmt::Display for CrmCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "Request failed with status code {status}"),
            Self::Network(cause) => cause.fmt(f),
            Self::Unsuccessful => f.write_str("the gateway answered success=false"),
            Self::CircuitOpen => f.write_str("the gateway keeps failing, calls are suspended"),
        }
    }
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrmError {
    /// 404, `NOT_FOUND`: there is no such thing.
    #[error("{}", not_found(operation))]
    NotFound {
        /// What was asked.
        operation: CrmOperation,
        /// The gateway said so in words; a bare 404 may be spurious and is tried again.
        stated: bool,
    },
    /// 401 or 403: every call would fail.
    #[error("{operation}: Request failed with status code {status}")]
    Auth {
        /// What was asked.
        operation: CrmOperation,
        /// 401 or 403.
        status: u16,
    },
    /// A 200 whose envelope is unusable.
    #[error("{operation}: {}", invalid_format(operation))]
    InvalidResponse {
        /// What was asked.
        operation: CrmOperation,
    },
    /// Anything else that went wrong upstream, after the last attempt.
    #[error("{operation}: {cause}")]
    Upstream {
        /// What was asked.
        operation: CrmOperation,
        /// The last attempt's cause.
        cause: CrmCause,
        /// The last `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The gateway wants to be left alone for longer than the budget: come back later.
    #[error("{operation}: {cause}")]
    RetryLater {
        /// What was asked.
        operation: CrmOperation,
        /// The cause that came with the wait.
        cause: CrmCause,
        /// The wait, counted from now.
        after: Duration,
    },
    /// No answer in time.
    #[error("{operation}: {}", NetworkCause::Timeout)]
    Timeout {
        /// What was asked.
        operation: CrmOperation,
    },
}

fn not_found(operation: &CrmOperation) -> String {
    match operation {
        CrmOperation::Fiche(id) => format!("Fiche {id} not found"),
        other => format!("{other}: {}", CrmCause::Status(404)),
    }
}

const fn invalid_format(operation: &CrmOperation) -> &'static str {
    match operation {
        CrmOperation::Sales { .. } | CrmOperation::SalesDay(_) => {
            "Invalid sales with calls response format"
        }
        CrmOperation::Fiche(_) => "Invalid sale details response format",
        CrmOperation::Users => "Invalid users response format",
        CrmOperation::Groups => "Invalid groups response format",
        CrmOperation::Health => "Invalid health response",
    }
}

impl CrmError {
    pub(super) fn of_status(
        operation: CrmOperation,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Self {
        match status {
            401 | 403 => Self::Auth { operation, status },
            404 => Self::NotFound {
                operation,
                stated: false,
            },
            _ => Self::Upstream {
                operation,
                cause: CrmCause::Status(status),
                retry_after,
            },
        }
    }

    pub(super) fn of_network(operation: CrmOperation, cause: NetworkCause) -> Self {
        match cause {
            NetworkCause::Timeout => Self::Timeout { operation },
            cause => Self::Upstream {
                operation,
                cause: CrmCause::Network(cause),
                retry_after: None,
            },
        }
    }

    /// The wait a server asked for goes beyond the budget.
    pub(super) fn later(self, after: Duration) -> Self {
        match self {
            Self::Upstream {
                operation, cause, ..
            } => Self::RetryLater {
                operation,
                cause,
                after,
            },
            other => other,
        }
    }

    /// What was asked.
    pub const fn operation(&self) -> &CrmOperation {
        match self {
            Self::NotFound { operation, .. }
            | Self::Auth { operation, .. }
            | Self::InvalidResponse { operation }
            | Self::Upstream { operation, .. }
            | Self::RetryLater { operation, .. }
            | Self::Timeout { operation } => operation,
        }
    }

    /// Whether the same call may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::RetryLater { .. } | Self::Timeout { .. } => true,
            Self::Upstream { cause, .. } => match cause {
                CrmCause::Status(status) => is_transient_status(*status),
                CrmCause::Network(cause) => cause.is_transient(),
                CrmCause::Unsuccessful | CrmCause::CircuitOpen => true,
            },
            Self::NotFound { .. } | Self::Auth { .. } | Self::InvalidResponse { .. } => false,
        }
    }

    /// How long to stay away, if the gateway said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RetryLater { after, .. } => Some(*after),
            Self::Upstream { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The text of a background task's failure, which names a bad token as such.
    pub fn worker_message(&self) -> String {
        match self {
            Self::Auth {
                operation: CrmOperation::Fiche(id),
                ..
            } => format!("Authentication failed for fiche {id}"),
            other => other.to_string(),
        }
    }
}

impl Classify for CrmError {
    fn verdict(&self) -> Verdict {
        match self {
            // The gateway answers spurious 404s under load, for sales and fiches.
            Self::NotFound {
                operation:
                    CrmOperation::Sales { .. } | CrmOperation::SalesDay(_) | CrmOperation::Fiche(_),
                stated: false,
            } => Verdict::Transient(None),
            Self::Upstream {
                cause: CrmCause::Unsuccessful | CrmCause::CircuitOpen,
                ..
            } => Verdict::Permanent,
            error if error.is_transient() => Verdict::Transient(error.retry_after()),
            _ => Verdict::Permanent,
        }
    }
}
