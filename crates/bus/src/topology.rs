//! The streams, created or updated, read back and compared.

use crate::names::StreamKind;
use crate::{Bus, BusError};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, Info, RetentionPolicy, StorageType};
use chrono::{DateTime, Utc};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Short: it costs memory for each id, and is only the first filter before the inbox.
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

pub(crate) async fn ensure(bus: &Bus) -> Result<(), BusError> {
    for kind in StreamKind::ALL {
        ensure_stream(bus, kind).await?;
    }
    Ok(())
}

/// When the stream was created.
pub(crate) async fn created(bus: &Bus, kind: StreamKind) -> Result<DateTime<Utc>, BusError> {
    let info = info(bus, kind)
        .await?
        .ok_or_else(|| BusError::jetstream("stream info", "no such stream"))?;
    created_at(&info)
}

pub(crate) fn created_at(info: &Info) -> Result<DateTime<Utc>, BusError> {
    let nanos = info.created.unix_timestamp_nanos();
    i64::try_from(nanos)
        .map(DateTime::from_timestamp_nanos)
        .map_err(|error| BusError::jetstream("stream creation time", error))
}

/// What the server knows about a stream, if it has it.
pub(crate) async fn info(bus: &Bus, kind: StreamKind) -> Result<Option<Info>, BusError> {
    match bus.context().get_stream(bus.names().stream(kind)).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(api)
                if api.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            _ => Err(BusError::jetstream("stream info", error)),
        },
    }
}

async fn ensure_stream(bus: &Bus, kind: StreamKind) -> Result<(), BusError> {
    let found = info(bus, kind).await?;
    let is_new = found.is_none();
    // An operator's own settings (placement, byte limits) stay.
    let base = found.map(|info| info.config);
    let wanted = wanted(bus, kind, base.clone().unwrap_or_default());
    if base
        .as_ref()
        .is_some_and(|base| difference(base, &wanted).is_none())
    {
        return Ok(());
    }
    let info = bus
        .context()
        .create_or_update_stream(wanted.clone())
        .await
        .map_err(|error| BusError::jetstream("create or update a stream", error))?;
    if let Some(difference) = difference(&info.config, &wanted) {
        return Err(BusError::Topology {
            name: wanted.name,
            difference: difference.to_owned(),
        });
    }
    tracing::info!(stream = %wanted.name, created = is_new, "stream ensured");
    Ok(())
}

fn wanted(bus: &Bus, kind: StreamKind, base: Config) -> Config {
    let names = bus.names();
    Config {
        name: names.stream(kind),
        subjects: names.subjects(kind),
        retention: match kind {
            StreamKind::Work => RetentionPolicy::WorkQueue,
            StreamKind::Events
            | StreamKind::Realtime
            | StreamKind::DeadLetters
            | StreamKind::Advisories => RetentionPolicy::Limits,
        },
        max_age: match kind {
            StreamKind::Work => Duration::ZERO,
            StreamKind::Events => 7 * DAY,
            StreamKind::Realtime => DAY,
            StreamKind::DeadLetters | StreamKind::Advisories => 30 * DAY,
        },
        storage: StorageType::File,
        num_replicas: bus.replicas(),
        duplicate_window: DUPLICATE_WINDOW,
        ..base
    }
}

/// The first setting of ours that differs. Only these: the server fills in the rest.
fn difference(found: &Config, wanted: &Config) -> Option<&'static str> {
    let checks = [
        ("subjects", found.subjects == wanted.subjects),
        ("retention", found.retention == wanted.retention),
        ("max_age", found.max_age == wanted.max_age),
        ("storage", found.storage == wanted.storage),
        ("num_replicas", found.num_replicas == wanted.num_replicas),
        (
            "duplicate_window",
            found.duplicate_window == wanted.duplicate_window,
        ),
    ];
    checks
        .into_iter()
        .find_map(|(name, same)| (!same).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named() {
        let wanted = Config {
            max_age: DAY,
            ..Config::default()
        };
        assert_eq!(difference(&Config::default(), &wanted), Some("max_age"));
        assert_eq!(difference(&wanted, &wanted), None);
    }
}
