//! What a list of sales says of fiches. It adds and never downgrades: details stay (fiches.md 4.2).

use crate::domain::clean::without_nul;
use crate::domain::recording::Call;
use chrono::NaiveDate;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use vigie_upstream::crm::{SaleFiche, parse_crm_date};

/// A fiche that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The fiche.
    pub fiche_id: String,
    /// Whether it was not known before.
    pub new: bool,
}

/// Writes the sales of a day, each fiche under its lock; set-based, whatever their number.
#[tracing::instrument(name = "store.sales.write", skip_all, fields(%day, sales = sales.len()), err)]
pub async fn write(
    conn: &mut PgConnection,
    day: NaiveDate,
    sales: &[SaleFiche],
    with_recordings: bool,
) -> sqlx::Result<Vec<Written>> {
    let mut ids: Vec<String> = sales.iter().map(|sale| sale.id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    lock(conn, &ids).await?;
    let rows = without_nul(Value::Array(sales.iter().map(row).collect()));
    let written = sqlx::query_as!(
        Written,
        r#"WITH listed AS (
             SELECT DISTINCT ON (id) * FROM jsonb_to_recordset($1) AS listed
                 (id text, cle text, nom text, prenom text, email text, telephone text,
                  inserted_on date, raw jsonb) ORDER BY id),
           patched AS (
             UPDATE fiche_cache_information i SET cle = l.cle, updated_at = now()
               FROM listed l JOIN fiche_cache c ON c.fiche_id = l.id
              WHERE i.fiche_cache_id = c.id AND l.cle <> '' AND i.cle <> l.cle)
           INSERT INTO fiche_cache AS c
               (fiche_id, state, cle, prospect_nom, prospect_prenom, prospect_email, prospect_tel,
                sales_date, sales_date_confirmed, inserted_on, raw_data, summary_fetched_at,
                last_revalidated_at)
           SELECT id, 'sales_list', NULLIF(cle, ''), NULLIF(nom, ''), NULLIF(prenom, ''),
                  NULLIF(email, ''), NULLIF(telephone, ''), $2, true, inserted_on, raw, now(), now()
             FROM listed
            ORDER BY id
           ON CONFLICT (fiche_id) DO UPDATE SET
               version = c.version + 1,
               state = CASE WHEN c.state <> 'not_found' THEN c.state
                            WHEN c.details_fetched_at IS NULL THEN 'sales_list' ELSE 'full' END,
               not_found_count = 0,
               not_found_at = NULL,
               not_found_until = NULL,
               cle = COALESCE(EXCLUDED.cle, c.cle),
               prospect_nom = COALESCE(EXCLUDED.prospect_nom, c.prospect_nom),
               prospect_prenom = COALESCE(EXCLUDED.prospect_prenom, c.prospect_prenom),
               prospect_email = COALESCE(EXCLUDED.prospect_email, c.prospect_email),
               prospect_tel = COALESCE(EXCLUDED.prospect_tel, c.prospect_tel),
               sales_date = CASE WHEN c.sales_date_confirmed THEN c.sales_date ELSE $2 END,
               sales_date_confirmed = true,
               inserted_on = COALESCE(EXCLUDED.inserted_on, c.inserted_on),
               raw_data = CASE WHEN c.details_fetched_at IS NULL THEN EXCLUDED.raw_data
                               ELSE c.raw_data END,
               summary_fetched_at = now(),
               last_revalidated_at = now(),
               updated_at = now()
           RETURNING fiche_id, version = 1 AS "new!""#,
        rows,
        day,
    )
    .fetch_all(&mut *conn)
    .await?;
    if with_recordings {
        write_recordings(conn, &ids, sales).await?;
    }
    Ok(written)
}

