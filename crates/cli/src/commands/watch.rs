//! `vigie watch`: live events, a line each.

use super::{client, running};
use crate::args::WatchArgs;
use anyhow::Result;

/// Runs the command until it is interrupted.
pub async fn run(args: &WatchArgs) -> Result<()> {
    let api = client(&running()?).await?;
    let channels: Vec<&str> = args.channels.iter().map(String::as_str).collect();
    let mut live = api.live(&channels).await?;
    eprintln!("Listening on {} (Ctrl-C ends).", channels.join(", "));
    loop {
        let frame = live.next().await?;
        println!(
            "{} {} {}",
            frame.id.as_deref().unwrap_or("-"),
            frame.event,
            frame.data
        );
    }
}
