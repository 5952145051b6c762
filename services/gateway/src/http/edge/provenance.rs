use tonic::Request;
use vigie_service::grpc::Origin;

tokio::task_local! {
    /// Where the HTTP request that is answered in this task comes from.
    static ORIGIN: Origin;
}

/// Answers a request that comes from there.
pub(super) async fn within<F: Future>(origin: Origin, answer: F) -> F::Output {
    ORIGIN.scope(origin, answer).await
}

/// Lets a call to a service say where the request comes from; outside of one it says nothing.
pub fn told<T>(request: Request<T>) -> Request<T> {
    match ORIGIN.try_with(Origin::clone) {
        Ok(origin) => origin.attach(request),
        Err(_) => request,
    }
}

#[cfg(test)]
mod tests {
    use super::{told, within};
    use tonic::Request;
    use vigie_service::grpc::Origin;

    #[tokio::test]
    async fn calls_say_where_their_request_comes_from() {
        let origin = Origin {
            address: Some("198.51.100.7".parse().unwrap()),
            request_id: Some("req-1".to_owned()),
        };
        let call = within(origin.clone(), async { told(Request::new(())) }).await;
        assert_eq!(Origin::of(&call), origin);
        assert_eq!(Origin::of(&told(Request::new(()))), Origin::default());
    }
}
