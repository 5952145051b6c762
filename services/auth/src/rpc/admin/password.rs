//! New passwords that administrators set.

use super::AdminError;
use crate::domain::policy;
use secrecy::SecretString;

/// A password that may be set (W12). `email` is its owner's, where it is known.
pub fn new(text: String, email: Option<&str>) -> Result<SecretString, AdminError> {
    policy::new_password(text, email)
        .map_err(|weak| AdminError::rule("password", format!("password {weak}")))
}
