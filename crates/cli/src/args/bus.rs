use clap::Subcommand;

/// Commands on dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// List the newest
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one, with its payload
    Show {
        /// Its number in the list
        sequence: u64,
    },
    /// Send one again to where it came from
    Replay {
        /// Its number in the list
        sequence: u64,
    },
}
