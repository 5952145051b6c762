//! The two usual shapes of a success.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// `{success, data}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Data<T> {
    /// Always true.
    success: bool,
    /// What was asked for.
    data: T,
}

/// `{success, data: […], count}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// Always true.
    success: bool,
    /// What was asked for.
    data: Vec<T>,
    /// How many are in `data`.
    count: usize,
}

/// Wraps an answer.
pub fn data<T>(data: T) -> Json<Data<T>> {
    Json(Data {
        success: true,
        data,
    })
}

/// Wraps a list.
pub fn list<T>(data: Vec<T>) -> Json<List<T>> {
    Json(List {
        success: true,
        count: data.len(),
        data,
    })
}
