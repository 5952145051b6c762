//! The bodies that start an audit (`audits.md` 6.5, 6.6).

use super::ids::{database_id_in, is_digits};
use serde_json::Value;

const MAX_SOURCE_CHARS: usize = 50;
const DEFAULT_SOURCE: &str = "api";

/// Why a body starts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputError {
    /// What must be there is not.
    Missing,
    /// A field cannot be what it should be.
    Invalid(&'static str),
}

/// An audit as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInput {
    /// Which fiche.
    pub fiche_id: String,
    /// Which configuration; none means the newest.
    pub config_id: Option<i64>,
    /// For whom; honoured for machines only.
    pub user_id: Option<String>,
    /// Whether the model searches the transcript itself.
    pub use_rlm: bool,
    /// What it belongs to.
    pub linkage: Linkage,
}

/// Where an audit came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linkage {
    /// A schedule.
    pub schedule_id: Option<String>,
    /// A run of it.
    pub run_id: Option<String>,
    /// The kind of origin.
    pub source: String,
}

impl Default for Linkage {
    fn default() -> Self {
        Self {
            schedule_id: None,
            run_id: None,
            source: DEFAULT_SOURCE.to_owned(),
        }
    }
}

/// Reads the body of `POST /api/audits/run`.
pub fn run(body: &Value) -> Result<RunInput, InputError> {
    let config = field(body, "audit_config_id").or_else(|| field(body, "audit_id"));
    let (Some(config), Some(_)) = (config, field(body, "fiche_id")) else {
        return Err(InputError::Missing);
    };
    let config_id = database_id_in(config).ok_or(InputError::Invalid("audit_config_id"))?;
    let input = run_latest(body)?;
    Ok(RunInput {
        config_id: Some(config_id),
        ..input
    })
}

/// Reads the body of `POST /api/audits`: the same, with linkage.
pub fn create(body: &Value) -> Result<RunInput, InputError> {
    let input = run(body)?;
    let linkage = Linkage {
        schedule_id: digits(body, "automation_schedule_id")?,
        run_id: digits(body, "automation_run_id")?,
        source: source(body)?,
    };
    Ok(RunInput { linkage, ..input })
}

/// Reads the body of `POST /api/audits/run-latest`.
pub fn run_latest(body: &Value) -> Result<RunInput, InputError> {
    let fiche = field(body, "fiche_id").ok_or(InputError::Missing)?;
    Ok(RunInput {
        fiche_id: fiche_id(fiche).ok_or(InputError::Invalid("fiche_id"))?,
        config_id: None,
        user_id: user_id(body)?,
        use_rlm: use_rlm(body),
        linkage: Linkage::default(),
    })
}

/// A batch as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchInput {
    /// Which fiches, as they were listed.
    pub fiche_ids: Vec<String>,
    /// Which configuration; none means the installation's.
    pub config_id: Option<i64>,
    /// For whom; honoured for machines only.
    pub user_id: Option<String>,
    /// Whether the model searches the transcript itself.
    pub use_rlm: bool,
}

/// Reads the body of `POST /api/audits/batch`.
pub fn batch(body: &Value) -> Result<BatchInput, InputError> {
    let Some(Value::Array(ids)) = body.get("fiche_ids") else {
        return Err(InputError::Invalid("fiche_ids"));
    };
    let text = |id: &Value| {
        let id = id.as_str().map(str::trim).filter(|id| !id.is_empty());
        id.map(str::to_owned)
            .ok_or(InputError::Invalid("fiche_ids"))
    };
    let fiche_ids: Vec<String> = ids.iter().map(text).collect::<Result<_, _>>()?;
    if fiche_ids.is_empty() {
        return Err(InputError::Invalid("fiche_ids"));
    }
    let config_id = match body.get("audit_config_id") {
        None | Some(Value::Null) => None,
        Some(id) => Some(database_id_in(id).ok_or(InputError::Invalid("audit_config_id"))?),
    };
    Ok(BatchInput {
        fiche_ids,
        config_id,
        user_id: user_id(body)?,
        use_rlm: use_rlm(body),
    })
}

/// A field that is there: null, the empty text, zero and false count as missing.
fn field<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => true,
    })
}

fn fiche_id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn user_id(body: &Value) -> Result<Option<String>, InputError> {
    match body.get("user_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() && storable(text) => {
            Ok(Some(text.trim().to_owned()))
        }
        Some(_) => Err(InputError::Invalid("user_id")),
    }
}

/// Postgres stores no NUL in a text.
fn storable(text: &str) -> bool {
    !text.contains('\0')
}

fn use_rlm(body: &Value) -> bool {
    let flag = |name: &str| body.get(name).and_then(Value::as_bool);
    flag("use_rlm").or_else(|| flag("useRlm")).unwrap_or(false)
}

fn digits(body: &Value, name: &'static str) -> Result<Option<String>, InputError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if is_digits(text.trim()) => Ok(Some(text.trim().to_owned())),
        Some(_) => Err(InputError::Invalid(name)),
    }
}

