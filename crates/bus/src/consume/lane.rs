use super::ConsumerOptions;
use super::intake::Intake;
use super::meters::Meters;
use crate::{Bus, BusError, Db};
use std::sync::atomic::AtomicBool;
use tokio_util::sync::CancellationToken;
use vigie_events::{Event, Lane};

/// One durable consumer and what its slots share.
#[derive(Debug)]
pub(crate) struct LaneRuntime {
    pub bus: Bus,
    pub db: Option<Db>,
    /// A message found no database; the slots wait before they pull again.
    pub database_lost: AtomicBool,
    /// `<service>-<name>[-<lane>]`: the durable consumer, and the key of inbox rows.
    pub name: String,
    /// The key of inbox rows: the same for both lanes, as one message has one lane.
    pub inbox: String,
    pub lane: Option<Lane>,
    pub options: ConsumerOptions,
    pub intake: Intake,
    pub meters: Meters,
    pub stop: CancellationToken,
}

impl LaneRuntime {
    pub(crate) async fn open<E: Event>(
        bus: &Bus,
        db: Option<&Db>,
        options: &ConsumerOptions,
        lane: Option<Lane>,
        stop: &CancellationToken,
    ) -> Result<Self, BusError> {
        let inbox = format!("{}-{}", bus.source(), options.name);
        let name = match lane {
            None => inbox.clone(),
            Some(lane) => format!("{inbox}-{lane}"),
        };
        let intake = Intake::open::<E>(bus, &name, options, lane).await?;
        tracing::info!(consumer = %name, message.r#type = E::NAME, slots = options.slots, "consuming");
        Ok(Self {
            bus: bus.clone(),
            db: db.cloned(),
            database_lost: AtomicBool::new(false),
            meters: Meters::new(&name),
            name,
            inbox,
            lane,
            options: options.clone(),
            intake,
            stop: stop.clone(),
        })
    }
}
