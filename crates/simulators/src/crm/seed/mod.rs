//! What the CRM holds: eight fiches a day over the last week, and as many as asked for load tests.
//!
//! Each fiche follows from its id, and each id from the day of the sale, so that midnight and
//! restarts change nothing but the window. The first six of a day are one of each kind of call.

mod bulk;
mod cast;
mod casting;
mod directory;
mod recordings;

use chrono::{Days, NaiveDate, NaiveDateTime};

pub use bulk::{Bulk, BulkError};
pub use cast::{Client, Product};
pub use directory::{ADVISERS, Adviser, GROUPS, Group};
pub use recordings::Recording;

/// Days with sales, today included.
pub const DAYS: u64 = 7;
/// Sales of a day.
pub const PER_DAY: u64 = 8;

/// Ids of seeded fiches start here, a hundred for each day.
const FIRST_ID: u64 = 2_000_000;

/// How much of a fiche is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every section.
    Full,
    /// The common sections.
    Usual,
    /// Next to nothing.
    Bare,
}

/// One sale.
#[derive(Debug, Clone, PartialEq)]
pub struct Fiche {
    /// Its id in the CRM.
    pub id: u64,
    /// Day of the sale and time of insertion (UTC).
    pub inserted: NaiveDateTime,
    /// Place among the sales of the day, from 0.
    pub place: u64,
    /// How much is filled in.
    pub depth: Depth,
    /// Who buys.
    pub client: &'static Client,
    /// The client's telephone, national form.
    pub telephone: String,
    /// Who sells.
    pub adviser: &'static Adviser,
    /// What is sold.
    pub product: &'static Product,
    /// The calls, oldest first.
    pub recordings: Vec<Recording>,
}

/// The fiches of the last week, oldest day first; those of a day in the order of [`fiche_id`].
pub fn seed(today: NaiveDate) -> Vec<Fiche> {
    let world = World { today, bulk: None };
    world.sold(world.first_day(), today)
}

/// Id of a sale of a day. Places: 0 fully compliant, 1 no recording notice, 2 IBAN too early,
/// 3 pressure, 4 wrong product, 5 nearly empty, 6 without recordings, 7 with eight recordings.
pub fn fiche_id(day: NaiveDate, place: u64) -> u64 {
    let days = day.signed_duration_since(EPOCH).num_days();
    FIRST_ID + u64::try_from(days).unwrap_or_default() * 100 + place
}

const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(2020, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// The CRM on a given day.
pub(super) struct World {
    pub today: NaiveDate,
    pub bulk: Option<Bulk>,
}

impl World {
    fn first_day(&self) -> NaiveDate {
        self.today - Days::new(DAYS - 1)
    }

    /// The sales of a span of days, both included.
    pub fn sold(&self, start: NaiveDate, end: NaiveDate) -> Vec<Fiche> {
        let seeded = start.max(self.first_day())..=end.min(self.today);
        let mut fiches: Vec<Fiche> = self
            .first_day()
            .iter_days()
            .take_while(|day| *day <= self.today)
            .filter(|day| seeded.contains(day))
            .flat_map(|day| (0..PER_DAY).map(move |place| casting::fiche(day, place)))
            .collect();
        if let Some(bulk) = self.bulk {
            fiches.extend(bulk.sold(start, end));
        }
        fiches
    }

    /// The fiche of this id.
    pub fn fiche(&self, id: u64) -> Option<Fiche> {
        if let Some(fiche) = self.bulk.and_then(|bulk| bulk.fiche(id)) {
            return Some(fiche);
        }
        let number = id.checked_sub(FIRST_ID)?;
        let (days, place) = (number / 100, number % 100);
        let day = EPOCH.checked_add_days(Days::new(days))?;
        let exists = (self.first_day()..=self.today).contains(&day) && place < PER_DAY;
        exists.then(|| casting::fiche(day, place))
    }

    /// The recording behind a file name.
    pub fn recording(&self, file: &str) -> Option<Recording> {
        self.fiche(recordings::fiche_of(file)?)?
            .recordings
            .into_iter()
            .find(|recording| recording.file == file)
    }
}

/// Spreads a number over all 64 bits (`SplitMix64`): the same number, the same choice.
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One of several, chosen by a number.
fn pick<T>(choices: &'static [T], number: u64) -> &'static T {
    let place = scatter(number) % choices.len() as u64;
    &choices[usize::try_from(place).unwrap_or_default()]
}
