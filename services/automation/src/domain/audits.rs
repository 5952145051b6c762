//! What the audits of a fiche do to it: one a configuration, retried one by one, and the last one
//! decides.

use super::item::{AuditEnd, ItemAudit, ItemFailure, ItemState, Next, Stage};
use super::plan::Plan;
use vigie_events::ids::AuditConfigId;

/// What becomes of one audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditNext {
    /// Nothing: it has ended, or its answer is of an earlier attempt.
    Stay,
    /// It is asked for once more.
    Retry,
    /// It ends like this.
    Close,
}

/// An audit of a fiche ended.
pub fn audit_ended(
    audit: &ItemAudit,
    plan: &Plan,
    halted: bool,
    attempt: u32,
    end: &AuditEnd,
) -> AuditNext {
    match end {
        _ if audit.end.is_some() => AuditNext::Stay,
        AuditEnd::Failed(_) if attempt != audit.attempt => AuditNext::Stay,
        AuditEnd::Failed(_) if audit.attempt < plan.retries && !halted => AuditNext::Retry,
        AuditEnd::Completed | AuditEnd::Failed(_) => AuditNext::Close,
    }
}

/// The fiche, once an audit was closed: it waits for the others, is done or failed.
pub fn after_audits(audits: &[ItemAudit]) -> Next {
    if audits.iter().any(|audit| audit.end.is_none()) {
        return Next::Stay;
    }
    let errors: Vec<&str> = audits
        .iter()
        .filter_map(|audit| match &audit.end {
            Some(AuditEnd::Failed(error)) => Some(error.as_str()),
            Some(AuditEnd::Completed) | None => None,
        })
        .collect();
    let Some(first) = errors.iter().find(|error| !error.trim().is_empty()) else {
        if errors.is_empty() {
            return Next::Done;
        }
        let error = format!("Audit failed ({}/{} config(s))", errors.len(), audits.len());
        return Next::Fail(ItemFailure {
            error,
            stage: Stage::Audit,
            code: "AUDIT_FAILED",
        });
    };
    let timed_out = *first == ItemFailure::overdue(ItemState::Auditing).error;
    let code = if timed_out { "TIMEOUT" } else { "AUDIT_FAILED" };
    Next::Fail(ItemFailure {
        error: (*first).to_owned(),
        stage: Stage::Audit,
        code,
    })
}

/// Configurations of audits that may be asked for once more at their deadline, and those that end.
pub fn overdue_audits(
    audits: &[ItemAudit],
    plan: &Plan,
    halted: bool,
) -> (Vec<AuditConfigId>, Vec<AuditConfigId>) {
    let missing = audits.iter().filter(|audit| audit.end.is_none());
    let (again, ended): (Vec<&ItemAudit>, Vec<&ItemAudit>) =
        missing.partition(|audit| audit.attempt < plan.retries && !halted);
    let configs = |audits: Vec<&ItemAudit>| audits.into_iter().map(|audit| audit.config).collect();
    (configs(again), configs(ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_audit_decides_and_the_first_error_is_kept() {
        let audit = |config, end| ItemAudit {
            config: AuditConfigId::new(config),
            end,
            attempt: 0,
        };
        let failed = |error: &str| Some(AuditEnd::Failed(error.to_owned()));
        let open = [audit(1, failed("a")), audit(2, None)];
        assert_eq!(after_audits(&open), Next::Stay);
        let done = [
            audit(1, Some(AuditEnd::Completed)),
            audit(2, Some(AuditEnd::Completed)),
        ];
        assert_eq!(after_audits(&done), Next::Done);
        let Next::Fail(failure) = after_audits(&[audit(1, failed("")), audit(2, failed("b"))])
        else {
            unreachable!()
        };
        assert_eq!(failure.error, "b");
        let silent = [audit(1, failed("")), audit(2, Some(AuditEnd::Completed))];
        let Next::Fail(failure) = after_audits(&silent) else {
            unreachable!()
        };
        assert_eq!(failure.error, "Audit failed (1/2 config(s))");
    }
}
