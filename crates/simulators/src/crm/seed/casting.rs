use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::cast::{Client, PEOPLE, PRODUCTS, Person, Product, client};
use super::{ADVISERS, Adviser, Depth, Fiche, fiche_id, pick, recordings, scatter};

/// How the sales of a day are cast, by place.
struct Part {
    slugs: &'static [&'static str],
    depth: Depth,
    person: Option<Person>,
    adviser: usize,
    product: usize,
}

const PARTS: [Part; 8] = [
    Part {
        slugs: &["vente-conforme", "signature-sms"],
        depth: Depth::Full,
        person: Some(PEOPLE[0]),
        adviser: 0,
        product: 0,
    },
    Part {
        slugs: &["sans-annonce-enregistrement"],
        depth: Depth::Full,
        person: Some(PEOPLE[1]),
        adviser: 2,
        product: 0,
    },
    Part {
        slugs: &["iban-trop-tot"],
        depth: Depth::Usual,
        person: Some(PEOPLE[2]),
        adviser: 4,
        product: 1,
    },
    Part {
        slugs: &["pression-commerciale"],
        depth: Depth::Full,
        person: Some(PEOPLE[3]),
        adviser: 3,
        product: 0,
    },
    Part {
        slugs: &["mauvais-produit"],
        depth: Depth::Full,
        person: Some(PEOPLE[4]),
        adviser: 5,
        product: 2,
    },
    Part {
        slugs: &["messagerie"],
        depth: Depth::Usual,
        person: Some(PEOPLE[5]),
        adviser: 1,
        product: 1,
    },
    Part {
        slugs: &[],
        depth: Depth::Bare,
        person: None,
        adviser: 4,
        product: 1,
    },
    Part {
        slugs: &[
            "premier-contact",
            "messagerie",
            "rappel-client",
            "vente-conforme",
            "signature-sms",
            "messagerie",
            "rappel-client",
            "appel-bienvenue",
        ],
        depth: Depth::Full,
        person: None,
        adviser: 0,
        product: 0,
    },
];

/// The calls heard in bulk fiches.
const BULK_SLUGS: &[&str] = &[
    "vente-conforme",
    "sans-annonce-enregistrement",
    "iban-trop-tot",
    "pression-commerciale",
    "mauvais-produit",
];

/// The sale of a day at a place below [`super::PER_DAY`].
pub(super) fn fiche(day: NaiveDate, place: u64) -> Fiche {
    let id = fiche_id(day, place);
    let part = &PARTS[usize::try_from(place).unwrap_or_default() % PARTS.len()];
    let person = part.person.unwrap_or_else(|| *pick(&PEOPLE[6..], id));
    let inserted = at_opening(day) + TimeDelta::minutes(i64::try_from(place).unwrap_or(0) * 47);
    make(
        id,
        (inserted, place),
        part.depth,
        client(id, person),
        (&ADVISERS[part.adviser], &PRODUCTS[part.product]),
        part.slugs,
    )
}

/// The n-th fiche for load tests.
pub(super) fn bulk_fiche(id: u64, day: NaiveDate, number: u64) -> Fiche {
    let minutes = i64::try_from(scatter(id) % 480).unwrap_or(0);
    let slug = usize::try_from(number).unwrap_or_default() % BULK_SLUGS.len();
    make(
        id,
        (at_opening(day) + TimeDelta::minutes(minutes), number),
        Depth::Usual,
        client(id, *pick(PEOPLE, id)),
        (pick(&ADVISERS[..6], id + 1), pick(PRODUCTS, id)),
        &BULK_SLUGS[slug..=slug],
    )
}

fn make(
    id: u64,
    (inserted, place): (NaiveDateTime, u64),
    depth: Depth,
    client: Client,
    (adviser, product): (&'static Adviser, &'static Product),
    slugs: &[&'static str],
) -> Fiche {
    // The first call came before the fiche.
    let start = inserted - TimeDelta::seconds(1970 - i64::try_from(id % 60).unwrap_or(0));
    let agency = adviser.group().telephone;
    let recordings = recordings::of(id, start, agency, &client.telephone, slugs);
    Fiche {
        id,
        inserted,
        place,
        depth,
        client,
        adviser,
        product,
        recordings,
    }
}

/// Five past nine.
fn at_opening(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::minutes(9 * 60 + 5)
}
