//! New passwords that administrators set.

use super::AdminError;
use crate::domain::password::NEW_PASSWORD_CHARS;
use secrecy::SecretString;

/// A password that may be set (W12).
pub fn new(text: String) -> Result<SecretString, AdminError> {
    let (least, most) = (NEW_PASSWORD_CHARS.start(), NEW_PASSWORD_CHARS.end());
    if NEW_PASSWORD_CHARS.contains(&text.chars().count()) {
        return Ok(SecretString::from(text));
    }
    let message = format!("password must have {least} to {most} characters");
    Err(AdminError::rule("password", message))
}
