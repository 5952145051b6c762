use serde_json::{Value, json};

use super::super::seed::{Depth, Fiche};
use super::{after, day};

/// `documents`, `reclamations`, `autres_contrats`.
pub(super) fn sections(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    json!({
        "documents": if full { documents(fiche) } else { json!([]) },
        "reclamations": if full { complaints(fiche) } else { json!([]) },
        "autres_contrats": if full { other_contracts(fiche) } else { json!([]) },
    })
}

fn documents(fiche: &Fiche) -> Value {
    json!([{
        "document_id": format!("doc_{}", fiche.id),
        "type": "Bulletin",
        "nom": "bulletin_signe.pdf",
        "taille": "184 Ko",
        "date_creation": after(fiche, 97),
        "selection_mail": false,
        "partage_prospect": true,
        "signer": true,
        "download_url": format!("https://crm.example.test/doc/doc_{}", fiche.id),
    }])
}

fn complaints(fiche: &Fiche) -> Value {
    json!([{
        "reclamation_id": format!("rec_{}", fiche.id),
        "date_creation": day(fiche.inserted.date()),
        "assureur": fiche.product.groupe,
        "type_reclamation": "Prélèvement",
        "description": "Date de prélèvement à confirmer",
        "statut": "Ouverte",
        "date_traitement": null,
        "utilisateur_creation": fiche.adviser.group().responsable,
        "utilisateur_traitement": null,
    }])
}

fn other_contracts(fiche: &Fiche) -> Value {
    json!([{
        "contrat_id": format!("ctr_{}", fiche.id),
        "type_contrat": "Prévoyance",
        "assureur": fiche.product.groupe,
        "numero_contrat": "PRV-11",
        "date_souscription": "03/05/2024",
        "montant": "12.50",
        "commentaire": null,
    }])
}
