//! Rows whose sections stand in a document (fiches.md 4.4), and their way into the tables.

use super::details::unsealed;
use super::sections;
use crate::domain::cached::MailState;
use crate::domain::legacy::Legacy;
use crate::domain::vault::Vault;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use vigie_events::ids::FicheId;

/// A legacy row.
pub struct LegacyRow {
    /// The row.
    pub id: i64,
    /// The fiche.
    pub fiche_id: String,
    /// Its document.
    pub raw_data: Value,
}

/// Legacy rows after one, in the order of their ids.
#[tracing::instrument(name = "store.legacy.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    after_id: i64,
    limit: i64,
) -> sqlx::Result<Vec<LegacyRow>> {
    sqlx::query_as!(
        LegacyRow,
        "SELECT id, fiche_id, raw_data FROM fiche_cache
          WHERE id > $1 AND state <> 'sales_list' AND raw_data <> '{}'
          ORDER BY id LIMIT $2",
        after_id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// How many legacy rows come after one.
pub async fn remaining(conn: &mut PgConnection, after_id: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM fiche_cache
            WHERE id > $1 AND state <> 'sales_list' AND raw_data <> '{}'"#,
        after_id,
    )
    .fetch_one(conn)
    .await
}

/// The document of a legacy row as it is now. The caller holds the fiche's lock.
pub async fn document(
    conn: &mut PgConnection,
    fiche: &FicheId,
) -> sqlx::Result<Option<(i64, Value)>> {
    let row = sqlx::query!(
        "SELECT id, raw_data FROM fiche_cache
          WHERE fiche_id = $1 AND state <> 'sales_list' AND raw_data <> '{}'",
        fiche.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.raw_data)))
}

/// Inserts the sections of a document that have no rows yet, brings the envelope and the owner into
/// their columns, and empties the document. Says whether the fiche's summary changed.
#[tracing::instrument(name = "store.legacy.migrate", skip_all, err)]
pub async fn migrate(
    conn: &mut PgConnection,
    id: i64,
    document: &Value,
    vault: &Vault,
) -> sqlx::Result<bool> {
    let legacy = Legacy::of(document.clone());
    let stored = sections::read(&mut *conn, id).await?;
    let stored = stored.ok_or(sqlx::Error::RowNotFound)?;
    let mut missing: Map<String, Value> = legacy
        .sections
        .into_iter()
        .filter(|(name, _)| !stored.sections.contains_key(name))
        .collect();
    let information = legacy.information.filter(|_| stored.information.is_none());
    let prospect = legacy.prospect.filter(|_| stored.prospect.is_none());
    let owner = information.clone().unwrap_or_default();
    missing.extend(information.map(|it| ("information".to_owned(), it)));
    missing.extend(prospect.map(|it| ("prospect".to_owned(), it)));
    vault.seal(id, &mut missing).map_err(unsealed)?;
    sections::insert(&mut *conn, id, missing).await?;
    let mail = legacy.mail.filter(|_| stored.mail.is_none());
    if let Some(mail) = &mail {
        sections::insert_mail(&mut *conn, id, mail).await?;
    }
    let mail_state = match (&mail, document.get("mail_devis")) {
        (Some(_), _) => Some("present"),
        (None, Some(Value::Null)) => Some("none"),
        (None, _) => None,
    };
    sqlx::query_scalar!(
        r#"UPDATE fiche_cache c SET
               raw_data = '{}',
               groupe = COALESCE(c.groupe, NULLIF(btrim($2::jsonb->>'groupe'), '')),
               attribution_user_id = COALESCE(c.attribution_user_id,
                                              NULLIF(btrim($2::jsonb->>'attribution_user_id'), '')),
               agence_nom = COALESCE(c.agence_nom, NULLIF($2::jsonb->>'agence_nom', '')),
               cle = COALESCE(c.cle, $3::jsonb->>'cle', NULLIF($2::jsonb->>'cle', '')),
               details_success = COALESCE(c.details_success, ($3::jsonb->>'success')::boolean),
               details_message = COALESCE(c.details_message, $3::jsonb->>'message'),
               mail_devis_state = CASE WHEN c.mail_devis_state = 'unknown'
                                       THEN COALESCE($4, 'unknown') ELSE c.mail_devis_state END,
               version = c.version + (($2::jsonb->>'groupe') IS NOT NULL)::integer,
               updated_at = now()
            WHERE c.id = $1
           RETURNING ($2::jsonb->>'groupe') IS NOT NULL AS "changed!""#,
        id,
        owner,
        envelope(document),
        mail_state,
    )
    .fetch_one(conn)
    .await
}

/// What of the envelope is of the right type.
fn envelope(document: &Value) -> Value {
    let texts = ["cle", "message"].into_iter().filter_map(|key| {
        let text = document
            .get(key)?
            .as_str()
            .filter(|text| !text.is_empty())?;
        Some((key.to_owned(), text.replace('\0', "").into()))
    });
    let mut envelope: Map<String, Value> = texts.collect();
    if let Some(success) = document.get("success").filter(|it| it.is_boolean()) {
        envelope.insert("success".to_owned(), success.clone());
    }
    envelope.into()
}

/// What is to be seen of a row without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// Its state.
    pub state: String,
    /// Its version.
    pub version: i64,
    /// What is known of the mail.
    pub mail: MailState,
    /// Sections that have rows.
    pub sections: Vec<String>,
    /// What is left in the document.
    pub document: Value,
}

/// Looks at a row.
#[tracing::instrument(name = "store.legacy.inspect", skip_all, err)]
pub async fn inspect(conn: &mut PgConnection, fiche: &FicheId) -> sqlx::Result<Option<Inspected>> {
    let row = sqlx::query!(
        r#"SELECT id, state, version, mail_devis_state AS "mail: MailState", raw_data
             FROM fiche_cache WHERE fiche_id = $1"#,
        fiche.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let stored = sections::read(conn, row.id).await?;
    let stored = stored.ok_or(sqlx::Error::RowNotFound)?;
    let mut names: Vec<String> = stored.sections.keys().cloned().collect();
    let single = [
        ("information", stored.information.is_some()),
        ("prospect", stored.prospect.is_some()),
        ("mail_devis", stored.mail.is_some()),
    ];
    names.extend(
        single
            .iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| (*name).to_owned()),
    );
    names.sort_unstable();
    Ok(Some(Inspected {
        state: row.state,
        version: row.version,
        mail: row.mail,
        sections: names,
        document: row.raw_data,
    }))
}
