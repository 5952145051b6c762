//! Links to recordings (`fiches.md` W26): short-lived, for whom they were made, and without the CRM's
//! address, which would be good for ever and for everybody. A link carries what it stands for, sealed.

use crate::config::LinkSettings;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use vigie_identity::{Caller, PrincipalKind};
use vigie_sealed::SealingKeys;

const CONTEXT: &str = "recording link";

/// What a link stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The CRM's address.
    pub url: String,
    /// Seconds since 1970.
    until: i64,
    /// For whom it was made.
    pub reader: String,
    /// The call.
    pub call_id: String,
}

/// Makes and reads links.
#[derive(Debug, Clone)]
pub struct Links {
    keys: Arc<SealingKeys>,
    life: TimeDelta,
    base_url: String,
}

impl Links {
    /// From settings.
    pub fn new(settings: &LinkSettings) -> Self {
        Self {
            keys: Arc::clone(&settings.keys),
            life: TimeDelta::from_std(settings.ttl).unwrap_or(TimeDelta::zero()),
            base_url: settings.base_url.clone(),
        }
    }

    /// What a caller is shown for an address; a blank one stays blank.
    pub fn link(&self, caller: &Caller, call_id: &str, url: &str, now: DateTime<Utc>) -> String {
        if url.is_empty() {
            return String::new();
        }
        let target = Target {
            url: url.to_owned(),
            until: (now + self.life).timestamp(),
            reader: reader(caller),
            call_id: call_id.to_owned(),
        };
        let sealed = serde_json::to_vec(&target)
            .ok()
            .and_then(|target| self.keys.seal(CONTEXT, &target).ok());
        let Some(sealed) = sealed else {
            tracing::error!("a link to a recording cannot be sealed");
            return String::new();
        };
        let sealed = URL_SAFE_NO_PAD.encode(sealed);
        format!("{}/api/recordings/audio/{sealed}", self.base_url)
    }

    /// Replaces the address of each recording and quote in what is shown, however deep it lies.
    pub fn within(&self, caller: &Caller, shown: &mut Value, now: DateTime<Utc>) {
        match shown {
            Value::Array(items) => {
                for item in items {
                    self.within(caller, item, now);
                }
            }
            Value::Object(fields) => {
                let text = |key: &str| fields.get(key).and_then(Value::as_str);
                let call_id = text("call_id").unwrap_or_default();
                if let Some(url) = text("recording_url") {
                    let link = self.link(caller, call_id, url, now);
                    fields.insert("recording_url".to_owned(), link.into());
                }
                for field in fields.values_mut() {
                    self.within(caller, field, now);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// What a link stands for, while it lives.
    pub fn open(&self, link: &str, now: DateTime<Utc>) -> Option<Target> {
        let sealed = URL_SAFE_NO_PAD.decode(link).ok()?;
        let target = self.keys.open(CONTEXT, &sealed).ok()?;
        let target: Target = serde_json::from_slice(&target).ok()?;
        (now.timestamp() <= target.until).then_some(target)
    }
}

fn reader(caller: &Caller) -> String {
    let kind = caller.principal.as_ref().map(|principal| &principal.kind);
    match kind {
        Some(PrincipalKind::User(id)) => format!("user:{id}"),
        Some(PrincipalKind::Machine(name)) => format!("machine:{name}"),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Links;
    use crate::config::LinkSettings;
    use chrono::{TimeDelta, Utc};
    use serde_json::json;
    use std::sync::Arc;
    use std::time::Duration;
    use vigie_identity::Caller;
    use vigie_sealed::SealingKeys;

    fn links(letter: &str) -> Links {
        let key = format!("{}=", letter.repeat(43));
        Links::new(&LinkSettings {
            keys: Arc::new(SealingKeys::parse(&key.into()).unwrap()),
            ttl: Duration::from_mins(5),
            base_url: "https://api.test".to_owned(),
            allowed_origins: Vec::new(),
            development: false,
        })
    }

    fn nobody() -> Caller {
        Caller {
            principal: None,
            service: None,
            token: None,
        }
    }

    #[test]
    fn a_link_hides_its_address_and_ends() {
        let (links, now) = (links("A"), Utc::now());
        let url = "https://records.test/r/1.mp3";
        let link = links.link(&nobody(), "7", url, now);
        let sealed = link
            .strip_prefix("https://api.test/api/recordings/audio/")
            .unwrap();
        assert!(!link.contains("records"));
        let target = links.open(sealed, now).unwrap();
        assert_eq!((target.url.as_str(), target.call_id.as_str()), (url, "7"));
        assert!(links.open(sealed, now + TimeDelta::minutes(5)).is_some());
        assert!(links.open(sealed, now + TimeDelta::minutes(6)).is_none());
        assert!(self::links("E").open(sealed, now).is_none());
        assert!(links.open(&sealed[1..], now).is_none());
        assert!(links.open("", now).is_none());
    }

    #[test]
    fn only_addresses_are_replaced() {
        let (links, now) = (links("A"), Utc::now());
        let quote =
            json!({"texte": "Bonjour", "recording_url": "https://a.test/7.mp3", "call_id": null});
        let mut rows = json!([{"call_id": "7", "recording_url": "https://a.test/7.mp3"},
                              {"call_id": "8", "recording_url": ""}, {"call_id": "9"}, 3,
                              {"steps": [{"citations": [quote]}]}]);
        links.within(&nobody(), &mut rows, now);
        let is_link = |shown: &serde_json::Value| {
            let url = shown["recording_url"].as_str().unwrap();
            url.starts_with("https://api.test/")
        };
        assert!(is_link(&rows[0]));
        assert_eq!(rows[1]["recording_url"], "");
        assert_eq!(rows[2], json!({"call_id": "9"}));
        let quote = &rows[4]["steps"][0]["citations"][0];
        assert!(is_link(quote));
        assert_eq!(quote["texte"], "Bonjour");
    }
}
