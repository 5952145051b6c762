use serde_json::{Value, json};

use super::super::seed::{Client, Depth, Fiche};
use super::joined;

/// `prospect`, `conjoint`, `enfants`.
pub(super) fn sections(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    json!({
        "prospect": (fiche.depth != Depth::Bare).then(|| prospect(fiche)),
        "conjoint": if full { spouse(fiche) } else { Value::Null },
        "enfants": if full { children(fiche) } else { json!([]) },
    })
}

fn title(madame: bool) -> Value {
    if madame {
        json!({ "civilite": 2, "civilite_text": "Madame" })
    } else {
        json!({ "civilite": 1, "civilite_text": "Monsieur" })
    }
}

fn prospect(fiche: &Fiche) -> Value {
    let client = &fiche.client;
    joined([
        title(client.madame),
        identity(fiche),
        situation(client, fiche.depth),
    ])
}

fn identity(fiche: &Fiche) -> Value {
    let client = &fiche.client;
    json!({
        "prospect_id": (fiche.id + 1_000_000).to_string(),
        "nom": client.nom,
        "prenom": client.prenom,
        "date_naissance": client.naissance,
        "regime": "1",
        "regime_text": "Régime Général",
        "telephone": client.telephone,
        "mobile": null,
        "telephone_2": null,
        "mail": client.mail(),
        "mail_2": null,
        "adresse": "7 impasse des Essais",
        "code_postal": client.ville[0],
        "ville": client.ville[1],
        "fax": null,
    })
}

fn situation(client: &Client, depth: Depth) -> Value {
    let full = depth == Depth::Full;
    let married = client.conjoint.is_some();
    json!({
        "num_secu": full.then_some("200000000000000"),
        "num_affiliation": full.then_some("010000000"),
        "situation_familiale": full.then_some(if married { 2 } else { 1 }),
        "situation_familiale_text": full.then_some(if married { "En couple" } else { "Seul" }),
        "madelin": false,
        "profession": full.then_some("Retraité"),
        "csp": full.then_some(6),
        "csp_text": full.then_some("Retraité"),
    })
}

fn spouse(fiche: &Fiche) -> Value {
    let client = &fiche.client;
    let Some(partner) = client.conjoint else {
        return Value::Null;
    };
    joined([
        title(!client.madame),
        json!({
            "conjoint_id": (fiche.id + 1_000_001).to_string(),
            "nom": client.nom,
            "prenom": partner.prenom,
            "date_naissance": partner.naissance,
            "regime": "1",
            "regime_text": "Régime Général",
            "telephone": null,
            "mobile": "0639989999",
            "mail": null,
            "profession": "Retraité",
            "csp": 6,
            "csp_text": "Retraité",
        }),
    ])
}

fn children(fiche: &Fiche) -> Value {
    let child = joined([
        title(false),
        json!({
            "enfant_id": (fiche.id + 500_000).to_string(),
            "nom": fiche.client.nom,
            "prenom": "Noé",
            "date_naissance": "02/06/2006",
            "regime": "1",
            "regime_text": "Régime Général",
        }),
    ]);
    json!([child])
}
