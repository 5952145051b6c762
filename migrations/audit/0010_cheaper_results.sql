-- What storing a result costs, for the same guarantees.

-- A point without its step, or a quote without its point, cannot come to be: one function writes all
-- three from one value, in one transaction, under the lock of the audit's row (`store::step`), and no
-- program deletes steps or audits. The foreign keys looked each of an audit's hundreds of rows up
-- again and marked its parent as locked: half of the time and of the WAL of storing a result. What
-- they did for deletions, one statement for all rows does.
ALTER TABLE audit_step_result_control_points
    DROP CONSTRAINT audit_step_result_control_points_audit_id_step_position_fkey;
ALTER TABLE audit_step_result_citations
    DROP CONSTRAINT audit_step_result_citations_audit_id_step_position_control_fkey;

CREATE FUNCTION audit_points_follow_step() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM audit_step_result_control_points point
     USING gone
     WHERE point.audit_id = gone.audit_id AND point.step_position = gone.step_position;
    RETURN NULL;
END
$$;
CREATE TRIGGER points_follow AFTER DELETE ON audit_step_results
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION audit_points_follow_step();

CREATE FUNCTION audit_citations_follow_point() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM audit_step_result_citations quote
     USING gone
     WHERE quote.audit_id = gone.audit_id AND quote.step_position = gone.step_position
       AND quote.control_point_index = gone.control_point_index;
    RETURN NULL;
END
$$;
CREATE TRIGGER citations_follow AFTER DELETE ON audit_step_result_control_points
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION audit_citations_follow_point();

-- By the status, which changes less often than the phase: no index names the phase now, so an audit
-- that begins its analysis is updated in place, without an entry in each of its indexes.
DROP INDEX audits_open;
CREATE INDEX audits_open ON audits (deadline_at) WHERE status IN ('pending', 'running');
COMMENT ON INDEX audits_open IS 'What the watchdog sweeps.';
