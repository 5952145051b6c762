//! Who read which fiche: noted before the answer leaves, and shown to who administers users.

use super::error::ReadError;
use crate::app::AppState;
use crate::domain::recording::iso;
use crate::store;
use crate::store::access::{Access, NewAccess, Shown};
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::{Caller, PrincipalKind};
use vigie_service::grpc::Origin;

const MOST: i32 = 100;

/// Who reads, and whence. A service that acts for itself shows nothing to anybody.
pub(super) struct Witness {
    reader: Option<String>,
    origin: Origin,
}

impl Witness {
    pub(super) fn of(caller: &Caller, origin: Origin) -> Self {
        let reader = caller.principal.as_ref().map(|it| match &it.kind {
            PrincipalKind::User(id) => format!("user:{id}"),
            PrincipalKind::Machine(name) => format!("machine:{name}"),
        });
        Self { reader, origin }
    }

    /// What cannot be noted is not shown.
    pub(super) async fn note(
        &self,
        state: &AppState,
        fiche_id: &str,
        what: Shown,
    ) -> Result<(), ReadError> {
        let Some(reader) = &self.reader else {
            return Ok(());
        };
        let access = NewAccess {
            fiche_id,
            what,
            reader,
            address: self.origin.address.map(|address| address.to_string()),
            request_id: self.origin.request_id.as_deref(),
        };
        let mut conn = state.db.acquire().await?;
        store::access::note(&mut conn, &access).await?;
        Ok(())
    }
}

/// The log of one fiche, newest first.
#[tracing::instrument(name = "rpc.fiche.list_accesses", skip_all, fields(fiche.id = request.fiche_id), err(level = "debug"))]
pub(super) async fn list(
    state: &AppState,
    request: &pb::ListAccessesRequest,
) -> Result<pb::ListAccessesResponse, ReadError> {
    if !(1..=MOST).contains(&request.limit) {
        return Err(ReadError::BAD_LIMIT);
    }
    let cursor = request.cursor.as_deref();
    let before = cursor
        .map(|cursor| cursor.parse().map_err(|_| ReadError::BAD_CURSOR))
        .transpose()?;
    let limit = i64::from(request.limit);
    let mut conn = state.db.acquire().await?;
    let found = store::access::list(&mut conn, &request.fiche_id, before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or_default();
    let more = found.len() > shown;
    let accesses: Vec<_> = found.into_iter().take(shown).map(encode).collect();
    let last = accesses.last().filter(|_| more);
    Ok(pb::ListAccessesResponse {
        next_cursor: last.map(|access| access.id.clone()),
        accesses,
    })
}

fn encode(access: Access) -> pb::FicheAccess {
    pb::FicheAccess {
        id: access.id.to_string(),
        at: iso(access.at),
        what: access.what,
        reader: access.reader,
        address: access.address,
        request_id: access.request_id,
    }
}
