//! Settings of a service in a test.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Duration;
use vigie_fiche_cache::config::JobSettings;
use vigie_fiche_cache::domain::vault::Vault;
use vigie_sealed::SealingKeys;
use vigie_webhooks::{GuardConfig, Settings, Webhooks};

/// Retries that a test can wait for.
pub(super) fn jobs() -> JobSettings {
    JobSettings {
        retry_pause: Duration::from_millis(10),
        can_seal: true,
        ..JobSettings::default()
    }
}

/// What is sensitive is sealed, as in production.
pub fn vault() -> Result<Vault> {
    Ok(Vault::new(Arc::new(keys()?)))
}

fn keys() -> Result<SealingKeys> {
    Ok(SealingKeys::parse(&STANDARD.encode([7; 32]).into())?)
}

/// Webhooks that may reach this machine.
pub(super) fn webhooks() -> Result<Webhooks> {
    Ok(Webhooks::new(Settings {
        guard: GuardConfig {
            development: true,
            allowed_origins: Vec::new(),
            subject: "webhookUrl",
        },
        timeout: Duration::from_secs(5),
        max_attempts: 11,
        keys: Arc::new(keys()?),
    })?)
}
