use super::{Detail, ErrorCode, Extras};
use serde::{Deserialize, Serialize};
use tonic::Status;
use tonic::metadata::MetadataValue;
use vigie_identity::{WIRE_CODE, coded_status};

/// Metadata key of details and extras, as JSON.
const BESIDE: &str = "vigie-error-bin";

/// Issues that travel with one error: metadata is small.
const MAX_DETAILS: usize = 20;

/// An error as the gateway answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// Its class.
    pub code: ErrorCode,
    /// One sentence for the caller.
    pub message: String,
    /// The issues of a refused input.
    pub details: Vec<Detail>,
    /// Named values beside the error.
    pub extras: Extras,
}

#[derive(Default, Serialize, Deserialize)]
struct Beside {
    #[serde(default)]
    details: Vec<Detail>,
    #[serde(default)]
    extras: Extras,
}

impl WireError {
    /// What a caller is told of an internal error.
    pub const INTERNAL: &'static str = "Internal server error";
    const UNAVAILABLE: &'static str = "Service unavailable";

    /// An error without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            extras: Extras::new(),
        }
    }
}

impl From<WireError> for Status {
    fn from(error: WireError) -> Self {
        let mut status = coded_status(error.code.grpc(), error.code.wire(), &error.message);
        let mut details = error.details;
        details.truncate(MAX_DETAILS);
        if !(details.is_empty() && error.extras.is_empty()) {
            // Strings and JSON values always serialise.
            let json = serde_json::to_vec(&Beside {
                details,
                extras: error.extras,
            });
            let value = MetadataValue::from_bytes(&json.unwrap_or_default());
            status.metadata_mut().insert_bin(BESIDE, value);
        }
        status
    }
}

impl From<&Status> for WireError {
    fn from(status: &Status) -> Self {
        let named = status
            .metadata()
            .get(WIRE_CODE)
            .and_then(|value| value.to_str().ok());
        let Some(code) = named.and_then(ErrorCode::from_wire) else {
            // Made by the transport: its text is about us, not about the request.
            let code = ErrorCode::of_transport(status.code());
            let message = match code {
                ErrorCode::Unavailable => Self::UNAVAILABLE,
                ErrorCode::Internal => Self::INTERNAL,
                _ => status.message(),
            };
            return Self::new(code, message);
        };
        let beside = status
            .metadata()
            .get_bin(BESIDE)
            .and_then(|value| value.to_bytes().ok())
            .and_then(|json| serde_json::from_slice::<Beside>(&json).ok())
            .unwrap_or_default();
        Self {
            code,
            message: status.message().to_owned(),
            details: beside.details,
            extras: beside.extras,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WireError;
    use crate::{Detail, ErrorCode, Extras, ServiceError, status};
    use tonic::Status;
    use vigie_identity::Denied;

    #[derive(Debug, thiserror::Error)]
    enum Refused {
        #[error("run {0} is open")]
        Open(i64),
        #[error("fiche_id is too long")]
        Input,
        #[error("connection to db-7 lost")]
        Store,
    }

    impl ServiceError for Refused {
        fn code(&self) -> ErrorCode {
            match self {
                Self::Open(_) => ErrorCode::Conflict,
                Self::Input => ErrorCode::Validation,
                Self::Store => ErrorCode::Internal,
            }
        }

        fn details(&self) -> Vec<Detail> {
            match self {
                Self::Input => vec![Detail {
                    path: "fiche_id".to_owned(),
                    code: "too_long".to_owned(),
                    message: "at most 64 characters".to_owned(),
                }],
                Self::Open(_) | Self::Store => Vec::new(),
            }
        }

        fn extras(&self) -> Extras {
            let mut extras = Extras::new();
            if let Self::Open(run) = self {
                extras.insert("run_id".to_owned(), run.to_string().into());
            }
            extras
        }
    }

    #[test]
    fn travels_whole() {
        let conflict = WireError::from(&status(Refused::Open(7)));
        assert_eq!(
            (conflict.code, conflict.message.as_str()),
            (ErrorCode::Conflict, "run 7 is open")
        );
        assert_eq!(conflict.extras["run_id"], "7");
        let input = WireError::from(&status(Refused::Input));
        assert_eq!(input.details, Refused::Input.details());
    }

    #[test]
    fn internal_errors_tell_nothing() {
        let error = WireError::from(&status(Refused::Store));
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Internal, WireError::INTERNAL)
        );
    }

    #[test]
    fn reads_the_refusals_of_identity() {
        let error = WireError::from(&Status::from(Denied::MissingPermission));
        assert_eq!(
            (error.code, error.message.as_str()),
            (ErrorCode::Authorization, "Missing permission")
        );
        let error = WireError::from(&vigie_identity::authentication_required());
        assert_eq!(error.code, ErrorCode::Authentication);
    }

    #[test]
    fn transport_errors_keep_their_text_to_themselves() {
        // The second is what tonic makes of a connection whose server was killed.
        let broken = [
            Status::unavailable("tcp connect error 10.0.0.7"),
            Status::from_error(std::io::Error::other("10.0.0.7: reset").into()),
        ];
        for status in &broken {
            let error = WireError::from(status);
            assert_eq!(
                (error.code, error.message.as_str()),
                (ErrorCode::Unavailable, "Service unavailable")
            );
        }
    }

    #[test]
    fn every_code_has_one_name() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_wire(code.wire()), Some(code));
        }
    }
}
