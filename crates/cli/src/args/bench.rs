use super::StackArgs;

/// What `bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Bench {
    /// Logins, and verifications of tokens
    Identity,
    /// Fiches: stored, read, listed by day and by range
    Fiches,
    /// Lists and details of a million audits; takes minutes, so only by name
    Lists,
    /// Batches over many fiches, from the API call to the end of the last one
    Batch,
    /// Audits, from the API call to finalised rows
    Pipeline,
}

impl Bench {
    /// All, in the order they run.
    pub const ALL: [Self; 5] = [
        Self::Identity,
        Self::Fiches,
        Self::Lists,
        Self::Batch,
        Self::Pipeline,
    ];

    /// Whether it runs when these were named.
    pub fn is_wanted(self, named: &[Self]) -> bool {
        if named.is_empty() {
            self != Self::Lists
        } else {
            named.contains(&self)
        }
    }
}

/// Options of `bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// Only these
    pub only: Vec<Bench>,
    /// Audits to measure
    #[arg(long, default_value_t = 1000)]
    pub audits: usize,
    /// Audits before the measurement begins
    #[arg(long, default_value_t = 50)]
    pub warm_up: usize,
    /// Audits under way at a time
    #[arg(long, default_value_t = 64)]
    pub concurrency: usize,
    /// Fiches of the measurement of batches
    #[arg(long, default_value_t = 2000)]
    pub fiches: usize,
    /// The stack.
    #[command(flatten)]
    pub stack: StackArgs,
}
