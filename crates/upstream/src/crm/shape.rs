//! What a piece of a payload must look like, and how anything is made to look so.

use serde_json::{Map, Value};

use super::lenient::{self, Quarantined};

/// The form of a value. Reading into a form never fails: what does not fit becomes its empty form.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Text, `""` when there is none.
    Text,
    /// Text or null.
    OptText,
    /// A whole number, 0 when there is none.
    Int,
    /// A whole number or null.
    OptInt,
    /// A boolean, false when there is none.
    Flag,
    /// An object with these keys, whatever came.
    Object(Fields),
    /// The same, or null when no object came.
    OptObject(Fields),
    /// The same, or null when all its keys are null.
    Filled(Fields),
    /// Objects of one form; other rows are left out.
    List(Fields),
    /// Texts; other rows are left out.
    Texts,
    /// Keys of the CRM's own, each with a text.
    TextMap,
    /// Keys of the CRM's own, each with an object of one form.
    MapOf(Fields),
    /// An object that is kept as it is.
    Free,
    /// The subcategories of a guarantee: all lists of items, or all named.
    Subcategories,
}

/// The keys of an object.
pub(super) type Fields = &'static [(&'static str, Shape)];

/// One line of a guarantee.
pub(super) const ITEM: Fields = &[
    ("name", Shape::Text),
    ("value", Shape::Text),
    ("note_ref", Shape::OptText),
];

/// Reads a value into a form. Rows left out go to `quarantine` under the name of their list.
pub(super) fn read(
    name: &str,
    shape: Shape,
    value: Option<Value>,
    quarantine: &mut Vec<Quarantined>,
) -> Value {
    match shape {
        Shape::Text => text(value.as_ref()).unwrap_or_default().into(),
        Shape::OptText => text(value.as_ref()).map_or(Value::Null, Value::from),
        Shape::Int => whole(value.as_ref()).unwrap_or_default().into(),
        Shape::OptInt => whole(value.as_ref()).map_or(Value::Null, Value::from),
        Shape::Flag => {
            let flag = value.as_ref().and_then(lenient::boolean);
            flag.unwrap_or_default().into()
        }
        Shape::Object(fields) => object(fields, map(value).unwrap_or_default(), quarantine),
        Shape::OptObject(fields) => match map(value) {
            // An empty PHP object arrives as `[]`, an absent one sometimes as `{}`.
            Some(given) if !given.is_empty() => object(fields, given, quarantine),
            _ => Value::Null,
        },
        Shape::Filled(fields) => {
            let read = object(fields, map(value).unwrap_or_default(), quarantine);
            let empty = read
                .as_object()
                .is_none_or(|it| it.values().all(Value::is_null));
            if empty { Value::Null } else { read }
        }
        Shape::List(fields) => rows(name, fields, value, quarantine),
        Shape::Texts => {
            let rows = value.as_ref().and_then(Value::as_array);
            let texts = rows.into_iter().flatten().filter_map(lenient::scalar);
            texts.map(Value::from).collect()
        }
        Shape::TextMap => {
            let entries = map(value).unwrap_or_default().into_iter();
            let entries = entries.map(|(key, value)| (key, as_text(&value).into()));
            Value::Object(entries.collect())
        }
        Shape::MapOf(fields) => {
            let entries = map(value).unwrap_or_default().into_iter();
            let entries = entries.map(|(key, value)| {
                let read = object(fields, map(Some(value)).unwrap_or_default(), quarantine);
                (key, read)
            });
            Value::Object(entries.collect())
        }
        Shape::Free => Value::Object(map(value).unwrap_or_default()),
        Shape::Subcategories => subcategories(map(value).unwrap_or_default(), quarantine),
    }
}

fn object(fields: Fields, mut given: Map<String, Value>, bad: &mut Vec<Quarantined>) -> Value {
    let read = fields.iter().map(|(key, shape)| {
        let value = given.remove(*key);
        ((*key).to_owned(), read(key, *shape, value, bad))
    });
    Value::Object(read.collect())
}

fn rows(name: &str, fields: Fields, list: Option<Value>, bad: &mut Vec<Quarantined>) -> Value {
    let good = lenient::rows(name, list, bad, Ok);
    let good = good.into_iter().map(|row| object(fields, row, bad));
    Value::Array(good.collect())
}

/// Bare lists stay bare when all are; beside a named one they get their key for a name.
fn subcategories(given: Map<String, Value>, bad: &mut Vec<Quarantined>) -> Value {
    let bare = given.values().all(Value::is_array);
    let mut read = Map::new();
    for (key, value) in given {
        let (name, items) = match value {
            Value::Object(mut entry) => (text(entry.get("name")), entry.remove("items")),
            list => (None, Some(list)),
        };
        let items = rows("items", ITEM, items, bad);
        let entry = if bare {
            items
        } else {
            let name = name.unwrap_or_else(|| key.clone());
            Map::from_iter([
                ("name".to_owned(), name.into()),
                ("items".to_owned(), items),
            ])
            .into()
        };
        read.insert(key, entry);
    }
    read.into()
}

fn map(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(lenient::scalar)
}

fn whole(value: Option<&Value>) -> Option<i64> {
    value.and_then(lenient::integer)
}

/// A scalar as it is read, nothing as `""`, and what is more as JSON: it must not be lost.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        scalar => lenient::scalar(scalar).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_into(shape: Shape, value: Value) -> Value {
        read("list", shape, Some(value), &mut Vec::new())
    }

    #[test]
    fn what_does_not_fit_becomes_empty() {
        const FIELDS: Fields = &[("a", Shape::Text), ("n", Shape::OptInt), ("b", Shape::Flag)];
        let read = read_into(
            Shape::Object(FIELDS),
            json!({"a": 7, "n": "x", "b": 1, "z": 1}),
        );
        assert_eq!(read, json!({"a": "7", "n": null, "b": true}));
        let empty = json!({"a": "", "n": null, "b": false});
        assert_eq!(read_into(Shape::Object(FIELDS), json!([])), empty);
        assert_eq!(read_into(Shape::OptObject(FIELDS), json!([])), Value::Null);
        assert_eq!(
            read_into(Shape::List(FIELDS), json!([1, {}])),
            json!([empty])
        );
    }

    #[test]
    fn an_object_of_nulls_is_null() {
        const FIELDS: Fields = &[("a", Shape::OptText)];
        assert_eq!(
            read_into(Shape::Filled(FIELDS), json!({"a": null})),
            Value::Null
        );
        assert_eq!(
            read_into(Shape::Filled(FIELDS), json!({"a": ""})),
            json!({"a": ""})
        );
    }

    #[test]
    fn subcategories_have_one_form() {
        let item = json!({"name": "n", "value": "v"});
        let full = json!({"name": "n", "value": "v", "note_ref": null});
        assert_eq!(
            read_into(Shape::Subcategories, json!({"a": [item]})),
            json!({"a": [full]})
        );
        let mixed = json!({"a": [item], "b": {"name": "B", "items": []}, "c": {"items": [item]}});
        assert_eq!(
            read_into(Shape::Subcategories, mixed),
            json!({"a": {"name": "a", "items": [full]}, "b": {"name": "B", "items": []},
                   "c": {"name": "c", "items": [full]}})
        );
        assert_eq!(read_into(Shape::Subcategories, json!(null)), json!({}));
    }

    #[test]
    fn maps_of_texts_lose_nothing() {
        let map = json!({"a": 1, "b": null, "c": {"d": [1]}});
        assert_eq!(
            read_into(Shape::TextMap, map),
            json!({"a": "1", "b": "", "c": "{\"d\":[1]}"})
        );
    }
}
