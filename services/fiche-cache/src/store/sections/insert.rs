use crate::domain::flat;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;

/// Inserts sections that have no rows yet: `information`, `prospect` and the others of a payload. What
/// is not in `sections` is left alone.
#[expect(
    clippy::too_many_lines,
    reason = "one statement that names the columns of sixteen tables"
)]
pub async fn insert(
    conn: &mut PgConnection,
    fiche: i64,
    mut sections: Map<String, Value>,
) -> sqlx::Result<()> {
    if let Some(elements) = sections
        .get_mut("elements_souscription")
        .filter(|it| it.is_object())
    {
        *elements = flat::of_elements(elements);
    }
    sqlx::query!(
        "WITH information_row AS (
               INSERT INTO fiche_cache_information
                   (fiche_cache_id, cle, date_insertion, createur, fiches_associees, nombre_acces,
                    dernier_acces, groupe, groupe_responsable, groupe_gestion,
                    groupe_reclamation, agence_id, agence_nom, attribution_user_id,
                    attribution_user_nom, provenance_id, provenance_nom, provenance_numero,
                    provenance_periode_rappel, origine_id, origine_nom, attribution_bis_user_id,
                    attribution_bis_user_nom, refus_demarchage, exception_demarchage,
                    exception_demarchage_commentaire, niveau_interet, nombre_ouverture_mails,
                    derniere_ouverture_mail, nombre_visualisation_pages,
                    derniere_visualisation_page, espace_prospect_url, ferme_espace_prospect,
                    desinscription_mail, corbeille, archive, modules)
               SELECT $1, cle, date_insertion, createur, fiches_associees, nombre_acces,
                    dernier_acces, groupe, groupe_responsable, groupe_gestion,
                    groupe_reclamation, agence_id, agence_nom, attribution_user_id,
                    attribution_user_nom, provenance_id, provenance_nom, provenance_numero,
                    provenance_periode_rappel, origine_id, origine_nom, attribution_bis_user_id,
                    attribution_bis_user_nom, refus_demarchage, exception_demarchage,
                    exception_demarchage_commentaire, niveau_interet, nombre_ouverture_mails,
                    derniere_ouverture_mail, nombre_visualisation_pages,
                    derniere_visualisation_page, espace_prospect_url, ferme_espace_prospect,
                    desinscription_mail, corbeille, archive, modules
                 FROM jsonb_populate_record(NULL::fiche_cache_information, $2::jsonb->'information')
                WHERE jsonb_typeof($2->'information') = 'object'),
           prospects_row AS (
               INSERT INTO fiche_cache_prospects
                   (fiche_cache_id, prospect_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
                    regime_text, telephone, mobile, telephone_2, mail, mail_2, adresse,
                    code_postal, ville, num_secu, num_affiliation, situation_familiale,
                    situation_familiale_text, madelin, profession, csp, csp_text, fax)
               SELECT $1, prospect_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
                    regime_text, telephone, mobile, telephone_2, mail, mail_2, adresse,
                    code_postal, ville, num_secu, num_affiliation, situation_familiale,
                    situation_familiale_text, madelin, profession, csp, csp_text, fax
                 FROM jsonb_populate_record(NULL::fiche_cache_prospects, $2->'prospect')
                WHERE jsonb_typeof($2->'prospect') = 'object'),
           conjoints_row AS (
               INSERT INTO fiche_cache_conjoints
                   (fiche_cache_id, conjoint_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
                    regime_text, telephone, mobile, mail, profession, csp, csp_text)
               SELECT $1, conjoint_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
                    regime_text, telephone, mobile, mail, profession, csp, csp_text
                 FROM jsonb_populate_record(NULL::fiche_cache_conjoints, $2->'conjoint')
                WHERE jsonb_typeof($2->'conjoint') = 'object'),
           elements_souscription_row AS (
               INSERT INTO fiche_cache_elements_souscription
                   (fiche_cache_id, souscription_id, date_souscription, date_signature, date_validation,
                    num_contrat, annulation_contrat, type_vente, vente_a_froid, vf_accept,
                    ancien_deja_assure, ancien_plus_12_mois, ancien_ria_requested,
                    ancien_assureur, ancien_code_assureur, ancien_adresse, ancien_code_postal,
                    ancien_ville, ancien_date_souscription, ancien_date_echeance,
                    ancien_num_contrat, ancien_formule, ancien_cotisation, produit_date_effet,
                    produit_date_effet_modifiable, produit_formule, produit_groupe_nom,
                    produit_gamme_nom, produit_formule_nom, produit_cotisation,
                    produit_type_contrat, produit_type_client, produit_logo_url,
                    produit_garanties_url, produit_dipa_url, produit_conditions_generales_url,
                    produit_bulletin_adhesion_url, produit_devoir_conseil_url,
                    paiement_mode_paiement, paiement_prelevement_le, paiement_periodicite,
                    paiement_pas_coord_bancaires, prelevement_account_id,
                    prelevement_titulaire_nom, prelevement_titulaire_prenom,
                    prelevement_titulaire_adresse, prelevement_titulaire_cp,
                    prelevement_titulaire_ville, virement_account_id, virement_titulaire_nom,
                    virement_titulaire_prenom, virement_titulaire_adresse,
                    virement_titulaire_cp, virement_titulaire_ville, questions_complementaires,
                    questions_conseil, raw_data)
               SELECT $1, souscription_id, date_souscription, date_signature, date_validation,
                    num_contrat, annulation_contrat, type_vente, vente_a_froid, vf_accept,
                    ancien_deja_assure, ancien_plus_12_mois, ancien_ria_requested,
                    ancien_assureur, ancien_code_assureur, ancien_adresse, ancien_code_postal,
                    ancien_ville, ancien_date_souscription, ancien_date_echeance,
                    ancien_num_contrat, ancien_formule, ancien_cotisation, produit_date_effet,
                    produit_date_effet_modifiable, produit_formule, produit_groupe_nom,
                    produit_gamme_nom, produit_formule_nom, produit_cotisation,
                    produit_type_contrat, produit_type_client, produit_logo_url,
                    produit_garanties_url, produit_dipa_url, produit_conditions_generales_url,
                    produit_bulletin_adhesion_url, produit_devoir_conseil_url,
                    paiement_mode_paiement, paiement_prelevement_le, paiement_periodicite,
                    paiement_pas_coord_bancaires, prelevement_account_id,
                    prelevement_titulaire_nom, prelevement_titulaire_prenom,
                    prelevement_titulaire_adresse, prelevement_titulaire_cp,
                    prelevement_titulaire_ville, virement_account_id, virement_titulaire_nom,
                    virement_titulaire_prenom, virement_titulaire_adresse,
                    virement_titulaire_cp, virement_titulaire_ville, questions_complementaires,
                    questions_conseil, raw_data
                 FROM jsonb_populate_record(NULL::fiche_cache_elements_souscription, $2->'elements_souscription')
                WHERE jsonb_typeof($2->'elements_souscription') = 'object'),
           etiquettes_rows AS (
               INSERT INTO fiche_cache_etiquettes (fiche_cache_id, etiquette_index, nom, date, style)
               SELECT $1, r.ordinality::integer, r.nom, r.date, r.style
                 FROM jsonb_populate_recordset(NULL::fiche_cache_etiquettes, $2->'etiquettes')
                      WITH ORDINALITY AS r),
           documents_rows AS (
               INSERT INTO fiche_cache_documents (fiche_cache_id, row_index, document_id, type, nom, taille, date_creation, selection_mail,
                    partage_prospect, signer, download_url)
               SELECT $1, r.ordinality::integer, r.document_id, r.type, r.nom, r.taille, r.date_creation, r.selection_mail,
                    r.partage_prospect, r.signer, r.download_url
                 FROM jsonb_populate_recordset(NULL::fiche_cache_documents, $2->'documents')
                      WITH ORDINALITY AS r),
           commentaires_rows AS (
               INSERT INTO fiche_cache_commentaires (fiche_cache_id, row_index, commentaire_id, date, utilisateur, texte)
               SELECT $1, r.ordinality::integer, r.commentaire_id, r.date, r.utilisateur, r.texte
                 FROM jsonb_populate_recordset(NULL::fiche_cache_commentaires, $2->'commentaires')
                      WITH ORDINALITY AS r),
           mails_rows AS (
               INSERT INTO fiche_cache_mails (fiche_cache_id, row_index, date_envoi, type_mail, utilisateur, visualisation_url)
               SELECT $1, r.ordinality::integer, r.date_envoi, r.type_mail, r.utilisateur, r.visualisation_url
                 FROM jsonb_populate_recordset(NULL::fiche_cache_mails, $2->'mails')
                      WITH ORDINALITY AS r),
           rendez_vous_rows AS (
               INSERT INTO fiche_cache_rendez_vous (fiche_cache_id, row_index, rdv_id, etiquette, etiquette_color, utilisateur, date_debut, date_fin,
                    commentaire, statut)
               SELECT $1, r.ordinality::integer, r.rdv_id, r.etiquette, r.etiquette_color, r.utilisateur, r.date_debut,
                    r.date_fin, r.commentaire, r.statut
                 FROM jsonb_populate_recordset(NULL::fiche_cache_rendez_vous, $2->'rendez_vous')
                      WITH ORDINALITY AS r),
           alertes_rows AS (
               INSERT INTO fiche_cache_alertes (fiche_cache_id, row_index, alerte_id, etat, date, etiquette, libelle, deposee_le, deposee_par,
                    commentaire, attribuee_a, traitee_le, traitee_par, commentaire_traitement)
               SELECT $1, r.ordinality::integer, r.alerte_id, r.etat, r.date, r.etiquette, r.libelle, r.deposee_le,
                    r.deposee_par, r.commentaire, r.attribuee_a, r.traitee_le, r.traitee_par,
                    r.commentaire_traitement
                 FROM jsonb_populate_recordset(NULL::fiche_cache_alertes, $2->'alertes')
                      WITH ORDINALITY AS r),
           enfants_rows AS (
               INSERT INTO fiche_cache_enfants (fiche_cache_id, row_index, enfant_id, civilite, civilite_text, nom, prenom, date_naissance, regime,
                    regime_text)
               SELECT $1, r.ordinality::integer, r.enfant_id, r.civilite, r.civilite_text, r.nom, r.prenom, r.date_naissance,
                    r.regime, r.regime_text
                 FROM jsonb_populate_recordset(NULL::fiche_cache_enfants, $2->'enfants')
                      WITH ORDINALITY AS r),
           reclamations_rows AS (
               INSERT INTO fiche_cache_reclamations (fiche_cache_id, row_index, reclamation_id, date_creation, assureur, type_reclamation, description,
                    statut, date_traitement, utilisateur_creation, utilisateur_traitement)
               SELECT $1, r.ordinality::integer, r.reclamation_id, r.date_creation, r.assureur, r.type_reclamation,
                    r.description, r.statut, r.date_traitement, r.utilisateur_creation,
                    r.utilisateur_traitement
                 FROM jsonb_populate_recordset(NULL::fiche_cache_reclamations, $2->'reclamations')
                      WITH ORDINALITY AS r),
           autres_contrats_rows AS (
               INSERT INTO fiche_cache_autres_contrats (fiche_cache_id, row_index, contrat_id, type_contrat, assureur, numero_contrat, date_souscription,
                    montant, commentaire)
               SELECT $1, r.ordinality::integer, r.contrat_id, r.type_contrat, r.assureur, r.numero_contrat,
                    r.date_souscription, r.montant, r.commentaire
                 FROM jsonb_populate_recordset(NULL::fiche_cache_autres_contrats, $2->'autres_contrats')
                      WITH ORDINALITY AS r),
           raw_rows AS (
               INSERT INTO fiche_cache_raw_sections (fiche_cache_id, section_key, section_value)
               SELECT $1, key, value FROM jsonb_each_text($2->'raw_sections')),
           tarifs AS (
               INSERT INTO fiche_cache_tarifications (fiche_cache_id, row_index, nom)
               SELECT $1, t.place::integer, t.row->>'nom'
                 FROM jsonb_array_elements($2->'tarification') WITH ORDINALITY AS t (row, place)
               RETURNING id, row_index),
           listed_gammes AS (
               SELECT tarifs.id AS tarification_id, g.place::integer AS row_index, g.row
                 FROM jsonb_array_elements($2->'tarification') WITH ORDINALITY AS t (row, place)
                 JOIN tarifs ON tarifs.row_index = t.place
                CROSS JOIN jsonb_array_elements(t.row->'gammes') WITH ORDINALITY AS g (row, place)),
           gammes AS (
               INSERT INTO fiche_cache_tarification_gammes
                   (tarification_id, row_index, nom, logo_url, garanties_url, conditions_generales_url,
                    bulletin_adhesion_url)
               SELECT tarification_id, row_index, row->>'nom', row->>'logo_url', row->>'garanties_url',
                      row->>'conditions_generales_url', row->>'bulletin_adhesion_url'
                 FROM listed_gammes
               RETURNING id, tarification_id, row_index),
           listed_formules AS (
               SELECT gammes.id AS gamme_id, f.place::integer AS row_index, f.row
                 FROM listed_gammes l JOIN gammes USING (tarification_id, row_index)
                CROSS JOIN jsonb_array_elements(l.row->'formules') WITH ORDINALITY AS f (row, place)),
           formules AS (
               INSERT INTO fiche_cache_tarification_formules (gamme_id, row_index, formule_id, nom, prix)
               SELECT gamme_id, row_index, row->>'formule_id', row->>'nom', row->>'prix'
                 FROM listed_formules
               RETURNING id, gamme_id, row_index)
           INSERT INTO fiche_cache_tarification_formule_details (formule_row_id, detail_key, detail_value)
           SELECT formules.id, d.key, d.value
             FROM listed_formules l JOIN formules USING (gamme_id, row_index)
            CROSS JOIN jsonb_each_text(l.row->'details') AS d",
        fiche,
        Json(sections) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
