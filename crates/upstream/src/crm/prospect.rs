//! The `prospect` section of a fiche.

use serde::{Deserialize, Serialize};

use super::lenient;

/// The customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prospect {
    /// The customer.
    #[serde(deserialize_with = "lenient::text")]
    pub prospect_id: String,
    /// Code of the title.
    #[serde(deserialize_with = "lenient::int")]
    pub civilite: i64,
    /// The title.
    #[serde(deserialize_with = "lenient::text")]
    pub civilite_text: String,
    /// Last name.
    #[serde(deserialize_with = "lenient::text")]
    pub nom: String,
    /// First name.
    #[serde(deserialize_with = "lenient::text")]
    pub prenom: String,
    /// Birth date, display text.
    #[serde(deserialize_with = "lenient::text")]
    pub date_naissance: String,
    /// Code of the health scheme.
    #[serde(deserialize_with = "lenient::text")]
    pub regime: String,
    /// The health scheme.
    #[serde(deserialize_with = "lenient::text")]
    pub regime_text: String,
    /// Landline.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub telephone: Option<String>,
    /// Mobile.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub mobile: Option<String>,
    /// Another number.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub telephone_2: Option<String>,
    /// E-mail.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub mail: Option<String>,
    /// Another e-mail.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub mail_2: Option<String>,
    /// Street.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub adresse: Option<String>,
    /// Postal code.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub code_postal: Option<String>,
    /// Town.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub ville: Option<String>,
    /// Social security number.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub num_secu: Option<String>,
    /// Affiliation number.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub num_affiliation: Option<String>,
    /// Code of the family situation.
    #[serde(deserialize_with = "lenient::opt_int")]
    pub situation_familiale: Option<i64>,
    /// The family situation.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub situation_familiale_text: Option<String>,
    /// Under the Madelin law.
    #[serde(deserialize_with = "lenient::flag")]
    pub madelin: bool,
    /// Occupation.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub profession: Option<String>,
    /// Code of the social category.
    #[serde(deserialize_with = "lenient::opt_int")]
    pub csp: Option<i64>,
    /// The social category.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub csp_text: Option<String>,
    /// Fax.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub fax: Option<String>,
}
