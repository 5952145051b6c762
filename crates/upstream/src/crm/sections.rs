//! The sections of a fiche beside `information` and `prospect`, each in the one form of the contract
//! (`fiches.md` 1.4): every key there, of its type, and nothing else.

use serde_json::{Map, Value};

use super::lenient::Quarantined;
use super::shape::Shape::{
    Filled, Flag, Free, Int, List, MapOf, Object, OptInt, OptObject, OptText, Subcategories, Text,
    TextMap, Texts,
};
use super::shape::{self, Fields, ITEM, Shape};

/// The sections, without the mail.
const SECTIONS: [(&str, Shape); 12] = [
    ("conjoint", OptObject(CONJOINT)),
    ("enfants", List(ENFANT)),
    ("mails", List(MAIL)),
    ("rendez_vous", List(RENDEZ_VOUS)),
    ("commentaires", List(COMMENTAIRE)),
    ("elements_souscription", OptObject(ELEMENTS)),
    ("tarification", List(TARIFICATION)),
    ("reclamations", List(RECLAMATION)),
    ("autres_contrats", List(CONTRAT)),
    ("documents", List(DOCUMENT)),
    ("alertes", List(ALERTE)),
    ("raw_sections", TextMap),
];

const CONJOINT: Fields = &[
    ("conjoint_id", Text),
    ("civilite", Int),
    ("civilite_text", Text),
    ("nom", Text),
    ("prenom", Text),
    ("date_naissance", Text),
    ("regime", OptText),
    ("regime_text", OptText),
    ("telephone", OptText),
    ("mobile", OptText),
    ("mail", OptText),
    ("profession", OptText),
    ("csp", OptInt),
    ("csp_text", OptText),
];

const ENFANT: Fields = &[
    ("enfant_id", Text),
    ("civilite", Int),
    ("civilite_text", Text),
    ("nom", Text),
    ("prenom", Text),
    ("date_naissance", Text),
    ("regime", OptText),
    ("regime_text", OptText),
];

const MAIL: Fields = &[
    ("date_envoi", Text),
    ("type_mail", Text),
    ("utilisateur", Text),
    ("visualisation_url", OptText),
];

const RENDEZ_VOUS: Fields = &[
    ("rdv_id", Text),
    ("etiquette", OptText),
    ("etiquette_color", OptText),
    ("utilisateur", Text),
    ("date_debut", Text),
    ("date_fin", OptText),
    ("commentaire", OptText),
    ("statut", OptText),
];

const COMMENTAIRE: Fields = &[
    ("commentaire_id", Text),
    ("date", Text),
    ("utilisateur", Text),
    ("texte", Text),
];

const ELEMENTS: Fields = &[
    ("souscription_id", OptText),
    ("date_souscription", OptText),
    ("date_signature", OptText),
    ("date_validation", OptText),
    ("num_contrat", OptText),
    ("annulation_contrat", Flag),
    ("type_vente", OptText),
    ("vente_a_froid", OptText),
    ("vf_accept", OptText),
    ("ancien_contrat", OptObject(ANCIEN)),
    ("produit", Filled(PRODUIT)),
    ("paiement", OptObject(PAIEMENT)),
    ("questions_complementaires", Free),
    ("questions_conseil", Free),
    ("raw_data", Free),
];

const ANCIEN: Fields = &[
    ("deja_assure", Flag),
    ("plus_12_mois", Flag),
    ("ria_requested", Flag),
    ("assureur", OptText),
    ("code_assureur", OptText),
    ("adresse", OptText),
    ("code_postal", OptText),
    ("ville", OptText),
    ("date_souscription", OptText),
    ("date_echeance", OptText),
    ("num_contrat", OptText),
    ("formule", OptText),
    ("cotisation", OptText),
];

const PRODUIT: Fields = &[
    ("date_effet", OptText),
    ("date_effet_modifiable", OptText),
    ("formule", OptText),
    ("groupe_nom", OptText),
    ("gamme_nom", OptText),
    ("formule_nom", OptText),
    ("cotisation", OptText),
    ("type_contrat", OptText),
    ("type_client", OptText),
    ("logo_url", OptText),
    ("garanties_url", OptText),
    ("dipa_url", OptText),
    ("conditions_generales_url", OptText),
    ("bulletin_adhesion_url", OptText),
    ("devoir_conseil_url", OptText),
];

const PAIEMENT: Fields = &[
    ("mode_paiement", OptText),
    ("prelevement_le", OptText),
    ("periodicite", OptText),
    ("pas_coord_bancaires", Flag),
    ("compte_prelevement", Filled(COMPTE)),
    ("compte_virement", Filled(COMPTE)),
];

const COMPTE: Fields = &[
    ("account_id", OptText),
    ("titulaire_nom", OptText),
    ("titulaire_prenom", OptText),
    ("titulaire_adresse", OptText),
    ("titulaire_cp", OptText),
    ("titulaire_ville", OptText),
];

const TARIFICATION: Fields = &[("nom", Text), ("gammes", List(GAMME))];

const GAMME: Fields = &[
    ("nom", Text),
    ("logo_url", OptText),
    ("garanties_url", OptText),
    ("conditions_generales_url", OptText),
    ("bulletin_adhesion_url", OptText),
    ("formules", List(FORMULE)),
];

const FORMULE: Fields = &[
    ("formule_id", Text),
    ("nom", Text),
    ("prix", Text),
    ("details", TextMap),
];

const RECLAMATION: Fields = &[
    ("reclamation_id", Text),
    ("date_creation", Text),
    ("assureur", OptText),
    ("type_reclamation", OptText),
    ("description", OptText),
    ("statut", OptText),
    ("date_traitement", OptText),
    ("utilisateur_creation", OptText),
    ("utilisateur_traitement", OptText),
];

