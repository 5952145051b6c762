//! Rows whose sections still stand in one JSON document: served from it until `vigie fiches backfill`
//! has moved them (fiches.md 4.4).

use super::clean::without_nul;
use serde_json::{Map, Value};
use vigie_upstream::crm::{Information, Prospect, read_mail_devis, read_sections};

/// What a document of a legacy row holds, in the form of today. A section that it does not have is
/// absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Legacy {
    /// Columns of the section, labels taken out.
    pub information: Option<Value>,
    /// Columns of the section.
    pub prospect: Option<Value>,
    /// The other sections.
    pub sections: Map<String, Value>,
    /// The quotation mail. A null mark is none: the row's own column says that.
    pub mail: Option<Value>,
    /// Pieces that could not be read.
    pub unreadable: usize,
}

/// Keys of a document that are sections or parts of the envelope; all others are of no use.
const ENVELOPE: [&str; 4] = ["success", "message", "cle", "recordings"];

impl Legacy {
    /// Reads a document.
    pub fn of(document: Value) -> Self {
        let Value::Object(given) = without_nul(document) else {
            return Self::default();
        };
        let mut legacy = Self::default();
        if let Some(mut fields) = decoded::<Information>(given.get("information")) {
            fields.remove("fiche_id");
            if let Some(labels) = fields.remove("etiquettes") {
                legacy.sections.insert("etiquettes".to_owned(), labels);
            }
            legacy.information = Some(fields.into());
        }
        // Details written before there were tables kept the labels beside the section.
        if let Some(labels) = given.get("etiquettes").filter(|labels| labels.is_array()) {
            let section = Map::from_iter([("etiquettes".to_owned(), labels.clone())]);
            let labels = decoded::<Information>(Some(&section.into()));
            let labels = labels.and_then(|mut fields| fields.remove("etiquettes"));
            legacy
                .sections
                .insert("etiquettes".to_owned(), labels.unwrap_or_default());
        }
        legacy.prospect = decoded::<Prospect>(given.get("prospect")).map(Value::Object);
        if let Some(mail) = given.get("mail_devis").filter(|mail| mail.is_object()) {
            let (mail, bad) = read_mail_devis(mail.clone());
            legacy.unreadable += bad.len();
            legacy.mail = Some(mail);
        }
        let (sections, bad) = read_sections(given.clone());
        legacy.unreadable += bad.len();
        let there = sections
            .into_iter()
            .filter(|(name, section)| given.contains_key(name) && !section.is_null());
        legacy.sections.extend(there);
        legacy
    }

    /// Whether nothing is left to be moved.
    pub fn is_empty(&self) -> bool {
        self.information.is_none()
            && self.prospect.is_none()
            && self.mail.is_none()
            && self.sections.is_empty()
    }
}

/// The keys of a document, each with what it is.
pub fn keys(document: &Value) -> Vec<(String, &'static str)> {
    let entries = document.as_object().into_iter().flatten();
    let kind = |(key, value): (&String, &Value)| {
        let kind = match value {
            _ if ENVELOPE.contains(&key.as_str()) => "envelope",
            Value::Null => "null",
            Value::Object(_) => "object",
            Value::Array(_) => "list",
            Value::Bool(_) | Value::Number(_) | Value::String(_) => "scalar",
        };
        (key.clone(), kind)
    };
    entries.map(kind).collect()
}

fn decoded<T>(section: Option<&Value>) -> Option<Map<String, Value>>
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    let section = section.filter(|it| it.as_object().is_some_and(|fields| !fields.is_empty()))?;
    // These types read anything.
    let read: T = serde_json::from_value(section.clone()).ok()?;
    match serde_json::to_value(read).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Legacy;
    use serde_json::json;

    #[test]
    fn only_what_is_there_is_read() {
        let legacy = Legacy::of(json!({"_x": 1, "documents": [{"document_id": 1}, 7],
            "conjoint": null, "mail_devis": null, "enfants": [],
            "etiquettes": [{"nom": "a"}]}));
        assert_eq!(
            (legacy.information, legacy.prospect, legacy.mail),
            (None, None, None)
        );
        let names: Vec<_> = legacy.sections.keys().map(String::as_str).collect();
        assert_eq!(names, ["documents", "enfants", "etiquettes"]);
        assert_eq!(
            legacy.sections["etiquettes"],
            json!([{"nom": "a", "date": "", "style": ""}])
        );
        assert_eq!(legacy.unreadable, 1);
        assert!(Legacy::of(json!({})).is_empty() && Legacy::of(json!([1])).is_empty());
    }

    #[test]
    fn sections_of_the_file_itself_are_columns() {
        let legacy = Legacy::of(json!({"information": {"fiche_id": 7, "groupe": "",
            "etiquettes": [{"nom": "b"}]}, "prospect": {"nom": "X"}, "mail_devis": {}}));
        let information = legacy.information.unwrap();
        assert_eq!(information["groupe"], "");
        assert!(information.get("fiche_id").is_none());
        assert_eq!(legacy.prospect.unwrap()["nom"], "X");
        assert_eq!(legacy.mail.unwrap()["mail_devis"]["type_mail"], "");
        assert_eq!(legacy.sections["etiquettes"][0]["nom"], "b");
    }
}
