//! Links to recordings, instead of the CRM's own addresses.

use std::sync::Arc;
use std::time::Duration;
use vigie_sealed::SealingKeys;
use vigie_service::Mode;
use vigie_service::env::Env;

const TTL_SECONDS: u64 = 300;
const LEAST_SECONDS: u64 = 30;
const API_BASE_URL: &str = "http://localhost:3002";

/// How recordings are listened to.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// `RECORDING_LINK_KEY`: the first seals, all open.
    pub keys: Arc<SealingKeys>,
    /// `RECORDING_LINK_TTL_SECONDS`.
    pub ttl: Duration,
    /// `API_BASE_URL`: the gateway's public address.
    pub base_url: String,
    /// `RECORDING_ALLOWED_ORIGINS`: of recordings on private addresses.
    pub allowed_origins: Vec<String>,
    /// Recordings may lie on this machine.
    pub development: bool,
}

/// Reads them; without a key there are none, and the CRM's addresses are shown.
pub(super) fn read(env: &mut Env, mode: Mode) -> Option<LinkSettings> {
    let list = env.optional_secret("RECORDING_LINK_KEY");
    let ttl = env.int_min("RECORDING_LINK_TTL_SECONDS", TTL_SECONDS, LEAST_SECONDS);
    let base_url = env.string("API_BASE_URL", API_BASE_URL);
    let allowed_origins = env.csv("RECORDING_ALLOWED_ORIGINS");
    let list = list?;
    let Ok(keys) = SealingKeys::parse(&list) else {
        let problem = "must hold 32 bytes in base64, several separated by commas";
        env.problem("RECORDING_LINK_KEY", problem);
        return None;
    };
    Some(LinkSettings {
        keys: Arc::new(keys),
        ttl: Duration::from_secs(ttl),
        base_url: base_url.trim_end_matches('/').to_owned(),
        allowed_origins,
        development: mode == Mode::Development,
    })
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::time::Duration;
    use vigie_service::Mode;
    use vigie_service::env::Env;

    #[test]
    fn links_need_a_good_key() {
        let mut env = Env::from_map([("VIGIE_ENV", "development")]);
        assert!(read(&mut env, Mode::Development).is_none());
        assert!(env.done(()).is_ok());
        let key = format!("{}=", "A".repeat(43));
        let mut env = Env::from_map([("RECORDING_LINK_KEY", key.as_str())]);
        let links = read(&mut env, Mode::Production).unwrap();
        assert_eq!(links.ttl, Duration::from_mins(5));
        assert!(!links.development);
        let mut env = Env::from_map([("RECORDING_LINK_KEY", "short")]);
        assert!(read(&mut env, Mode::Production).is_none());
        assert!(env.done(()).is_err());
    }
}
