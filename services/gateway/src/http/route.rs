//! One row of the route table.

use crate::app::AppState;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use vigie_identity::Guard;

/// Who may use a route. There is no route without one.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Everybody.
    Public,
    /// Every valid credential.
    Authenticated,
    /// Every valid credential, with the refusals of `/api/auth/me`.
    Account,
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
            Self::Needs(guards) | Self::Ticket(guards) => guards,
        }
    }
}

/// A route: where, who, what.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    pub(super) handler: MethodRouter<AppState>,
}

impl Route {
    pub(super) fn get<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self {
            method: Method::GET,
            path,
            access,
            handler: on(MethodFilter::GET, handler),
        }
    }

    pub(super) fn post<H, T>(path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        Self {
            method: Method::POST,
            path,
            access,
            handler: on(MethodFilter::POST, handler),
        }
    }
}
