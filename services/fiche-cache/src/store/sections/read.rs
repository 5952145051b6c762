use crate::domain::cached::MailState;
use crate::domain::flat;
use crate::domain::recording::StoredRecording;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;

/// What the tables hold of a fiche; what has no rows is absent.
#[derive(Debug)]
pub struct Stored {
    /// The fiche's key.
    pub cle: Option<String>,
    /// The CRM's remark.
    pub message: Option<String>,
    /// What is known of the mail.
    pub mail_state: MailState,
    /// Sections of a legacy row that have no rows yet.
    pub document: Value,
    /// Columns of the section.
    pub information: Option<Value>,
    /// Columns of the section.
    pub prospect: Option<Value>,
    /// The other sections.
    pub sections: Map<String, Value>,
    /// The quotation mail.
    pub mail: Option<Value>,
    /// The calls, in any order.
    pub recordings: Vec<StoredRecording>,
}

/// Reads everything; `None` when there is no such row.
#[expect(
    clippy::too_many_lines,
    reason = "one statement that names nineteen tables"
)]
#[tracing::instrument(name = "store.sections.read", skip_all, err)]
pub async fn read(conn: &mut PgConnection, fiche: i64) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query!(
        r#"SELECT c.cle, c.details_message, c.mail_devis_state AS "mail_state: MailState",
                  CASE WHEN c.state <> 'sales_list' THEN c.raw_data ELSE '{}' END AS "document!",
                  (SELECT to_jsonb(r) - own.keys FROM fiche_cache_information r
                    WHERE r.fiche_cache_id = c.id) AS "information?",
                  (SELECT to_jsonb(r) - own.keys FROM fiche_cache_prospects r
                    WHERE r.fiche_cache_id = c.id) AS "prospect?",
                  (SELECT to_jsonb(r) - own.keys FROM fiche_cache_conjoints r
                    WHERE r.fiche_cache_id = c.id) AS "conjoint?",
                  (SELECT to_jsonb(r) - own.keys FROM fiche_cache_elements_souscription r
                    WHERE r.fiche_cache_id = c.id) AS "elements_souscription?",
                  jsonb_build_object(
                      'etiquettes', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.etiquette_index)
                                    FROM fiche_cache_etiquettes r WHERE r.fiche_cache_id = c.id),
                      'documents', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_documents r WHERE r.fiche_cache_id = c.id),
                      'commentaires', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_commentaires r WHERE r.fiche_cache_id = c.id),
                      'mails', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_mails r WHERE r.fiche_cache_id = c.id),
                      'rendez_vous', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_rendez_vous r WHERE r.fiche_cache_id = c.id),
                      'alertes', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_alertes r WHERE r.fiche_cache_id = c.id),
                      'enfants', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_enfants r WHERE r.fiche_cache_id = c.id),
                      'reclamations', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_reclamations r WHERE r.fiche_cache_id = c.id),
                      'autres_contrats', (SELECT jsonb_agg(to_jsonb(r) - own.keys ORDER BY r.row_index)
                                    FROM fiche_cache_autres_contrats r WHERE r.fiche_cache_id = c.id),
                      'raw_sections', (SELECT jsonb_object_agg(r.section_key, r.section_value)
                                    FROM fiche_cache_raw_sections r WHERE r.fiche_cache_id = c.id),
                      'tarification', (
                          SELECT jsonb_agg(jsonb_build_object('nom', t.nom, 'gammes', (
                              SELECT COALESCE(jsonb_agg(to_jsonb(g) - own.keys
                                  || jsonb_build_object('formules', (
                                  SELECT COALESCE(jsonb_agg(to_jsonb(f) - own.keys
                                      || jsonb_build_object('details', (
                                      SELECT COALESCE(jsonb_object_agg(d.detail_key, d.detail_value), '{}')
                                        FROM fiche_cache_tarification_formule_details d
                                       WHERE d.formule_row_id = f.id)) ORDER BY f.row_index), '[]')
                                    FROM fiche_cache_tarification_formules f
                                   WHERE f.gamme_id = g.id)) ORDER BY g.row_index), '[]')
                                FROM fiche_cache_tarification_gammes g
                               WHERE g.tarification_id = t.id)) ORDER BY t.row_index)
                            FROM fiche_cache_tarifications t WHERE t.fiche_cache_id = c.id))
                      AS "lists!: Json<Map<String, Value>>",
                  (SELECT to_jsonb(m) || jsonb_build_object(
                      'notes', (SELECT jsonb_agg(to_jsonb(n) - own.keys ORDER BY n.row_index)
                                  FROM fiche_cache_mail_devis_notes n WHERE n.mail_devis_id = m.id),
                      'categories', (
                          SELECT jsonb_agg(to_jsonb(k) || jsonb_build_object(
                              'note_references', (
                                  SELECT jsonb_agg(n.note_reference ORDER BY n.row_index)
                                    FROM fiche_cache_mail_devis_garantie_category_note_refs n
                                   WHERE n.category_id = k.id),
                              'items', (
                                  SELECT jsonb_agg(to_jsonb(i) - own.keys ORDER BY i.row_index)
                                    FROM fiche_cache_mail_devis_garantie_category_items i
                                   WHERE i.category_id = k.id),
                              'subcategories', (
                                  SELECT jsonb_agg(to_jsonb(s) || jsonb_build_object('items', (
                                      SELECT jsonb_agg(to_jsonb(i) - own.keys ORDER BY i.row_index)
                                        FROM fiche_cache_mail_devis_garantie_subcategory_items i
                                       WHERE i.subcategory_id = s.id)) ORDER BY s.sub_key)
                                    FROM fiche_cache_mail_devis_garantie_subcategories s
                                   WHERE s.category_id = k.id)) ORDER BY k.category_key)
                            FROM fiche_cache_mail_devis_garantie_categories k
                           WHERE k.mail_devis_id = m.id))
                     FROM fiche_cache_mail_devis m WHERE m.fiche_cache_id = c.id) AS "mail?",
                  (SELECT COALESCE(jsonb_agg(to_jsonb(r)), '[]') FROM recordings r
                    WHERE r.fiche_cache_id = c.id) AS "recordings!: Json<Vec<StoredRecording>>"
             FROM fiche_cache c,
                  (VALUES ('{id,fiche_cache_id,row_index,etiquette_index,tarification_id,gamme_id,mail_devis_id,category_id,subcategory_id,created_at,updated_at}'::text[]))
                      AS own (keys)
            WHERE c.id = $1"#,
        fiche,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let mut sections = row.lists.0;
    sections.retain(|_, rows| !rows.is_null());
    if let Some(conjoint) = row.conjoint {
        sections.insert("conjoint".to_owned(), conjoint);
    }
    if let Some(elements) = row.elements_souscription {
        let elements = flat::to_elements(&elements);
        sections.insert("elements_souscription".to_owned(), elements);
    }
    Ok(Some(Stored {
        cle: row.cle,
        message: row.details_message,
        mail_state: row.mail_state,
        document: row.document,
        information: row.information,
        prospect: row.prospect,
        sections,
        mail: row.mail.as_ref().map(flat::to_mail),
        recordings: row.recordings.0,
    }))
}
