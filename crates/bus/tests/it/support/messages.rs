use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_events::{Event, Kind, Lane, Message, MessageId};

/// A command with lanes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Poke {
    pub n: i64,
}

impl Event for Poke {
    const NAME: &'static str = "test/poke";
    const KIND: Kind = Kind::LanedCommand;
    const ABOUT: &'static str = "Poke something.";

    fn entity(&self) -> Vec<String> {
        vec![self.n.to_string()]
    }
}

/// A fact.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Poked {
    pub n: i64,
}

impl Event for Poked {
    const NAME: &'static str = "test/poked";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "Something was poked.";

    fn entity(&self) -> Vec<String> {
        vec![self.n.to_string()]
    }
}

pub fn poke(n: i64) -> Message<Poke> {
    Message::in_lane(
        MessageId::new(format!("poke-{n}")),
        Lane::Interactive,
        Poke { n },
    )
}

pub fn poked(n: i64) -> Message<Poked> {
    Message::new(MessageId::new(format!("poked-{n}")), Poked { n })
}
