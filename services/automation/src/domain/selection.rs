//! Which fiches a run takes (B2.2, B6.1).

use super::fields::Fields;
use serde_json::{Value, json};
use std::collections::HashSet;
use vigie_events::ids::FicheId;
use vigie_service::Detail;

/// Most fiches of one manual selection: what fiche-cache answers for in one call.
pub const MOST_FICHES: usize = 5_000;

/// How fiches are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By day of sale.
    DateRange,
    /// By their ids.
    Manual,
    /// As `date_range`.
    Filter,
}

impl Mode {
    /// Every mode with its word.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("date_range", Self::DateRange),
        ("manual", Self::Manual),
        ("filter", Self::Filter),
    ];

    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DateRange => "date_range",
            Self::Manual => "manual",
            Self::Filter => "filter",
        }
    }
}

const DATE_RANGES: [(&str, &str); 5] = [
    ("last_24h", "last_24h"),
    ("yesterday", "yesterday"),
    ("last_week", "last_week"),
    ("last_month", "last_month"),
    ("custom", "custom"),
];

/// `ficheSelection`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// How.
    pub mode: Mode,
    /// Which days.
    pub date_range: Option<String>,
    /// First day of `custom`.
    pub custom_start_date: Option<String>,
    /// Last day of `custom`.
    pub custom_end_date: Option<String>,
    /// Only these groupes.
    pub groupes: Vec<String>,
    /// Only fiches with recordings.
    pub only_with_recordings: bool,
    /// Only fiches without audits.
    pub only_unaudited: bool,
    /// Audits use transcript tools.
    pub use_rlm: bool,
    /// Most fiches.
    pub max_fiches: Option<i32>,
    /// Most recordings of a fiche.
    pub max_recordings_per_fiche: Option<i32>,
    /// The fiches of a manual selection, as written.
    pub fiche_ids: Vec<String>,
}

impl Selection {
    /// Reads a selection; `path` stands in front of every problem.
    pub fn read(value: &Value, path: &str) -> Result<Self, Vec<Detail>> {
        let mut fields = Fields::of(value, path);
        let mode = fields.word("mode", &Mode::WORDS);
        if mode.is_none() && value.get("mode").is_none() {
            fields.problem("mode", "required", "Required");
        }
        let selection = Self {
            mode: mode.unwrap_or(Mode::Manual),
            date_range: fields
                .word("dateRange", &DATE_RANGES)
                .map(ToOwned::to_owned),
            custom_start_date: fields.text("customStartDate"),
            custom_end_date: fields.text("customEndDate"),
            groupes: fields.texts("groupes").unwrap_or_default(),
            only_with_recordings: fields.flag("onlyWithRecordings", false),
            only_unaudited: fields.flag("onlyUnaudited", false),
            use_rlm: fields.flag("useRlm", false),
            max_fiches: fields.int("maxFiches", 1, i32::MAX),
            max_recordings_per_fiche: fields.int("maxRecordingsPerFiche", 1, i32::MAX),
            fiche_ids: fields.texts("ficheIds").unwrap_or_default(),
        };
        if let Err(bad) = selection.manual_fiches() {
            fields.problem("ficheIds", "invalid_fiche_id", bad.to_string());
        }
        let problems = fields.into_problems();
        if problems.is_empty() {
            Ok(selection)
        } else {
            Err(problems)
        }
    }

    /// The ids of a manual selection: split on blanks and commas, each once, the first
    /// `maxFiches`.
    pub fn manual_fiches(&self) -> Result<Vec<FicheId>, BadFiches> {
        let mut seen = HashSet::new();
        let mut fiches = Vec::new();
        for entry in &self.fiche_ids {
            let ids = entry.split(|c: char| c.is_whitespace() || c == ',');
            for id in ids.filter(|id| !id.is_empty()) {
                let fiche: FicheId = id.parse().map_err(|_| BadFiches::NotNumeric(shown(id)))?;
                if !fiche.is_numeric() {
                    return Err(BadFiches::NotNumeric(shown(id)));
                }
                if seen.insert(fiche.clone()) {
                    fiches.push(fiche);
                }
            }
        }
        if let Some(max) = self.max_fiches {
            fiches.truncate(usize::try_from(max).unwrap_or(usize::MAX));
        }
        if fiches.len() > MOST_FICHES {
            return Err(BadFiches::TooMany);
        }
        Ok(fiches)
    }

