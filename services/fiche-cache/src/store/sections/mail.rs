use crate::domain::flat;
use serde_json::Value;
use sqlx::PgConnection;

/// Inserts a quotation mail where there is none.
pub async fn insert(conn: &mut PgConnection, fiche: i64, mail: &Value) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH mail AS (
               INSERT INTO fiche_cache_mail_devis
                   (fiche_cache_id, date_envoi, type_mail, utilisateur, garanties_link_url, details_gamme,
                    details_product_name, details_formule, fiche_info_fiche_id,
                    visualisation_url, customer_email, customer_phone, customer_name,
                    garanties_link_text, details_price, details_age_range,
                    details_subscription_link, agence_nom, agence_adresse, agence_telephone,
                    agence_email, agence_logo_url, fiche_info_cle, fiche_info_conseiller,
                    subscriber_civilite, subscriber_nom, subscriber_prenom,
                    doc_conditions_generales, doc_tableau_garanties, doc_document_information,
                    doc_exemples_remboursements, menu_home, menu_garanties, menu_documents,
                    menu_subscription)
               SELECT $1, date_envoi, type_mail, utilisateur, garanties_link_url, details_gamme,
                    details_product_name, details_formule, fiche_info_fiche_id,
                    visualisation_url, customer_email, customer_phone, customer_name,
                    garanties_link_text, details_price, details_age_range,
                    details_subscription_link, agence_nom, agence_adresse, agence_telephone,
                    agence_email, agence_logo_url, fiche_info_cle, fiche_info_conseiller,
                    subscriber_civilite, subscriber_nom, subscriber_prenom,
                    doc_conditions_generales, doc_tableau_garanties, doc_document_information,
                    doc_exemples_remboursements, menu_home, menu_garanties, menu_documents,
                    menu_subscription
                 FROM jsonb_populate_record(NULL::fiche_cache_mail_devis, $2)
               RETURNING id),
           note_rows AS (
               INSERT INTO fiche_cache_mail_devis_notes (mail_devis_id, row_index, number, text)
               SELECT mail.id, n.place::integer, n.row->>'number', n.row->>'text'
                 FROM mail, jsonb_array_elements($2->'notes') WITH ORDINALITY AS n (row, place)),
           categories AS (
               INSERT INTO fiche_cache_mail_devis_garantie_categories
                   (mail_devis_id, category_key, category_name, subcategories_format)
               SELECT mail.id, c->>'category_key', c->>'category_name', c->>'subcategories_format'
                 FROM mail, jsonb_array_elements($2->'categories') AS c
               RETURNING id, category_key),
           listed AS (
               SELECT categories.id, c AS row
                 FROM jsonb_array_elements($2->'categories') AS c
                 JOIN categories ON categories.category_key = c->>'category_key'),
           refs AS (
               INSERT INTO fiche_cache_mail_devis_garantie_category_note_refs
                   (category_id, row_index, note_reference)
               SELECT listed.id, r.place::integer, r.text
                 FROM listed, jsonb_array_elements_text(listed.row->'note_references')
                              WITH ORDINALITY AS r (text, place)),
           items AS (
               INSERT INTO fiche_cache_mail_devis_garantie_category_items
                   (category_id, row_index, name, value, note_ref)
               SELECT listed.id, i.place::integer, i.row->>'name', i.row->>'value', i.row->>'note_ref'
                 FROM listed, jsonb_array_elements(listed.row->'items')
                              WITH ORDINALITY AS i (row, place)),
           listed_subs AS (
               SELECT listed.id AS category_id, s AS row
                 FROM listed, jsonb_array_elements(listed.row->'subcategories') AS s),
           subs AS (
               INSERT INTO fiche_cache_mail_devis_garantie_subcategories (category_id, sub_key, name)
               SELECT category_id, row->>'sub_key', row->>'name' FROM listed_subs
               RETURNING id, category_id, sub_key)
           INSERT INTO fiche_cache_mail_devis_garantie_subcategory_items
               (subcategory_id, row_index, name, value, note_ref)
           SELECT subs.id, i.place::integer, i.row->>'name', i.row->>'value', i.row->>'note_ref'
             FROM listed_subs l
             JOIN subs ON subs.category_id = l.category_id AND subs.sub_key = l.row->>'sub_key'
            CROSS JOIN jsonb_array_elements(l.row->'items') WITH ORDINALITY AS i (row, place)",
        fiche,
        flat::of_mail(mail),
    )
    .execute(conn)
    .await?;
    Ok(())
}
