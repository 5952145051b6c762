use super::Boot;
use crate::grpc::{self, GrpcOptions, ServerParts};
use crate::http;
use anyhow::Context;
use axum::Router;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::service::Routes;

impl<C> Boot<C> {
    /// Serves RPCs on `GRPC_ADDR`, with health, reflection and the token checks. Once a service.
    pub fn serve_grpc(&self, routes: Routes, options: GrpcOptions) {
        let core = &self.core;
        let listener = core
            .grpc_listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(listener) = listener else {
            core.fail(anyhow::anyhow!(
                "gRPC is served twice, or by a service without it"
            ));
            return;
        };
        let parts = ServerParts {
            service: core.service,
            listener,
            verifier: self.verifier(),
            readiness: core.readiness.clone(),
            stop: core.work.stop.clone(),
        };
        self.spawn("grpc", grpc::serve(parts, routes, options));
    }

    /// Serves HTTP and says where (port 0 is any free one). Handlers find their peer in
    /// `ConnectInfo<SocketAddr>`; endless responses have to end at [`Boot::stop`].
    pub fn serve_http(&self, addr: SocketAddr, router: Router) -> anyhow::Result<SocketAddr> {
        self.serve_http_within(addr, router, http::PATIENCE)
    }

    /// As [`Boot::serve_http`], with another patience for connections that bring no request.
    pub fn serve_http_within(
        &self,
        addr: SocketAddr,
        router: Router,
        patience: Duration,
    ) -> anyhow::Result<SocketAddr> {
        let bind = || {
            let listener = std::net::TcpListener::bind(addr)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = bind().with_context(|| format!("cannot listen on {addr}"))?;
        let bound = listener.local_addr()?;
        let served = http::serve(listener, router, patience, self.stop.clone());
        self.spawn("http", served);
        Ok(bound)
    }

    /// Verifies tokens with auth's published keys; one cache a process.
    pub fn verifier(&self) -> Arc<vigie_identity::tokens::Verifier> {
        Arc::clone(
            self.core
                .verifier
                .get_or_init(|| Arc::new(self.remote_verifier())),
        )
    }
}
