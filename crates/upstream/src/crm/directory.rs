//! Users and groups of the CRM.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::{self, Quarantined};

/// A user of the CRM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CrmUser {
    /// Never blank.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Last name.
    #[serde(deserialize_with = "lenient::text")]
    pub nom: String,
    /// First name.
    #[serde(deserialize_with = "lenient::text")]
    pub prenom: String,
    /// Telephone.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub telephone: Option<String>,
    /// E-mail.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub email: Option<String>,
    /// Login name.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub login: Option<String>,
    /// Agency.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub agence: Option<String>,
    /// Its id.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub agence_id: Option<String>,
    /// Role.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub role: Option<String>,
    /// Its id.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub role_id: Option<String>,
    /// State.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub etat: Option<String>,
    /// Active.
    #[serde(deserialize_with = "lenient::opt_flag")]
    pub actif: Option<bool>,
    /// A flag of the CRM.
    #[serde(deserialize_with = "lenient::opt_flag")]
    pub tv: Option<bool>,
    /// A flag of the CRM.
    #[serde(deserialize_with = "lenient::opt_flag")]
    pub se: Option<bool>,
}

/// A group (team) of the CRM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CrmGroup {
    /// Never blank.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Matched exactly against a fiche's `groupe`.
    #[serde(deserialize_with = "lenient::text")]
    pub nom: String,
    /// How many members.
    #[serde(deserialize_with = "lenient::opt_int")]
    pub membres_count: Option<i64>,
    /// A head.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub responsable_1: Option<String>,
    /// A head.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub responsable_2: Option<String>,
    /// A head.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub responsable_3: Option<String>,
    /// Members, when asked for.
    #[serde(deserialize_with = "lenient::texts")]
    pub user_ids: Vec<String>,
}

/// A row with an id.
pub(super) trait Row: serde::de::DeserializeOwned {
    /// The key of the list in `data`.
    const LIST: &'static str;
}

impl Row for CrmUser {
    const LIST: &'static str = "utilisateurs";
}

impl Row for CrmGroup {
    const LIST: &'static str = "groupes";
}

/// Reads a directory answer; `None` when the envelope is unusable.
pub(super) fn read<T: Row>(body: Value) -> Option<(Vec<T>, Vec<Quarantined>)> {
    let Value::Object(mut envelope) = body else {
        return None;
    };
    if envelope.get("success").and_then(lenient::boolean) == Some(false) {
        return None;
    }
    let list = envelope
        .get_mut("data")?
        .as_object_mut()?
        .remove(T::LIST)
        .filter(Value::is_array)?;
    let mut quarantined = Vec::new();
    let rows = lenient::rows(T::LIST, Some(list), &mut quarantined, row);
    Some((rows, quarantined))
}

fn row<T: Row>(mut row: Map<String, Value>) -> Result<T, &'static str> {
    let id = lenient::id(row.get("id")).ok_or("id is missing")?;
    row.insert("id".to_owned(), id.into());
    lenient::decode(row)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn users_and_groups_are_read_row_by_row() {
        let body = json!({"success": true, "data": {"utilisateurs": [{"id": 107, "actif": 1}, {"nom": "x"}]}});
        let (users, bad) = read::<CrmUser>(body).unwrap();
        assert_eq!((users[0].id.as_str(), users[0].actif), ("107", Some(true)));
        assert_eq!(bad.len(), 1);
        let body = json!({"success": true, "data": {"groupes": [{"id": "31", "nom": "EQUIPE NORD", "user_ids": [107, "112"]}]}});
        let (groups, _) = read::<CrmGroup>(body).unwrap();
        assert_eq!(groups[0].user_ids, ["107", "112"]);
    }

    #[test]
    fn a_bad_envelope_is_nothing() {
        assert!(read::<CrmUser>(json!({"success": false, "data": {"utilisateurs": []}})).is_none());
        assert!(read::<CrmGroup>(json!({"success": true, "data": []})).is_none());
    }
}
