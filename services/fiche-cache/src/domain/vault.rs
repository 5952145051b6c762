//! What of a fiche is health, bank or identity data, or free text that may hold some: sealed on its way
//! into the database (fiches.md W26). Nothing filters by it.

use serde_json::{Map, Value};
use std::sync::Arc;
use vigie_sealed::{SealError, SealingKeys};

/// Where it stands in a payload; `*` is every row of a list or field of an object.
const SENSITIVE: [&[&str]; 14] = [
    &["prospect", "num_secu"],
    &["prospect", "num_affiliation"],
    &[
        "elements_souscription",
        "paiement",
        "compte_prelevement",
        "*",
    ],
    &["elements_souscription", "paiement", "compte_virement", "*"],
    &["elements_souscription", "questions_complementaires"],
    &["elements_souscription", "questions_conseil"],
    &["elements_souscription", "raw_data"],
    &["commentaires", "*", "texte"],
    &["rendez_vous", "*", "commentaire"],
    &["alertes", "*", "commentaire"],
    &["alertes", "*", "commentaire_traitement"],
    &["reclamations", "*", "description"],
    &["autres_contrats", "*", "commentaire"],
    &["raw_sections", "*"],
];

/// Seals and opens it. Without keys everything stays clear; what was written clear is read in any case.
#[derive(Debug, Clone, Default)]
pub struct Vault(Arc<SealingKeys>);

impl Vault {
    /// With these keys: the first seals, all open.
    pub const fn new(keys: Arc<SealingKeys>) -> Self {
        Self(keys)
    }

