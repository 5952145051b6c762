use secrecy::SecretString;
use url::Url;
use vigie_service::Mode;
use vigie_service::env::Env;

const MAX_PAYLOAD_BYTES: usize = 9_000;
const LEAST_PAYLOAD_BYTES: usize = 1_000;

/// Pusher Channels, or a server that speaks its protocol (`events-and-config.md` F8).
#[derive(Debug, Clone)]
pub struct PusherSettings {
    /// All that is needed to sign and to publish; none without `PUSHER_APP_ID`, `PUSHER_KEY`,
    /// `PUSHER_SECRET` and `PUSHER_CLUSTER`.
    pub account: Option<PusherAccount>,
    /// `PUSHER_USE_PRIVATE_CHANNELS`: names begin with `private-`.
    pub private_channels: bool,
    /// `PUSHER_MAX_PAYLOAD_BYTES`: larger payloads are reduced.
    pub max_payload_bytes: usize,
    /// `PUSHER_DRY_RUN`: publishing is only logged.
    pub dry_run: bool,
    /// `REALTIME_TEST_ENABLED`: whether the test route exists; on in development.
    pub test_route: bool,
}

/// An application at Pusher.
#[derive(Debug, Clone)]
pub struct PusherAccount {
    /// `PUSHER_APP_ID`.
    pub app_id: String,
    /// `PUSHER_KEY`, else `NEXT_PUBLIC_PUSHER_KEY`.
    pub key: String,
    /// `PUSHER_SECRET`.
    pub secret: SecretString,
    /// Where events are published: `PUSHER_HOST`, else the cluster's own.
    pub api: Url,
}

pub(super) fn read(env: &mut Env, mode: Mode) -> PusherSettings {
    PusherSettings {
        account: account(env),
        private_channels: env.flag("PUSHER_USE_PRIVATE_CHANNELS", true),
        max_payload_bytes: env.int_min(
            "PUSHER_MAX_PAYLOAD_BYTES",
            MAX_PAYLOAD_BYTES,
            LEAST_PAYLOAD_BYTES,
        ),
        dry_run: env.flag("PUSHER_DRY_RUN", false),
        test_route: env.flag("REALTIME_TEST_ENABLED", mode == Mode::Development),
    }
}

fn account(env: &mut Env) -> Option<PusherAccount> {
    let app_id = env.optional("PUSHER_APP_ID");
    let public_key = env.optional("NEXT_PUBLIC_PUSHER_KEY");
    let key = env.optional("PUSHER_KEY").or(public_key);
    let secret = env.optional_secret("PUSHER_SECRET");
    let cluster = env.optional("PUSHER_CLUSTER");
    let host = env.optional("PUSHER_HOST");
    for (name, value) in [("PUSHER_APP_ID", &app_id), ("PUSHER_CLUSTER", &cluster)] {
        let word = |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !value.as_ref().is_none_or(word) {
            env.problem(name, "must be made of letters, digits and '-'");
        }
    }
    let (app_id, key, secret, cluster) = (app_id?, key?, secret?, cluster?);
    let api = match host {
        None => Url::parse(&format!("https://api-{cluster}.pusher.com")),
        Some(host) if host.contains("://") => Url::parse(&host),
        Some(host) => Url::parse(&format!("https://{host}")),
    };
    match api {
        Ok(api) if matches!(api.scheme(), "http" | "https") => Some(PusherAccount {
            app_id,
            key,
            secret,
            api,
        }),
        Ok(_) | Err(_) => {
            env.problem("PUSHER_HOST", "must be a host, or an http(s) URL");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use vigie_service::env::{Env, EnvErrors};

    const ALL: [(&str, &str); 4] = [
        ("PUSHER_APP_ID", "7"),
        ("PUSHER_KEY", "k"),
        ("PUSHER_SECRET", "s"),
        ("PUSHER_CLUSTER", "eu"),
    ];

    fn read(variables: &[(&str, &str)]) -> Result<Config, EnvErrors> {
        Env::from_map(variables.iter().copied()).read()
    }

    #[test]
    fn all_four_are_needed() {
        let account = read(&ALL).unwrap().pusher.account.unwrap();
        assert_eq!(account.api.as_str(), "https://api-eu.pusher.com/");
        for missing in 0..4 {
            let mut some = ALL.to_vec();
            some.remove(missing);
            assert!(read(&some).unwrap().pusher.account.is_none());
        }
        let mut public = ALL.to_vec();
        public[1].0 = "NEXT_PUBLIC_PUSHER_KEY";
        assert_eq!(read(&public).unwrap().pusher.account.unwrap().key, "k");
    }

    #[test]
    fn a_host_of_one_s_own_is_taken() {
        let with = |name, value| {
            let mut all = ALL.to_vec();
            all.push((name, value));
            read(&all)
        };
        let api = |host| {
            with("PUSHER_HOST", host)
                .unwrap()
                .pusher
                .account
                .unwrap()
                .api
        };
        assert_eq!(api("ws.example:8443").as_str(), "https://ws.example:8443/");
        assert_eq!(api("http://127.0.0.1:6001").port(), Some(6001));
        assert!(with("PUSHER_HOST", "ftp://ws.example").is_err());
        assert!(with("PUSHER_MAX_PAYLOAD_BYTES", "999").is_err());
    }

    #[test]
    fn the_test_route_is_off_in_production() {
        assert!(!read(&[]).unwrap().pusher.test_route);
        let development = read(&[("VIGIE_ENV", "development")]).unwrap();
        assert!(development.pusher.test_route && development.pusher.private_channels);
    }
}
