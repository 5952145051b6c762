use crate::{Bus, BusError, Db};
use tokio_util::sync::CancellationToken;
pub(crate) async fn run(_db: &Db, _bus: &Bus, stop: &CancellationToken) -> Result<(), BusError> {
    stop.cancelled().await;
    Ok(())
}
