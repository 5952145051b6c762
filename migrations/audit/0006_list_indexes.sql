-- What lists of the latest, undeleted audits filter and sort by (audits.md 6.2, 11.2). Partial: an
-- older version costs nothing. All of these columns change with the phase, which is indexed anyway,
-- so progress still changes unindexed columns only.
CREATE INDEX audits_listed_created ON audits (created_at DESC, id DESC)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX audits_listed_status ON audits (status, created_at DESC, id DESC)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX audits_listed_niveau ON audits (niveau, created_at DESC, id DESC)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX audits_listed_config ON audits (audit_config_id, created_at DESC, id DESC)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX audits_listed_score ON audits ((score_percentage::float8), id)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX fiches_recordings ON fiches (recordings_count);
