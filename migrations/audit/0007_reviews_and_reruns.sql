-- Human decisions as a layer, and re-runs that always end (audits.md 8).

ALTER TABLE audit_step_results ADD COLUMN ai_minutages text[];
COMMENT ON COLUMN audit_step_results.ai_minutages IS 'Null where they equal minutages: the usual case is stored once.';
ALTER TABLE audit_step_result_control_points ADD COLUMN human_statut boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN audit_step_result_control_points.human_statut IS
    'Whether statut is a decision in force. Written only where everything derived is.';
CREATE INDEX audit_reviews_revokes ON audit_step_result_human_reviews (revokes_id) WHERE revokes_id IS NOT NULL;

ALTER TABLE audit_step_result_rerun_events
    ADD COLUMN force       boolean     NOT NULL DEFAULT false,
    ADD COLUMN guidance    text        NOT NULL DEFAULT '',
    ADD COLUMN sent_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN sends       integer     NOT NULL DEFAULT 1,
    ADD COLUMN deadline_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes';
COMMENT ON COLUMN audit_step_result_rerun_events.guidance IS 'What the analyzer is told beside the step.';
CREATE UNIQUE INDEX audit_reruns_active ON audit_step_result_rerun_events (audit_id, step_position)
    WHERE status IN ('queued', 'running');
CREATE INDEX audit_reruns_open ON audit_step_result_rerun_events (deadline_at)
    WHERE status IN ('queued', 'running');
