//! `GroupAudits` (`audits.md` 6.3).

use crate::app::AppState;
use crate::domain::filters::{Filters, InvalidQuery};
use crate::rpc::list::pagination;
use crate::store::list::{self, Group, GroupBy, Grouped};
use std::collections::HashMap;
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{Detail, ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.read");

/// The default width of a bucket.
const BUCKET: u8 = 10;

const ALLOWED: &str = "fiche, audit_config, status, niveau, automation_schedule, automation_run, \
                       groupe, created_day, score_bucket";

#[derive(Debug, thiserror::Error)]
enum GroupError {
    #[error(transparent)]
    Query(#[from] InvalidQuery),
    #[error("group_by is required")]
    Missing,
    #[error("Invalid group_by. Allowed: {ALLOWED}")]
    Unknown,
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for GroupError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Query(_) | Self::Missing | Self::Unknown => ErrorCode::Validation,
            Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        let parameter = match self {
            Self::Query(InvalidQuery { parameter }) => parameter,
            Self::Missing | Self::Unknown => "group_by",
            Self::Store(_) => return Vec::new(),
        };
        vec![Detail {
            path: format!("query.{parameter}"),
            code: "invalid".to_owned(),
            message: self.to_string(),
        }]
    }
}

/// A page of groups of the audits in the caller's scope.
pub async fn group_audits(
    state: &AppState,
    caller: &Caller,
    request: &pb::GroupAuditsRequest,
) -> Result<pb::GroupAuditsResponse, Status> {
    let scope = caller.require(GUARD)?;
    group(state, &scope, &request.filters).await.map_err(status)
}

async fn group(
    state: &AppState,
    scope: &FicheScope,
    query: &HashMap<String, String>,
) -> Result<pb::GroupAuditsResponse, GroupError> {
    let bucket = bucket_size(query);
    let asked = query.get("group_by").map(|name| name.trim());
    let name = asked.filter(|name| !name.is_empty());
    let name = name.ok_or(GroupError::Missing)?;
    let by = parse(name, bucket).ok_or(GroupError::Unknown)?;
    let filters = Filters::parse(query)?;
    let asked = query.get("include_lexical").map(|flag| flag.trim()) == Some("true");
    let grouped = Grouped {
        filters: &filters,
        scope,
        with_lexical: state.counts_lexical(asked),
    };
    let mut conn = state.db.acquire().await?;
    let page = list::group(&mut conn, by, &grouped).await?;
    Ok(pb::GroupAuditsResponse {
        groups: page.groups.into_iter().map(|row| encode(by, row)).collect(),
        pagination: Some(pagination(page.total, filters.limit, filters.offset)),
        group_by: name.to_owned(),
        bucket_size: bucket.into(),
    })
}

/// Clamped; what is no number is the default.
fn bucket_size(query: &HashMap<String, String>) -> u8 {
    let size = query.get("bucket_size");
    let size = size.and_then(|text| text.trim().parse::<i64>().ok());
    size.and_then(|size| u8::try_from(size.clamp(1, 100)).ok())
        .unwrap_or(BUCKET)
}

fn parse(name: &str, bucket: u8) -> Option<GroupBy> {
    Some(match name {
        "fiche" => GroupBy::Fiche,
        "audit_config" => GroupBy::AuditConfig,
        "status" => GroupBy::Status,
        "niveau" => GroupBy::Niveau,
        "automation_schedule" => GroupBy::AutomationSchedule,
        "automation_run" => GroupBy::AutomationRun,
        "groupe" => GroupBy::Groupe,
        "created_day" => GroupBy::CreatedDay,
        "score_bucket" => GroupBy::ScoreBucket(bucket),
        _ => return None,
    })
}

fn encode(by: GroupBy, row: Group) -> pb::AuditGroup {
    let counted = |count: i64| (count > 0).then_some(count);
    let status_counts = pb::StatusCounts {
        pending: counted(row.pending),
        running: counted(row.running),
        completed: counted(row.completed),
        failed: counted(row.failed),
    };
    let counts_statuses = !matches!(by, GroupBy::Status | GroupBy::Niveau);
    let mut group = pb::AuditGroup {
        count: row.count,
        compliant_count: row.compliant,
        non_compliant_count: row.non_compliant,
        avg_score: row.avg_score,
        min_score: row.min_score,
        max_score: row.max_score,
        status_counts: counts_statuses.then_some(status_counts),
        ..pb::AuditGroup::default()
    };
    match by {
        GroupBy::Fiche => {
            group.fiche = Some(pb::GroupedFiche {
                id: row.key.clone(),
                fiche_id: row.fiche_id.unwrap_or_default(),
                groupe: row.groupe,
                agence_nom: row.agence_nom,
                prospect_nom: row.prospect_nom,
                prospect_prenom: row.prospect_prenom,
            });
        }
        GroupBy::AuditConfig => {
            group.audit_config = Some(pb::AuditConfigRef {
                id: row.key.clone().unwrap_or_default(),
                name: row.config_name.unwrap_or_default(),
                description: row.config_description,
            });
        }
        GroupBy::AutomationSchedule => {
            let id = row.key.clone();
            group.automation_schedule = id.map(|id| pb::AutomationScheduleRef { id, name: None });
        }
        GroupBy::AutomationRun => {
            group.automation_run = row.key.clone().map(|id| pb::AutomationRunRef {
                id,
                schedule_id: row.schedule_id.map(|id| id.to_string()),
                ..pb::AutomationRunRef::default()
            });
        }
        GroupBy::Status
        | GroupBy::Niveau
        | GroupBy::Groupe
        | GroupBy::CreatedDay
        | GroupBy::ScoreBucket(_) => {}
    }
    group.key = row.key;
    group
}
