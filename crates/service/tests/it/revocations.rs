//! Tokens that were taken back, as a service hears of it.

use crate::fake::{Fake, Keys, OPTIONS, auth, keys, platform, url};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tonic::service::Routes;
use tonic::{Code, Request};
use url::Url;
use vigie_bus::{Bus, BusConfig, Sending};
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_contracts::auth::v1::auth_service_server::AuthServiceServer;
use vigie_contracts::auth::v1::{GetMeRequest, PrincipalChange as Told};
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_events::ids::UserId;
use vigie_identity::grpc::with_user;
use vigie_service::{Boot, InternalChannel, Nats, Parts, Running, ServiceName, start};
use vigie_testkit::wait;

const LIMIT: Duration = Duration::from_secs(20);

/// A service with the bus, and a channel to it.
struct World {
    keys: Arc<Keys>,
    service: Running,
    gateway: Running,
    channel: InternalChannel,
    bus: Bus,
}

async fn world(auth_at: Url, keys: &Arc<Keys>) -> World {
    let nats = Nats {
        url: vigie_testkit::Nats::shared()
            .await
            .unwrap()
            .url()
            .to_owned(),
        creds_file: None,
        prefix: Some(vigie_testkit::Nats::unique_prefix()),
        replicas: 1,
    };
    let bus = Bus::connect(BusConfig {
        url: nats.url.clone(),
        creds_file: None,
        prefix: nats.prefix.clone(),
        replicas: 1,
        source: "auth",
    })
    .await
    .unwrap();
    bus.ensure_topology().await.unwrap();
    let mut common = platform([(ServiceName::Auth, auth_at.clone())]);
    common.nats = nats;
    let fake = Fake::new(keys);
    let parts = Parts::bind(ServiceName::FicheCache, (), common)
        .await
        .unwrap();
    let service = start(parts, async |boot: Boot<()>| {
        boot.bus().await?;
        boot.serve_grpc(Routes::new(AuthServiceServer::new(fake)), OPTIONS);
        Ok(())
    })
    .await
    .unwrap();
    let (give, take) = mpsc::channel();
    let peers = [
        (ServiceName::Auth, auth_at),
        (ServiceName::FicheCache, url(&service)),
    ];
    let gateway = crate::fake::launch(ServiceName::Gateway, peers, async |boot: Boot<()>| {
        give.send(boot.channel(ServiceName::FicheCache))?;
        Ok(())
    })
    .await
    .unwrap();
    World {
        keys: Arc::clone(keys),
        service,
        gateway,
        channel: take.recv().unwrap(),
        bus,
    }
}

impl World {
    async fn me(&self) -> Result<(), Code> {
        let request = with_user(Request::new(GetMeRequest {}), &self.keys.user());
        let mut client = AuthServiceClient::new(self.channel.clone());
        let answer = client.get_me(request).await;
        answer.map(|_| ()).map_err(|status| status.code())
    }

    async fn until_refused(&self) {
        wait::until("a refusal", LIMIT, || async {
            Ok((self.me().await == Err(Code::Unauthenticated)).then_some(()))
        })
        .await
        .unwrap();
    }

    async fn stop(self) {
        self.gateway.stop().await.unwrap();
        self.service.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_fact_ends_a_token_that_was_good() {
    let keys = keys();
    let auth = auth(Fake::new(&keys)).await;
    let world = world(url(&auth), &keys).await;
    assert_eq!(world.me().await, Ok(()));
    let change = PrincipalChanged {
        user_id: UserId::new(42),
        version: 2,
        sid: None,
        reason: PrincipalChange::Roles,
    };
    let message = change.message();
    world.bus.publish(&message, Sending::First).await.unwrap();
    world.until_refused().await;
    world.stop().await;
    auth.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_feed_missed_is_told_by_auth() {
    let keys = keys();
    let told = Told {
        user_id: "42".to_owned(),
        version: 1,
        sid: Some("s".to_owned()),
        reason: "logout".to_owned(),
        at_ms: 0,
    };
    let fake = Fake {
        changes: vec![told],
        ..Fake::new(&keys)
    };
    let auth = auth(fake).await;
    let world = world(url(&auth), &keys).await;
    world.until_refused().await;
    world.stop().await;
    auth.stop().await.unwrap();
}
