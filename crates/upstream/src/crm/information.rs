//! The `information` section of a fiche.

use serde::{Deserialize, Deserializer, Serialize};

use super::lenient;

/// What the CRM knows about the file itself. Dates are display texts, kept as they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the gateway's own shape")]
pub struct Information {
    /// The fiche.
    #[serde(deserialize_with = "lenient::text")]
    pub fiche_id: String,
    /// Security key of the fiche; never sent back.
    #[serde(deserialize_with = "lenient::text")]
    pub cle: String,
    /// `DD/MM/YYYY HH:MM`.
    #[serde(deserialize_with = "lenient::text")]
    pub date_insertion: String,
    /// Who made it.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub createur: Option<String>,
    /// Related fiches.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub fiches_associees: Option<String>,
    /// How often it was opened.
    #[serde(deserialize_with = "lenient::int")]
    pub nombre_acces: i64,
    /// When it was last opened.
    #[serde(deserialize_with = "lenient::text")]
    pub dernier_acces: String,
    /// The team; decides who sees the fiche.
    #[serde(deserialize_with = "lenient::text")]
    pub groupe: String,
    /// Head of the team.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub groupe_responsable: Option<String>,
    /// Management team.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub groupe_gestion: Option<String>,
    /// Complaints team.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub groupe_reclamation: Option<String>,
    /// The agency.
    #[serde(deserialize_with = "lenient::text")]
    pub agence_id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub agence_nom: String,
    /// The seller; decides who sees the fiche as their own.
    #[serde(deserialize_with = "lenient::text")]
    pub attribution_user_id: String,
    /// Their name.
    #[serde(deserialize_with = "lenient::text")]
    pub attribution_user_nom: String,
    /// Where the lead came from.
    #[serde(deserialize_with = "lenient::text")]
    pub provenance_id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub provenance_nom: String,
    /// Its number.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub provenance_numero: Option<String>,
    /// When to call back.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub provenance_periode_rappel: Option<String>,
    /// The origin.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub origine_id: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub origine_nom: Option<String>,
    /// The second seller.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub attribution_bis_user_id: Option<String>,
    /// Their name.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub attribution_bis_user_nom: Option<String>,
    /// Refuses canvassing.
    #[serde(deserialize_with = "lenient::flag")]
    pub refus_demarchage: bool,
    /// May be canvassed all the same.
    #[serde(deserialize_with = "lenient::flag")]
    pub exception_demarchage: bool,
    /// Why.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub exception_demarchage_commentaire: Option<String>,
    /// Level of interest.
    #[serde(deserialize_with = "lenient::opt_int")]
    pub niveau_interet: Option<i64>,
    /// Mails opened.
    #[serde(deserialize_with = "lenient::int")]
    pub nombre_ouverture_mails: i64,
    /// When the last was opened.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub derniere_ouverture_mail: Option<String>,
    /// Pages seen.
    #[serde(deserialize_with = "lenient::int")]
    pub nombre_visualisation_pages: i64,
    /// When the last was seen.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub derniere_visualisation_page: Option<String>,
    /// The customer area.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub espace_prospect_url: Option<String>,
    /// Whether it is closed.
    #[serde(deserialize_with = "lenient::flag")]
    pub ferme_espace_prospect: bool,
    /// Unsubscribed from mails.
    #[serde(deserialize_with = "lenient::flag")]
    pub desinscription_mail: bool,
    /// In the bin.
    #[serde(deserialize_with = "lenient::flag")]
    pub corbeille: bool,
    /// Archived.
    #[serde(deserialize_with = "lenient::flag")]
    pub archive: bool,
    /// Active modules.
    #[serde(deserialize_with = "lenient::texts")]
    pub modules: Vec<String>,
    /// Labels, in upstream order.
    #[serde(deserialize_with = "etiquettes")]
    pub etiquettes: Vec<Etiquette>,
}

/// A label on a fiche.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Etiquette {
    /// The label.
    #[serde(deserialize_with = "lenient::text")]
    pub nom: String,
    /// When it was put.
    #[serde(deserialize_with = "lenient::text")]
    pub date: String,
    /// CSS.
    #[serde(deserialize_with = "lenient::text")]
    pub style: String,
}

fn etiquettes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Etiquette>, D::Error> {
    let list = serde_json::Value::deserialize(from)?;
    // A label is decoration: an unreadable one is left out without a word.
    let mut ignored = Vec::new();
    Ok(lenient::rows(
        "etiquettes",
        Some(list),
        &mut ignored,
        lenient::decode,
    ))
}
