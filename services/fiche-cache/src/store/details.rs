//! Full details: written in one transaction, read back as the parts of a payload.

use super::{fiche, recordings};
use crate::domain::cached::MailState;
use crate::domain::details::NewDetails;
use crate::domain::payload::Parts;
use crate::domain::summary::Summary;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::FicheCacheId;
use vigie_upstream::crm::MailDevis;

/// Stores details and recordings and clears a marker. The caller holds the fiche's lock.
#[tracing::instrument(name = "store.details.write", skip_all, fields(fiche.id = %new.fiche_id), err)]
pub async fn write(
    conn: &mut PgConnection,
    new: &NewDetails,
    life: Duration,
) -> sqlx::Result<Summary> {
    let id = write_row(conn, new, life).await?;
    write_information(conn, id, &new.information).await?;
    write_prospect(conn, id, new.prospect.as_ref()).await?;
    write_sections(conn, id, new).await?;
    if new.with_recordings {
        recordings::write(conn, id, &new.calls).await?;
        recordings::count(conn, id).await?;
    }
    fiche::summary(conn, &new.fiche_id)
        .await?
        .ok_or(sqlx::Error::RowNotFound)
}

async fn write_row(conn: &mut PgConnection, new: &NewDetails, life: Duration) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO fiche_cache AS c
             (fiche_id, state, groupe, attribution_user_id, agence_nom, prospect_nom, prospect_prenom,
              prospect_email, prospect_tel, sales_date, inserted_on, cle, details_success,
              details_message, details_fetched_at, details_expires_at)
         VALUES ($1, 'full', $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, true, $11, now(),
                 now() + make_interval(secs => $12))
         ON CONFLICT (fiche_id) DO UPDATE SET
             version = c.version + 1,
             state = 'full',
             groupe = EXCLUDED.groupe,
             attribution_user_id = EXCLUDED.attribution_user_id,
             agence_nom = EXCLUDED.agence_nom,
             prospect_nom = COALESCE(EXCLUDED.prospect_nom, c.prospect_nom),
             prospect_prenom = COALESCE(EXCLUDED.prospect_prenom, c.prospect_prenom),
             prospect_email = COALESCE(EXCLUDED.prospect_email, c.prospect_email),
             prospect_tel = COALESCE(EXCLUDED.prospect_tel, c.prospect_tel),
             sales_date = COALESCE(c.sales_date, EXCLUDED.sales_date),
             inserted_on = COALESCE(EXCLUDED.inserted_on, c.inserted_on),
             cle = EXCLUDED.cle,
             details_success = true,
             details_message = EXCLUDED.details_message,
             raw_data = '{}',
             details_fetched_at = now(),
             details_expires_at = EXCLUDED.details_expires_at,
             not_found_count = 0,
             not_found_at = NULL,
             not_found_until = NULL,
             updated_at = now()
         RETURNING id",
        new.fiche_id.as_str(),
        new.groupe,
        new.attribution_user_id,
        new.agence_nom,
        new.prospect_nom,
        new.prospect_prenom,
        new.prospect_email,
        new.prospect_tel,
        new.inserted_on,
        new.cle,
        new.message,
        life.as_secs_f64(),
    )
    .fetch_one(conn)
    .await
}

