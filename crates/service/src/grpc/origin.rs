use std::net::IpAddr;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;

const ADDRESS: &str = "x-client-address";
const REQUEST_ID: &str = "x-request-id";
const MAX_REQUEST_ID: usize = 64;

/// Where a call comes from in the first place: what a trail of actions keeps beside the actor. The
/// gateway attaches it, the called service reads it; only a call with an internal token makes it
/// worth believing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as trusted proxies tell it.
    pub address: Option<IpAddr>,
    /// The id that the client can quote.
    pub request_id: Option<String>,
}

impl Origin {
    /// What a request carries; a value that cannot be one counts as none.
    pub fn of<T>(request: &Request<T>) -> Self {
        let text = |name| request.metadata().get(name)?.to_str().ok();
        Self {
            address: text(ADDRESS).and_then(|address| address.parse().ok()),
            request_id: text(REQUEST_ID)
                .filter(|id| is_request_id(id))
                .map(str::to_owned),
        }
    }

    /// Lets a request carry it.
    #[must_use]
    pub fn attach<T>(&self, mut request: Request<T>) -> Request<T> {
        let address = self.address.map(|address| address.to_string());
        for (name, value) in [(ADDRESS, &address), (REQUEST_ID, &self.request_id)] {
            let value = value.as_deref().map(AsciiMetadataValue::try_from);
            if let Some(Ok(value)) = value {
                request.metadata_mut().insert(name, value);
            }
        }
        request
    }
}

/// Whether this is a request id that may be kept (identity.md 4.2).
fn is_request_id(id: &str) -> bool {
    let modest = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.chars().all(modest)
}

#[cfg(test)]
mod tests {
    use super::Origin;
    use tonic::Request;

    #[test]
    fn what_is_attached_is_read() {
        let origin = Origin {
            address: Some("2001:db8::7".parse().unwrap()),
            request_id: Some("req-1".to_owned()),
        };
        assert_eq!(Origin::of(&origin.attach(Request::new(()))), origin);
        assert_eq!(Origin::of(&Request::new(())), Origin::default());
    }

    #[test]
    fn nonsense_is_nothing() {
        let mut request = Request::new(());
        let metadata = request.metadata_mut();
        metadata.insert("x-client-address", "elsewhere".parse().unwrap());
        metadata.insert("x-request-id", "a b".parse().unwrap());
        assert_eq!(Origin::of(&request), Origin::default());
    }
}
