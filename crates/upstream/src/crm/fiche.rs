//! The details of one fiche.

use serde_json::{Map, Value};

use super::information::Information;
use super::lenient::{self, Quarantined};
use super::prospect::Prospect;
use super::recording::UpstreamRecording;
use super::sections;

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FicheOptions {
    /// Only access checks do without.
    pub include_recordings: bool,
    /// The quotation mail: slow, asked for on demand.
    pub include_mail_devis: bool,
}

impl Default for FicheOptions {
    fn default() -> Self {
        Self {
            include_recordings: true,
            include_mail_devis: false,
        }
    }
}

/// The quotation mail of a fiche.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum MailDevis {
    /// Not asked for, or not answered: what is stored stays.
    #[default]
    Unknown,
    /// Asked for; there is none.
    None,
    /// The mail, as it came.
    Present(Value),
}

/// Everything the gateway tells about one fiche.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FicheDetails {
    /// Always true: an unsuccessful answer is an error.
    pub success: bool,
    /// The gateway's remark.
    pub message: String,
    /// The file itself; without it the fiche cannot be stored.
    pub information: Option<Information>,
    /// The customer.
    pub prospect: Option<Prospect>,
    /// The readable recordings, in upstream order.
    pub recordings: Vec<UpstreamRecording>,
    /// Whether recordings were asked for and listed: without, an empty list means nothing.
    pub with_recordings: bool,
    /// The quotation mail.
    pub mail_devis: MailDevis,
    /// All other known sections, verbatim but for numeric ids, each always present: nine lists, `conjoint`,
    /// `elements_souscription`, `raw_sections`.
    pub sections: Map<String, Value>,
    /// Rows left out.
    pub quarantined: Vec<Quarantined>,
}

/// What a 200 turned out to be.
#[derive(Debug)]
pub(super) enum Reading {
    Fiche(Box<FicheDetails>),
    Absent,
    Unsuccessful,
    Invalid,
}

/// Reads an answer about the fiche `id`.
pub(super) fn read(body: Value, id: &str, options: FicheOptions) -> Reading {
    let Value::Object(mut payload) = body else {
        return Reading::Invalid;
    };
    let message = payload
        .remove("message")
        .as_ref()
        .and_then(lenient::scalar)
        .unwrap_or_default();
    match payload.get("success").and_then(lenient::boolean) {
        Some(true) => {}
        Some(false) if proves_absence(&message) => return Reading::Absent,
        Some(false) => return Reading::Unsuccessful,
        None => return Reading::Invalid,
    }
    let information: Option<Information> = object(&mut payload, "information");
    let other = information
        .as_ref()
        .is_some_and(|it| !it.fiche_id.trim().is_empty() && it.fiche_id.trim() != id);
    // Storing another customer's file under this id would be worse than failing.
    if other {
        return Reading::Invalid;
    }
    let mut quarantined = Vec::new();
    let list = payload
        .remove("recordings")
        .filter(|list| options.include_recordings && list.is_array());
    let with_recordings = list.is_some();
    let recordings = lenient::rows(
        "recordings",
        list,
        &mut quarantined,
        UpstreamRecording::read,
    );
    Reading::Fiche(Box::new(FicheDetails {
        success: true,
        message,
        information,
        prospect: object(&mut payload, "prospect"),
        recordings,
        with_recordings,
        mail_devis: mail_devis(&mut payload, options, &mut quarantined),
        sections: sections::take(&mut payload, &mut quarantined),
        quarantined,
    }))
}

fn object<T: serde::de::DeserializeOwned>(
    payload: &mut Map<String, Value>,
    key: &str,
) -> Option<T> {
    // An empty PHP object arrives as `[]`.
    match payload.remove(key)? {
        Value::Object(object) if !object.is_empty() => lenient::decode(object).ok(),
        _ => None,
    }
}

fn mail_devis(
    payload: &mut Map<String, Value>,
    options: FicheOptions,
    quarantined: &mut Vec<Quarantined>,
) -> MailDevis {
    match payload.remove("mail_devis") {
        Some(mail) if options.include_mail_devis && mail.is_object() => {
            MailDevis::Present(sections::mail_devis(mail, quarantined))
        }
        Some(Value::Null) if options.include_mail_devis => MailDevis::None,
        _ => MailDevis::Unknown,
    }
}

