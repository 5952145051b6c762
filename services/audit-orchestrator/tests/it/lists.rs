//! Lists: filters, pages and the scope of the caller.

use crate::world::{World, query};
use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashSet;
use vigie_audit_orchestrator::domain::filters::Filters;
use vigie_audit_orchestrator::store::list;
use vigie_events::ids::UserId;
use vigie_identity::{FicheScope, Grant, Guard, Principal, PrincipalKind, Scope};

/// What a user with this scope may see.
pub fn scope(scope: Scope) -> FicheScope {
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(1)),
        email: "a@b.test".to_owned(),
        roles: Vec::new(),
        crm_user_id: Some("88".to_owned()),
        groupes: vec!["Ouest".to_owned()],
        groupe_names: Vec::new(),
        grants: vec![Grant {
            key: "audits".to_owned(),
            read: true,
            write: false,
            read_scope: scope,
            write_scope: scope,
        }],
        session: None,
        version: 1,
        expires_at: DateTime::<Utc>::MAX_UTC,
    };
    principal.require(Guard::parse("audits.read")).unwrap()
}

async fn world() -> World {
    let world = World::new().await;
    let config = world.config(6).await;
    world.project("1", Some("Ouest"), Some("77")).await;
    world.project("2", Some("Est"), Some("88")).await;
    world.project("3", Some(""), Some("")).await;
    for fiche in ["1", "2", "3", "4"] {
        world.queued(fiche, &config).await;
    }
    world
}

