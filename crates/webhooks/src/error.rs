use std::fmt;

/// A URL that will not be called. Displays as the message for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct GuardError {
    /// What the client calls the URL, `webhookUrl` for example.
    pub subject: &'static str,
    /// The first rule it broke.
    pub reason: Reason,
}

/// A rule that a URL broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is no absolute URL.
    Format,
    /// Its scheme is neither http nor https.
    Scheme,
    /// It holds a user name or a password.
    Credentials,
    /// There is a list of origins, and this one is not on it.
    Origin(String),
    /// Its host is the name of something local.
    Hostname,
    /// Its host is, or resolves to, an address that is not public.
    Address,
    /// It is not https.
    NotHttps,
    /// Its port is neither 443 nor 8443.
    Port,
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject;
        match &self.reason {
            Reason::Format => write!(f, "Invalid {subject} format"),
            Reason::Scheme => write!(f, "{subject} must use http or https protocol"),
            Reason::Credentials => write!(f, "{subject} must not include credentials"),
            Reason::Origin(origin) => write!(
                f,
                "{subject} origin not allowed (set WEBHOOK_ALLOWED_ORIGINS). Got {origin}"
            ),
            Reason::Hostname => write!(f, "{subject} hostname not allowed"),
            Reason::Address => write!(f, "{subject} IP not allowed"),
            Reason::NotHttps => write!(f, "{subject} must use https protocol"),
            Reason::Port => write!(f, "{subject} port not allowed"),
        }
    }
}
