use serde_json::{Value, json};

use super::super::seed::{Depth, Fiche};
use super::{after, day};

/// `mails`, `rendez_vous`, `commentaires`, `alertes`.
pub(super) fn sections(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    json!({
        "mails": if full { mails(fiche) } else { json!([]) },
        "rendez_vous": if full { meetings(fiche) } else { json!([]) },
        "commentaires": comments(fiche),
        "alertes": if full { alerts(fiche) } else { json!([]) },
    })
}

fn mails(fiche: &Fiche) -> Value {
    json!([quote_mail(fiche), {
        "date_envoi": after(fiche, 100),
        "type_mail": "Bienvenue",
        "utilisateur": "",
        "visualisation_url": null,
    }])
}

/// The mail with the quote, also at the head of `mail_devis`.
pub(super) fn quote_mail(fiche: &Fiche) -> Value {
    json!({
        "date_envoi": after(fiche, 67),
        "type_mail": "Mail Devis Personnalisé",
        "utilisateur": fiche.adviser.full_name(),
        "visualisation_url": format!("https://crm.example.test/mail/{}", fiche.id),
    })
}

fn meetings(fiche: &Fiche) -> Value {
    json!([{
        "rdv_id": format!("rdv_{}", fiche.id),
        "etiquette": "Rappel",
        "etiquette_color": "#ffaa00",
        "utilisateur": fiche.adviser.full_name(),
        "date_debut": after(fiche, 3_175),
        "date_fin": after(fiche, 3_205),
        "commentaire": "Vérifier la résiliation",
        "statut": "Planifié",
    }])
}

fn comments(fiche: &Fiche) -> Value {
    if fiche.depth == Depth::Bare {
        return json!([]);
    }
    json!([{
        "commentaire_id": "comm_0",
        "date": after(fiche, 180),
        "utilisateur": fiche.adviser.group().responsable,
        "texte": "Contrôle qualité demandé",
    }, {
        "commentaire_id": "comm_1",
        "date": after(fiche, 105),
        "utilisateur": fiche.adviser.full_name(),
        "texte": "Vente conclue, dossier envoyé",
    }])
}

fn alerts(fiche: &Fiche) -> Value {
    let date = day(fiche.inserted.date());
    json!([{
        "alerte_id": format!("3{}", fiche.id),
        "etat": "Traitée",
        "date": date,
        "etiquette": null,
        "libelle": "SIGNATURE",
        "deposee_le": date,
        "deposee_par": fiche.adviser.full_name(),
        "commentaire": "Envoi du dossier",
        "attribuee_a": fiche.adviser.full_name(),
        "traitee_le": date,
        "traitee_par": null,
        "commentaire_traitement": "Contrat validé",
    }])
}
