use serde_json::{Value, json};

use super::super::seed::{Depth, Fiche};
use super::{activity, doc, information};

/// The mail with the quote; `null` when none was sent.
pub(super) fn section(fiche: &Fiche) -> Value {
    if fiche.depth != Depth::Full {
        return Value::Null;
    }
    let client = &fiche.client;
    let title = if client.madame { "Mme" } else { "M." };
    json!({
        "mail_devis": activity::quote_mail(fiche),
        "customer_info": {
            "email": client.mail(),
            "phone": fiche.telephone,
            "name": format!("{title} {} {}", client.nom, client.prenom),
        },
        "garanties_link": { "url": quote(fiche), "text": "Voir mes garanties" },
        "garanties_details": details(fiche),
    })
}

fn quote(fiche: &Fiche) -> String {
    format!("https://docs.example.test/devis/{}", fiche.id)
}

fn details(fiche: &Fiche) -> Value {
    let (client, product) = (&fiche.client, fiche.product);
    let group = fiche.adviser.group();
    json!({
        "gamme": product.gamme,
        "product_name": format!("{} {}", product.groupe, product.gamme),
        "formule": product.formule,
        "price": format!("{} €", product.prix),
        "age_range": null,
        "subscription_link": format!("https://crm.example.test/souscrire/{}", fiche.id),
        "agence_info": {
            "nom": group.agence,
            "adresse": group.adresse,
            "telephone": group.telephone,
            "email": "agence@example.test",
            "logo_url": "https://docs.example.test/agence.png",
        },
        "fiche_info": {
            "fiche_id": fiche.id.to_string(),
            "cle": information::key(fiche),
            "conseiller": fiche.adviser.full_name(),
        },
        "subscriber_info": {
            "civilite": if client.madame { "Madame" } else { "Monsieur" },
            "nom": client.nom,
            "prenom": client.prenom,
        },
        "documents": {
            "conditions_generales": doc(fiche, "cg.pdf"),
            "tableau_garanties": doc(fiche, "garanties.pdf"),
            "document_information": doc(fiche, "dipa.pdf"),
            "exemples_remboursements": null,
        },
        "menu_links": {
            "home": quote(fiche),
            "garanties": "#garanties",
            "documents": "#documents",
            "subscription": null,
        },
        "garanties": benefits(),
        "notes": [{ "number": "1", "text": "Sans limitation de durée." }],
    })
}

/// One category with named groups, one with plain lists.
fn benefits() -> Value {
    json!({
        "hospitalisation": {
            "category_name": "Hospitalisation",
            "note_references": ["1"],
            "items": [{ "name": "Forfait journalier", "value": "Frais réels", "note_ref": "1" }],
            "subcategories": {
                "chambre": {
                    "name": "Chambre particulière",
                    "items": [{ "name": "Par jour", "value": "60 €", "note_ref": null }],
                },
            },
        },
        "optique": {
            "category_name": "Optique",
            "note_references": [],
            "items": [],
            "subcategories": {
                "verres": [{ "name": "Verres simples", "value": "250 €", "note_ref": null }],
            },
        },
    })
}
