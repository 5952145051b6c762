-- Every section of a fiche in its own tables (fiches.md 7), and the protection of the CRM that all
-- replicas share. Column names of sections are the payload's keys: writer and reader convert whole rows.

CREATE TABLE fiche_cache_conjoints (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id bigint NOT NULL UNIQUE REFERENCES fiche_cache ON DELETE CASCADE,
    conjoint_id    text NOT NULL,
    civilite       bigint NOT NULL,
    civilite_text  text NOT NULL,
    nom            text NOT NULL,
    prenom         text NOT NULL,
    date_naissance text NOT NULL,
    regime         text,
    regime_text    text,
    telephone      text,
    mobile         text,
    mail           text,
    profession     text,
    csp            bigint,
    csp_text       text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fiche_cache_conjoints_conjoint ON fiche_cache_conjoints (conjoint_id);

CREATE TABLE fiche_cache_elements_souscription (
    id                               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id                   bigint NOT NULL UNIQUE REFERENCES fiche_cache ON DELETE CASCADE,
    souscription_id                  text,
    date_souscription                text,
    date_signature                   text,
    date_validation                  text,
    num_contrat                      text,
    annulation_contrat               boolean NOT NULL DEFAULT false,
    type_vente                       text,
    vente_a_froid                    text,
    vf_accept                        text,
    ancien_deja_assure               boolean,
    ancien_plus_12_mois              boolean,
    ancien_ria_requested             boolean,
    ancien_assureur                  text,
    ancien_code_assureur             text,
    ancien_adresse                   text,
    ancien_code_postal               text,
    ancien_ville                     text,
    ancien_date_souscription         text,
    ancien_date_echeance             text,
    ancien_num_contrat               text,
    ancien_formule                   text,
    ancien_cotisation                text,
    produit_date_effet               text,
    produit_date_effet_modifiable    text,
    produit_formule                  text,
    produit_groupe_nom               text,
    produit_gamme_nom                text,
    produit_formule_nom              text,
    produit_cotisation               text,
    produit_type_contrat             text,
    produit_type_client              text,
    produit_logo_url                 text,
    produit_garanties_url            text,
    produit_dipa_url                 text,
    produit_conditions_generales_url text,
    produit_bulletin_adhesion_url    text,
    produit_devoir_conseil_url       text,
    paiement_mode_paiement           text,
    paiement_prelevement_le          text,
    paiement_periodicite             text,
    paiement_pas_coord_bancaires     boolean,
    prelevement_account_id           text,
    prelevement_titulaire_nom        text,
    prelevement_titulaire_prenom     text,
    prelevement_titulaire_adresse    text,
    prelevement_titulaire_cp         text,
    prelevement_titulaire_ville      text,
    virement_account_id              text,
    virement_titulaire_nom           text,
    virement_titulaire_prenom        text,
    virement_titulaire_adresse       text,
    virement_titulaire_cp            text,
    virement_titulaire_ville         text,
    questions_complementaires        jsonb,
    questions_conseil                jsonb,
    raw_data                         jsonb,
    created_at                       timestamptz NOT NULL DEFAULT now(),
    updated_at                       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE fiche_cache_elements_souscription IS
    'Flat: ancien_contrat, produit, paiement and its two accounts by prefix; an object is there when its columns say so (fiches.md 4.4).';

CREATE TABLE fiche_cache_mail_devis (
    id                          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id              bigint NOT NULL UNIQUE REFERENCES fiche_cache ON DELETE CASCADE,
    date_envoi                  text NOT NULL,
    type_mail                   text NOT NULL,
    utilisateur                 text NOT NULL,
    garanties_link_url          text NOT NULL,
    details_gamme               text NOT NULL,
    details_product_name        text NOT NULL,
    details_formule             text NOT NULL,
    fiche_info_fiche_id         text NOT NULL,
    visualisation_url           text,
    customer_email              text,
    customer_phone              text,
    customer_name               text,
    garanties_link_text         text,
    details_price               text,
    details_age_range           text,
    details_subscription_link   text,
    agence_nom                  text,
    agence_adresse              text,
    agence_telephone            text,
    agence_email                text,
    agence_logo_url             text,
    fiche_info_cle              text,
    fiche_info_conseiller       text,
    subscriber_civilite         text,
    subscriber_nom              text,
    subscriber_prenom           text,
    doc_conditions_generales    text,
    doc_tableau_garanties       text,
    doc_document_information    text,
    doc_exemples_remboursements text,
    menu_home                   text,
    menu_garanties              text,
    menu_documents              text,
    menu_subscription           text,
    created_at                  timestamptz NOT NULL DEFAULT now(),
    updated_at                  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fiche_cache_etiquettes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id  bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    etiquette_index integer NOT NULL,
    nom             text NOT NULL,
    date            text NOT NULL,
    style           text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, etiquette_index)
);

CREATE TABLE fiche_cache_documents (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id   bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index        integer NOT NULL,
    document_id      text NOT NULL,
    type             text NOT NULL,
    nom              text NOT NULL,
    taille           text NOT NULL,
    date_creation    text NOT NULL,
    selection_mail   boolean NOT NULL,
    partage_prospect boolean NOT NULL,
    signer           boolean NOT NULL,
    download_url     text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_documents_key ON fiche_cache_documents (document_id);

CREATE TABLE fiche_cache_commentaires (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index      integer NOT NULL,
    commentaire_id text NOT NULL,
    date           text NOT NULL,
    utilisateur    text NOT NULL,
    texte          text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_commentaires_key ON fiche_cache_commentaires (commentaire_id);

CREATE TABLE fiche_cache_mails (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id    bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index         integer NOT NULL,
    date_envoi        text NOT NULL,
    type_mail         text NOT NULL,
    utilisateur       text NOT NULL,
    visualisation_url text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);

CREATE TABLE fiche_cache_rendez_vous (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id  bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index       integer NOT NULL,
    rdv_id          text NOT NULL,
    etiquette       text,
    etiquette_color text,
    utilisateur     text NOT NULL,
    date_debut      text NOT NULL,
    date_fin        text,
    commentaire     text,
    statut          text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_rendez_vous_key ON fiche_cache_rendez_vous (rdv_id);

CREATE TABLE fiche_cache_alertes (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id         bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index              integer NOT NULL,
    alerte_id              text NOT NULL,
    etat                   text NOT NULL,
    date                   text NOT NULL,
    etiquette              text,
    libelle                text NOT NULL,
    deposee_le             text NOT NULL,
    deposee_par            text NOT NULL,
    commentaire            text,
    attribuee_a            text,
    traitee_le             text,
    traitee_par            text,
    commentaire_traitement text,
    created_at             timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_alertes_key ON fiche_cache_alertes (alerte_id);

CREATE TABLE fiche_cache_enfants (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index      integer NOT NULL,
    enfant_id      text NOT NULL,
    civilite       bigint NOT NULL,
    civilite_text  text NOT NULL,
    nom            text NOT NULL,
    prenom         text NOT NULL,
    date_naissance text NOT NULL,
    regime         text,
    regime_text    text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_enfants_key ON fiche_cache_enfants (enfant_id);

CREATE TABLE fiche_cache_reclamations (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id         bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index              integer NOT NULL,
    reclamation_id         text NOT NULL,
    date_creation          text NOT NULL,
    assureur               text,
    type_reclamation       text,
    description            text,
    statut                 text,
    date_traitement        text,
    utilisateur_creation   text,
    utilisateur_traitement text,
    created_at             timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_reclamations_key ON fiche_cache_reclamations (reclamation_id);

CREATE TABLE fiche_cache_autres_contrats (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id    bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index         integer NOT NULL,
    contrat_id        text NOT NULL,
    type_contrat      text NOT NULL,
    assureur          text,
    numero_contrat    text,
    date_souscription text,
    montant           text,
    commentaire       text,
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_autres_contrats_key ON fiche_cache_autres_contrats (contrat_id);

CREATE TABLE fiche_cache_raw_sections (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    section_key    text NOT NULL,
    section_value  text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, section_key)
);

CREATE TABLE fiche_cache_tarifications (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id bigint NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    row_index      integer NOT NULL,
    nom            text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, row_index)
);
CREATE INDEX fiche_cache_tarifications_nom ON fiche_cache_tarifications (nom);

CREATE TABLE fiche_cache_tarification_gammes (
    id                       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tarification_id          bigint NOT NULL REFERENCES fiche_cache_tarifications ON DELETE CASCADE,
    row_index                integer NOT NULL,
    nom                      text NOT NULL,
    logo_url                 text,
    garanties_url            text,
    conditions_generales_url text,
    bulletin_adhesion_url    text,
    created_at               timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tarification_id, row_index)
);
CREATE INDEX fiche_cache_tarification_gammes_nom ON fiche_cache_tarification_gammes (nom);

CREATE TABLE fiche_cache_tarification_formules (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gamme_id   bigint NOT NULL REFERENCES fiche_cache_tarification_gammes ON DELETE CASCADE,
    row_index  integer NOT NULL,
    formule_id text NOT NULL,
    nom        text NOT NULL,
    prix       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gamme_id, row_index)
);
CREATE INDEX fiche_cache_tarification_formules_formule ON fiche_cache_tarification_formules (formule_id);

CREATE TABLE fiche_cache_tarification_formule_details (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    formule_row_id bigint NOT NULL REFERENCES fiche_cache_tarification_formules ON DELETE CASCADE,
    detail_key     text NOT NULL,
    detail_value   text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (formule_row_id, detail_key)
);
CREATE INDEX fiche_cache_tarification_formule_details_key ON fiche_cache_tarification_formule_details (detail_key);

CREATE TABLE fiche_cache_mail_devis_garantie_categories (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_devis_id        bigint NOT NULL REFERENCES fiche_cache_mail_devis ON DELETE CASCADE,
    category_key         text NOT NULL,
    category_name        text NOT NULL,
    subcategories_format text NOT NULL DEFAULT 'named' CHECK (subcategories_format IN ('named', 'array')),
    created_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (mail_devis_id, category_key)
);

CREATE TABLE fiche_cache_mail_devis_garantie_category_note_refs (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id    bigint NOT NULL REFERENCES fiche_cache_mail_devis_garantie_categories ON DELETE CASCADE,
    row_index      integer NOT NULL,
    note_reference text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (category_id, row_index)
);

CREATE TABLE fiche_cache_mail_devis_garantie_category_items (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id bigint NOT NULL REFERENCES fiche_cache_mail_devis_garantie_categories ON DELETE CASCADE,
    row_index   integer NOT NULL,
    name        text NOT NULL,
    value       text NOT NULL,
    note_ref    text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (category_id, row_index)
);

CREATE TABLE fiche_cache_mail_devis_garantie_subcategories (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id bigint NOT NULL REFERENCES fiche_cache_mail_devis_garantie_categories ON DELETE CASCADE,
    sub_key     text NOT NULL,
    name        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (category_id, sub_key)
);

CREATE TABLE fiche_cache_mail_devis_garantie_subcategory_items (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subcategory_id bigint NOT NULL REFERENCES fiche_cache_mail_devis_garantie_subcategories ON DELETE CASCADE,
    row_index      integer NOT NULL,
    name           text NOT NULL,
    value          text NOT NULL,
    note_ref       text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (subcategory_id, row_index)
);

CREATE TABLE fiche_cache_mail_devis_notes (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail_devis_id bigint NOT NULL REFERENCES fiche_cache_mail_devis ON DELETE CASCADE,
    row_index     integer NOT NULL,
    number        text NOT NULL,
    text          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (mail_devis_id, row_index)
);

-- Details written before these tables become legacy raw rows: served from raw_data until
-- `vigie fiches backfill` has moved them.
ALTER TABLE fiche_cache ADD COLUMN mail_devis_state text NOT NULL DEFAULT 'unknown'
    CHECK (mail_devis_state IN ('unknown', 'none', 'present'));
COMMENT ON COLUMN fiche_cache.mail_devis_state IS 'unknown: never asked for. none: asked, there is none. present: it is stored.';
COMMENT ON COLUMN fiche_cache.raw_data IS
    'Of fiches seen in a list only: the list''s row. Else sections of legacy rows that have no rows in their tables yet.';
UPDATE fiche_cache c
   SET mail_devis_state = d.mail_devis_state,
       raw_data = CASE WHEN c.state = 'sales_list' THEN c.raw_data
                       ELSE c.raw_data || d.sections
                            || CASE WHEN d.mail_devis IS NULL THEN '{}'
                                    ELSE jsonb_build_object('mail_devis', d.mail_devis) END END
  FROM fiche_cache_details d
 WHERE d.fiche_cache_id = c.id;
DROP TABLE fiche_cache_details;
CREATE INDEX fiche_cache_legacy ON fiche_cache (id) WHERE state <> 'sales_list' AND raw_data <> '{}';

CREATE TABLE crm_permits (
    kind        text    NOT NULL,
    slot        integer NOT NULL,
    holder      text,
    lease_until timestamptz,
    PRIMARY KEY (kind, slot),
    CHECK ((holder IS NULL) = (lease_until IS NULL))
);
COMMENT ON TABLE crm_permits IS
    'Calls to the CRM that may be under way at once, over all replicas: who calls holds a slot of its kind. Slots of a dead replica come free when their lease ends.';

CREATE TABLE crm_circuit (
    provider    text PRIMARY KEY,
    state       text    NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
    failures    integer NOT NULL DEFAULT 0,
    opened      integer NOT NULL DEFAULT 0,
    auth_status integer,
    open_until  timestamptz,
    probe_until timestamptz,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (state = 'closed' OR open_until IS NOT NULL)
);
COMMENT ON COLUMN crm_circuit.failures IS 'Failed operations in a row.';
COMMENT ON COLUMN crm_circuit.opened IS 'How often it opened in a row; pauses grow with it.';
COMMENT ON COLUMN crm_circuit.auth_status IS 'Set when it is open because the token was refused.';
COMMENT ON COLUMN crm_circuit.probe_until IS 'half_open: one call is let through until then; its end decides.';
INSERT INTO crm_circuit (provider) VALUES ('crm');
