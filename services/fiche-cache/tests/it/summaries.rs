//! What other services are told about fiches.

use crate::support::{App, everyone, fiche, of, owner, service, user};
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::{Caller, Scope, ServiceName};
use vigie_simulators::faults::{Rule, kind};

fn request(ids: &[&str], look_up: bool) -> pb::GetSummariesRequest {
    pb::GetSummariesRequest {
        fiche_ids: ids.iter().map(ToString::to_string).collect(),
        permission: "audits".to_owned(),
        write: true,
        look_up,
    }
}

async fn ask(
    app: &App,
    caller: &Caller,
    ids: &[&str],
    look_up: bool,
) -> (Vec<String>, Vec<String>) {
    let answer = app
        .client()
        .get_summaries(of(caller, request(ids, look_up)))
        .await;
    let answer = answer.unwrap().into_inner();
    let known = answer.fiches.into_iter().map(|it| it.fiche_id).collect();
    (known, answer.refused)
}

#[tokio::test]
async fn known_fiches_come_in_the_order_asked() {
    let app = App::start().await;
    let (a, b) = (fiche(0), fiche(7));
    for fiche in [&a, &b] {
        app.fetch(fiche, fiche, false).await.fetched();
    }
    app.fetch("absent", "999", false).await.failed();
    let ids = [b.as_str(), "999", "abc", &a];
    let listed = (vec![b.clone(), a.clone()], vec![]);
    for caller in [everyone(), service(ServiceName::Automation)] {
        assert_eq!(ask(&app, &caller, &ids, true).await, listed);
    }
    let one = app
        .client()
        .get_summaries(of(&everyone(), request(&[&b], false)))
        .await;
    let summary = one.unwrap().into_inner().fiches.remove(0);
    assert_eq!((summary.version, summary.recordings_count), (1, Some(8)));
    assert!(summary.fiche_cache_id.is_some() && summary.prospect_nom.is_some());
    app.stop().await;
}

#[tokio::test]
async fn a_look_up_decides_and_stores_nothing() {
    let app = App::start().await;
    let (mine, (groupe, seller)) = (fiche(0), owner(0));
    let caller = user(Scope::Own, &groupe, &seller);
    let other = (1..8)
        .find(|place| owner(*place).1 != seller)
        .map(fiche)
        .unwrap();
    let ids = [mine.as_str(), &other, "999"];
    assert_eq!(ask(&app, &caller, &ids, false).await, (vec![], vec![]));
    let decided = (vec![mine.clone()], vec![other.clone()]);
    assert_eq!(ask(&app, &caller, &ids, true).await, decided);
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 0);
    let calls = app.sims.crm.calls().calls;
    assert!(
        calls
            .iter()
            .all(|call| call.query.contains("include_recordings=false"))
    );
    // What cannot be looked up stays undecided.
    app.sims.crm.add(Rule {
        status: Some(500),
        ..Rule::new(kind::STATUS)
    });
    assert_eq!(ask(&app, &caller, &ids, true).await, (vec![], vec![]));
    app.stop().await;
}

#[tokio::test]
async fn the_permission_named_decides() {
    let app = App::start().await;
    let reader = vigie_identity::Grant {
        key: "audits".to_owned(),
        read: true,
        write: false,
        read_scope: Scope::All,
        write_scope: Scope::Own,
    };
    let caller = crate::support::with_grants(vec![reader], "", "");
    let code = async |request| {
        let answer = app.client().get_summaries(of(&caller, request)).await;
        answer.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!(code(request(&["1"], false)).await, Code::PermissionDenied);
    let read = pb::GetSummariesRequest {
        write: false,
        ..request(&["1"], false)
    };
    assert_eq!(code(read).await, Code::Ok);
    let odd = pb::GetSummariesRequest {
        permission: "root".into(),
        ..request(&[], false)
    };
    assert_eq!(code(odd).await, Code::InvalidArgument);
    app.stop().await;
}
