//! Every filter, order and grouping of lists in SQL against a naive model in memory, over generated
//! audits.

mod model;
mod rows;
mod wishes;

use crate::world::{World, query};
use model::{compare, key, listed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rows::{Row, one_of, rows, store};
use std::collections::{BTreeMap, HashSet};
use vigie_audit_orchestrator::domain::filters::Filters;
use vigie_audit_orchestrator::store::list::{self, GroupBy, Grouped};
use wishes::wishes;

#[tokio::test]
async fn lists_in_sql_are_what_a_naive_model_gives() {
    let world = World::new().await;
    let mut random = StdRng::seed_from_u64(62);
    let rows = rows(&mut random);
    store(&world, &rows).await;
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM audit_configs ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap();
    let wishes = wishes(&names.try_into().unwrap());
    let scope = crate::lists::scope(vigie_identity::Scope::All);
    let mut conn = world.db.acquire().await.unwrap();
    let bools = ["true", "false"];
    let columns = [
        "created_at",
        "completed_at",
        "score_percentage",
        "duration_ms",
    ];
    let groupings = [
        GroupBy::AuditConfig,
        GroupBy::Niveau,
        GroupBy::AutomationSchedule,
        GroupBy::Groupe,
        GroupBy::CreatedDay,
        GroupBy::ScoreBucket(10),
        GroupBy::ScoreBucket(7),
    ];
    let mut found = 0;
    for round in 0..300 {
        // Each wish alone first, then together.
        let chosen: Vec<usize> = match wishes.get(round) {
            Some(_) => vec![round],
            None => (0..random.random_range(0..4))
                .map(|_| random.random_range(0..wishes.len()))
                .collect(),
        };
        let (latest, deleted) = (one_of(&mut random, &bools), one_of(&mut random, &bools));
        let sort_by = one_of(&mut random, &columns);
        let ascending = random.random_range(0..2) == 0;
        let mut pairs = query(&[
            ("limit", "500"),
            ("latest_only", latest),
            ("include_deleted", deleted),
            ("sort_by", sort_by),
            ("sort_order", if ascending { "asc" } else { "desc" }),
        ]);
        // Of two wishes about one parameter the last counts, as in a query.
        let mut tests = BTreeMap::new();
        for index in &chosen {
            let (name, value, test) = &wishes[*index];
            pairs.insert((*name).to_owned(), value.clone());
            tests.insert(*name, test);
        }
        let mut expected: Vec<&Row> = rows
            .iter()
            .filter(|row| listed(row, latest == "true", deleted == "true"))
            .filter(|row| tests.values().all(|test| test(row)))
            .collect();
        expected.sort_by(|a, b| compare(sort_by, ascending, a, b));
        let filters = Filters::parse(&pairs).unwrap();
        let page = list::page(&mut conn, &filters, &scope).await.unwrap();
        let ids: Vec<i64> = page.audits.iter().map(|row| row.id).collect();
        let model: Vec<i64> = expected.iter().map(|row| row.id).collect();
        assert_eq!(ids, model, "{pairs:?}");
        assert_eq!(usize::try_from(page.total).unwrap(), model.len());
        let long = list::page_of_long(&mut conn, &filters, &scope)
            .await
            .unwrap();
        assert!(ids.iter().eq(long.audits.iter().map(|row| &row.id)));
        assert_eq!(page.total, long.total);
        found += model.len();

        let by = one_of(&mut random, &groupings);
        let mut counted: BTreeMap<Option<String>, i64> = BTreeMap::new();
        for row in &expected {
            *counted.entry(key(by, row)).or_default() += 1;
        }
        let grouped = Grouped {
            filters: &filters,
            scope: &scope,
            with_lexical: true,
        };
        let groups = list::group(&mut conn, by, &grouped).await.unwrap();
        assert!(groups.groups.is_sorted_by_key(|group| -group.count));
        assert_eq!(usize::try_from(groups.total).unwrap(), counted.len());
        let groups = groups
            .groups
            .into_iter()
            .map(|group| (group.key, group.count));
        assert_eq!(
            groups.collect::<BTreeMap<_, _>>(),
            counted,
            "{by:?} {pairs:?}"
        );

        let fiches: HashSet<&str> = expected.iter().map(|row| row.fiche_id.as_str()).collect();
        let page = list::by_fiches(&mut conn, &filters, &scope).await.unwrap();
        assert_eq!(usize::try_from(page.total).unwrap(), fiches.len());
        let audits: usize = page.fiches.iter().map(|(_, audits)| audits.len()).sum();
        assert_eq!(audits, model.len(), "{pairs:?}");
    }
    assert!(found > 1000, "the wishes found next to nothing");
}
