use crate::{BusConfig, BusError};
use async_nats::{Client, ConnectOptions, Event};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

/// A half-open connection is noticed after about two of these.
const PING: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What became of the connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    /// How often it was made: pulls that wait in the server die with a connection.
    made: u64,
    /// Whether it is closed for good.
    pub closed: bool,
}

/// A client, and what becomes of its connection.
pub(crate) async fn connect(
    config: &BusConfig,
) -> Result<(Client, watch::Receiver<Line>), BusError> {
    let (line, watched) = watch::channel(Line::default());
    let connected: Arc<OnceLock<Client>> = Arc::default();
    let client = Arc::clone(&connected);
    let mut options = ConnectOptions::new()
        .name(config.source)
        .ping_interval(PING)
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .event_callback(move |event| {
            // Must return soon: events queue, and are dropped when the queue is full.
            observe(&event, &line);
            let leaving = matches!(event, Event::LameDuckMode)
                .then(|| client.get().cloned())
                .flatten();
            async move {
                // The client does not move by itself.
                if let Some(client) = leaving
                    && let Err(error) = client.force_reconnect().await
                {
                    tracing::warn!(%error, "cannot leave a closing server");
                }
            }
        });
    if let Some(file) = &config.creds_file {
        options = options
            .credentials_file(file)
            .await
            .map_err(|error| BusError::Connect(error.into()))?;
    }
    let servers: Vec<String> = config
        .url
        .split(',')
        .map(|url| url.trim().to_owned())
        .collect();
    let client = options
        .connect(servers)
        .await
        .map_err(|error| BusError::Connect(error.into()))?;
    connected.get_or_init(|| client.clone());
    if !client.is_server_compatible(2, 12, 0) {
        let found = client.server_info().version;
        return Err(BusError::ServerTooOld { found });
    }
    Ok((client, watched))
}

fn observe(event: &Event, line: &watch::Sender<Line>) {
    match event {
        Event::Connected => {
            line.send_modify(|line| line.made += 1);
            tracing::info!("connected to nats");
        }
        Event::SlowConsumer(_) => {
            metrics::counter!("bus.slow_consumer").increment(1);
            tracing::debug!("slow consumer");
        }
        Event::Closed => {
            line.send_modify(|line| line.closed = true);
            tracing::info!("nats connection closed");
        }
        Event::Draining => tracing::info!("nats connection draining"),
        Event::Disconnected
        | Event::LameDuckMode
        | Event::ServerError(_)
        | Event::ClientError(_) => {
            tracing::warn!(%event, "nats connection");
        }
    }
}
