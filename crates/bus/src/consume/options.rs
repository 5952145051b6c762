use std::time::Duration;

/// What the death of a replica costs: its messages wait this long. Handlers renew it three times as
/// often, and yield long before.
const ACK_WAIT: Duration = Duration::from_secs(15);

/// How a consumer works. Two numbers bound concurrency: of this replica and of the platform.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// The job: `<service>-<name>[-<lane>]` is the durable consumer.
    pub name: &'static str,
    /// Messages out at once in each lane, over all replicas. The sum of the lanes is the ceiling.
    pub max_ack_pending: i64,
    /// Messages at once in each lane, in this replica. For a batch handler: batches.
    pub slots: usize,
    /// How long the server waits before it gives the message to another worker. Renewed while a
    /// handler runs.
    pub ack_wait: Duration,
    /// Bound of a handler's total time.
    pub deadline: Duration,
    /// Deliveries before the message is parked.
    pub max_attempts: u32,
    /// Messages a slot takes at once. A batch handler handles them in one transaction, a stateless
    /// worker side by side; of no meaning elsewhere.
    pub batch: usize,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            name: "default",
            max_ack_pending: 256,
            slots: 4,
            ack_wait: ACK_WAIT,
            deadline: Duration::from_secs(60),
            max_attempts: 5,
            batch: 64,
        }
    }
}
