use std::collections::HashMap;

use axum::Json;
use axum::extract::Multipart;
use axum::extract::multipart::MultipartRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

/// Query of both endpoints.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Pace {
    /// Time this transcription takes.
    pub(super) latency_ms: Option<u64>,
}

/// A parsed form.
pub(super) struct Upload {
    pub(super) file: Bytes,
    fields: HashMap<String, String>,
}

impl Upload {
    /// Reads the form; refuses one that lacks the file or a field named in `required`.
    pub(super) async fn read(
        form: Result<Multipart, MultipartRejection>,
        required: &[&'static str],
    ) -> Result<Self, Response> {
        let mut form = form.map_err(|_| missing("file"))?;
        let mut file = None;
        let mut fields = HashMap::new();
        while let Some(field) = form.next_field().await.map_err(|_| missing("file"))? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                file = Some(field.bytes().await.map_err(|_| missing("file"))?);
            } else {
                let text = field.text().await.map_err(|_| missing("file"))?;
                fields.insert(name, text);
            }
        }
        let file = file
            .filter(|file| !file.is_empty())
            .ok_or_else(|| missing("file"))?;
        match required.iter().find(|name| !fields.contains_key(**name)) {
            Some(name) => Err(missing(name)),
            None => Ok(Self { file, fields }),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

fn missing(name: &str) -> Response {
    let detail = json!([
        { "type": "missing", "loc": ["body", name], "msg": "Field required", "input": null }
    ]);
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "detail": detail })),
    )
        .into_response()
}
