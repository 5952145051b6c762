use crate::http::route::{Access, Route};
use crate::http::{transcription_batches, transcription_logs, transcriptions};
use utoipa::OpenApi;
use vigie_identity::Guard;

const READ: Access = Access::Needs(&[Guard::parse("transcriptions.read")]);
const WRITE: Access = Access::Needs(&[Guard::parse("transcriptions.write")]);

#[derive(OpenApi)]
#[openapi(paths(
    transcriptions::start,
    transcriptions::status,
    transcriptions::transcript,
    transcription_batches::start,
    transcription_batches::detail,
    transcription_logs::list
))]
pub(super) struct Described;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post(
            "/api/transcriptions/{fiche_id}",
            WRITE,
            transcriptions::start,
        ),
        Route::get(
            "/api/transcriptions/{fiche_id}/status",
            READ,
            transcriptions::status,
        ),
        Route::get(
            "/api/transcriptions/{fiche_id}/recordings/{call_id}",
            READ,
            transcriptions::transcript,
        ),
        Route::post(
            "/api/transcriptions/batch",
            WRITE,
            transcription_batches::start,
        ),
        Route::get(
            "/api/transcriptions/batches/{batch_id}",
            READ,
            transcription_batches::detail,
        ),
        Route::get(
            "/api/transcriptions/{fiche_id}/logs",
            READ,
            transcription_logs::list,
        ),
    ]
}
