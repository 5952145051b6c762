//! Lists of a day: live, and cached.

use crate::support::{App, everyone, fiche, of, owner, today, user};
use tonic::Code;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::{Caller, Scope};

async fn search(app: &App, caller: &Caller, date: &str) -> Result<pb::SearchSalesResponse, Code> {
    let request = pb::SearchSalesRequest {
        date: date.to_owned(),
    };
    let answer = app.client().search_sales(of(caller, request)).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| status.code())
}

async fn by_date(
    app: &App,
    caller: &Caller,
    date: &str,
) -> Result<Vec<pb::FicheRow>, tonic::Status> {
    let request = pb::ListByDateRequest {
        date: date.to_owned(),
    };
    let answer = app.client().list_by_date(of(caller, request)).await;
    answer.map(|answer| answer.into_inner().fiches)
}

#[tokio::test]
async fn sales_are_listed_live_and_nothing_is_stored() {
    let app = App::start().await;
    let day = today().to_string();
    let all = search(&app, &everyone(), &day).await.unwrap();
    assert_eq!((all.fiches.len(), all.total), (8, 8));
    let last = all.fiches.iter().find(|it| it.id == fiche(7)).unwrap();
    let recordings: Vec<serde_json::Value> = serde_json::from_str(&last.recordings_json).unwrap();
    assert_eq!(recordings.len(), 8);
    assert!(recordings[0].get("recording_url").is_some());
    assert_eq!(app.count("SELECT count(*) FROM fiche_cache").await, 0);
    for bad in ["", "14/01/2026", "2026-02-30"] {
        assert_eq!(
            search(&app, &everyone(), bad).await,
            Err(Code::InvalidArgument)
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn a_list_shows_only_what_is_known_to_be_in_scope() {
    let app = App::start().await;
    let day = today().to_string();
    let (groupe, seller) = owner(0);
    let insiders = [
        user(Scope::Group, &groupe, ""),
        user(Scope::Own, "", &seller),
    ];
    for caller in &insiders {
        let none = search(&app, caller, &day).await.unwrap();
        assert_eq!((none.fiches.len(), none.total), (0, 0));
    }
    for place in 0..8 {
        app.fetch(&format!("f{place}"), &fiche(place), false)
            .await
            .fetched();
    }
    let expected = |mine: &dyn Fn(&(String, String)) -> bool| {
        let places = (0..8).filter(|place| mine(&owner(*place)));
        let mut ids: Vec<String> = places.map(fiche).collect();
        ids.sort();
        ids
    };
    let of_scope = [
        expected(&|it| it.0 == groupe),
        expected(&|it| it.1 == seller),
    ];
    for (caller, ids) in insiders.iter().zip(of_scope) {
        let found = search(&app, caller, &day).await.unwrap();
        assert_eq!(usize::try_from(found.total).unwrap(), ids.len());
        let mut live: Vec<_> = found.fiches.into_iter().map(|it| it.id).collect();
        live.sort();
        let rows = by_date(&app, caller, &day).await.unwrap();
        let mut cached: Vec<_> = rows.into_iter().map(|it| it.fiche_id).collect();
        cached.sort();
        assert_eq!((&live, &cached), (&ids, &ids));
    }
    assert!(
        by_date(&app, &user(Scope::Own, &groupe, ""), &day)
            .await
            .unwrap()
            .is_empty()
    );

    let rows = by_date(&app, &everyone(), &day).await.unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows.is_sorted_by(|a, b| a.created_at >= b.created_at));
    let last = rows.iter().find(|it| it.fiche_id == fiche(7)).unwrap();
    assert_eq!(last.recordings.len(), 8);
    assert!(
        last.recordings
            .is_sorted_by(|a, b| a.start_time >= b.start_time)
    );
    assert!(
        by_date(&app, &everyone(), "2026-01-13")
            .await
            .unwrap()
            .is_empty()
    );
    app.stop().await;
}

/// Every day and caller against the one rule, read off the rows themselves.
#[tokio::test]
async fn no_day_shows_what_a_scope_hides() {
    let app = App::start().await;
    for place in 0..8 {
        app.fetch(&format!("s{place}"), &fiche(place), false)
            .await
            .fetched();
    }
    let owners: Vec<_> = (0..8).map(|place| (fiche(place), owner(place))).collect();
    let day = today();
    let days = [day.pred_opt().unwrap(), day, day.succ_opt().unwrap()];
    for (_, (groupe, seller)) in &owners {
        for scope in [Scope::Own, Scope::Group] {
            // Each level matches by its own field alone, also when both are set.
            let caller = user(scope, groupe, seller);
            let mut seen = 0;
            for day in days {
                for row in by_date(&app, &caller, &day.to_string()).await.unwrap() {
                    let (_, of) = owners.iter().find(|it| it.0 == row.fiche_id).unwrap();
                    match scope {
                        Scope::Own => assert_eq!(of.1, *seller),
                        Scope::Group | Scope::All => assert_eq!(of.0, *groupe),
                    }
                    seen += 1;
                }
            }
            let mine = owners.iter().filter(|(_, of)| match scope {
                Scope::Own => of.1 == *seller,
                Scope::Group | Scope::All => of.0 == *groupe,
            });
            assert_eq!(seen, mine.count());
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn dates_are_checked() {
    let app = App::start().await;
    let missing = by_date(&app, &everyone(), "").await.unwrap_err();
    assert_eq!(
        missing.message(),
        "Missing or invalid date parameter (YYYY-MM-DD required)"
    );
    for bad in ["2026-1-4", "2026-02-30", "today"] {
        let status = by_date(&app, &everyone(), bad).await.unwrap_err();
        assert_eq!(status.message(), "Invalid date format. Use YYYY-MM-DD");
    }
    app.stop().await;
}
