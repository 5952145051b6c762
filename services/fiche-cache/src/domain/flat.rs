//! Nested sections as rows of columns, and back (fiches.md 4.4, 7).

use serde_json::{Map, Value};

/// An object inside a section: where it stands, the prefix of its columns, its keys.
type Part = (
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const ACCOUNT: &[&str] = &[
    "account_id",
    "titulaire_nom",
    "titulaire_prenom",
    "titulaire_adresse",
    "titulaire_cp",
    "titulaire_ville",
];

const ELEMENTS: [Part; 6] = [
    (
        &[],
        "",
        &[
            "souscription_id",
            "date_souscription",
            "date_signature",
            "date_validation",
            "num_contrat",
            "annulation_contrat",
            "type_vente",
            "vente_a_froid",
            "vf_accept",
            "questions_complementaires",
            "questions_conseil",
            "raw_data",
        ],
    ),
    (
        &["ancien_contrat"],
        "ancien_",
        &[
            "deja_assure",
            "plus_12_mois",
            "ria_requested",
            "assureur",
            "code_assureur",
            "adresse",
            "code_postal",
            "ville",
            "date_souscription",
            "date_echeance",
            "num_contrat",
            "formule",
            "cotisation",
        ],
    ),
    (
        &["produit"],
        "produit_",
        &[
            "date_effet",
            "date_effet_modifiable",
            "formule",
            "groupe_nom",
            "gamme_nom",
            "formule_nom",
            "cotisation",
            "type_contrat",
            "type_client",
            "logo_url",
            "garanties_url",
            "dipa_url",
            "conditions_generales_url",
            "bulletin_adhesion_url",
            "devoir_conseil_url",
        ],
    ),
    (
        &["paiement"],
        "paiement_",
        &[
            "mode_paiement",
            "prelevement_le",
            "periodicite",
            "pas_coord_bancaires",
        ],
    ),
    (&["paiement", "compte_prelevement"], "prelevement_", ACCOUNT),
    (&["paiement", "compte_virement"], "virement_", ACCOUNT),
];

const MAIL: [Part; 9] = [
    (
        &["mail_devis"],
        "",
        &[
            "date_envoi",
            "type_mail",
            "utilisateur",
            "visualisation_url",
        ],
    ),
    (&["customer_info"], "customer_", &["email", "phone", "name"]),
    (&["garanties_link"], "garanties_link_", &["url", "text"]),
    (
        &["garanties_details"],
        "details_",
        &[
            "gamme",
            "product_name",
            "formule",
            "price",
            "age_range",
            "subscription_link",
        ],
    ),
    (
        &["garanties_details", "agence_info"],
        "agence_",
        &["nom", "adresse", "telephone", "email", "logo_url"],
    ),
    (
        &["garanties_details", "fiche_info"],
        "fiche_info_",
        &["fiche_id", "cle", "conseiller"],
    ),
    (
        &["garanties_details", "subscriber_info"],
        "subscriber_",
        &["civilite", "nom", "prenom"],
    ),
    (
        &["garanties_details", "documents"],
        "doc_",
        &[
            "conditions_generales",
            "tableau_garanties",
            "document_information",
            "exemples_remboursements",
        ],
    ),
    (
        &["garanties_details", "menu_links"],
        "menu_",
        &["home", "garanties", "documents", "subscription"],
    ),
];

/// `elements_souscription` as one row.
pub fn of_elements(section: &Value) -> Value {
    Value::Object(flatten(&ELEMENTS, section))
}

/// The section of a row. An object whose columns are all null is null; so is what is in it.
pub fn to_elements(row: &Value) -> Value {
    unflatten(&ELEMENTS, row, true)
}

/// A quotation mail as one row, its guarantees and notes as lists of rows beside it.
pub fn of_mail(mail: &Value) -> Value {
    let mut row = flatten(&MAIL, mail);
    let details = &mail["garanties_details"];
    let categories = entries(&details["garanties"]).map(|(key, category)| {
        let subcategories = &category["subcategories"];
        let bare = entries(subcategories).next().is_some()
            && entries(subcategories).all(|(_, entry)| entry.is_array());
        let subs = entries(subcategories).map(|(key, entry)| {
            let items = if bare { entry } else { &entry["items"] };
            object([
                ("sub_key", key.as_str().into()),
                (
                    "name",
                    if bare {
                        Value::Null
                    } else {
                        entry["name"].clone()
                    },
                ),
                ("items", items.clone()),
            ])
        });
        object([
            ("category_key", key.as_str().into()),
            ("category_name", category["category_name"].clone()),
            (
                "subcategories_format",
                if bare { "array" } else { "named" }.into(),
            ),
            ("note_references", category["note_references"].clone()),
            ("items", category["items"].clone()),
            ("subcategories", subs.collect()),
        ])
    });
    row.insert("categories".to_owned(), categories.collect());
    row.insert("notes".to_owned(), details["notes"].clone());
    Value::Object(row)
}

/// The mail of a row and its lists.
pub fn to_mail(row: &Value) -> Value {
    let mut mail = unflatten(&MAIL, row, false);
    let categories = rows(&row["categories"]).map(|category| {
        let bare = category["subcategories_format"] == "array";
        let subs = rows(&category["subcategories"]).map(|sub| {
            let entry = if bare {
                list(&sub["items"])
            } else {
                object([
                    ("name", sub["name"].clone()),
                    ("items", list(&sub["items"])),
                ])
            };
            (text(&sub["sub_key"]), entry)
        });
        let read = object([
            ("category_name", category["category_name"].clone()),
            ("note_references", list(&category["note_references"])),
            ("items", list(&category["items"])),
            ("subcategories", Value::Object(subs.collect())),
        ]);
        (text(&category["category_key"]), read)
    });
    let categories = Value::Object(categories.collect());
    if let Some(details) = mail
        .get_mut("garanties_details")
        .and_then(Value::as_object_mut)
    {
        details.insert("garanties".to_owned(), categories);
        details.insert("notes".to_owned(), list(&row["notes"]));
    }
    mail
}

fn flatten(parts: &[Part], section: &Value) -> Map<String, Value> {
    let mut row = Map::new();
    for (path, prefix, keys) in parts {
        let object = path.iter().fold(section, |value, key| &value[*key]);
        for key in *keys {
            row.insert(format!("{prefix}{key}"), object[*key].clone());
        }
    }
    row
}

/// Parents stand before what is in them.
fn unflatten(parts: &[Part], row: &Value, empty_is_null: bool) -> Value {
    let mut section = Value::Object(Map::new());
    for (path, prefix, keys) in parts {
        let fields: Map<String, Value> = keys
            .iter()
            .map(|key| ((*key).to_owned(), row[format!("{prefix}{key}")].clone()))
            .collect();
        let empty = empty_is_null && fields.values().all(Value::is_null);
        let fields = if empty { Value::Null } else { fields.into() };
        let Some((last, parents)) = path.split_last() else {
            section = fields;
            continue;
        };
        let parent = parents
            .iter()
            .try_fold(&mut section, |value, key| value.get_mut(*key));
        if let Some(parent) = parent.and_then(Value::as_object_mut) {
            parent.insert((*last).to_owned(), fields);
        }
    }
    section
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.map(|(key, value)| (key.to_owned(), value));
    Value::Object(fields.into_iter().collect())
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn list(value: &Value) -> Value {
    rows(value).cloned().collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{of_elements, of_mail, to_elements, to_mail};
    use serde_json::{Map, Value, json};
    use vigie_upstream::crm::{read_mail_devis, read_sections};

    fn example() -> Map<String, Value> {
        let text = include_str!("../../../../crates/upstream/tests/fixtures/fiche.json");
        serde_json::from_str(text).unwrap()
    }

    fn elements(section: Value) -> Value {
        let section = Map::from_iter([("elements_souscription".to_owned(), section)]);
        read_sections(section).0["elements_souscription"].clone()
    }

    #[test]
    fn the_example_comes_back() {
        let example = example();
        let section = &example["elements_souscription"];
        assert_eq!(&to_elements(&of_elements(section)), section);
        let mail = &example["mail_devis"];
        assert_eq!(&to_mail(&of_mail(mail)), mail);
    }

    #[test]
    fn absent_objects_come_back_as_null() {
        for section in [
            json!({"annulation_contrat": true}),
            json!({"paiement": {"mode_paiement": "x"}}),
            json!({"ancien_contrat": {"ville": ""}, "produit": {"formule": ""}}),
        ] {
            let section = elements(section);
            assert_eq!(to_elements(&of_elements(&section)), section);
        }
    }

    #[test]
    fn an_empty_mail_comes_back_whole() {
        let (mail, _) = read_mail_devis(json!({"garanties_details": {"garanties": {"a": {}}}}));
        assert_eq!(to_mail(&of_mail(&mail)), mail);
    }
}
