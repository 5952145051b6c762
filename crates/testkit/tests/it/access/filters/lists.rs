/// A parameter and values of it, with the ids of what is hidden in braces.
pub(super) type Parameter = (&'static str, &'static [&'static str]);

/// A list and what it can be narrowed by.
pub(super) struct List {
    pub(super) path: &'static str,
    pub(super) parameters: &'static [Parameter],
}

const PAGE: [Parameter; 2] = [
    ("limit", &["1", "3", "100", "100000", "-1"]),
    ("offset", &["0", "2", "-1"]),
];
const CURSOR: Parameter = ("cursor", &["zz", "eyJ2IjowfQ", "0"]);
const TIMES: [Parameter; 2] = [
    ("since", &["2020-01-01T00:00:00Z", "nonsense"]),
    ("until", &["2999-01-01T00:00:00Z"]),
];
const LEVEL: Parameter = ("level", &["info", "error", "%25"]);

const AUDITS: &[Parameter] = &[
    ("fiche_ids", &["{fiche}", "{fiche},1,2", "%25"]),
    (
        "groupes",
        &["EQUIPE%20NORD", "EQUIPE%20NORD,EQUIPE%20OUEST", ",", ""],
    ),
    ("groupe_query", &["nord", "EQUIPE", "%25", "_"]),
    ("agence_query", &["a", "%25"]),
    ("prospect_query", &["e", "{fiche}"]),
    ("sales_dates", &["{day}"]),
    ("sales_date_from", &["2020-01-01"]),
    ("has_recordings", &["true", "false"]),
    ("recordings_count_min", &["0"]),
    ("status", &["completed", "pending,running,completed,failed"]),
    ("is_compliant", &["true", "false"]),
    ("niveau", &["BON,REJET,INSUFFISANT,EXCELLENT,ACCEPTABLE"]),
    ("date_from", &["2020-01-01"]),
    ("date_to", &["2999-01-01"]),
    ("audit_config_ids", &["{config}"]),
    ("score_min", &["0"]),
    ("has_failed_steps", &["true", "false"]),
    ("automation_schedule_ids", &["{schedule}"]),
    ("automation_run_ids", &["{run}"]),
    ("trigger_source", &["api,automation"]),
    (
        "q",
        &["{fiche}", "{audit}", "nord", "%27)%20OR%20(1=1", "%25"],
    ),
    ("latest_only", &["true", "false"]),
    ("include_deleted", &["true", "false"]),
    ("sort_by", &["created_at", "score_percentage"]),
    ("sort_order", &["asc", "desc"]),
    (
        "group_by",
        &[
            "fiche",
            "groupe",
            "status",
            "audit_config",
            "created_day",
            "score_bucket",
            "niveau",
        ],
    ),
    ("bucket_size", &["1", "100"]),
    PAGE[0],
    PAGE[1],
    CURSOR,
];
const ACCOUNTS: &[Parameter] = &[
    ("q", &["a", "%25", "admin"]),
    ("include_users", &["true"]),
    ("actor_id", &["1"]),
    ("action", &["role.updated"]),
    PAGE[0],
    CURSOR,
];

pub(super) const LISTS: &[List] = &[
    List {
        path: "/api/audits",
        parameters: AUDITS,
    },
    List {
        path: "/api/audits/grouped",
        parameters: AUDITS,
    },
    List {
        path: "/api/audits/grouped-by-fiches",
        parameters: AUDITS,
    },
    List {
        path: "/api/audits/by-fiche/{fiche_id}",
        parameters: &[
            ("include_details", &["true", "false"]),
            ("fiche_id", &["{fiche}"]),
            PAGE[0],
        ],
    },
    List {
        path: "/api/audits/stuck",
        parameters: &[PAGE[0], ("fiche_id", &["{fiche}"])],
    },
    List {
        path: "/api/audits/{audit_id}/logs",
        parameters: &[
            LEVEL,
            ("step", &["1"]),
            ("attempt", &["1"]),
            TIMES[0],
            TIMES[1],
            PAGE[0],
            PAGE[1],
        ],
    },
    List {
        path: "/api/fiches/search",
        parameters: &[
            ("date", &["{day}"]),
            ("includeStatus", &["true", "false"]),
            ("groupe", &["EQUIPE%20NORD"]),
        ],
    },
    List {
        path: "/api/fiches/status/by-date",
        parameters: &[("date", &["{day}"]), ("groupe", &["EQUIPE%20NORD"])],
    },
    List {
        path: "/api/fiches/status/by-date-range",
        parameters: &[
            ("startDate", &["{day}"]),
            ("endDate", &["{day}"]),
            PAGE[0],
            CURSOR,
        ],
    },
    List {
        path: "/api/fiches/jobs",
        parameters: &[
            ("status", &["complete", "pending", "failed", "all"]),
            PAGE[0],
            ("created_by", &["user:1"]),
        ],
    },
    List {
        path: "/api/fiches/jobs/{job_id}/webhooks",
        parameters: &[PAGE[0], CURSOR],
    },
    List {
        path: "/api/fiches/webhooks/fiches",
        parameters: &[("fields", &["all"]), PAGE[0]],
    },
    List {
        path: "/api/fiches/webhooks/destinations",
        parameters: &[("url", &["https://a.test"]), PAGE[0]],
    },
    List {
        path: "/api/recordings/{fiche_id}",
        parameters: &[("fiche_id", &["{fiche}"]), PAGE[0]],
    },
    List {
        path: "/api/transcriptions/{fiche_id}/logs",
        parameters: &[
            ("run_id", &["{run}", "1"]),
            ("trace_id", &["x"]),
            LEVEL,
            TIMES[0],
            TIMES[1],
            PAGE[0],
            PAGE[1],
        ],
    },
    List {
        path: "/api/transcriptions/{fiche_id}/recordings/{call_id}",
        parameters: &[("include_words", &["true", "false"])],
    },
    List {
        path: "/api/transcriptions/batches/{batch_id}",
        parameters: &[("fiche_id", &["{fiche}"]), PAGE[0]],
    },
    List {
        path: "/api/automation/schedules",
        parameters: &[
            ("include_inactive", &["true", "false"]),
            ("schedule_id", &["{schedule}"]),
            PAGE[0],
        ],
    },
    List {
        path: "/api/automation/schedules/{schedule_id}/runs",
        parameters: RUNS,
    },
    List {
        path: "/api/automation/runs",
        parameters: RUNS,
    },
    List {
        path: "/api/audit-configs",
        parameters: &[("include_inactive", &["true"]), ("details", &["true"])],
    },
    List {
        path: "/api/admin/users",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/teams",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/roles",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/permissions",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/service-tokens",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/audit-events",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/crm/users",
        parameters: ACCOUNTS,
    },
    List {
        path: "/api/admin/crm/teams",
        parameters: ACCOUNTS,
    },
];
const RUNS: &[Parameter] = &[
    ("schedule_id", &["{schedule}"]),
    ("status", &["completed", "partial", "failed", "running"]),
    TIMES[0],
    TIMES[1],
    PAGE[0],
    PAGE[1],
];
