//! Minimal instances of a JSON schema, and fitting an answer to one.

use serde_json::{Map, Value, json};

/// Deepest nesting followed; a schema that refers to itself ends here.
const MAX_DEPTH: usize = 24;

/// The smallest plausible value of this schema.
pub(super) fn instance(schema: &Value) -> Value {
    build(schema, schema, MAX_DEPTH)
}

/// The value with what an object schema does not know left out and what it requires filled in.
pub(super) fn fit(schema: &Value, value: Value) -> Value {
    let Value::Object(mut fields) = value else {
        return value;
    };
    let Some(properties) = schema["properties"].as_object() else {
        return Value::Object(fields);
    };
    if schema["additionalProperties"] == json!(false) {
        fields.retain(|name, _| properties.contains_key(name));
    }
    for name in required(schema) {
        if !fields.contains_key(name) {
            fields.insert(name.to_owned(), build(schema, &properties[name], MAX_DEPTH));
        }
    }
    Value::Object(fields)
}

/// Whether this is the schema of an audit step, wherever it is defined.
pub(super) fn is_step(schema: &Value) -> bool {
    schema["properties"]["points_controle"].is_object()
}

fn build(root: &Value, schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| build(root, target, depth - 1));
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[choice].as_array().and_then(|list| list.first()) {
            return build(root, first, depth - 1);
        }
    }
    match kind(schema) {
        "object" => object(root, schema, depth),
        "array" => array(root, schema, depth),
        "string" => text(schema),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(0)),
        "boolean" => json!(false),
        _ => Value::Null,
    }
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema["properties"].is_object() => "object",
        _ => "null",
    }
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn object(root: &Value, schema: &Value, depth: usize) -> Value {
    let fields: Map<String, Value> = required(schema)
        .map(|name| {
            let value = build(root, &schema["properties"][name], depth - 1);
            (name.to_owned(), value)
        })
        .collect();
    Value::Object(fields)
}

fn array(root: &Value, schema: &Value, depth: usize) -> Value {
    let length = schema["minItems"].as_u64().unwrap_or_default();
    (0..length)
        .map(|_| build(root, &schema["items"], depth - 1))
        .collect()
}

fn text(schema: &Value) -> Value {
    let length = schema["minLength"].as_u64().unwrap_or_default();
    json!("x".repeat(usize::try_from(length).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_have_what_is_required() {
        let schema = json!({
            "type": "object",
            "required": ["level", "notes", "who", "maybe", "size"],
            "properties": {
                "level": { "enum": ["LOW", "HIGH"] },
                "notes": { "type": "array", "minItems": 1, "items": { "type": "string" } },
                "who": { "$ref": "#/$defs/person" },
                "maybe": { "type": ["string", "null"], "minLength": 2 },
                "size": { "type": "integer", "minimum": 3 },
                "extra": { "type": "boolean" },
            },
            "$defs": { "person": {
                "type": "object", "required": ["name"],
                "properties": { "name": { "type": "string" } },
            } },
        });
        assert_eq!(
            instance(&schema),
            json!({
                "level": "LOW", "notes": [""], "who": { "name": "" }, "maybe": "xx", "size": 3
            })
        );
    }

    #[test]
    fn a_schema_without_end_still_has_an_instance() {
        let schema = json!({
            "type": "object", "required": ["next"],
            "properties": { "next": { "$ref": "#" } },
        });
        assert!(instance(&schema).is_object());
    }

    #[test]
    fn fitting_drops_and_fills() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["kept", "new"],
            "properties": { "kept": { "type": "integer" }, "new": { "type": "boolean" } },
        });
        let fitted = fit(&schema, json!({ "kept": 4, "gone": 1 }));
        assert_eq!(fitted, json!({ "kept": 4, "new": false }));
    }
}
