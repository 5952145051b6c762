use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_job_service_server::FicheJobService;
use vigie_contracts::fiche::v1::fiche_webhook_service_server::FicheWebhookService;
use vigie_service::{ErrorCode, WireError};

/// The one job there is.
pub const JOB: &str = "cmkx0job0001";

fn find(id: &str) -> Result<pb::FetchJob, Status> {
    if id != JOB {
        return Err(WireError::new(ErrorCode::NotFound, "Job not found").into());
    }
    Ok(pb::FetchJob {
        id: JOB.to_owned(),
        status: "processing".to_owned(),
        progress: 67,
        completed_days: 2,
        total_days: 3,
        total_fiches: 1,
        start_date: "2026-01-12".to_owned(),
        end_date: "2026-01-14".to_owned(),
        dates_already_fetched: vec!["2026-01-12".to_owned(), "2026-01-14".to_owned()],
        dates_remaining: vec!["2026-01-13".to_owned()],
        created_at: "2026-01-14T12:30:00.000Z".to_owned(),
        updated_at: "2026-01-14T12:34:56.789Z".to_owned(),
        sequence: 3,
        webhook_deliveries: vec![pb::JobDelivery {
            id: "d".to_owned(),
            event: "progress".to_owned(),
            status: "sent".to_owned(),
            status_code: Some(200),
            attempt: 1,
            sent_at: None,
            created_at: "2026-01-14T12:35:30.500Z".to_owned(),
        }],
        ..pb::FetchJob::default()
    })
}

#[async_trait]
impl FicheJobService for Service {
    async fn list_by_date_range(
        &self,
        request: Request<pb::ListByDateRangeRequest>,
    ) -> Result<Response<pb::ListByDateRangeResponse>, Status> {
        self.0.enter("ListByDateRange", &request)?;
        let request = request.into_inner();
        let (start_date, end_date) = (request.start_date.clone(), request.end_date.clone());
        self.0.script().range = Some(request);
        let row = |id: &str| pb::FicheRow {
            fiche_id: id.to_owned(),
            ..pb::FicheRow::default()
        };
        Ok(Response::new(pb::ListByDateRangeResponse {
            start_date,
            end_date,
            fiches: vec![row("44"), row("45")],
            meta: Some(pb::RangeMeta {
                complete: false,
                partial: true,
                background_job_id: Some(JOB.to_owned()),
                total_days_requested: 3,
                days_fetched: 1,
                days_remaining: 2,
                days_cached: 1,
                cache_coverage: Some(pb::CacheCoverage {
                    dates_with_data: vec!["2026-01-14".to_owned()],
                    dates_missing: vec!["2026-01-12".to_owned(), "2026-01-13".to_owned()],
                }),
                visibility: Some(pb::RangeVisibility {
                    scope: "ALL".to_owned(),
                    visible: 2,
                    awaiting_details: 0,
                }),
                next_cursor: None,
                truncated: None,
            }),
        }))
    }

    async fn get_fetch_job(
        &self,
        request: Request<pb::GetFetchJobRequest>,
    ) -> Result<Response<pb::GetFetchJobResponse>, Status> {
        self.0.enter("GetFetchJob", &request)?;
        let job = Some(find(&request.into_inner().job_id)?);
        Ok(Response::new(pb::GetFetchJobResponse { job }))
    }

    async fn poll_fetch_job(
        &self,
        request: Request<pb::PollFetchJobRequest>,
    ) -> Result<Response<pb::PollFetchJobResponse>, Status> {
        self.0.enter("PollFetchJob", &request)?;
        Ok(Response::new(pb::PollFetchJobResponse {
            job: Some(find(&request.into_inner().job_id)?),
            fiches: vec![pb::PolledFiche {
                fiche_id: "2104417".to_owned(),
                groupe: None,
                prospect_nom: Some("MARTEL".to_owned()),
                prospect_prenom: None,
                recordings_count: 2,
                created_at: "2026-01-14T09:10:00.000Z".to_owned(),
            }],
            fiches_count: 1,
            data_url: None,
        }))
    }

    async fn list_fetch_jobs(
        &self,
        request: Request<pb::ListFetchJobsRequest>,
    ) -> Result<Response<pb::ListFetchJobsResponse>, Status> {
        self.0.enter("ListFetchJobs", &request)?;
        let request = request.into_inner();
        assert_eq!(
            (request.status.as_deref(), request.limit),
            (Some("failed"), Some(7))
        );
        Ok(Response::new(pb::ListFetchJobsResponse {
            jobs: vec![pb::FetchJobSummary {
                id: JOB.to_owned(),
                webhook_deliveries_count: 2,
                ..pb::FetchJobSummary::default()
            }],
        }))
    }

    async fn select_fiches(
        &self,
        _request: Request<pb::SelectFichesRequest>,
    ) -> Result<Response<pb::SelectFichesResponse>, Status> {
        Err(Status::unimplemented("not for the gateway"))
    }

    async fn revalidate_days(
        &self,
        _request: Request<pb::RevalidateDaysRequest>,
    ) -> Result<Response<pb::RevalidateDaysResponse>, Status> {
        Err(Status::unimplemented("not for the gateway"))
    }

    async fn get_days(
        &self,
        _request: Request<pb::GetDaysRequest>,
    ) -> Result<Response<pb::GetDaysResponse>, Status> {
        Err(Status::unimplemented("not for the gateway"))
    }
}

#[async_trait]
impl FicheWebhookService for Service {
    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Result<Response<pb::ListDeliveriesResponse>, Status> {
        self.0.enter("ListDeliveries", &request)?;
        find(&request.into_inner().job_id)?;
        Ok(Response::new(pb::ListDeliveriesResponse {
            deliveries: vec![pb::WebhookDelivery {
                id: "d".to_owned(),
                event: "complete".to_owned(),
                status: "sent".to_owned(),
                sequence: 4,
                attempts: vec![pb::WebhookAttempt {
                    attempt: 1,
                    at: "2026-01-14T12:35:31.000Z".to_owned(),
                    status_code: Some(200),
                    latency_ms: Some(12),
                    error: None,
                }],
                next_retry_at: None,
                created_at: "2026-01-14T12:35:30.500Z".to_owned(),
            }],
            next_cursor: Some("c".to_owned()),
        }))
    }

    async fn redeliver(
        &self,
        request: Request<pb::RedeliverRequest>,
    ) -> Result<Response<pb::RedeliverResponse>, Status> {
        self.0.enter("Redeliver", &request)?;
        let request = request.into_inner();
        find(&request.job_id)?;
        Ok(Response::new(pb::RedeliverResponse {
            id: request.delivery_id,
            status: "pending".to_owned(),
        }))
    }

    async fn list_failing_destinations(
        &self,
        request: Request<pb::ListFailingDestinationsRequest>,
    ) -> Result<Response<pb::ListFailingDestinationsResponse>, Status> {
        self.0.enter("ListFailingDestinations", &request)?;
        Ok(Response::new(pb::ListFailingDestinationsResponse {
            destinations: vec![pb::WebhookDestination {
                url: "https://hooks.example.test/".to_owned(),
                ..pb::WebhookDestination::default()
            }],
        }))
    }

    async fn enable_destination(
        &self,
        request: Request<pb::EnableDestinationRequest>,
    ) -> Result<Response<pb::EnableDestinationResponse>, Status> {
        self.0.enter("EnableDestination", &request)?;
        let enabled = request.into_inner().url == "https://hooks.example.test/";
        Ok(Response::new(pb::EnableDestinationResponse { enabled }))
    }
}
