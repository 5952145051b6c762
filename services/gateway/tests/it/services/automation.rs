use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::automation::v1 as pb;
use vigie_contracts::automation::v1::automation_service_server::AutomationService;
use vigie_contracts::automation::v1::link_service_server::LinkService;
use vigie_service::{ErrorCode, WireError};

fn schedule(id: &str) -> pb::Schedule {
    pb::Schedule {
        id: id.to_owned(),
        fiche_selection_json: "{\"mode\":\"manual\"}".to_owned(),
        ..pb::Schedule::default()
    }
}

fn run(id: &str) -> pb::Run {
    pb::Run {
        id: id.to_owned(),
        ..pb::Run::default()
    }
}

#[async_trait]
impl AutomationService for Service {
    async fn create_schedule(
        &self,
        request: Request<pb::CreateScheduleRequest>,
    ) -> Result<Response<pb::CreateScheduleResponse>, Status> {
        self.0.enter("CreateSchedule", &request)?;
        self.0.script().schedule = request.into_inner().body_json;
        let schedule = Some(schedule("31"));
        Ok(Response::new(pb::CreateScheduleResponse { schedule }))
    }

    async fn list_schedules(
        &self,
        request: Request<pb::ListSchedulesRequest>,
    ) -> Result<Response<pb::ListSchedulesResponse>, Status> {
        self.0.enter("ListSchedules", &request)?;
        Ok(Response::new(pb::ListSchedulesResponse {
            schedules: Vec::new(),
        }))
    }

    async fn get_schedule(
        &self,
        request: Request<pb::GetScheduleRequest>,
    ) -> Result<Response<pb::GetScheduleResponse>, Status> {
        self.0.enter("GetSchedule", &request)?;
        let schedule = Some(schedule(&request.into_inner().schedule_id));
        Ok(Response::new(pb::GetScheduleResponse {
            schedule,
            runs: Vec::new(),
        }))
    }

    async fn trigger(
        &self,
        request: Request<pb::TriggerRequest>,
    ) -> Result<Response<pb::TriggerResponse>, Status> {
        self.0.enter("Trigger", &request)?;
        Ok(Response::new(pb::TriggerResponse {
            run_id: "508".to_owned(),
            job_id: "automation-run-508".to_owned(),
            event_ids: vec!["e".to_owned()],
        }))
    }

    async fn list_runs(
        &self,
        request: Request<pb::ListRunsRequest>,
    ) -> Result<Response<pb::ListRunsResponse>, Status> {
        self.0.enter("ListRuns", &request)?;
        Ok(Response::new(pb::ListRunsResponse {
            runs: Vec::new(),
            total: 0,
            limit: request.get_ref().limit.unwrap_or(20),
            offset: 0,
        }))
    }

    async fn get_run(
        &self,
        request: Request<pb::GetRunRequest>,
    ) -> Result<Response<pb::GetRunResponse>, Status> {
        self.0.enter("GetRun", &request)?;
        let id = request.into_inner().run_id;
        if id == "404" {
            return Err(WireError::new(ErrorCode::NotFound, "Run not found").into());
        }
        Ok(Response::new(pb::GetRunResponse {
            run: Some(run(&id)),
            logs: Vec::new(),
        }))
    }

    async fn cancel_run(
        &self,
        request: Request<pb::CancelRunRequest>,
    ) -> Result<Response<pb::CancelRunResponse>, Status> {
        self.0.enter("CancelRun", &request)?;
        let run = Some(run(&request.into_inner().run_id));
        Ok(Response::new(pb::CancelRunResponse { run }))
    }
}

#[async_trait]
impl LinkService for Service {
    async fn describe_links(
        &self,
        request: Request<pb::DescribeLinksRequest>,
    ) -> Result<Response<pb::DescribeLinksResponse>, Status> {
        self.0.enter("DescribeLinks", &request)?;
        let request = request.into_inner();
        let schedules = request.schedule_ids.into_iter().map(|id| pb::ScheduleLink {
            name: format!("Nuit {id}"),
            id,
        });
        let runs = request.run_ids.into_iter().map(|id| pb::RunLink {
            id,
            status: "completed".to_owned(),
            started_at: "2026-01-05T01:00:00.000Z".to_owned(),
            completed_at: None,
            schedule_id: "3".to_owned(),
        });
        Ok(Response::new(pb::DescribeLinksResponse {
            schedules: schedules.collect(),
            runs: runs.collect(),
        }))
    }
}
