//! One row of the route table.

use crate::app::AppState;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use serde::Serialize;
use vigie_identity::{Access as Action, Guard};

/// Who may use a route. There is no route without one.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Everybody.
    Public,
    /// Every valid credential.
    Authenticated,
    /// Every user, with the refusals of `/api/auth/me`.
    Account,
    /// Users, not machines, who hold these permissions.
    User(&'static [Guard]),
    /// Who holds these permissions.
    Needs(&'static [Guard]),
    /// Who holds these permissions, or brings a ticket that the handler takes.
    Ticket(&'static [Guard]),
}

impl Access {
    /// The permissions that are asked for.
    pub const fn guards(self) -> &'static [Guard] {
        match self {
            Self::Public | Self::Authenticated | Self::Account => &[],
            Self::User(guards) | Self::Needs(guards) | Self::Ticket(guards) => guards,
        }
    }

    /// Whether machines are refused.
    pub const fn is_for_users(self) -> bool {
        matches!(self, Self::Account | Self::User(_))
    }

    /// Its name for tools.
    const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Authenticated => "authenticated",
            Self::Account => "account",
            Self::User(_) => "user",
            Self::Needs(_) => "needs",
            Self::Ticket(_) => "ticket",
        }
    }
}

/// What a route asks of its callers, for tools: in the route listing, and as `x-access` in the
/// API's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// `public`, `authenticated`, `account`, `user`, `needs` or `ticket`.
    pub kind: &'static str,
    /// Permissions, all of them: `audits.read`, `audits.write`.
    pub guards: Vec<String>,
}

impl From<Access> for Asked {
    fn from(access: Access) -> Self {
        let guards = access.guards().iter();
        Self {
            kind: access.name(),
            guards: guards.copied().map(guard_name).collect(),
        }
    }
}

fn guard_name(guard: Guard) -> String {
    let action = match guard.access() {
        Action::Read => "read",
        Action::Write => "write",
    };
    format!("{}.{action}", guard.key())
}

/// A route: where, who, what.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Whether its body may be a form.
    pub takes_forms: bool,
    pub(super) handler: MethodRouter<AppState>,
}

impl Route {
    fn new<H, T>(
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self {
            method,
            path,
            access,
            takes_forms: false,
            handler: on(filter, handler),
        }
    }

    pub(super) fn get<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new((Method::GET, MethodFilter::GET), path, access, handler)
    }

    pub(super) fn post<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new((Method::POST, MethodFilter::POST), path, access, handler)
    }

    pub(super) fn put<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new((Method::PUT, MethodFilter::PUT), path, access, handler)
    }

    pub(super) fn patch<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new((Method::PATCH, MethodFilter::PATCH), path, access, handler)
    }

    pub(super) fn delete<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self::new(
            (Method::DELETE, MethodFilter::DELETE),
            path,
            access,
            handler,
        )
    }

    /// Reads form-encoded bodies too.
    #[must_use]
    pub(super) fn with_forms(mut self) -> Self {
        self.takes_forms = true;
        self
    }
}
