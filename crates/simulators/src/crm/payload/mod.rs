//! The CRM's answers, as JSON.

mod activity;
mod contract;
mod dossier;
mod household;
mod information;
mod lists;
mod mail_devis;
mod recordings;

use chrono::NaiveDate;
use serde_json::{Map, Value, json};

pub(super) use lists::{groups, sales_list, users};

use super::seed::{Depth, Fiche};

/// G2: everything about one fiche. Recordings carry addresses at `origin`; without it there are
/// none.
pub(super) fn details(fiche: &Fiche, origin: Option<&str>, with_mail_devis: bool) -> Value {
    let mut answer = joined([
        json!({
            "success": true,
            "message": "Fiche parsed successfully",
            "information": information::section(fiche),
            "recordings": origin.map_or_else(Vec::new, |origin| recordings::section(fiche, origin)),
            "raw_sections": raw_sections(fiche),
        }),
        household::sections(fiche),
        activity::sections(fiche),
        contract::sections(fiche),
        dossier::sections(fiche),
    ]);
    if with_mail_devis {
        answer["mail_devis"] = mail_devis::section(fiche);
    }
    answer
}

fn raw_sections(fiche: &Fiche) -> Value {
    if fiche.depth != Depth::Full {
        return json!({});
    }
    let groupe = fiche.adviser.groupe;
    json!({
        "information": format!("<table><tr><td>Groupe</td><td>{groupe}</td></tr></table>"),
        "alertes": "<ul><li>SIGNATURE</li></ul>",
    })
}

/// One object with the fields of all.
fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let fields: Map<String, Value> = parts
        .into_iter()
        .filter_map(|part| match part {
            Value::Object(fields) => Some(fields),
            _ => None,
        })
        .flatten()
        .collect();
    Value::Object(fields)
}

/// `14/01/2026`.
fn day(day: NaiveDate) -> String {
    day.format("%d/%m/%Y").to_string()
}

/// `14/01/2026 09:05`, some minutes after the fiche was inserted.
fn after(fiche: &Fiche, minutes: i64) -> String {
    (fiche.inserted + chrono::TimeDelta::minutes(minutes))
        .format("%d/%m/%Y %H:%M")
        .to_string()
}

/// Address of a document of the insurer.
fn doc(fiche: &Fiche, name: &str) -> String {
    let gamme = fiche.product.gamme.to_lowercase();
    let gamme = gamme.replace('é', "e").replace(' ', "-");
    format!("https://docs.example.test/{gamme}/{name}")
}
