use super::{Reach, Row, Rule, auth};
use crate::access::direct::Rpc;
use crate::access::world::Ids;
use prost::Message;
use serde_json::json;
use vigie_contracts::audit::v1 as audit;
use vigie_contracts::auth::v1::IssueStreamTicketRequest;
use vigie_testkit::stack::Service;

const HEARD: Rule = Rule::of(Reach::Scoped, &[200], 403);
const MADE: Rule = Rule::of(Reach::Made, &[200], 403);
const TICKET: Rule = Rule::of(Reach::Scoped, &[201], 403);

fn stream(rule: Rule, query: fn(&Ids) -> String) -> Row {
    Row::new("GET", "/api/realtime/stream", rule).query(query)
}

fn subscribe(rule: Rule, body: fn(&Ids) -> serde_json::Value) -> Row {
    Row::new("POST", "/api/realtime/pusher/auth", rule).body(body)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        stream(HEARD, |ids| format!("?channels=audit-{}", ids.audit)).rpc_by(
            Rule::rows(Reach::Scoped, |_, answer| {
                audit::CheckChannelResponse::decode(answer).unwrap().allowed
            }),
            |ids| {
                let audit_key = ids.audit.clone();
                let message = audit::CheckChannelRequest { audit_key };
                let path = "/vigie.audit.v1.AuditService/CheckChannel";
                Rpc::new(Service::AuditOrchestrator, path, &message)
            },
        ),
        stream(HEARD, |ids| format!("?channels=global,fiche-{}", ids.fiche)),
        stream(HEARD, |ids| {
            format!("?channels=job-automation-run-{}", ids.run)
        }),
        stream(HEARD, |ids| {
            format!("?channels=job-automation-schedule-{}", ids.schedule)
        }),
        stream(MADE, |ids| format!("?channels=job-{}", ids.job)),
        stream(MADE, |ids| format!("?channels=job-{}", ids.batch)),
        stream(MADE, |ids| format!("?channels=job-{}", ids.audit_batch)),
        Row::new("POST", "/api/realtime/tickets", TICKET)
            .body(|ids| json!({ "channels": [format!("audit-{}", ids.audit)] }))
            .rpc_by(Rule::any(&[200]), |ids| {
                // The gateway has looked at the channels.
                let channels = vec![format!("audit-{}", ids.audit)];
                let message = IssueStreamTicketRequest { channels };
                auth("/vigie.auth.v1.AuthService/IssueStreamTicket", &message)
            }),
        subscribe(HEARD, |ids| {
            let channel = format!("private-audit-{}", ids.audit);
            json!({ "socket_id": "1.2", "channel_name": channel })
        }),
        subscribe(MADE, |ids| {
            let channel = format!("private-job-{}", ids.job);
            json!({ "socket_id": "1.2", "channel_name": channel })
        }),
        Row::new("POST", "/api/realtime/pusher/user-auth", Rule::any(&[200]))
            .body(|_| json!({ "socket_id": "1.2" })),
        Row::new("POST", "/api/realtime/pusher/test", Rule::any(&[200])).body(|_| json!({})),
    ]
}