const CONTRAT: Fields = &[
    ("contrat_id", Text),
    ("type_contrat", Text),
    ("assureur", OptText),
    ("numero_contrat", OptText),
    ("date_souscription", OptText),
    ("montant", OptText),
    ("commentaire", OptText),
];

const DOCUMENT: Fields = &[
    ("document_id", Text),
    ("type", Text),
    ("nom", Text),
    ("taille", Text),
    ("date_creation", Text),
    ("selection_mail", Flag),
    ("partage_prospect", Flag),
    ("signer", Flag),
    ("download_url", OptText),
];

const ALERTE: Fields = &[
    ("alerte_id", Text),
    ("etat", Text),
    ("date", Text),
    ("etiquette", OptText),
    ("libelle", Text),
    ("deposee_le", Text),
    ("deposee_par", Text),
    ("commentaire", OptText),
    ("attribuee_a", OptText),
    ("traitee_le", OptText),
    ("traitee_par", OptText),
    ("commentaire_traitement", OptText),
];

/// The quotation mail (14a to 14d).
const MAIL_DEVIS: Fields = &[
    ("mail_devis", Object(MAIL)),
    (
        "customer_info",
        Object(&[("email", OptText), ("phone", OptText), ("name", OptText)]),
    ),
    (
        "garanties_link",
        Object(&[("url", Text), ("text", OptText)]),
    ),
    ("garanties_details", Object(GARANTIES)),
];

const GARANTIES: Fields = &[
    ("gamme", Text),
    ("product_name", Text),
    ("formule", Text),
    ("price", OptText),
    ("age_range", OptText),
    ("subscription_link", OptText),
    (
        "agence_info",
        Object(&[
            ("nom", OptText),
            ("adresse", OptText),
            ("telephone", OptText),
            ("email", OptText),
            ("logo_url", OptText),
        ]),
    ),
    (
        "fiche_info",
        Object(&[
            ("fiche_id", Text),
            ("cle", OptText),
            ("conseiller", OptText),
        ]),
    ),
    (
        "subscriber_info",
        Object(&[("civilite", OptText), ("nom", OptText), ("prenom", OptText)]),
    ),
    (
        "documents",
        Object(&[
            ("conditions_generales", OptText),
            ("tableau_garanties", OptText),
            ("document_information", OptText),
            ("exemples_remboursements", OptText),
        ]),
    ),
    (
        "menu_links",
        Object(&[
            ("home", OptText),
            ("garanties", OptText),
            ("documents", OptText),
            ("subscription", OptText),
        ]),
    ),
    (
        "garanties",
        MapOf(&[
            ("category_name", Text),
            ("note_references", Texts),
            ("items", List(ITEM)),
            ("subcategories", Subcategories),
        ]),
    ),
    ("notes", List(&[("number", Text), ("text", Text)])),
];

/// Takes the known sections out of a payload. A missing list is `[]`, a missing object `null`.
pub(super) fn take(
    payload: &mut Map<String, Value>,
    quarantined: &mut Vec<Quarantined>,
) -> Map<String, Value> {
    SECTIONS
        .into_iter()
        .map(|(name, shape)| {
            let value = payload.remove(name);
            (
                name.to_owned(),
                shape::read(name, shape, value, quarantined),
            )
        })
        .collect()
}

/// Reads all sections out of a stored document that may be of any age, and says what it left out.
pub fn read_sections(mut stored: Map<String, Value>) -> (Map<String, Value>, Vec<Quarantined>) {
    let mut quarantined = Vec::new();
    (take(&mut stored, &mut quarantined), quarantined)
}

/// Reads a quotation mail.
pub fn read_mail_devis(mail: Value) -> (Value, Vec<Quarantined>) {
    let mut quarantined = Vec::new();
    let read = mail_devis(mail, &mut quarantined);
    (read, quarantined)
}

pub(super) fn mail_devis(mail: Value, quarantined: &mut Vec<Quarantined>) -> Value {
    shape::read("mail_devis", Object(MAIL_DEVIS), Some(mail), quarantined)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_sections_have_their_empty_form_and_unknown_ones_stay_behind() {
        let mut payload = json!({"mails": "oops", "commentaires": [{"commentaire_id": 5, "x": 1}, 3],
            "surprise": 1,
            "elements_souscription": {"souscription_id": 9, "raw_data": {"x_id": 1},
                                      "produit": {"formule": null}}});
        let mut bad = Vec::new();
        let sections = take(payload.as_object_mut().unwrap(), &mut bad);
        assert_eq!(
            Value::Object(sections),
            json!({"enfants": [], "mails": [], "rendez_vous": [], "tarification": [],
                   "reclamations": [], "autres_contrats": [], "documents": [], "alertes": [],
                   "commentaires": [{"commentaire_id": "5", "date": "", "utilisateur": "", "texte": ""}],
                   "conjoint": null, "raw_sections": {},
                   "elements_souscription": {"souscription_id": "9", "date_souscription": null,
                       "date_signature": null, "date_validation": null, "num_contrat": null,
                       "annulation_contrat": false, "type_vente": null, "vente_a_froid": null,
                       "vf_accept": null, "ancien_contrat": null, "produit": null, "paiement": null,
                       "questions_complementaires": {}, "questions_conseil": {},
                       "raw_data": {"x_id": 1}}})
        );
        assert_eq!(bad.len(), 1);
        assert_eq!(payload, json!({"surprise": 1}));
    }

    #[test]
    fn reading_twice_changes_nothing() {
        let (once, _) = read_mail_devis(json!({"garanties_details": {"garanties": {
            "soins": {"subcategories": {"a": [{"name": "n"}], "b": {}}}}}}));
        assert_eq!(read_mail_devis(once.clone()), (once, Vec::new()));
    }
}
