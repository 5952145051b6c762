use serde_json::{Value, json};

use super::super::seed::{Depth, Fiche};
use super::{after, day, joined};

/// The fiche's security key; some have none.
pub(super) fn key(fiche: &Fiche) -> Option<String> {
    match fiche.depth {
        Depth::Full => Some(format!("9f3b6c0d1e2a47558c90ab{:010x}", fiche.id)),
        Depth::Usual => Some(String::new()),
        Depth::Bare => None,
    }
}

pub(super) fn section(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    joined([origin(fiche), access(fiche), refusals(full), labels(fiche)])
}

fn origin(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    let group = fiche.adviser.group();
    json!({
        "fiche_id": fiche.id.to_string(),
        "cle": key(fiche).unwrap_or_default(),
        "date_insertion": after(fiche, 0),
        "createur": full.then_some("Import web"),
        "fiches_associees": full.then(|| related(fiche).to_string()),
        "groupe": group.nom,
        "groupe_responsable": (fiche.depth != Depth::Bare).then_some(group.responsable),
        "groupe_gestion": full.then_some("Gestion A"),
        "groupe_reclamation": full.then_some(""),
        "agence_id": group.agence_id,
        "agence_nom": group.agence,
        "attribution_user_id": fiche.adviser.id,
        "attribution_user_nom": fiche.adviser.full_name(),
        "attribution_bis_user_id": null,
        "attribution_bis_user_nom": null,
        "provenance_id": "118",
        "provenance_nom": "Site comparateur",
        "provenance_numero": full.then_some("0199005678"),
        "provenance_periode_rappel": full.then_some("Matin"),
        "origine_id": full.then_some("5"),
        "origine_nom": full.then_some("Formulaire"),
    })
}

/// The fiche of the husband or wife, else an older one.
fn related(fiche: &Fiche) -> u64 {
    match fiche.place {
        0 => fiche.id + 7,
        7 => fiche.id - 7,
        _ => fiche.id - 5_604,
    }
}

fn access(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    json!({
        "nombre_acces": if full { 12 } else { 1 },
        "dernier_acces": after(fiche, 200),
        "niveau_interet": full.then_some(4),
        "nombre_ouverture_mails": if full { 2 } else { 0 },
        "derniere_ouverture_mail": full.then(|| after(fiche, 117)),
        "nombre_visualisation_pages": if full { 3 } else { 0 },
        "derniere_visualisation_page": full.then(|| after(fiche, 120)),
        "espace_prospect_url": full.then(|| format!("https://crm.example.test/espace/{}", fiche.id)),
        "ferme_espace_prospect": false,
        "desinscription_mail": false,
        "corbeille": false,
        "archive": false,
    })
}

fn refusals(full: bool) -> Value {
    json!({
        "refus_demarchage": false,
        "exception_demarchage": full,
        "exception_demarchage_commentaire": full.then_some("Rappel demandé par le client"),
    })
}

fn labels(fiche: &Fiche) -> Value {
    if fiche.depth == Depth::Bare {
        return json!({ "modules": [], "etiquettes": [] });
    }
    let date = day(fiche.inserted.date());
    json!({
        "modules": ["Santé", "Prévoyance"],
        "etiquettes": [
            { "nom": "Écoute à faire", "date": date, "style": "background:#226633;color:#fff;" },
            { "nom": "Signature reçue", "date": date, "style": "background:#335599;color:#fff;" },
        ],
    })
}