async fn write_information(
    conn: &mut PgConnection,
    id: i64,
    information: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM fiche_cache_information WHERE fiche_cache_id = $1",
        id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO fiche_cache_information
             (fiche_cache_id, cle, date_insertion, createur, fiches_associees, nombre_acces,
              dernier_acces, groupe, groupe_responsable, groupe_gestion, groupe_reclamation, agence_id,
              agence_nom, attribution_user_id, attribution_user_nom, provenance_id, provenance_nom,
              provenance_numero, provenance_periode_rappel, origine_id, origine_nom,
              attribution_bis_user_id, attribution_bis_user_nom, refus_demarchage,
              exception_demarchage, exception_demarchage_commentaire, niveau_interet,
              nombre_ouverture_mails, derniere_ouverture_mail, nombre_visualisation_pages,
              derniere_visualisation_page, espace_prospect_url, ferme_espace_prospect,
              desinscription_mail, corbeille, archive, modules)
         SELECT $1, cle, date_insertion, createur, fiches_associees, nombre_acces,
              dernier_acces, groupe, groupe_responsable, groupe_gestion, groupe_reclamation, agence_id,
              agence_nom, attribution_user_id, attribution_user_nom, provenance_id, provenance_nom,
              provenance_numero, provenance_periode_rappel, origine_id, origine_nom,
              attribution_bis_user_id, attribution_bis_user_nom, refus_demarchage,
              exception_demarchage, exception_demarchage_commentaire, niveau_interet,
              nombre_ouverture_mails, derniere_ouverture_mail, nombre_visualisation_pages,
              derniere_visualisation_page, espace_prospect_url, ferme_espace_prospect,
              desinscription_mail, corbeille, archive, modules
           FROM jsonb_populate_record(NULL::fiche_cache_information, $2)",
        id,
        information,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_prospect(
    conn: &mut PgConnection,
    id: i64,
    prospect: Option<&Value>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM fiche_cache_prospects WHERE fiche_cache_id = $1",
        id
    )
    .execute(&mut *conn)
    .await?;
    let Some(prospect) = prospect else {
        return Ok(());
    };
    sqlx::query!(
        "INSERT INTO fiche_cache_prospects
             (fiche_cache_id, prospect_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
              regime_text, telephone, mobile, telephone_2, mail, mail_2, adresse, code_postal, ville,
              num_secu, num_affiliation, situation_familiale, situation_familiale_text, madelin,
              profession, csp, csp_text, fax)
         SELECT $1, prospect_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
              regime_text, telephone, mobile, telephone_2, mail, mail_2, adresse, code_postal, ville,
              num_secu, num_affiliation, situation_familiale, situation_familiale_text, madelin,
              profession, csp, csp_text, fax
           FROM jsonb_populate_record(NULL::fiche_cache_prospects, $2)",
        id,
        prospect,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A mail that was not asked for leaves the stored one alone (fiches.md W19).
async fn write_sections(conn: &mut PgConnection, id: i64, new: &NewDetails) -> sqlx::Result<()> {
    let (state, mail) = match &new.mail {
        MailDevis::Unknown => (MailState::Unknown, None),
        MailDevis::None => (MailState::None, None),
        MailDevis::Present(mail) => (MailState::Present, Some(mail)),
    };
    sqlx::query!(
        "INSERT INTO fiche_cache_details AS d (fiche_cache_id, sections, mail_devis_state, mail_devis)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (fiche_cache_id) DO UPDATE SET
             sections = EXCLUDED.sections,
             mail_devis_state = CASE WHEN EXCLUDED.mail_devis_state = 'unknown'
                                     THEN d.mail_devis_state ELSE EXCLUDED.mail_devis_state END,
             mail_devis = CASE WHEN EXCLUDED.mail_devis_state = 'unknown'
                               THEN d.mail_devis ELSE EXCLUDED.mail_devis END,
             updated_at = now()",
        id,
        sqlx::types::Json(&new.sections) as _,
        state as MailState,
        mail,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a payload is made of; `None` when details were never stored.
#[tracing::instrument(name = "store.details.read", skip_all, fields(fiche.cache_id = %id), err)]
pub async fn read(conn: &mut PgConnection, id: FicheCacheId) -> sqlx::Result<Option<Parts>> {
    let row = sqlx::query!(
        r#"SELECT c.cle, c.details_message, to_jsonb(i) AS "information!", to_jsonb(p) AS prospect,
                  d.sections AS "sections: sqlx::types::Json<Map<String, Value>>",
                  d.mail_devis_state AS "mail_state: MailState", d.mail_devis
             FROM fiche_cache c
             JOIN fiche_cache_information i ON i.fiche_cache_id = c.id
             JOIN fiche_cache_details d ON d.fiche_cache_id = c.id
             LEFT JOIN fiche_cache_prospects p ON p.fiche_cache_id = c.id
            WHERE c.id = $1"#,
        id.get(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let calls = recordings::of_fiche(conn, id).await?;
    Ok(Some(Parts {
        cle: row.cle,
        message: row.details_message,
        information: section(row.information),
        prospect: row.prospect.map(section),
        sections: row.sections.0,
        mail: match (row.mail_state, row.mail_devis) {
            (MailState::Present, Some(mail)) => MailDevis::Present(mail),
            (MailState::Present | MailState::Unknown, _) => MailDevis::Unknown,
            (MailState::None, _) => MailDevis::None,
        },
        recordings: calls
            .iter()
            .map(crate::domain::recording::StoredRecording::view)
            .collect(),
    }))
}

/// A row of a section table without what is ours.
fn section(mut row: Value) -> Value {
    if let Some(columns) = row.as_object_mut() {
        for own in ["id", "fiche_cache_id", "created_at", "updated_at"] {
            columns.remove(own);
        }
    }
    row
}
