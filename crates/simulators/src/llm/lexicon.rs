//! What tells, in a call, that a control point was met.

use super::text::starts_word;

/// What a control point is about and the words that show it. Everything is folded text.
pub(super) struct Concept {
    /// Beginnings of words that all stand in the control point.
    about: &'static [&'static str],
    /// Any of these shows it.
    pub(super) said: &'static [&'static str],
    /// One of these is needed as well.
    pub(super) also: &'static [&'static str],
    /// Any of these shows the contrary.
    pub(super) against: &'static [&'static str],
    /// Who says it.
    pub(super) speaker: &'static str,
}

const AGENT: &str = "speaker_0";
const CLIENT: &str = "speaker_1";

const fn said(about: &'static [&'static str], said: &'static [&'static str]) -> Concept {
    Concept {
        about,
        said,
        also: &[],
        against: &[],
        speaker: AGENT,
    }
}

const fn both(
    about: &'static [&'static str],
    first: &'static [&'static str],
    also: &'static [&'static str],
) -> Concept {
    Concept {
        also,
        ..said(about, first)
    }
}

const fn unless(
    about: &'static [&'static str],
    against: &'static [&'static str],
    support: &'static [&'static str],
) -> Concept {
    Concept {
        against,
        ..said(about, support)
    }
}

const PRESSURE: &[&str] = &[
    "c est maintenant ou jamais",
    "derniere chance",
    "uniquement aujourd hui",
    "je ne raccroche pas",
    "je ne vous lache pas",
    "vous n avez pas le choix",
    "il faut signer tout de suite",
    "l offre expire",
];
const NO_PRESSURE: &[&str] = &[
    "prenez le temps",
    "prenez votre temps",
    "tete reposee",
    "rien ne presse",
    "aucune obligation",
    "sans engagement",
    "vous etes libre",
    "reflechir",
];
const FALSE_CLAIM: &[&str] = &[
    "de la part de la securite sociale",
    "de la part de votre caisse",
    "votre caisse d assurance maladie m",
    "je suis votre mutuelle",
    "votre mutuelle actuelle m envoie",
];
const BANK: &[&str] = &["iban", "rib", "coordonnees bancaires"];

/// The first that fits a control point is used, so the more precise ones stand first.
const CONCEPTS: &[Concept] = &[
    unless(&["pression"], PRESSURE, NO_PRESSURE),
    unless(
        &["fausse", "qualite"],
        FALSE_CLAIM,
        &["courtier", "courtage", "cabinet"],
    ),
    unless(
        &["refus"],
        PRESSURE,
        &[
            "je respecte",
            "je n insiste pas",
            "je comprends votre refus",
        ],
    ),
    unless(
        &["arret", "vente"],
        &["votre portabilite vous pouvez l arreter"],
        &[
            "je dois m arreter",
            "je ne peux pas vous proposer",
            "je n aurais pas pu vous proposer",
        ],
    ),
    said(&["orias"], &["orias", "immatricul"]),
    said(&["conserv"], &["conserv"]),
    both(&["enregistr", "oppos"], &["enregistr"], &["oppos"]),
    said(&["enregistr"], &["enregistr"]),
    both(
        &["nom", "cabinet"],
        &["je m appelle", "je suis", "a l appareil", "du cabinet"],
        &["cabinet", "horizon sante"],
    ),
    said(
        &["css"],
        &["complementaire sante solidaire", "css", "aide medicale"],
    ),
    said(&["portab"], &["portabilite", "ancien employeur"]),
    said(
        &["assureur", "actuel"],
        &[
            "chez qui",
            "quelle mutuelle",
            "quelle est votre mutuelle",
            "quel organisme",
            "vous avez une mutuelle",
        ],
    ),
    said(
        &["anciennete"],
        &[
            "douze mois",
            "plus d un an",
            "depuis combien",
            "depuis quand",
        ],
    ),
    said(
        &["motif"],
        &["qu est ce qui vous", "pourquoi", "raison", "motif"],
    ),
    said(
        &["postes"],
        &[
            "hospitalisation",
            "dentaire",
            "optique",
            "lunettes",
            "audi",
            "medecines douces",
        ],
    ),
    said(
        &["benefici"],
        &[
            "beneficiaire",
            "personnes a couvrir",
            "votre conjoint",
            "votre mari",
            "votre epouse",
            "enfants a charge",
            "pour vous seul",
        ],
    ),
    said(&["budget"], &["budget"]),
    said(
        &["reformul"],
        &["je reformule", "si je resume", "bien compris"],
    ),
    said(
        &["100", "sante"],
        &[
            "100 sante",
            "cent pour cent sante",
            "reste a charge zero",
            "sans reste a charge",
            "rien a payer",
        ],
    ),
    said(
        &["exclusion"],
        &[
            "exclu",
            "plafond",
            "carence",
            "pas pris en charge",
            "pas rembours",
        ],
    ),
    said(&["plafond"], &["plafond", "limite a"]),
    said(
        &["montant"],
        &["pour cent", "euros par an", "euros par jour", "forfait"],
    ),
    said(
        &["adapte"],
        &[
            "adapte",
            "je vous recommande",
            "je vous conseille",
            "correspond a",
        ],
    ),
    said(&["responsable"], &["contrat responsable"]),
    said(&["formule"], &["la formule", "formule"]),
    said(
        &["resiliation"],
        &["resili", "recommande electronique", "courrier"],
    ),
    said(
        &["frais"],
        &[
            "frais de dossier",
            "frais d adhesion",
            "droit d entree",
            "frais",
        ],
    ),
    said(&["cotisation"], &["cotisation", "euros par mois"]),
    said(
        &["date", "effet"],
        &[
            "date d effet",
            "prend effet",
            "prendra effet",
            "prise d effet",
        ],
    ),
    said(&["renonciation"], &["renonc", "quatorze jours", "retract"]),
    said(&["synthese"], &["recapitul", "pour resumer", "en resume"]),
    Concept {
        speaker: CLIENT,
        ..said(
            &["accord"],
            &["je confirme", "je suis d accord", "je donne mon accord"],
        )
    },
    said(
        &["suite"],
        &["vous allez recevoir", "vous recevrez", "suite du dossier"],
    ),
    unless(
        &["iban"],
        BANK,
        &["jamais par telephone", "espace securise"],
    ),
    unless(
        &["bancaire"],
        BANK,
        &["jamais par telephone", "espace securise"],
    ),
    said(&["devis"], &["devis"]),
    said(
        &["coordonnees"],
        &["date de naissance", "adresse", "code postal"],
    ),
];

/// The concept of a control point, given folded.
pub(super) fn concept(point: &str) -> Option<&'static Concept> {
    CONCEPTS.iter().find(|concept| {
        concept
            .about
            .iter()
            .all(|beginning| starts_word(point, beginning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::text::fold;

    #[test]
    fn the_demonstration_scorecard_is_known() {
        for point in [
            "Nom de l'agent et du cabinet annoncés",
            "Immatriculation ORIAS citée",
            "Enregistrement annoncé avec droit d'opposition",
            "Aucune fausse qualité revendiquée",
            "Question CSS / AME posée",
            "Arrêt de la vente en cas d'aide",
            "100 % Santé expliqué",
            "Aucune pression commerciale",
            "Suite du dossier annoncée",
        ] {
            assert!(concept(&fold(point)).is_some(), "{point}");
        }
        assert!(concept(&fold("Météo du jour commentée")).is_none());
    }
}
