//! The payload of a fiche (fiches.md 4.4): the same whether it was just fetched or long cached.

use super::details::NewDetails;
use super::recording::newest_first;
use serde_json::{Map, Value};
use vigie_events::ids::FicheId;
use vigie_upstream::crm::MailDevis;

/// Sections that are lists; absent ones are `[]`.
const LISTS: [&str; 9] = [
    "documents",
    "commentaires",
    "mails",
    "rendez_vous",
    "alertes",
    "enfants",
    "reclamations",
    "autres_contrats",
    "tarification",
];

/// The parts that a payload is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The fiche's key.
    pub cle: Option<String>,
    /// The CRM's remark.
    pub message: Option<String>,
    /// Columns of the section.
    pub information: Value,
    /// Columns of the section.
    pub prospect: Option<Value>,
    /// All other sections.
    pub sections: Map<String, Value>,
    /// The quotation mail.
    pub mail: MailDevis,
    /// Views of the recordings, in any order.
    pub recordings: Vec<Value>,
}

impl From<&NewDetails> for Parts {
    fn from(new: &NewDetails) -> Self {
        Self {
            cle: new.cle.clone(),
            message: Some(new.message.clone()),
            information: new.information.clone(),
            prospect: new.prospect.clone(),
            sections: new.sections.clone(),
            mail: new.mail.clone(),
            recordings: new.calls.iter().map(super::recording::Call::view).collect(),
        }
    }
}

/// What of it the caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The quotation mail was asked for.
    pub mail_devis: bool,
    /// The caller may listen to recordings.
    pub recording_urls: bool,
}

/// Puts the payload together; every key of the contract is there.
pub fn assemble(fiche: &FicheId, parts: Parts, shown: Shown) -> Value {
    let Parts {
        cle,
        message,
        mut information,
        prospect,
        mut sections,
        mail,
        mut recordings,
    } = parts;
    if let Some(fields) = information.as_object_mut() {
        fields.insert("fiche_id".to_owned(), fiche.as_str().into());
        let labels = sections.remove("etiquettes");
        fields.insert("etiquettes".to_owned(), labels.unwrap_or_else(no_rows));
    }
    newest_first(&mut recordings);
    if !shown.recording_urls {
        for recording in &mut recordings {
            if let Some(fields) = recording.as_object_mut() {
                fields.remove("recording_url");
            }
        }
    }

    let mut payload = Map::new();
    let mut put = |key: &str, value: Value| {
        payload.insert(key.to_owned(), value);
    };
    put("cle", cle.map_or(Value::Null, Value::from));
    put("success", true.into());
    let message = message.filter(|text| !text.is_empty());
    put("message", message.unwrap_or_else(|| "OK".to_owned()).into());
    put("information", information);
    put("prospect", prospect.unwrap_or_default());
    for key in ["conjoint", "elements_souscription"] {
        put(key, sections.remove(key).unwrap_or_default());
    }
    for key in LISTS {
        put(key, sections.remove(key).unwrap_or_else(no_rows));
    }
    let raw = sections.remove("raw_sections");
    put("raw_sections", raw.unwrap_or_else(|| Map::new().into()));
    put("recordings", recordings.into());
    if shown.mail_devis {
        let mail = match mail {
            MailDevis::Present(mail) => mail,
            MailDevis::None | MailDevis::Unknown => Value::Null,
        };
        put("mail_devis", mail);
    }
    Value::Object(payload)
}

fn no_rows() -> Value {
    Value::Array(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parts() -> Parts {
        Parts {
            cle: None,
            message: None,
            information: json!({"groupe": "EQUIPE NORD"}),
            prospect: None,
            sections: Map::new(),
            mail: MailDevis::Present(json!({"mail_devis": {}})),
            recordings: vec![json!({"call_id": "7", "recording_url": "https://a.test/7.mp3"})],
        }
    }

    #[test]
    fn every_key_is_there() {
        let shown = Shown {
            mail_devis: true,
            recording_urls: true,
        };
        let payload = assemble(&"12".parse().unwrap(), parts(), shown);
        assert_eq!(
            payload,
            json!({"cle": null, "success": true, "message": "OK",
                "information": {"fiche_id": "12", "groupe": "EQUIPE NORD", "etiquettes": []},
                "prospect": null, "conjoint": null, "elements_souscription": null,
                "documents": [], "commentaires": [], "mails": [], "rendez_vous": [], "alertes": [],
                "enfants": [], "reclamations": [], "autres_contrats": [], "tarification": [],
                "raw_sections": {}, "mail_devis": {"mail_devis": {}},
                "recordings": [{"call_id": "7", "recording_url": "https://a.test/7.mp3"}]})
        );
    }

    #[test]
    fn what_was_not_asked_for_or_not_allowed_is_absent() {
        let shown = Shown {
            mail_devis: false,
            recording_urls: false,
        };
        let payload = assemble(&"12".parse().unwrap(), parts(), shown);
        assert!(payload.get("mail_devis").is_none());
        assert_eq!(payload["recordings"], json!([{"call_id": "7"}]));
    }
}
