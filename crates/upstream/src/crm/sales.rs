//! The list of sales.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::{self, Quarantined};
use super::recording::UpstreamRecording;

/// One sale of a list. It carries neither `groupe` nor the seller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SaleFiche {
    /// The fiche; never blank.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Security key.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub cle: Option<String>,
    /// Last name.
    #[serde(deserialize_with = "lenient::text")]
    pub nom: String,
    /// First name.
    #[serde(deserialize_with = "lenient::text")]
    pub prenom: String,
    /// Telephone.
    #[serde(deserialize_with = "lenient::text")]
    pub telephone: String,
    /// Another number.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub telephone_2: Option<String>,
    /// E-mail.
    #[serde(deserialize_with = "lenient::text")]
    pub email: String,
    /// Status, `Vente` for all of them.
    #[serde(deserialize_with = "lenient::text")]
    pub statut: String,
    /// See [`parse_crm_date`] for the formats.
    #[serde(deserialize_with = "lenient::text")]
    pub date_insertion: String,
    /// Same formats.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub date_modification: Option<String>,
    /// Present when the list was asked with recordings.
    #[serde(skip_deserializing)]
    pub recordings: Vec<UpstreamRecording>,
}

/// A list of sales.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SalesList {
    /// The readable sales.
    pub fiches: Vec<SaleFiche>,
    /// The gateway's own count; the number of rows when it gives none.
    pub total: u64,
    /// Whether recordings were asked for: without, empty lists mean nothing.
    pub with_recordings: bool,
    /// Rows left out.
    pub quarantined: Vec<Quarantined>,
}

impl SalesList {
    /// Reads an answer; `None` when the envelope is unusable.
    pub(super) fn read(body: Value, with_recordings: bool) -> Option<Self> {
        let Value::Object(mut envelope) = body else {
            return None;
        };
        let rows = envelope.remove("fiches").filter(Value::is_array)?;
        let total = envelope.get("total").and_then(lenient::integer);
        Some(Self::of_rows(rows, total, with_recordings))
    }

    /// As [`SalesList::read`], but what is no list of fiches counts as empty.
    pub(super) fn read_or_empty(body: Value, with_recordings: bool) -> Self {
        Self::read(body, with_recordings).unwrap_or(Self {
            with_recordings,
            ..Self::default()
        })
    }

    fn of_rows(rows: Value, total: Option<i64>, with_recordings: bool) -> Self {
        let count = rows.as_array().map_or(0, Vec::len) as u64;
        let mut quarantined = Vec::new();
        let read = |row| sale(row, with_recordings);
        let mut fiches = Vec::new();
        for (fiche, mut bad) in lenient::rows("fiches", Some(rows), &mut quarantined, read) {
            fiches.push(fiche);
            quarantined.append(&mut bad);
        }
        Self {
            fiches,
            total: total
                .and_then(|total| u64::try_from(total).ok())
                .unwrap_or(count),
            with_recordings,
            quarantined,
        }
    }
}

fn sale(
    mut row: Map<String, Value>,
    with_recordings: bool,
) -> Result<(SaleFiche, Vec<Quarantined>), &'static str> {
    let mut bad = Vec::new();
    let list = row.remove("recordings").filter(|_| with_recordings);
    let recordings = lenient::rows("recordings", list, &mut bad, UpstreamRecording::read);
    let id = lenient::id(row.get("id")).ok_or("id is missing")?;
    if !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err("id is not a number");
    }
    let fiche = SaleFiche {
        id,
        recordings,
        ..lenient::decode(row)?
    };
    Ok((fiche, bad))
}

/// The day of a CRM date: `D/M/YYYY[ …]` (day first), `YYYY-MM-DD[T…]`. `None` for anything else.
pub fn parse_crm_date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let day = text.split([' ', 'T']).next()?;
    let format = if day.contains('/') {
        "%d/%m/%Y"
    } else {
        "%Y-%m-%d"
    };
    let date = NaiveDate::parse_from_str(day, format).ok()?;
    crate::recording::is_plausible(date).then_some(date)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("14/01/2026 09:05", Some("2026-01-14"))]
    #[case("4/1/2026", Some("2026-01-04"))]
    #[case("05/02/2026", Some("2026-02-05"))]
    #[case("2026-01-14", Some("2026-01-14"))]
    #[case("2026-01-14T08:32:10Z", Some("2026-01-14"))]
    #[case("31/02/2026", None)]
    #[case("14/01/26", None)]
    #[case("", None)]
    fn crm_dates_are_day_first(#[case] text: &str, #[case] day: Option<&str>) {
        assert_eq!(
            parse_crm_date(text).map(|day| day.to_string()).as_deref(),
            day
        );
    }

    #[test]
    fn a_bad_row_does_not_spoil_the_list() {
        let body = json!({"total": 9, "fiches": [
            {"id": 2_104_417, "nom": null, "date_insertion": "14/01/2026 09:05",
             "recordings": [{"call_id": "", "start_time": "x"}, {"call_id": 7, "recording_url": null}]},
            "garbage", {"nom": "SANS ID"}, {"id": "../etc"},
        ]});
        let list = SalesList::read(body, true).unwrap();
        assert_eq!(list.total, 9);
        assert_eq!(list.fiches.len(), 1);
        assert_eq!(list.fiches[0].id, "2104417");
        assert_eq!(list.fiches[0].recordings[0].call_id, "7");
        assert_eq!(list.quarantined.len(), 4);
    }

    #[test]
    fn only_the_envelope_can_fail() {
        assert_eq!(SalesList::read(json!([]), true), None);
        assert_eq!(SalesList::read(json!({"total": 0}), true), None);
        assert!(
            SalesList::read_or_empty(json!({"fiches": null}), true)
                .fiches
                .is_empty()
        );
    }
}