    /// The selection as the contract shows it: empty arrays and nulls are absent.
    pub fn to_json(&self) -> Value {
        let mut shown = json!({"mode": self.mode.as_str()});
        let optional = [
            ("dateRange", self.date_range.as_ref().map(|v| json!(v))),
            (
                "customStartDate",
                self.custom_start_date.as_ref().map(|v| json!(v)),
            ),
            (
                "customEndDate",
                self.custom_end_date.as_ref().map(|v| json!(v)),
            ),
            (
                "groupes",
                (!self.groupes.is_empty()).then(|| json!(self.groupes)),
            ),
            ("onlyWithRecordings", Some(json!(self.only_with_recordings))),
            ("onlyUnaudited", Some(json!(self.only_unaudited))),
            ("useRlm", Some(json!(self.use_rlm))),
            ("maxFiches", self.max_fiches.map(|v| json!(v))),
            (
                "maxRecordingsPerFiche",
                self.max_recordings_per_fiche.map(|v| json!(v)),
            ),
            (
                "ficheIds",
                (!self.fiche_ids.is_empty()).then(|| json!(self.fiche_ids)),
            ),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                shown[name] = value;
            }
        }
        shown
    }
}

/// Manual ids that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFiches {
    /// The CRM's ids are digits.
    #[error("'{0}' is not a fiche id (digits only)")]
    NotNumeric(String),
    /// More than a run takes.
    #[error("At most {MOST_FICHES} fiches")]
    TooMany,
}

fn shown(id: &str) -> String {
    id.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value) -> Result<Selection, Vec<Detail>> {
        Selection::read(value, "body.ficheSelection")
    }

    fn ids(value: &Value) -> Vec<String> {
        let fiches = read(value).unwrap().manual_fiches().unwrap();
        fiches.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn manual_ids_are_split_and_taken_once() {
        let entries = json!(["4410027, 4410031", " 4410027\t44 ", "", "7,,8"]);
        let selection = json!({"mode": "manual", "ficheIds": entries});
        assert_eq!(ids(&selection), ["4410027", "4410031", "44", "7", "8"]);
        let limited = json!({"mode": "manual", "ficheIds": ["3 3 2", "1"], "maxFiches": 2});
        assert_eq!(ids(&limited), ["3", "2"]);
        assert!(ids(&json!({"mode": "manual"})).is_empty());
    }

    #[test]
    fn problems_name_their_place() {
        let problems = read(&json!({"mode": "all", "maxFiches": 0, "ficheIds": ["4x"],
            "dateRange": null, "unknown": 1}))
        .unwrap_err();
        let paths: Vec<&str> = problems.iter().map(|detail| detail.path.as_str()).collect();
        let expected = ["mode", "dateRange", "maxFiches", "ficheIds"]
            .map(|name| format!("body.ficheSelection.{name}"));
        assert_eq!(paths, expected);
        assert_eq!(read(&json!({})).unwrap_err()[0].code, "required");
        assert_eq!(read(&json!(7)).unwrap_err()[0].path, "body.ficheSelection");
    }

    #[test]
    fn absent_properties_stay_absent() {
        let selection = read(&json!({"mode": "manual", "ficheIds": []})).unwrap();
        let expected = json!({"mode": "manual", "onlyWithRecordings": false,
            "onlyUnaudited": false, "useRlm": false});
        assert_eq!(selection.to_json(), expected);
    }
}
