use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use serde_json::{Value, json};

use super::super::seed::{Depth, Fiche, Product};
use super::{day, doc};

/// `elements_souscription`, `tarification`.
pub(super) fn sections(fiche: &Fiche) -> Value {
    if fiche.depth == Depth::Bare {
        return json!({ "elements_souscription": null, "tarification": [] });
    }
    json!({ "elements_souscription": subscription(fiche), "tarification": prices(fiche) })
}

fn subscription(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    let stamp = |minutes| {
        let time = fiche.inserted + TimeDelta::minutes(minutes);
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    };
    json!({
        "souscription_id": (fiche.id + 90_000).to_string(),
        "date_souscription": stamp(75),
        "date_signature": full.then(|| stamp(96)),
        "date_validation": null,
        "num_contrat": format!("BOR-{:07}", fiche.id),
        "annulation_contrat": false,
        "type_vente": "1",
        "vente_a_froid": full.then_some("3"),
        "vf_accept": full.then_some("0"),
        "ancien_contrat": full.then(|| old_contract(fiche)),
        "produit": product(fiche),
        "paiement": payment(fiche),
        "questions_complementaires": if full {
            json!({ "Pays de naissance": "FRANCE", "Nom de naissance": "PETIT" })
        } else {
            json!({})
        },
        "questions_conseil": {
            "Avez-vous déjà une complémentaire santé ?": "Oui",
            "Souhaitez-vous une chambre particulière ?": "Oui",
        },
        "raw_data": if full { json!({ "source": "formulaire-v2" }) } else { json!({}) },
    })
}

fn old_contract(fiche: &Fiche) -> Value {
    let [assureur, cotisation] = fiche.client.ancien;
    let since = fiche.client.ancien_depuis;
    let started = NaiveDate::parse_from_str(since, "%d/%m/%Y").unwrap_or_default();
    json!({
        "deja_assure": true,
        "plus_12_mois": started + Months::new(12) <= fiche.inserted.date(),
        "ria_requested": true,
        "assureur": assureur,
        "code_assureur": "AM01",
        "adresse": "1 rue du Test",
        "code_postal": "75000",
        "ville": "PARIS",
        "date_souscription": since,
        "date_echeance": day(effect_date(fiche) - TimeDelta::days(1)),
        "num_contrat": "AM-552",
        "formule": "Base",
        "cotisation": cotisation,
    })
}

fn product(fiche: &Fiche) -> Value {
    let Product {
        groupe,
        gamme,
        formule,
        prix,
        ..
    } = fiche.product;
    let full = fiche.depth == Depth::Full;
    let link = |name: &str| full.then(|| doc(fiche, name));
    json!({
        "date_effet": day(effect_date(fiche)),
        "date_effet_modifiable": "",
        "formule": format!("{groupe} {gamme} {formule} à {prix}€/mois"),
        "groupe_nom": groupe,
        "gamme_nom": gamme,
        "formule_nom": formule,
        "cotisation": prix.replace(',', "."),
        "type_contrat": "Individuel",
        "type_client": fiche.product.type_client,
        "logo_url": link("logo.png"),
        "garanties_url": link("garanties.pdf"),
        "dipa_url": link("dipa.pdf"),
        "conditions_generales_url": link("cg.pdf"),
        "bulletin_adhesion_url": link("ba.pdf"),
        "devoir_conseil_url": link("conseil.pdf"),
    })
}

fn payment(fiche: &Fiche) -> Value {
    let full = fiche.depth == Depth::Full;
    json!({
        "mode_paiement": "Prélèvement",
        "prelevement_le": "10",
        "periodicite": "mensuel",
        "pas_coord_bancaires": !full,
        "compte_prelevement": full.then(|| account(fiche, 1)),
        "compte_virement": full.then(|| account(fiche, 2)),
    })
}

fn account(fiche: &Fiche, number: u64) -> Value {
    let client = &fiche.client;
    json!({
        "account_id": (fiche.id * 10 + number).to_string(),
        "titulaire_nom": client.nom,
        "titulaire_prenom": client.prenom,
        "titulaire_adresse": "7 impasse des Essais",
        "titulaire_cp": client.ville[0],
        "titulaire_ville": client.ville[1],
    })
}

fn prices(fiche: &Fiche) -> Value {
    let Product {
        groupe,
        gamme,
        formule,
        prix,
        ..
    } = fiche.product;
    json!([{
        "nom": groupe,
        "gammes": [{
            "nom": gamme,
            "logo_url": doc(fiche, "logo.png"),
            "garanties_url": null,
            "conditions_generales_url": null,
            "bulletin_adhesion_url": null,
            "formules": [{
                "formule_id": "7001",
                "nom": "INITIAL",
                "prix": "49,90",
                "details": { "Hospitalisation": "100 %", "Optique": "100 €" },
            }, {
                "formule_id": "7002",
                "nom": formule,
                "prix": prix,
                "details": { "Hospitalisation": "200 %", "Optique": "250 €" },
            }],
        }],
    }])
}

/// The first of the month after next.
fn effect_date(fiche: &Fiche) -> NaiveDate {
    let sale = fiche.inserted.date();
    sale.with_day(1).unwrap_or(sale) + Months::new(2)
}