/// Locks fiches as [`super::fiche::lock`] does, in one order for everybody.
async fn lock(conn: &mut PgConnection, ids: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('fiche:' || id, 0))
           FROM (SELECT id FROM unnest($1::text[]) AS id ORDER BY id) AS ordered",
        ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn row(sale: &SaleFiche) -> Value {
    json!({
        "id": sale.id,
        "cle": sale.cle,
        "nom": sale.nom,
        "prenom": sale.prenom,
        "email": sale.email,
        "telephone": sale.telephone,
        "inserted_on": parse_crm_date(&sale.date_insertion),
        "raw": {
            "id": sale.id,
            "nom": sale.nom,
            "prenom": sale.prenom,
            "telephone": sale.telephone,
            "telephone_2": sale.telephone_2,
            "email": sale.email,
            "statut": sale.statut,
            "date_insertion": sale.date_insertion,
            "date_modification": sale.date_modification,
            "_salesListOnly": true,
        },
    })
}

async fn write_recordings(
    conn: &mut PgConnection,
    ids: &[String],
    sales: &[SaleFiche],
) -> sqlx::Result<()> {
    let mut calls = Vec::new();
    for sale in sales {
        for call in Call::all(&sale.recordings) {
            let mut call =
                serde_json::to_value(call).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
            call["fiche_id"] = sale.id.clone().into();
            calls.push(call);
        }
    }
    let calls = without_nul(Value::Array(calls));
    sqlx::query!(
        "INSERT INTO recordings AS r
             (fiche_cache_id, call_id, recording_url, recording_date, recording_time, from_number,
              to_number, uuid, direction, answered, start_time, start_time_text, clock_mismatch,
              duration_seconds)
         SELECT DISTINCT ON (c.id, l.call_id)
                c.id, l.call_id, l.recording_url, l.recording_date, l.recording_time, l.from_number,
                l.to_number, l.uuid, l.direction, l.answered, l.start_time, l.start_time_text,
                l.clock_mismatch, l.duration_seconds
           FROM jsonb_to_recordset($1) AS l
                (fiche_id text, call_id text, recording_url text, recording_date text,
                 recording_time text, from_number text, to_number text, uuid text, direction text,
                 answered boolean, start_time timestamptz, start_time_text text,
                 clock_mismatch boolean, duration_seconds integer)
           JOIN fiche_cache c ON c.fiche_id = l.fiche_id
         ON CONFLICT (fiche_cache_id, call_id) DO UPDATE SET
             recording_url = COALESCE(NULLIF(EXCLUDED.recording_url, ''), r.recording_url),
             recording_date = COALESCE(EXCLUDED.recording_date, r.recording_date),
             recording_time = COALESCE(EXCLUDED.recording_time, r.recording_time),
             from_number = COALESCE(EXCLUDED.from_number, r.from_number),
             to_number = COALESCE(EXCLUDED.to_number, r.to_number),
             uuid = COALESCE(EXCLUDED.uuid, r.uuid),
             direction = COALESCE(EXCLUDED.direction, r.direction),
             answered = COALESCE(EXCLUDED.answered, r.answered),
             start_time = COALESCE(EXCLUDED.start_time, r.start_time),
             start_time_text = COALESCE(EXCLUDED.start_time_text, r.start_time_text),
             clock_mismatch = EXCLUDED.clock_mismatch,
             duration_seconds = COALESCE(EXCLUDED.duration_seconds, r.duration_seconds),
             last_seen_at = now(),
             missing_upstream_since = NULL,
             updated_at = now()",
        Json(calls) as _,
    )
    .execute(&mut *conn)
    .await?;
    // The counters agree with the table.
    sqlx::query!(
        "UPDATE fiche_cache c SET has_recordings = r.n > 0, recordings_count = r.n
           FROM (SELECT f.id, count(r.id)::integer AS n
                   FROM fiche_cache f LEFT JOIN recordings r ON r.fiche_cache_id = f.id
                  WHERE f.fiche_id = ANY($1) GROUP BY f.id) r
          WHERE c.id = r.id AND c.recordings_count IS DISTINCT FROM r.n",
        ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}
