//! Calls to the gRPC port of a service, as anybody in the network could make them.

use anyhow::{Context, Result};
use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use std::collections::BTreeMap;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use vigie_contracts::auth::v1::{
    ExchangeApiTokenRequest, ExchangeApiTokenResponse, IssueInternalTokenRequest,
    IssueInternalTokenResponse,
};
use vigie_testkit::stack::{Home, Service, Stack};

/// One call, encoded.
pub struct Rpc {
    pub service: Service,
    pub path: &'static str,
    message: Vec<u8>,
}

impl Rpc {
    /// Of this RPC, with this message.
    pub fn new(service: Service, path: &'static str, message: &impl Message) -> Self {
        let message = message.encode_to_vec();
        Self {
            service,
            path,
            message,
        }
    }
}

/// What every call needs: a connection to each service, and the gateway's tokens for all of them.
pub struct Direct {
    channels: BTreeMap<Service, Channel>,
    internal: BTreeMap<Service, String>,
}

impl Direct {
    /// With the tokens of this service.
    pub async fn of(stack: &Stack, home: &Home, caller: Service) -> Result<Self> {
        let mut direct = Self {
            channels: BTreeMap::new(),
            internal: BTreeMap::new(),
        };
        for one in stack.state().services {
            let service: Service = one.name.parse()?;
            if service != Service::Gateway {
                let endpoint = Endpoint::from_shared(format!("http://{}", one.grpc_addr))?;
                direct.channels.insert(service, endpoint.connect_lazy());
            }
        }
        let secrets = home.secrets()?;
        let called: Vec<Service> = direct.channels.keys().copied().collect();
        for service in called {
            let message = IssueInternalTokenRequest {
                service: caller.name().to_owned(),
                secret: secrets.internal(caller).to_owned(),
                audience: service.name().to_owned(),
            };
            let path = "/vigie.auth.v1.AuthService/IssueInternalToken";
            let answer = direct
                .send(&Rpc::new(Service::Auth, path, &message), None, None)
                .await?;
            let token = IssueInternalTokenResponse::decode(answer)?.token;
            direct.internal.insert(service, token);
        }
        Ok(direct)
    }

    /// A call as this service, for the owner of a token.
    pub async fn call(&self, rpc: &Rpc, user: Option<&str>) -> Result<Bytes, Status> {
        let internal = self.internal.get(&rpc.service).map(String::as_str);
        self.send(rpc, internal, user).await
    }

    /// A call with exactly these tokens.
    pub async fn send(
        &self,
        rpc: &Rpc,
        internal: Option<&str>,
        user: Option<&str>,
    ) -> Result<Bytes, Status> {
        let channel = self.channels.get(&rpc.service).cloned();
        let channel = channel.ok_or_else(|| Status::internal("no such service"))?;
        let mut request = Request::new(rpc.message.clone());
        let bearer = user.map(|token| format!("Bearer {token}"));
        for (name, value) in [
            ("x-vigie-internal", internal.map(str::to_owned)),
            ("authorization", bearer),
        ] {
            if let Some(value) = value {
                let value = AsciiMetadataValue::try_from(value);
                let value = value.map_err(|error| Status::internal(error.to_string()))?;
                request.metadata_mut().insert(name, value);
            }
        }
        let mut client = tonic::client::Grpc::new(channel);
        let failed = |error: tonic::transport::Error| Status::internal(error.to_string());
        client.ready().await.map_err(failed)?;
        let path = http::uri::PathAndQuery::from_static(rpc.path);
        Ok(client.unary(request, path, Raw).await?.into_inner())
    }

    /// The access token that the gateway uses for a machine.
    pub async fn exchanged(&self, api_token: &str) -> Result<String> {
        let message = ExchangeApiTokenRequest {
            api_token: api_token.to_owned(),
        };
        let path = "/vigie.auth.v1.AuthService/ExchangeApiToken";
        let rpc = Rpc::new(Service::Auth, path, &message);
        let answer = self.call(&rpc, None).await.context("ExchangeApiToken")?;
        Ok(ExchangeApiTokenResponse::decode(answer)?.access_token)
    }
}

/// Messages as they are.
#[derive(Debug, Default, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
