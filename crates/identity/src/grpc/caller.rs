use crate::denied::authentication_required;
use crate::{Denied, FicheScope, Guard, Principal, ServiceName};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

/// Who calls an RPC: a service, and mostly a principal that it calls for.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The verified user or machine; none when a service acts for itself.
    pub principal: Option<Arc<Principal>>,
    /// The verified calling service; public RPCs may have none.
    pub service: Option<ServiceName>,
    /// The principal's token, to pass on.
    pub token: Option<SecretString>,
}

impl Caller {
    /// The caller that the auth layer put into a request.
    pub fn from_request<T>(request: &Request<T>) -> Result<&Self, Status> {
        request
            .extensions()
            .get()
            .ok_or_else(authentication_required)
    }

    /// The principal; a service alone is not enough here.
    pub fn principal(&self) -> Result<&Principal, Status> {
        self.principal
            .as_deref()
            .ok_or_else(authentication_required)
    }

    /// The calling service.
    pub fn service(&self) -> Result<ServiceName, Status> {
        self.service.ok_or_else(authentication_required)
    }

    /// Asks the principal for a permission and says which fiches it reaches.
    pub fn require(&self, guard: Guard) -> Result<FicheScope, Status> {
        Ok(self.principal()?.require(guard)?)
    }

    /// Lets only these services through: for RPCs where a service acts for itself.
    pub fn require_service(&self, allowed: &[ServiceName]) -> Result<ServiceName, Status> {
        let service = self.service()?;
        if allowed.contains(&service) {
            Ok(service)
        } else {
            Err(Denied::Forbidden.into())
        }
    }

    /// As [`require`](Self::require) when there is a principal; without one, these services may
    /// act for themselves and see everything.
    pub fn require_or_service(
        &self,
        guard: Guard,
        allowed: &[ServiceName],
    ) -> Result<FicheScope, Status> {
        if self.principal.is_some() {
            return self.require(guard);
        }
        // Who may not act for itself has to say for whom it acts.
        self.require_service(allowed)
            .map_err(|_| authentication_required())?;
        Ok(FicheScope::everything())
    }
}

/// Passes the caller's own token on with a call to another service.
pub fn with_user<T>(mut request: Request<T>, caller: &Caller) -> Request<T> {
    // A verified token is base64url and dots, so it is always a valid metadata value.
    if let Some(token) = &caller.token
        && let Ok(mut value) = MetadataValue::try_from(format!("Bearer {}", token.expose_secret()))
    {
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
    }
    request
}
