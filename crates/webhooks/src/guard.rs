use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use crate::client::{FetchError, GuardedClient, Timeouts};
use crate::error::{GuardError, Reason};
use crate::origins::{OriginError, Origins, origin};
use crate::resolver::{GuardedResolver, Lookup, SystemLookup};
use crate::{address, host};

/// Ports that may be called in production.
const PORTS: [u16; 2] = [443, 8443];
/// Longer URLs are no addresses of anybody.
const MOST_URL_BYTES: usize = 2048;
/// Longest wait for a name while somebody registers a URL.
const LOOKUP_LIMIT: Duration = Duration::from_secs(3);

/// How strict a guard is.
#[derive(Debug, Clone)]
pub struct GuardConfig {
    /// Opens this machine, `http` and any port.
    pub development: bool,
    /// When there are any, only these origins may be called, wherever they are.
    pub allowed_origins: Vec<String>,
    /// What messages call the URL, `webhookUrl` for example.
    pub subject: &'static str,
}

/// Decides which URLs may be called.
#[derive(Clone)]
pub struct UrlGuard {
    pub(crate) policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
}

impl UrlGuard {
    /// A guard that asks the system for addresses.
    pub fn new(config: GuardConfig) -> Result<Self, OriginError> {
        Self::with_lookup(config, Arc::new(SystemLookup))
    }

    /// A guard that asks `lookup` for addresses.
    pub fn with_lookup(config: GuardConfig, lookup: Arc<dyn Lookup>) -> Result<Self, OriginError> {
        let policy = Arc::new(Policy {
            development: config.development,
            origins: Origins::parse(config.allowed_origins)?,
            subject: config.subject,
        });
        Ok(Self { policy, lookup })
    }

    /// Checks what the URL says, without looking its name up.
    pub fn check(&self, text: &str) -> Result<Url, GuardError> {
        self.policy.check(text)
    }

    /// As [`UrlGuard::check`], and looks the name up: for the moment a URL is registered. A name
    /// that does not resolve now passes; every call checks again.
    pub async fn check_resolved(&self, text: &str) -> Result<Url, GuardError> {
        let url = self.check(text)?;
        if let Some(Host::Domain(name)) = url.host() {
            let found = tokio::time::timeout(LOOKUP_LIMIT, self.lookup.lookup(name)).await;
            if let Ok(Ok(addresses)) = found {
                self.policy.check_addresses(name, &addresses)?;
            }
        }
        Ok(url)
    }

    /// A client that calls only what this guard accepts. It follows no redirects unless told to.
    pub fn client(&self, timeouts: Timeouts) -> Result<GuardedClient, FetchError> {
        GuardedClient::new(self.clone(), timeouts)
    }

    /// What the client resolves names with.
    pub fn resolver(&self) -> GuardedResolver {
        GuardedResolver::new(Arc::clone(&self.policy), Arc::clone(&self.lookup))
    }
}

/// The rules themselves.
pub(crate) struct Policy {
    development: bool,
    origins: Origins,
    subject: &'static str,
}

impl Policy {
    pub fn refuse(&self, reason: Reason) -> GuardError {
        GuardError {
            subject: self.subject,
            reason,
        }
    }

    fn check(&self, text: &str) -> Result<Url, GuardError> {
        if text.len() > MOST_URL_BYTES {
            return Err(self.refuse(Reason::Format));
        }
        let url = Url::parse(text).map_err(|_| self.refuse(Reason::Format))?;
        self.broken_rule(&url)
            .map_or(Ok(url), |reason| Err(self.refuse(reason)))
    }

    /// The first rule a URL breaks; the order decides which message a client sees.
    fn broken_rule(&self, url: &Url) -> Option<Reason> {
        if !matches!(url.scheme(), "http" | "https") {
            return Some(Reason::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some(Reason::Credentials);
        }
        let Some(host) = url.host() else {
            return Some(Reason::Format);
        };
        if !self.origins.is_empty() {
            let origin = origin(url);
            if !self.origins.contains(&origin) {
                return Some(Reason::Origin(origin));
            }
            // The list opens networks, never the machine's own credentials.
            return match host {
                Host::Domain(name) => host::is_metadata(name).then_some(Reason::Hostname),
                Host::Ipv4(ip) => address::is_never_allowed(ip.into()).then_some(Reason::Address),
                Host::Ipv6(ip) => address::is_never_allowed(ip.into()).then_some(Reason::Address),
            };
        }
        let broken = match host {
            Host::Domain(name) => self.broken_by_name(name),
            Host::Ipv4(ip) => self.broken_by_address(ip.into()),
            Host::Ipv6(ip) => self.broken_by_address(ip.into()),
        };
        if broken.is_some() || self.development {
            return broken;
        }
        if url.scheme() != "https" {
            return Some(Reason::NotHttps);
        }
        let port = url.port_or_known_default();
        let open = port.is_some_and(|port| PORTS.contains(&port));
        (!open).then_some(Reason::Port)
    }

    fn broken_by_name(&self, name: &str) -> Option<Reason> {
        let own = self.development && host::is_loopback(name);
        (!own && !host::is_public(name)).then_some(Reason::Hostname)
    }

    fn broken_by_address(&self, ip: IpAddr) -> Option<Reason> {
        let own = self.development && ip.is_loopback();
        (!own && !address::is_public(ip)).then_some(Reason::Address)
    }

    /// Whether every address a name resolved to may be called.
    pub fn check_addresses(&self, name: &str, addresses: &[IpAddr]) -> Result<(), GuardError> {
        let allowed = |ip: &IpAddr| {
            if self.origins.contains_host(name) {
                !address::is_never_allowed(*ip)
            } else if host::is_loopback(name) {
                self.development && ip.is_loopback()
            } else {
                address::is_public(*ip)
            }
        };
        // One bad address among good ones is how rebinding looks.
        if addresses.iter().all(allowed) {
            Ok(())
        } else {
            Err(self.refuse(Reason::Address))
        }
    }
}
