use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::cast::{CLIENTS, Client, PRODUCTS, Product};
use super::{ADVISERS, Adviser, Depth, Fiche, fiche_id, pick, recordings, scatter};

/// How one sale of a day is cast.
struct Part {
    slugs: &'static [&'static str],
    depth: Depth,
    client: &'static Client,
    adviser: &'static Adviser,
    product: &'static Product,
}

const fn part(
    slugs: &'static [&'static str],
    depth: Depth,
    [client, adviser, product]: [usize; 3],
) -> Part {
    Part {
        slugs,
        depth,
        client: &CLIENTS[client],
        adviser: &ADVISERS[adviser],
        product: &PRODUCTS[product],
    }
}

/// By place. Advisers and clients are those who speak in the calls.
const PARTS: [Part; 8] = [
    part(&["vente-conforme", "signature-sms"], Depth::Full, [0, 0, 0]),
    part(&["sans-annonce-enregistrement"], Depth::Full, [1, 1, 1]),
    part(&["iban-trop-tot"], Depth::Usual, [2, 2, 2]),
    part(&["pression-commerciale"], Depth::Full, [3, 3, 3]),
    part(&["mauvais-produit"], Depth::Full, [4, 4, 4]),
    part(&["messagerie"], Depth::Usual, [6, 0, 2]),
    part(&[], Depth::Bare, [7, 6, 2]),
    // The husband of the first, with every call of the couple.
    part(
        &[
            "messagerie",
            "premier-contact",
            "messagerie",
            "vente-conforme",
            "messagerie",
            "signature-sms",
            "messagerie",
            "appel-bienvenue",
        ],
        Depth::Full,
        [5, 0, 0],
    ),
];

/// Bulk fiches are cast like the first places of a day.
const BULK_PARTS: usize = 5;

/// The sale of a day at a place below [`super::PER_DAY`].
pub(super) fn fiche(day: NaiveDate, place: u64) -> Fiche {
    let part = &PARTS[usize::try_from(place).unwrap_or_default() % PARTS.len()];
    let id = fiche_id(day, place);
    let client = match part.depth {
        // Nobody speaks in it, so it may be anybody.
        Depth::Bare => pick(&CLIENTS[7..], id),
        Depth::Full | Depth::Usual => part.client,
    };
    let inserted = at_opening(day) + TimeDelta::minutes(i64::try_from(place).unwrap_or(0) * 47);
    make(id, (inserted, place), client, part)
}

/// The n-th fiche for load tests.
pub(super) fn bulk_fiche(id: u64, day: NaiveDate, number: u64) -> Fiche {
    let part = &PARTS[usize::try_from(number).unwrap_or_default() % BULK_PARTS];
    let part = Part {
        slugs: &part.slugs[..1],
        depth: Depth::Usual,
        ..*part
    };
    let minutes = i64::try_from(scatter(id) % 480).unwrap_or(0);
    let inserted = at_opening(day) + TimeDelta::minutes(minutes);
    make(id, (inserted, number), part.client, &part)
}

fn make(
    id: u64,
    (inserted, place): (NaiveDateTime, u64),
    client: &'static Client,
    part: &Part,
) -> Fiche {
    // The first call came before the fiche.
    let start = inserted - TimeDelta::seconds(1970 - i64::try_from(id % 60).unwrap_or(0));
    // 06 39 98 xx xx is set aside for fiction.
    let telephone = format!("063998{:04}", scatter(id) % 10_000);
    let agency = part.adviser.group().telephone;
    let recordings = recordings::of(id, start, agency, &telephone, part.slugs);
    Fiche {
        id,
        inserted,
        place,
        depth: part.depth,
        client,
        telephone,
        adviser: part.adviser,
        product: part.product,
        recordings,
    }
}

/// Five past nine.
fn at_opening(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::minutes(9 * 60 + 5)
}
