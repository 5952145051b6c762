use url::Url;

use crate::host::without_root;

/// An entry of the list of allowed origins cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("allowed origin is not scheme://host[:port]: {0}")]
pub struct OriginError(String);

/// The origins that may be called whatever they are; any when empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    allowed: Vec<Allowed>,
}

#[derive(Debug, Clone)]
struct Allowed {
    origin: String,
    host: String,
}

impl Origins {
    pub fn parse(entries: Vec<String>) -> Result<Self, OriginError> {
        let allowed = entries
            .into_iter()
            .filter(|entry| !entry.trim().is_empty())
            .map(|entry| Allowed::parse(entry.trim()).ok_or(OriginError(entry)))
            .collect::<Result<_, _>>()?;
        Ok(Self { allowed })
    }

    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// Whether the origin of a URL, as [`origin`] writes it, is on the list.
    pub fn contains(&self, origin: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed.origin == origin)
    }

    /// Whether a host is that of an origin on the list.
    pub fn contains_host(&self, host: &str) -> bool {
        let host = without_root(host);
        self.allowed.iter().any(|allowed| allowed.host == host)
    }
}

impl Allowed {
    fn parse(entry: &str) -> Option<Self> {
        let url = Url::parse(entry).ok()?;
        let bare = matches!(url.scheme(), "http" | "https")
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let host = without_root(url.host_str()?).to_owned();
        bare.then(|| Self {
            origin: origin(&url),
            host,
        })
    }
}

/// `scheme://host[:port]`, without a default port and without the root's dot.
pub(crate) fn origin(url: &Url) -> String {
    let host = without_root(url.host_str().unwrap_or_default());
    let scheme = url.scheme();
    match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        let entries = vec![" https://Hooks.Example.COM:443/ ".to_owned(), String::new()];
        let origins = Origins::parse(entries).unwrap();
        assert!(origins.contains("https://hooks.example.com"));
        assert!(!origins.contains("http://hooks.example.com"));
        assert!(origins.contains_host("hooks.example.com."));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for entry in [
            "hooks.example.com",
            "ftp://hooks.example.com",
            "https://hooks.example.com/path",
            "https://user@hooks.example.com",
            "*",
        ] {
            assert!(Origins::parse(vec![entry.to_owned()]).is_err(), "{entry}");
        }
    }
}