    /// Seals sections of the row `fiche`.
    pub fn seal(&self, fiche: i64, sections: &mut Map<String, Value>) -> Result<(), SealError> {
        if self.0.is_empty() {
            return Ok(());
        }
        for path in SENSITIVE {
            let context = context(fiche, path);
            at(sections, path, &mut |value| {
                if !is_empty(value) && !self.is_sealed(&context, value) {
                    let clear = value.to_string();
                    *value = self.0.seal_text(&context, clear.as_bytes())?.into();
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Sealing twice is sealing once.
    fn is_sealed(&self, context: &str, value: &Value) -> bool {
        let opened = value.as_str().map(|text| self.0.open_text(context, text));
        matches!(opened, Some(Ok(Some(_))))
    }

    /// Seals with the first key what lies clear or was sealed with another, and says whether there was
    /// any. What no key opens is an error, and nothing may be written then.
    pub fn reseal(&self, fiche: i64, sections: &mut Map<String, Value>) -> Result<bool, SealError> {
        let mut changed = false;
        for path in SENSITIVE {
            let context = context(fiche, path);
            at(sections, path, &mut |value| {
                let text = value.as_str().unwrap_or_default();
                if is_empty(value) || self.0.is_current(&context, text) {
                    return Ok(());
                }
                let clear = match self.0.open_text(&context, text)? {
                    Some(clear) => clear,
                    None => value.to_string().into_bytes(),
                };
                *value = self.0.seal_text(&context, &clear)?.into();
                changed = true;
                Ok(())
            })?;
        }
        Ok(changed)
    }

    /// Whether there is a key to seal with.
    pub fn can_seal(&self) -> bool {
        !self.0.is_empty()
    }

    /// The sections that hold something sensitive.
    pub fn holds(section: &str) -> bool {
        SENSITIVE.iter().any(|path| path.first() == Some(&section))
    }

    /// Opens what [`Vault::seal`] sealed.
    pub fn open(&self, fiche: i64, sections: &mut Map<String, Value>) -> Result<(), SealError> {
        for path in SENSITIVE {
            let context = context(fiche, path);
            at(sections, path, &mut |value| {
                let Some(text) = value.as_str() else {
                    return Ok(());
                };
                if let Some(clear) = self.0.open_text(&context, text)? {
                    *value = serde_json::from_slice(&clear).map_err(|_| SealError::Open)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Binds a value to its row and its column.
fn context(fiche: i64, path: &[&str]) -> String {
    format!("fiche_cache {fiche} {}", path.join("."))
}

/// Nothing to hide; and an empty object stays what a reader tells from an absent one.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(rows) => rows.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

type Visit<'a> = &'a mut dyn FnMut(&mut Value) -> Result<(), SealError>;

fn at(sections: &mut Map<String, Value>, path: &[&str], visit: Visit<'_>) -> Result<(), SealError> {
    let Some((section, rest)) = path.split_first() else {
        return Ok(());
    };
    match sections.get_mut(*section) {
        Some(section) => walk(section, rest, visit),
        None => Ok(()),
    }
}

fn walk(value: &mut Value, path: &[&str], visit: Visit<'_>) -> Result<(), SealError> {
    let Some((key, rest)) = path.split_first() else {
        return visit(value);
    };
    match value {
        Value::Array(rows) if *key == "*" => {
            rows.iter_mut().try_for_each(|row| walk(row, rest, visit))
        }
        Value::Object(fields) if *key == "*" => fields
            .values_mut()
            .try_for_each(|field| walk(field, rest, visit)),
        Value::Object(fields) => match fields.get_mut(*key) {
            Some(field) => walk(field, rest, visit),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{SENSITIVE, Vault};
    use secrecy::SecretString;
    use serde_json::{Map, Value};
    use std::sync::Arc;
    use vigie_sealed::SealingKeys;

    fn vault(key: &str) -> Vault {
        // 43 letters and a sign are 32 bytes in base64.
        let list: SecretString = format!("{}=", key.repeat(43)).into();
        Vault::new(Arc::new(SealingKeys::parse(&list).unwrap()))
    }

    fn example() -> Map<String, Value> {
        let text = include_str!("../../../../crates/upstream/tests/fixtures/fiche.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn nothing_sensitive_is_left_clear_and_all_comes_back() {
        let (vault, given) = (vault("A"), example());
        let mut sections = given.clone();
        vault.seal(7, &mut sections).unwrap();
        let sealed = sections.clone();
        for path in SENSITIVE {
            let mut seen = 0;
            super::at(&mut sections, path, &mut |value| {
                seen += 1;
                let text = value.as_str().unwrap_or_default();
                assert!(
                    super::is_empty(value) || text.starts_with("sealed:"),
                    "{path:?}"
                );
                Ok(())
            })
            .unwrap();
            assert!(seen > 0, "{path:?} is not in the example");
        }
        assert_eq!(sections, sealed);
        let mut another = sections.clone();
        vault.seal(7, &mut another).unwrap();
        assert_eq!(another, sections, "twice is once");
        assert!(vault.open(8, &mut another).is_err(), "bound to its row");
        vault.open(7, &mut sections).unwrap();
        assert_eq!(sections, given);
    }

    #[test]
    fn a_new_key_seals_what_an_old_one_did_and_what_lies_clear() {
        let list: SecretString = ["E", "A"]
            .map(|key| format!("{}=", key.repeat(43)))
            .join(",")
            .into();
        let both = Vault::new(Arc::new(SealingKeys::parse(&list).unwrap()));
        let mut sections = example();
        vault("A").seal(7, &mut sections).unwrap();
        sections.insert(
            "raw_sections".to_owned(),
            serde_json::json!({"note": "clear"}),
        );
        let mut expected = example();
        expected.insert("raw_sections".to_owned(), sections["raw_sections"].clone());
        assert!(
            vault("E").reseal(7, &mut sections.clone()).is_err(),
            "no key opens it"
        );
        assert!(both.reseal(7, &mut sections).unwrap());
        assert!(!both.reseal(7, &mut sections).unwrap(), "once is enough");
        vault("E").open(7, &mut sections).unwrap();
        assert_eq!(sections, expected);
        assert!(SENSITIVE.iter().all(|path| Vault::holds(path[0])) && !Vault::holds("mails"));
    }

    #[test]
    fn without_a_key_nothing_changes_but_sealed_rows_do_not_open() {
        let none = Vault::default();
        let mut sections = example();
        none.seal(7, &mut sections).unwrap();
        assert_eq!(sections, example());
        vault("A").open(7, &mut sections).unwrap();
        assert_eq!(sections, example(), "clear rows are read");
        vault("A").seal(7, &mut sections).unwrap();
        assert!(none.open(7, &mut sections).is_err());
    }
}
