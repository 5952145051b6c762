use axum::Router;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long a connection may take to bring a whole head of a request: from its start, and from the
/// end of the answer before. So silent connections end as slow ones do. Longer than proxies keep
/// theirs (60 s), or they would send on one that we close.
pub(crate) const PATIENCE: Duration = Duration::from_secs(75);

/// Serves until `stop`, then finishes what is open. HTTP/1.1 only: what stands in front of us
/// speaks HTTP/2 with browsers.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    patience: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let connections = TaskTracker::new();
    // This `accept` outlives errors of connections and a lack of file descriptors.
    while let Some((stream, peer)) = stop
        .run_until_cancelled(Listener::accept(&mut listener))
        .await
    {
        let connection = Connection {
            router: router.clone(),
            peer,
            patience,
        };
        connections.spawn(connection.serve(stream, stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

struct Connection {
    router: Router,
    peer: SocketAddr,
    patience: Duration,
}

impl Connection {
    async fn serve(self, stream: TcpStream, stop: CancellationToken) {
        // Events are small and must not wait for company.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays slow");
        }
        let answer = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(self.peer));
            self.router.clone().oneshot(request)
        });
        let mut served = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.patience)
                .serve_connection(TokioIo::new(stream), answer)
        );
        let done = tokio::select! {
            done = &mut served => done,
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        // Mostly clients that went away.
        if let Err(error) = done {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