fn source(body: &Value) -> Result<String, InputError> {
    match body.get("trigger_source") {
        None | Some(Value::Null) => Ok(DEFAULT_SOURCE.to_owned()),
        Some(Value::String(text)) if text.chars().count() <= MAX_SOURCE_CHARS && storable(text) => {
            let text = text.trim();
            let text = if text.is_empty() {
                DEFAULT_SOURCE
            } else {
                text
            };
            Ok(text.to_owned())
        }
        Some(_) => Err(InputError::Invalid("trigger_source")),
    }
}

#[cfg(test)]
mod tests {
    use super::{InputError, batch, create, run, run_latest};
    use rstest::rstest;
    use serde_json::{Value, json};

    #[test]
    fn ids_are_numbers_or_text_and_have_aliases() {
        let input =
            run(&json!({"fiche_id": 4_410_027, "audit_id": " 21 ", "useRlm": true})).unwrap();
        assert_eq!(
            (input.fiche_id.as_str(), input.config_id),
            ("4410027", Some(21))
        );
        assert!(input.use_rlm);
        let both =
            json!({"fiche_id": " 44 ", "audit_config_id": 7, "audit_id": 21, "use_rlm": "yes"});
        let input = run(&both).unwrap();
        assert_eq!((input.fiche_id.as_str(), input.config_id), ("44", Some(7)));
        assert!(!input.use_rlm, "not a boolean: ignored");
    }

    #[rstest]
    #[case(json!({}), InputError::Missing)]
    #[case(json!({"fiche_id": "44"}), InputError::Missing)]
    #[case(json!({"fiche_id": "", "audit_config_id": 7}), InputError::Missing)]
    #[case(json!({"fiche_id": "44", "audit_config_id": 0}), InputError::Missing)]
    #[case(json!({"fiche_id": "  ", "audit_config_id": 7}), InputError::Invalid("fiche_id"))]
    #[case(json!({"fiche_id": {}, "audit_config_id": 7}), InputError::Invalid("fiche_id"))]
    #[case(json!({"fiche_id": "44", "audit_config_id": "x"}), InputError::Invalid("audit_config_id"))]
    #[case(json!({"fiche_id": "44", "audit_config_id": -7}), InputError::Invalid("audit_config_id"))]
    #[case(json!({"fiche_id": "44", "audit_config_id": 1.5}), InputError::Invalid("audit_config_id"))]
    #[case(json!({"fiche_id": "44", "audit_config_id": 7, "user_id": 9}), InputError::Invalid("user_id"))]
    #[case(json!([]), InputError::Missing)]
    fn refusals(#[case] body: Value, #[case] error: InputError) {
        assert_eq!(run(&body).unwrap_err(), error);
    }

    #[test]
    fn linkage_is_read_on_create_only() {
        let body = json!({"fiche_id": "44", "audit_config_id": 7, "automation_schedule_id": "31",
            "automation_run_id": null, "trigger_source": "import"});
        let linkage = create(&body).unwrap().linkage;
        assert_eq!(
            (linkage.schedule_id.as_deref(), linkage.run_id),
            (Some("31"), None)
        );
        assert_eq!(linkage.source, "import");
        assert_eq!(run(&body).unwrap().linkage.source, "api");
        for source in ["x".repeat(51), "a\u{0}".to_owned()] {
            let body = json!({"fiche_id": "44", "audit_config_id": 7, "trigger_source": source});
            let refused = create(&body).unwrap_err();
            assert_eq!(refused, InputError::Invalid("trigger_source"));
        }
    }

    #[test]
    fn the_newest_configuration_needs_a_fiche_only() {
        assert_eq!(run_latest(&json!({"fiche_id": 5})).unwrap().config_id, None);
        assert_eq!(run_latest(&json!({})).unwrap_err(), InputError::Missing);
    }

    #[rstest]
    #[case(json!({}), "fiche_ids")]
    #[case(json!({"fiche_ids": "44"}), "fiche_ids")]
    #[case(json!({"fiche_ids": []}), "fiche_ids")]
    #[case(json!({"fiche_ids": ["44", " "]}), "fiche_ids")]
    #[case(json!({"fiche_ids": [44]}), "fiche_ids")]
    #[case(json!({"fiche_ids": ["44"], "audit_config_id": 0}), "audit_config_id")]
    #[case(json!({"fiche_ids": ["44"], "audit_config_id": "x"}), "audit_config_id")]
    #[case(json!({"fiche_ids": ["44"], "user_id": 12}), "user_id")]
    #[case(json!({"fiche_ids": ["44"], "user_id": "a\u{0}"}), "user_id")]
    fn a_batch_that_is_none_says_why(#[case] body: Value, #[case] field: &'static str) {
        assert_eq!(batch(&body), Err(InputError::Invalid(field)));
    }

    #[test]
    fn a_batch_names_its_fiches() {
        let body = json!({"fiche_ids": [" 44 ", "45"], "audit_config_id": "21", "useRlm": true});
        let input = batch(&body).unwrap();
        assert_eq!(input.fiche_ids, ["44", "45"]);
        assert_eq!((input.config_id, input.use_rlm), (Some(21), true));
        let input = batch(&json!({"fiche_ids": ["44"]})).unwrap();
        assert_eq!((input.config_id, input.user_id), (None, None));
    }
}
