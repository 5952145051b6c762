-- Lists of days find their fiches and calls in indexes alone, and read rows of what they show only
-- (fiches.md W31).

DROP INDEX fiche_cache_sales_date;
CREATE INDEX fiche_cache_sales_date ON fiche_cache (sales_date)
    INCLUDE (state, groupe_effectif, attribution_user_id);
CREATE INDEX fiche_cache_newest ON fiche_cache (created_at DESC, id DESC)
    INCLUDE (sales_date, groupe_effectif, attribution_user_id);

ALTER TABLE recordings DROP CONSTRAINT recordings_fiche_cache_id_call_id_key;
ALTER TABLE recordings ADD CONSTRAINT recordings_fiche_cache_id_call_id_key
    UNIQUE (fiche_cache_id, call_id) INCLUDE (id, start_time, duration_seconds);
