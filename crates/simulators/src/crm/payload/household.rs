use serde_json::{Value, json};

use super::super::seed::{Client, Depth, Fiche};
use super::joined;

/// `prospect`, `conjoint`, `enfants`.
pub(super) fn sections(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    json!({
        "prospect": (fiche.depth != Depth::Bare).then(|| prospect(fiche)),
        "conjoint": if full { spouse(fiche) } else { Value::Null },
        "enfants": if full { children(fiche) } else { Vec::new() },
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
        "telephone": fiche.telephone,
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
    let csp = if client.profession.starts_with("Retraité") {
        (6, "Retraité")
    } else {
        (2, "Actif")
    };
    json!({
        "num_secu": full.then_some("200000000000000"),
        "num_affiliation": full.then_some("010000000"),
        "situation_familiale": full.then_some(if married { 2 } else { 1 }),
        "situation_familiale_text": full.then_some(if married { "En couple" } else { "Seul" }),
        "madelin": false,
        "profession": full.then_some(client.profession),
        "csp": full.then_some(csp.0),
        "csp_text": full.then_some(csp.1),
    })
}

fn spouse(fiche: &Fiche) -> Value {
    let client = &fiche.client;
    let Some([prenom, naissance]) = client.conjoint else {
        return Value::Null;
    };
    joined([
        title(!client.madame),
        json!({
            "conjoint_id": (fiche.id + 1_000_001).to_string(),
            "nom": client.nom,
            "prenom": prenom,
            "date_naissance": naissance,
            "regime": "1",
            "regime_text": "Régime Général",
            "telephone": null,
            "mobile": "0639989999",
            "mail": null,
            "profession": null,
            "csp": null,
            "csp_text": null,
        }),
    ])
}

fn children(fiche: &Fiche) -> Vec<Value> {
    let children = fiche.client.enfants.iter().zip(500_000_u64..);
    children
        .map(|([prenom, naissance], number)| {
            json!({
                "enfant_id": (fiche.id * 10 + number).to_string(),
                "civilite": 1,
                "civilite_text": "Enfant",
                "nom": fiche.client.nom,
                "prenom": prenom,
                "date_naissance": naissance,
                "regime": "1",
                "regime_text": "Régime Général",
            })
        })
        .collect()
}
