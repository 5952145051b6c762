//! The one reader of the realtime stream in this replica.

use super::fanout::{Event, Fanout};
use super::frame::FrameId;
use super::resume::ResetReason;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, BusError, RealtimeStart, RealtimeStream};

/// Between two tries to read a stream that cannot be read.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads the stream and hands what it reads to the clients.
pub struct Feed {
    bus: Bus,
    fanout: Arc<Fanout>,
    stream: RealtimeStream,
}

impl Feed {
    /// Begins with what comes next.
    pub async fn open(bus: Bus, fanout: Arc<Fanout>) -> Result<Self, BusError> {
        let stream = connect(&bus, &fanout).await?;
        Ok(Self {
            bus,
            fanout,
            stream,
        })
    }

    /// Reads until `stop`. A stream that ends is opened again where it ended.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let reading = async {
            loop {
                while let Some(message) = self.stream.next().await {
                    match message {
                        Ok(message) => self.fanout.send(Event::from(message)),
                        Err(error) => {
                            tracing::warn!(%error, "the realtime stream broke off");
                            break;
                        }
                    }
                }
                self.stream = reconnect(&self.bus, &self.fanout).await;
            }
        };
        stop.run_until_cancelled(reading).await;
        Ok(())
    }
}

async fn reconnect(bus: &Bus, fanout: &Fanout) -> RealtimeStream {
    loop {
        match connect(bus, fanout).await {
            Ok(stream) => return stream,
            Err(error) => {
                metrics::counter!("realtime_reconnects_failed_total").increment(1);
                tracing::warn!(%error, "the realtime stream cannot be read");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Opens the stream after what was read; if that is not possible, clients are told to start over.
async fn connect(bus: &Bus, fanout: &Fanout) -> Result<RealtimeStream, BusError> {
    let state = bus.realtime_state().await?;
    let newest = FrameId::newest(&state);
    let (start, lost) = match fanout.position() {
        None => (newest, None),
        Some(read) if read.incarnation != state.incarnation_ms => {
            (newest, Some(ResetReason::Incarnation))
        }
        Some(read) if read.sequence + 1 < state.first => (newest, Some(ResetReason::Expired)),
        Some(read) => (read, None),
    };
    let stream = bus.realtime(RealtimeStart::After(start.sequence)).await?;
    match lost {
        Some(reason) => fanout.reset(reason, start),
        None => fanout.begin(start),
    }
    Ok(stream)
}
