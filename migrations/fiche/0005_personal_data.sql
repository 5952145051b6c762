-- Who read which fiche (fiches.md W26), and failed fetches that those who waited for them share.

CREATE TABLE fiche_accesses (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    fiche_id   text        NOT NULL,
    what       text        NOT NULL CHECK (what IN ('details', 'recordings')),
    reader     text        NOT NULL,
    address    text,
    request_id text
);
COMMENT ON TABLE fiche_accesses IS
    'One row for each time a person or a machine token was shown details or recordings of a fiche; forgotten after FICHE_ACCESS_LOG_DAYS.';
COMMENT ON COLUMN fiche_accesses.reader IS 'user:<id> or machine:<name>.';
CREATE INDEX fiche_accesses_fiche ON fiche_accesses (fiche_id, id);
CREATE INDEX fiche_accesses_reader ON fiche_accesses (reader, id);
CREATE INDEX fiche_accesses_at ON fiche_accesses (at);

CREATE TABLE fiche_fetch_failures (
    fiche_id text PRIMARY KEY,
    at       timestamptz NOT NULL,
    kind     text        NOT NULL CHECK (kind IN ('absent', 'crm', 'unusable')),
    message  text        NOT NULL
);
COMMENT ON TABLE fiche_fetch_failures IS
    'The last fetch that failed: whoever waited for it then gets the same answer instead of asking too. Of no use after seconds.';
