-- From a team's sales to their audits (audits.md 6.2): both ways are read from indexes alone.
DROP INDEX fiches_groupe;
CREATE INDEX fiches_groupe ON fiches (groupe, sales_date)
    INCLUDE (fiche_id, has_recordings, recordings_count);
DROP INDEX audits_latest;
CREATE UNIQUE INDEX audits_latest ON audits (fiche_id, audit_config_id)
    INCLUDE (id, created_at, status, niveau, is_compliant, duration_ms)
    WHERE is_latest AND deleted_at IS NULL;
