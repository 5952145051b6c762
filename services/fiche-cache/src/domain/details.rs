//! Details on their way into the cache.

use super::clean::without_nul;
use super::recording::Call;
use chrono::NaiveDate;
use serde_json::{Map, Value};
use vigie_events::ids::FicheId;
use vigie_upstream::crm::{FicheDetails, MailDevis, parse_crm_date};

/// Details that cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum DetailsError {
    /// The file itself is missing: nothing could be scoped by it.
    #[error("Cannot cache fiche: missing information object")]
    NoInformation,
    /// A section does not serialise.
    #[error("cannot encode details")]
    Encode(#[from] serde_json::Error),
}

/// What a details write stores (fiches.md 4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct NewDetails {
    /// The fiche.
    pub fiche_id: FicheId,
    /// Its key.
    pub cle: Option<String>,
    /// The CRM's remark.
    pub message: String,
    /// `information.groupe`.
    pub groupe: Option<String>,
    /// `information.attribution_user_id`.
    pub attribution_user_id: Option<String>,
    /// `information.agence_nom`.
    pub agence_nom: Option<String>,
    /// `prospect.nom`.
    pub prospect_nom: Option<String>,
    /// `prospect.prenom`.
    pub prospect_prenom: Option<String>,
    /// `prospect.mail`.
    pub prospect_email: Option<String>,
    /// `prospect.telephone`, else `prospect.mobile`.
    pub prospect_tel: Option<String>,
    /// Day of `information.date_insertion`.
    pub inserted_on: Option<NaiveDate>,
    /// Columns of the section.
    pub information: Value,
    /// Columns of the section.
    pub prospect: Option<Value>,
    /// All other sections, `etiquettes` among them.
    pub sections: Map<String, Value>,
    /// The quotation mail.
    pub mail: MailDevis,
    /// The calls, each once.
    pub calls: Vec<Call>,
    /// Whether the CRM listed calls: without, that there are none means nothing.
    pub with_recordings: bool,
}

impl NewDetails {
    /// What to store of an answer.
    pub fn of(fiche_id: FicheId, details: FicheDetails) -> Result<Self, DetailsError> {
        let information = details.information.ok_or(DetailsError::NoInformation)?;
        let mut information = without_nul(serde_json::to_value(information)?);
        let mut sections = details.sections;
        if let Some(fields) = information.as_object_mut() {
            // The id is the row's own, labels are a list section.
            fields.remove("fiche_id");
            if let Some(labels) = fields.remove("etiquettes") {
                sections.insert("etiquettes".to_owned(), labels);
            }
        }
        let sections = match without_nul(Value::Object(sections)) {
            Value::Object(sections) => sections,
            _ => Map::new(),
        };
        let prospect = details.prospect.map(serde_json::to_value).transpose()?;
        let prospect = prospect.map(without_nul);
        let of_prospect = |key| prospect.as_ref().and_then(|it| text(it, key));
        Ok(Self {
            cle: text(&information, "cle"),
            message: details.message.replace('\0', ""),
            groupe: text(&information, "groupe"),
            attribution_user_id: text(&information, "attribution_user_id"),
            agence_nom: text(&information, "agence_nom"),
            prospect_nom: of_prospect("nom"),
            prospect_prenom: of_prospect("prenom"),
            prospect_email: of_prospect("mail"),
            prospect_tel: of_prospect("telephone").or_else(|| of_prospect("mobile")),
            inserted_on: text(&information, "date_insertion").and_then(|it| parse_crm_date(&it)),
            mail: match details.mail_devis {
                MailDevis::Present(mail) => MailDevis::Present(without_nul(mail)),
                other => other,
            },
            calls: Call::all(&details.recordings),
            with_recordings: details.with_recordings,
            fiche_id,
            information,
            prospect,
            sections,
        })
    }
}

impl NewDetails {
    /// All sections that have tables, as these want them.
    pub fn all_sections(&self) -> Map<String, Value> {
        let mut sections = self.sections.clone();
        sections.insert("information".to_owned(), self.information.clone());
        let prospect = self.prospect.clone().unwrap_or_default();
        sections.insert("prospect".to_owned(), prospect);
        sections
    }
}

/// A text that is not blank.
pub fn text(object: &Value, key: &str) -> Option<String> {
    let text = object.get(key)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vigie_upstream::crm::{Etiquette, Information, Prospect};

    #[test]
    fn scalars_come_from_the_sections_and_blanks_are_absent() {
        let details = FicheDetails {
            success: true,
            information: Some(Information {
                fiche_id: "2104417".into(),
                groupe: "EQUIPE\0 NORD".into(),
                attribution_user_id: " ".into(),
                date_insertion: "4/1/2026 09:05".into(),
                etiquettes: vec![Etiquette::default()],
                ..Information::default()
            }),
            prospect: Some(Prospect {
                nom: "MARTEL".into(),
                telephone: Some(String::new()),
                mobile: Some("0639980012".into()),
                ..Prospect::default()
            }),
            ..FicheDetails::default()
        };
        let new = NewDetails::of("2104417".parse().unwrap(), details).unwrap();
        assert_eq!(new.groupe.as_deref(), Some("EQUIPE NORD"));
        assert_eq!((new.attribution_user_id, new.cle), (None, None));
        assert_eq!(new.prospect_tel.as_deref(), Some("0639980012"));
        assert_eq!(new.inserted_on, NaiveDate::from_ymd_opt(2026, 1, 4));
        assert!(new.information.get("fiche_id").is_none());
        assert_eq!(
            new.sections["etiquettes"],
            json!([{"nom": "", "date": "", "style": ""}])
        );
    }

    #[test]
    fn without_information_there_is_nothing_to_store() {
        let new = NewDetails::of("1".parse().unwrap(), FicheDetails::default());
        assert!(matches!(new, Err(DetailsError::NoInformation)));
    }
}
