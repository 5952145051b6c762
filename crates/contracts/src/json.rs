use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

/// Writes a field that holds JSON text as that JSON; empty text as null.
pub(crate) fn raw<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() {
        return serializer.serialize_none();
    }
    let value: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
    value.serialize(serializer)
}
