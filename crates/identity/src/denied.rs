use tonic::{Code, Status};

/// Metadata key that carries the wire code (`AUTHORIZATION_ERROR`, …) of a refused call.
pub const WIRE_CODE: &str = "vigie-code";

/// A caller who is known but may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No grant for this key and action.
    #[error("Missing permission")]
    MissingPermission,
    /// The grant's scope does not reach this resource, or the RPC is not for this service.
    #[error("Forbidden")]
    Forbidden,
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        coded_status(
            Code::PermissionDenied,
            "AUTHORIZATION_ERROR",
            &denied.to_string(),
        )
    }
}

/// What a call without a usable credential gets.
pub fn authentication_required() -> Status {
    coded_status(
        Code::Unauthenticated,
        "AUTHENTICATION_ERROR",
        "Authentication required",
    )
}

/// A status that names its wire code in the metadata.
pub fn coded_status(code: Code, wire: &'static str, message: &str) -> Status {
    let mut status = Status::new(code, message);
    status
        .metadata_mut()
        .insert(WIRE_CODE, tonic::metadata::MetadataValue::from_static(wire));
    status
}
