//! Personal data: what lies sealed in the tables, and who was shown what.

use crate::support::{App, everyone, fiche, of, plain, service, user};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_maintenance_service_client::FicheMaintenanceServiceClient;
use vigie_fiche_cache::domain::vault::Vault;
use vigie_fiche_cache::{rpc, store};
use vigie_identity::{Caller, Grant, Scope, ServiceName};
use vigie_sealed::SealingKeys;
use vigie_service::grpc::Origin;

fn vault(bytes: &[u8]) -> Vault {
    let keys = bytes.iter().map(|byte| STANDARD.encode([*byte; 32]));
    let list = keys.collect::<Vec<_>>().join(",");
    Vault::new(Arc::new(SealingKeys::parse(&list.into()).unwrap()))
}

#[tokio::test]
async fn sensitive_columns_hold_nothing_clear() {
    let app = App::start().await;
    let id = fiche(0);
    let shown = app.get(&everyone(), plain(&id)).await.unwrap().payload;
    assert!(!shown["prospect"]["num_secu"].as_str().unwrap().is_empty());
    let clear = "SELECT count(*) FROM fiche_cache c WHERE
          EXISTS (SELECT FROM fiche_cache_prospects p WHERE p.fiche_cache_id = c.id
                     AND (p.num_secu NOT LIKE 'sealed:v1:_%' OR p.num_affiliation NOT LIKE 'sealed:v1:_%'))
          OR EXISTS (SELECT FROM fiche_cache_commentaires t WHERE t.fiche_cache_id = c.id
                     AND t.texte <> '' AND t.texte NOT LIKE 'sealed:v1:_%')
          OR EXISTS (SELECT FROM fiche_cache_elements_souscription e WHERE e.fiche_cache_id = c.id
                     AND (e.prelevement_titulaire_nom NOT LIKE 'sealed:v1:_%'
                          OR e.questions_conseil NOT IN ('{}') AND e.questions_conseil::text NOT LIKE '\"sealed:v1:_%'))";
    assert_eq!(app.count(clear).await, 0);
    let mut conn = app.state.db.acquire().await.unwrap();
    let row = store::fiche::find(&mut conn, &id.parse().unwrap()).await;
    let row = row.unwrap().unwrap().id;
    // A new key in front still opens; without the old one the row is refused, not shown as it lies.
    for (keys, opens) in [(&[9, 7][..], true), (&[9], false)] {
        let read = store::details::read(&mut conn, row, &vault(keys)).await;
        assert_eq!(read.is_ok(), opens);
    }
    drop(conn);
    app.stop().await;
}

#[tokio::test]
async fn a_new_key_seals_all_rows_batch_by_batch() {
    let app = App::start().await;
    let mut shown = Vec::new();
    for place in 0..2 {
        let got = app.get(&everyone(), plain(&fiche(place))).await.unwrap();
        shown.push(got.payload);
    }
    let with = |keys: &[u8]| app.replica_with(vault(keys));
    let reseal = async |keys: &[u8], after_id: i64, dry_run: bool| {
        let mut client = FicheMaintenanceServiceClient::new(rpc::maintenance::service(with(keys)));
        let request = pb::ResealRequest {
            after_id,
            batch: 1,
            dry_run,
        };
        let answer = client.reseal(of(&everyone(), request)).await.unwrap();
        let answer = answer.into_inner();
        let last: i64 = answer.last_id.parse().unwrap();
        (last, answer.resealed, answer.unreadable, answer.remaining)
    };
    let (first, ..) = reseal(&[8], 0, false).await;
    assert_eq!(
        reseal(&[8], 0, false).await,
        (first, 0, 1, 1),
        "no key opens it"
    );
    assert_eq!(reseal(&[9, 7], 0, true).await, (first, 1, 0, 1));
    assert_eq!(reseal(&[9, 7], 0, false).await, (first, 1, 0, 1));
    let (second, ..) = reseal(&[9, 7], first, true).await;
    assert_eq!(reseal(&[9, 7], first, false).await, (second, 1, 0, 0));
    assert_eq!(reseal(&[9, 7], 0, false).await, (first, 0, 0, 1), "once");
    // The old key is needed no more, and nothing was lost.
    let (rotated, caller) = (with(&[9]), everyone());
    for (place, shown) in (0..).zip(&shown) {
        let got = app.get_at(&rotated, &caller, plain(&fiche(place))).await;
        assert_eq!(&got.unwrap().payload, shown);
    }
    app.stop().await;
}

fn auditor() -> Caller {
    let grant = Grant {
        key: "admin.users".to_owned(),
        read: true,
        write: false,
        read_scope: Scope::All,
        write_scope: Scope::Own,
    };
    crate::support::with_grants(vec![grant], "", "")
}

#[tokio::test]
async fn it_is_known_who_was_shown_a_fiche() {
    let app = App::start().await;
    let id = fiche(0);
    app.get(&everyone(), plain(&id)).await.unwrap();
    let origin = Origin {
        address: Some("192.0.2.7".parse().unwrap()),
        request_id: Some("req-1".to_owned()),
    };
    let request = pb::ListRecordingsRequest {
        fiche_id: id.clone(),
    };
    let listed = app
        .client()
        .list_recordings(origin.attach(of(&everyone(), request)))
        .await;
    listed.unwrap();
    // Nobody is shown anything here.
    let stranger = user(Scope::Group, "OTHER", "0");
    app.get(&stranger, plain(&id)).await.unwrap_err();
    app.get(&service(ServiceName::Automation), plain(&id))
        .await
        .unwrap();

    let mut client =
        FicheMaintenanceServiceClient::new(rpc::maintenance::service(app.state.clone()));
    let mut list = async |caller: &Caller, limit, cursor| {
        let request = pb::ListAccessesRequest {
            fiche_id: id.clone(),
            limit,
            cursor,
        };
        let answer = client.list_accesses(of(caller, request)).await;
        answer.map(tonic::Response::into_inner)
    };
    let first = list(&auditor(), 1, None).await.unwrap();
    let [access] = &first.accesses[..] else {
        panic!("{first:?}")
    };
    assert_eq!(
        (access.what.as_str(), access.reader.as_str()),
        ("recordings", "user:1")
    );
    assert_eq!(access.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(access.request_id.as_deref(), Some("req-1"));
    let rest = list(&auditor(), 100, first.next_cursor).await.unwrap();
    let [access] = &rest.accesses[..] else {
        panic!("{rest:?}")
    };
    assert_eq!((access.what.as_str(), &access.address), ("details", &None));
    assert_eq!(rest.next_cursor, None);
    assert!(list(&everyone(), 10, None).await.is_err());
    assert!(list(&auditor(), 0, None).await.is_err());

    app.execute(
        "UPDATE fiche_accesses SET at = now() - interval '400 days' WHERE what = 'details'",
    )
    .await;
    let mut conn = app.state.db.acquire().await.unwrap();
    let forgotten = store::access::forget(&mut conn, app.state.access_days, 10).await;
    assert_eq!(forgotten.unwrap(), 1);
    drop(conn);
    app.stop().await;
}
