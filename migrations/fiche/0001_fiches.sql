-- The fiche cache: what the CRM knows about a sale, its recordings, and who may see it (fiches.md 4, 7).
-- Holds personal, health and bank data: nothing of these tables may be logged.

CREATE TABLE fiche_cache (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_id             text        NOT NULL UNIQUE,
    version              bigint      NOT NULL DEFAULT 1,
    state                text        NOT NULL CHECK (state IN ('sales_list', 'full', 'not_found')),
    groupe               text,
    groupe_effectif      text GENERATED ALWAYS AS (CASE WHEN btrim(groupe) <> '' THEN groupe END) STORED,
    attribution_user_id  text CHECK (attribution_user_id <> ''),
    agence_nom           text,
    prospect_nom         text,
    prospect_prenom      text,
    prospect_email       text,
    prospect_tel         text,
    sales_date           date,
    sales_date_confirmed boolean     NOT NULL DEFAULT false,
    inserted_on          date,
    cle                  text,
    details_success      boolean,
    details_message      text,
    raw_data             jsonb       NOT NULL DEFAULT '{}',
    has_recordings       boolean     NOT NULL DEFAULT false,
    recordings_count     integer,
    summary_fetched_at   timestamptz,
    details_fetched_at   timestamptz,
    details_expires_at   timestamptz,
    fetched_at           timestamptz GENERATED ALWAYS AS (COALESCE(details_fetched_at, summary_fetched_at)) STORED,
    last_revalidated_at  timestamptz,
    not_found_count      integer     NOT NULL DEFAULT 0,
    not_found_at         timestamptz,
    not_found_until      timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'full' OR (details_fetched_at IS NOT NULL AND details_expires_at IS NOT NULL)),
    CHECK (state <> 'not_found' OR not_found_until IS NOT NULL)
);
COMMENT ON TABLE fiche_cache IS 'One row a fiche; never deleted.';
COMMENT ON COLUMN fiche_cache.version IS
    'Grows with each write; carried by summaries, so that readers can ignore older ones.';
COMMENT ON COLUMN fiche_cache.state IS
    'sales_list: seen in a list only. full: details are cached. not_found: the CRM does not know it until not_found_until; sections of an earlier full state stay.';
COMMENT ON COLUMN fiche_cache.groupe IS
    'As the details write it (information.groupe), else as known before.';
COMMENT ON COLUMN fiche_cache.groupe_effectif IS
    'The canonical groupe: blank is absent. With attribution_user_id the one scope predicate: ($all OR groupe_effectif = ANY($groupes) OR attribution_user_id = $user).';
COMMENT ON COLUMN fiche_cache.attribution_user_id IS 'information.attribution_user_id; blank is absent.';
COMMENT ON COLUMN fiche_cache.sales_date IS
    'Sticky. Taken from the insertion date until a sales list of that day confirms it.';
COMMENT ON COLUMN fiche_cache.details_fetched_at IS
    'The clock of expiry and cooldown; lists have their own, summary_fetched_at.';
COMMENT ON COLUMN fiche_cache.not_found_count IS
    '404s in a row, counted at most once a marker life. Full details are given up after several.';
CREATE INDEX fiche_cache_groupe ON fiche_cache (groupe_effectif);
CREATE INDEX fiche_cache_attribution ON fiche_cache (attribution_user_id);
CREATE INDEX fiche_cache_sales_date ON fiche_cache (sales_date);
CREATE INDEX fiche_cache_expires ON fiche_cache (details_expires_at);
CREATE INDEX fiche_cache_revalidated ON fiche_cache (last_revalidated_at);

