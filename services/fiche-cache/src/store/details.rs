//! Full details: written in one transaction, read back as the parts of a payload.

use super::sections::Stored;
use super::{fiche, recordings, sections};
use crate::domain::cached::MailState;
use crate::domain::details::NewDetails;
use crate::domain::legacy::Legacy;
use crate::domain::payload::Parts;
use crate::domain::recording::StoredRecording;
use crate::domain::summary::Summary;
use crate::domain::vault::Vault;
use serde_json::Map;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::FicheCacheId;
use vigie_sealed::SealError;
use vigie_upstream::crm::MailDevis;

/// Stores details and recordings and clears a marker, in four statements whatever their size. The
/// caller holds the fiche's lock.
#[tracing::instrument(name = "store.details.write", skip_all, fields(fiche.id = %new.fiche_id), err)]
pub async fn write(
    conn: &mut PgConnection,
    new: &NewDetails,
    life: Duration,
    vault: &Vault,
) -> sqlx::Result<Summary> {
    let id = write_row(conn, new, life).await?;
    let mut given = new.all_sections();
    vault.seal(id, &mut given).map_err(unsealed)?;
    sections::insert(conn, id, given).await?;
    if let MailDevis::Present(mail) = &new.mail {
        sections::insert_mail(conn, id, mail).await?;
    }
    if new.with_recordings {
        return recordings::write(conn, id, &new.calls).await;
    }
    fiche::summary(conn, &new.fiche_id)
        .await?
        .ok_or(sqlx::Error::RowNotFound)
}

/// The fiche's row; rows of its sections go, as new ones follow. A mail that was not asked for leaves the
/// stored one alone (fiches.md W19).
async fn write_row(conn: &mut PgConnection, new: &NewDetails, life: Duration) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "WITH old AS (SELECT id FROM fiche_cache WHERE fiche_id = $1),
              information_old AS (DELETE FROM fiche_cache_information USING old WHERE fiche_cache_id = old.id),
              prospects_old AS (DELETE FROM fiche_cache_prospects USING old WHERE fiche_cache_id = old.id),
              conjoints_old AS (DELETE FROM fiche_cache_conjoints USING old WHERE fiche_cache_id = old.id),
              elements_souscription_old AS (DELETE FROM fiche_cache_elements_souscription USING old WHERE fiche_cache_id = old.id),
              etiquettes_old AS (DELETE FROM fiche_cache_etiquettes USING old WHERE fiche_cache_id = old.id),
              documents_old AS (DELETE FROM fiche_cache_documents USING old WHERE fiche_cache_id = old.id),
              commentaires_old AS (DELETE FROM fiche_cache_commentaires USING old WHERE fiche_cache_id = old.id),
              mails_old AS (DELETE FROM fiche_cache_mails USING old WHERE fiche_cache_id = old.id),
              rendez_vous_old AS (DELETE FROM fiche_cache_rendez_vous USING old WHERE fiche_cache_id = old.id),
              alertes_old AS (DELETE FROM fiche_cache_alertes USING old WHERE fiche_cache_id = old.id),
              enfants_old AS (DELETE FROM fiche_cache_enfants USING old WHERE fiche_cache_id = old.id),
              reclamations_old AS (DELETE FROM fiche_cache_reclamations USING old WHERE fiche_cache_id = old.id),
              autres_contrats_old AS (DELETE FROM fiche_cache_autres_contrats USING old WHERE fiche_cache_id = old.id),
              raw_sections_old AS (DELETE FROM fiche_cache_raw_sections USING old WHERE fiche_cache_id = old.id),
              tarifications_old AS (DELETE FROM fiche_cache_tarifications USING old WHERE fiche_cache_id = old.id),
              mail_old AS (DELETE FROM fiche_cache_mail_devis USING old
                            WHERE fiche_cache_id = old.id AND $13 <> 'unknown')
         INSERT INTO fiche_cache AS c
             (fiche_id, state, groupe, attribution_user_id, agence_nom, prospect_nom, prospect_prenom,
              prospect_email, prospect_tel, sales_date, inserted_on, cle, details_success,
              details_message, details_fetched_at, details_expires_at, mail_devis_state)
         VALUES ($1, 'full', $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, true, $11, now(),
                 now() + make_interval(secs => $12), $13)
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
             raw_data = CASE WHEN $13 = 'unknown' AND c.raw_data ? 'mail_devis'
                             THEN jsonb_build_object('mail_devis', c.raw_data->'mail_devis')
                             ELSE '{}' END,
             mail_devis_state = CASE WHEN $13 = 'unknown' THEN c.mail_devis_state ELSE $13 END,
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
        mail_word(&new.mail),
    )
    .fetch_one(conn)
    .await
}

const fn mail_word(mail: &MailDevis) -> &'static str {
    match mail {
        MailDevis::Unknown => "unknown",
        MailDevis::None => "none",
        MailDevis::Present(_) => "present",
    }
}

/// What a payload is made of; `None` when details were never stored.
#[tracing::instrument(name = "store.details.read", skip_all, fields(fiche.cache_id = %id), err)]
pub async fn read(
    conn: &mut PgConnection,
    id: FicheCacheId,
    vault: &Vault,
) -> sqlx::Result<Option<Parts>> {
    let Some(stored) = sections::read(conn, id.get()).await? else {
        return Ok(None);
    };
    let mut stored = complete(stored);
    open(&mut stored, id.get(), vault)?;
    let Some(information) = stored.information else {
        return Ok(None);
    };
    Ok(Some(Parts {
        cle: stored.cle,
        message: stored.message,
        information,
        prospect: stored.prospect,
        sections: stored.sections,
        mail: match (stored.mail_state, stored.mail) {
            (MailState::None, _) => MailDevis::None,
            (MailState::Present | MailState::Unknown, Some(mail)) => MailDevis::Present(mail),
            (MailState::Present | MailState::Unknown, None) => MailDevis::Unknown,
        },
        recordings: stored
            .recordings
            .iter()
            .map(StoredRecording::view)
            .collect(),
    }))
}

/// What is sealed, as it was given.
fn open(stored: &mut Stored, id: i64, vault: &Vault) -> sqlx::Result<()> {
    let prospect = stored.prospect.take();
    let sections = &mut stored.sections;
    sections.extend(prospect.map(|prospect| ("prospect".to_owned(), prospect)));
    let opened = vault.open(id, sections);
    stored.prospect = stored.sections.remove("prospect");
    opened.map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn unsealed(error: SealError) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}

/// Sections without rows are served from the document of a legacy row.
fn complete(mut stored: Stored) -> Stored {
    let document = std::mem::take(&mut stored.document);
    if document.as_object().is_none_or(Map::is_empty) {
        return stored;
    }
    let legacy = Legacy::of(document);
    stored.information = stored.information.or(legacy.information);
    stored.prospect = stored.prospect.or(legacy.prospect);
    stored.mail = stored.mail.or(legacy.mail);
    for (name, section) in legacy.sections {
        stored.sections.entry(name).or_insert(section);
    }
    stored
}
