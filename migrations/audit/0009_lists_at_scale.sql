-- Lists of a million audits within tens of milliseconds (audits.md 6.2).

-- What is filtered by lies in the index: an audit's row is two kilobytes, and counting a page's total
-- must not read them. None of these columns changes without the phase, which is indexed anyway.
DROP INDEX audits_listed_created;
CREATE INDEX audits_listed_created ON audits (created_at DESC, id DESC)
    INCLUDE (fiche_id, audit_config_id, status, niveau, is_compliant, score_percentage, duration_ms,
             total_tokens, failed_steps, automation_schedule_id, automation_run_id, trigger_source)
    WHERE is_latest AND deleted_at IS NULL;
DROP INDEX audits_listed_status;
CREATE INDEX audits_listed_status ON audits (status, created_at DESC, id DESC)
    INCLUDE (fiche_id, is_compliant)
    WHERE is_latest AND deleted_at IS NULL;
DROP INDEX audits_listed_niveau;
CREATE INDEX audits_listed_niveau ON audits (niveau, created_at DESC, id DESC)
    INCLUDE (fiche_id, status, duration_ms)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX audits_listed_completed ON audits (completed_at DESC NULLS LAST, id DESC)
    WHERE is_latest AND deleted_at IS NULL;
CREATE INDEX audits_listed_duration ON audits (duration_ms DESC NULLS LAST, id DESC)
    WHERE is_latest AND deleted_at IS NULL;
DROP INDEX fiches_groupe;
CREATE INDEX fiches_groupe ON fiches (groupe)
    INCLUDE (fiche_id, sales_date, has_recordings, recordings_count);

-- Such indexes are read alone only while the visibility map is fresh.
ALTER TABLE audits SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE fiches SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- "Contains" needs pg_trgm (in PostgreSQL's contrib), made here or beforehand by whoever may, in any
-- schema that this role may use. Without it everything works, and searches read whole tables until an
-- administrator has made it and this block was run once more.
DO $$
DECLARE
    home name;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    SELECT n.nspname INTO home
      FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    EXECUTE format(
        'CREATE INDEX fiches_sought ON fiches USING gin (
             lower(prospect_nom) %1$I.gin_trgm_ops, lower(prospect_prenom) %1$I.gin_trgm_ops,
             lower(prospect_email) %1$I.gin_trgm_ops, lower(prospect_tel) %1$I.gin_trgm_ops,
             lower(groupe) %1$I.gin_trgm_ops, lower(agence_nom) %1$I.gin_trgm_ops)', home);
    EXECUTE format(
        'CREATE INDEX audits_sought_fiche ON audits USING gin (lower(fiche_id) %1$I.gin_trgm_ops)',
        home);
    EXECUTE format(
        'CREATE INDEX audits_sought_error ON audits USING gin (lower(error_message) %1$I.gin_trgm_ops)
          WHERE error_message IS NOT NULL', home);
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
        RAISE WARNING 'no pg_trgm (%): searches in audit lists read whole tables. Make the extension, then run the end of migrations/audit/0009_lists_at_scale.sql', SQLERRM;
END
$$;