CREATE TABLE fiche_cache_information (
    id                                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id                    bigint  NOT NULL UNIQUE REFERENCES fiche_cache ON DELETE CASCADE,
    cle                               text    NOT NULL,
    date_insertion                    text    NOT NULL,
    createur                          text,
    fiches_associees                  text,
    nombre_acces                      bigint  NOT NULL,
    dernier_acces                     text    NOT NULL,
    groupe                            text    NOT NULL,
    groupe_responsable                text,
    groupe_gestion                    text,
    groupe_reclamation                text,
    agence_id                         text    NOT NULL,
    agence_nom                        text    NOT NULL,
    attribution_user_id               text    NOT NULL,
    attribution_user_nom              text    NOT NULL,
    provenance_id                     text    NOT NULL,
    provenance_nom                    text    NOT NULL,
    provenance_numero                 text,
    provenance_periode_rappel         text,
    origine_id                        text,
    origine_nom                       text,
    attribution_bis_user_id           text,
    attribution_bis_user_nom          text,
    refus_demarchage                  boolean NOT NULL,
    exception_demarchage              boolean NOT NULL,
    exception_demarchage_commentaire  text,
    niveau_interet                    bigint,
    nombre_ouverture_mails            bigint  NOT NULL,
    derniere_ouverture_mail           text,
    nombre_visualisation_pages        bigint  NOT NULL,
    derniere_visualisation_page       text,
    espace_prospect_url               text,
    ferme_espace_prospect             boolean NOT NULL,
    desinscription_mail               boolean NOT NULL,
    corbeille                         boolean NOT NULL,
    archive                           boolean NOT NULL,
    modules                           text[]  NOT NULL,
    created_at                        timestamptz NOT NULL DEFAULT now(),
    updated_at                        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE fiche_cache_information IS
    'Section `information`, replaced by each details write. Column names are the payload''s keys: writer and reader convert whole rows.';
CREATE INDEX fiche_cache_information_groupe ON fiche_cache_information (groupe);

CREATE TABLE fiche_cache_prospects (
    id                       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id           bigint  NOT NULL UNIQUE REFERENCES fiche_cache ON DELETE CASCADE,
    prospect_id              text    NOT NULL,
    civilite                 bigint  NOT NULL,
    civilite_text            text    NOT NULL,
    nom                      text    NOT NULL,
    prenom                   text    NOT NULL,
    date_naissance           text    NOT NULL,
    regime                   text    NOT NULL,
    regime_text              text    NOT NULL,
    telephone                text,
    mobile                   text,
    telephone_2              text,
    mail                     text,
    mail_2                   text,
    adresse                  text,
    code_postal              text,
    ville                    text,
    num_secu                 text,
    num_affiliation          text,
    situation_familiale      bigint,
    situation_familiale_text text,
    madelin                  boolean NOT NULL DEFAULT false,
    profession               text,
    csp                      bigint,
    csp_text                 text,
    fax                      text,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE fiche_cache_prospects IS 'Section `prospect`; as fiche_cache_information.';
CREATE INDEX fiche_cache_prospects_prospect ON fiche_cache_prospects (prospect_id);

CREATE TABLE fiche_cache_details (
    fiche_cache_id   bigint PRIMARY KEY REFERENCES fiche_cache ON DELETE CASCADE,
    sections         jsonb  NOT NULL,
    mail_devis_state text   NOT NULL DEFAULT 'unknown' CHECK (mail_devis_state IN ('unknown', 'none', 'present')),
    mail_devis       jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((mail_devis_state = 'present') = (mail_devis IS NOT NULL))
);
COMMENT ON TABLE fiche_cache_details IS
    'All other sections, as one document each: etiquettes, conjoint, enfants, mails, rendez_vous, commentaires, elements_souscription, tarification, reclamations, autres_contrats, documents, alertes, raw_sections. Nothing filters by them yet; a later migration moves them into the tables of fiches.md 7.';
COMMENT ON COLUMN fiche_cache_details.mail_devis_state IS
    'unknown: never asked for. none: asked, there is none. present: in mail_devis.';

CREATE TABLE recordings (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_cache_id         bigint      NOT NULL REFERENCES fiche_cache ON DELETE CASCADE,
    call_id                text        NOT NULL CHECK (call_id <> ''),
    recording_url          text        NOT NULL,
    recording_date         text,
    recording_time         text,
    from_number            text,
    to_number              text,
    uuid                   text,
    direction              text,
    answered               boolean,
    start_time             timestamptz,
    start_time_text        text,
    clock_mismatch         boolean     NOT NULL DEFAULT false,
    duration_seconds       integer,
    last_seen_at           timestamptz NOT NULL DEFAULT now(),
    missing_upstream_since timestamptz,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_cache_id, call_id)
);
COMMENT ON TABLE recordings IS
    'Calls of a fiche; never deleted, as they are evidence. Transcripts are the transcription service''s.';
COMMENT ON COLUMN recordings.recording_url IS 'Blank until the CRM gives one; never blanked again.';
COMMENT ON COLUMN recordings.from_number IS 'Digits, as to_number; display forms are made on output.';
COMMENT ON COLUMN recordings.start_time_text IS 'What the CRM wrote, also where start_time could not be read from it.';
COMMENT ON COLUMN recordings.clock_mismatch IS 'File name and start_time differ by more than a minute.';
COMMENT ON COLUMN recordings.missing_upstream_since IS 'Since when the CRM lists this call no more.';
CREATE INDEX recordings_call ON recordings (call_id);
CREATE INDEX recordings_date ON recordings (recording_date);

CREATE TABLE fiche_fetches (
    fiche_id    text PRIMARY KEY,
    holder      text        NOT NULL,
    lease_until timestamptz NOT NULL
);
COMMENT ON TABLE fiche_fetches IS
    'Fetches under way: one worker asks the CRM for a fiche at a time, over all replicas. The same message may take its own lease again.';