/// Whether the text of a `success=false` says that there is no such fiche, rather than that something failed.
fn proves_absence(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "introuvable",
        "inexistant",
        "n'existe pas",
        "n’existe pas",
        "aucune fiche",
        "not found",
        "does not exist",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::crm::read_mail_devis;

    fn fiche(body: Value, options: FicheOptions) -> FicheDetails {
        match read(body, "2104417", options) {
            Reading::Fiche(fiche) => *fiche,
            other => panic!("{other:?}"),
        }
    }

    const WITH_MAIL: FicheOptions = FicheOptions {
        include_recordings: true,
        include_mail_devis: true,
    };

    #[test]
    fn a_sloppy_answer_is_read_for_what_it_means() {
        let body = json!({"success": true, "message": "ok", "unknown": 1,
            "information": {"fiche_id": 2_104_417, "groupe": "EQUIPE NORD", "attribution_user_id": 107, "agence_id": 19,
                "origine_id": 5, "nombre_acces": "12", "corbeille": 0, "exception_demarchage": "1", "niveau_interet": null,
                "modules": ["Santé", null], "etiquettes": [{"nom": "x"}, 3], "groupe_reclamation": ""},
            "prospect": [],
            "recordings": [{"call_id": 70, "duration_seconds": 642.7, "answered": true, "transcription": {"speakers": []}}, {}],
            "mail_devis": null});
        let fiche = fiche(body, FicheOptions::default());
        let information = fiche.information.unwrap();
        assert_eq!(information.fiche_id, "2104417");
        assert_eq!(information.attribution_user_id, "107");
        assert_eq!(information.origine_id.as_deref(), Some("5"));
        assert_eq!(information.nombre_acces, 12);
        assert!(information.exception_demarchage && !information.corbeille);
        assert_eq!(information.modules, ["Santé"]);
        assert_eq!(information.etiquettes.len(), 1);
        assert_eq!(information.groupe_reclamation.as_deref(), Some(""));
        assert_eq!(fiche.prospect, None);
        assert_eq!(fiche.recordings.len(), 1);
        assert_eq!(fiche.recordings[0].duration_seconds, Some(642));
        assert_eq!(fiche.quarantined.len(), 1);
        assert_eq!(fiche.mail_devis, MailDevis::Unknown);
        assert_eq!(fiche.sections["conjoint"], Value::Null);
        assert_eq!(fiche.sections["mails"], json!([]));
        assert!(!fiche.sections.contains_key("unknown"));
    }

    #[rstest]
    #[case(json!({}), MailDevis::Unknown)]
    #[case(json!({"mail_devis": null}), MailDevis::None)]
    #[case(json!({"mail_devis": {"a": 1}}), MailDevis::Present(read_mail_devis(json!({})).0))]
    fn the_mail_is_interpreted_only_when_asked_for(
        #[case] extra: Value,
        #[case] expected: MailDevis,
    ) {
        let mut body = extra;
        body["success"] = true.into();
        assert_eq!(
            fiche(body.clone(), FicheOptions::default()).mail_devis,
            MailDevis::Unknown
        );
        assert_eq!(fiche(body, WITH_MAIL).mail_devis, expected);
    }

    #[rstest]
    #[case(json!({"success": false, "message": "Fiche introuvable"}), "Absent")]
    #[case(json!({"success": false, "message": "Session expirée"}), "Unsuccessful")]
    #[case(json!({"success": false}), "Unsuccessful")]
    #[case(json!({"message": "x"}), "Invalid")]
    #[case(json!([]), "Invalid")]
    #[case(json!({"success": true, "information": {"fiche_id": "999"}}), "Invalid")]
    fn only_a_message_proves_absence(#[case] body: Value, #[case] expected: &str) {
        let reading = read(body, "2104417", FicheOptions::default());
        assert_eq!(format!("{reading:?}"), expected);
    }
}