async fn fiches(world: &World, pairs: &[(&str, &str)], scope: &FicheScope) -> Vec<String> {
    let filters = Filters::parse(&query(pairs)).unwrap();
    let mut conn = world.db.acquire().await.unwrap();
    let page = list::page(&mut conn, &filters, scope).await.unwrap();
    assert!(usize::try_from(page.total).unwrap() >= page.audits.len());
    let mut ids: Vec<_> = page.audits.into_iter().map(|row| row.fiche_id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn each_scope_sees_its_own_fiches() {
    let world = world().await;
    assert_eq!(
        fiches(&world, &[], &scope(Scope::All)).await,
        ["1", "2", "3", "4"]
    );
    assert_eq!(fiches(&world, &[], &scope(Scope::Group)).await, ["1"]);
    assert_eq!(fiches(&world, &[], &scope(Scope::Own)).await, ["2"]);
}

#[tokio::test]
async fn no_filter_widens_a_scope() {
    let world = world().await;
    for filter in [
        ("groupes", "Est"),
        ("groupe_query", "e"),
        ("fiche_ids", "2,3,4"),
        ("q", "2"),
        ("latest_only", "false"),
        ("include_deleted", "true"),
    ] {
        let seen = fiches(&world, &[filter], &scope(Scope::Group)).await;
        assert!(
            seen.iter().all(|fiche| fiche == "1"),
            "{filter:?}: {seen:?}"
        );
    }
    let mut conn = world.db.acquire().await.unwrap();
    let wanted = ["1".to_owned(), "2".to_owned()];
    let seen = list::of_fiches(&mut conn, &wanted, &scope(Scope::Own))
        .await
        .unwrap();
    assert_eq!(seen.len(), 1);
    assert!(
        list::by_fiche(&mut conn, "1", &scope(Scope::Own))
            .await
            .unwrap()
            .is_empty()
    );
}

/// Every parameter of a list with values that match some, all and none of the rows.
const PARAMETERS: [(&str, &[&str]); 24] = [
    ("fiche_ids", &["1,2,3,4,5,6,7,8,9", "2", "77"]),
    ("groupes", &["Ouest", "Est", "Est,Ouest,Sud", ","]),
    ("groupe_query", &["e", "OUEST", "%"]),
    ("agence_query", &["a"]),
    ("prospect_query", &["lenoir", "1", "x"]),
    ("sales_dates", &["2026-01-14"]),
    ("sales_date_from", &["2020-01-01"]),
    ("has_recordings", &["true", "false"]),
    ("recordings_count_min", &["0"]),
    ("status", &["pending", "pending,failed", "nonsense"]),
    ("is_compliant", &["true", "false"]),
    ("niveau", &["PENDING", "BON"]),
    ("date_from", &["2020-01-01", "2999-01-01"]),
    ("date_to", &["2999-01-01"]),
    ("score_min", &["0", "abc"]),
    ("has_failed_steps", &["true", "false"]),
    ("trigger_source", &["api", "automation"]),
    ("q", &["1", "2", "alice", "or true", "') OR ('1'='1"]),
    ("latest_only", &["true", "false"]),
    ("include_deleted", &["true", "false"]),
    (
        "sort_by",
        &["created_at", "score_percentage", "duration_ms"],
    ),
    ("sort_order", &["asc", "desc"]),
    ("limit", &["1", "3", "500"]),
    ("offset", &["0", "2"]),
];

/// W17: whatever is asked for, no list shows or counts a row that the scope hides.
#[tokio::test]
async fn filters_only_shrink_what_the_scope_shows() {
    let world = World::new().await;
    let config = world.config(6).await;
    let groupes = [Some("Ouest"), Some("Est"), Some("")];
    let owners = [Some("77"), Some("88"), None];
    for place in 0..9 {
        let fiche = (place + 1).to_string();
        world
            .project(&fiche, groupes[place / 3], owners[place % 3])
            .await;
        // The second makes the first an old version.
        for _ in 0..2 {
            world.queued(&fiche, &config).await;
        }
    }
    world
        .execute("UPDATE audits SET deleted_at = now() WHERE fiche_id IN ('1', '5')")
        .await;
    let everything = [
        ("latest_only", "false"),
        ("include_deleted", "true"),
        ("limit", "500"),
    ];
    let mut random = StdRng::seed_from_u64(17);
    let mut conn = world.db.acquire().await.unwrap();
    for scope in [Scope::Own, Scope::Group, Scope::All].map(scope) {
        let filters = Filters::parse(&query(&everything)).unwrap();
        let visible = list::page(&mut conn, &filters, &scope).await.unwrap();
        let most = visible.total;
        assert_eq!(most, if scope.all() { 18 } else { 6 });
        let visible: HashSet<i64> = visible.audits.iter().map(|row| row.id).collect();
        for _ in 0..200 {
            let count = random.random_range(0..5);
            let chosen: Vec<_> = (0..count)
                .map(|_| {
                    let (name, values) = PARAMETERS[random.random_range(0..PARAMETERS.len())];
                    (name, values[random.random_range(0..values.len())])
                })
                .collect();
            let filters = Filters::parse(&query(&chosen)).unwrap();
            let page = list::page(&mut conn, &filters, &scope).await.unwrap();
            assert!(page.total <= most, "{chosen:?}");
            for row in page.audits {
                let (groupe, owner) = (row.groupe.as_deref(), row.attribution_user_id.as_deref());
                assert!(scope.allows(groupe, owner), "{chosen:?}: {}", row.fiche_id);
                assert!(visible.contains(&row.id), "{chosen:?}: {}", row.id);
            }
        }
    }
}

#[tokio::test]
async fn filters_are_combined() {
    let world = world().await;
    let all = scope(Scope::All);
    assert_eq!(
        fiches(&world, &[("groupe_query", "OUES")], &all).await,
        ["1"]
    );
    assert_eq!(
        fiches(&world, &[("prospect_query", "lenoir")], &all).await,
        ["1", "2", "3"]
    );
    assert_eq!(fiches(&world, &[("q", "essentiel")], &all).await.len(), 4);
    assert_eq!(
        fiches(&world, &[("status", "pending"), ("fiche_ids", "4")], &all).await,
        ["4"]
    );
    assert!(
        fiches(&world, &[("status", "completed")], &all)
            .await
            .is_empty()
    );
    assert_eq!(
        fiches(&world, &[("has_failed_steps", "false")], &all)
            .await
            .len(),
        4
    );
    assert_eq!(
        fiches(&world, &[("score_max", "10"), ("niveau", "PENDING")], &all)
            .await
            .len(),
        4
    );
    assert!(
        fiches(&world, &[("sales_date_from", "2026-01-01")], &all)
            .await
            .is_empty()
    );
    let today = Utc::now().format("%Y-%m-%d").to_string();
    assert_eq!(
        fiches(&world, &[("date_from", &today), ("date_to", &today)], &all)
            .await
            .len(),
        4
    );
}

#[tokio::test]
async fn pages_are_cut_in_a_stable_order() {
    let world = world().await;
    let all = scope(Scope::All);
    let mut conn = world.db.acquire().await.unwrap();
    let mut seen = Vec::new();
    for offset in ["0", "3"] {
        let pairs = query(&[
            ("limit", "3"),
            ("offset", offset),
            ("sort_by", "duration_ms"),
        ]);
        let filters = Filters::parse(&pairs).unwrap();
        let page = list::page(&mut conn, &filters, &all).await.unwrap();
        assert_eq!((page.total, page.next.is_some()), (4, offset == "0"));
        seen.extend(page.audits.into_iter().map(|row| row.id));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn cursors_walk_a_list_in_its_order_and_nulls_come_last() {
    let world = world().await;
    let all = scope(Scope::All);
    world
        .execute(
            "UPDATE audits SET duration_ms = CASE fiche_id WHEN '1' THEN 10 WHEN '2' THEN 10 END,
                    score_percentage = CASE fiche_id WHEN '3' THEN 66.67 ELSE 12.34 END",
        )
        .await;
    let mut conn = world.db.acquire().await.unwrap();
    for sort_by in [
        "created_at",
        "completed_at",
        "score_percentage",
        "duration_ms",
    ] {
        for sort_order in ["asc", "desc"] {
            let order = [("sort_by", sort_by), ("sort_order", sort_order)];
            let whole = Filters::parse(&query(&order)).unwrap();
            let whole = list::page(&mut conn, &whole, &all).await.unwrap();
            assert!(whole.next.is_none());
            let expected: Vec<i64> = whole.audits.iter().map(|row| row.id).collect();
            let (mut walked, mut cursor) = (Vec::new(), None);
            loop {
                let mut pairs = query(&order);
                pairs.insert("limit".to_owned(), "1".to_owned());
                if let Some(cursor) = cursor {
                    pairs.insert("cursor".to_owned(), cursor);
                }
                let filters = Filters::parse(&pairs).unwrap();
                let page = list::page(&mut conn, &filters, &all).await.unwrap();
                assert_eq!((page.total, page.audits.len()), (4, 1));
                let long = list::page_of_long(&mut conn, &filters, &all).await.unwrap();
                assert_eq!(
                    (long.total, long.audits[0].id, &long.next),
                    (4, page.audits[0].id, &page.next)
                );
                walked.extend(page.audits.iter().map(|row| row.id));
                let Some(next) = page.next else { break };
                cursor = Some(next.encode().unwrap());
            }
            assert_eq!(walked, expected, "{order:?}");
        }
    }
}
