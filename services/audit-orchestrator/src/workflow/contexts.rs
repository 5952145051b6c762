//! A small cache of what steps are settled by. A context never changes once its audit is analyzing,
//! so a cached one is never wrong; losing it costs one read.

use crate::domain::material::AuditContext;
use crate::store;
use moka::future::Cache;
use sqlx::PgConnection;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of contexts kept in memory.
const CAPACITY_BYTES: u64 = 24 * 1024 * 1024;
/// A context unused for this long is dropped: its audit has most likely ended.
const IDLE: Duration = Duration::from_secs(600);

/// Contexts by audit.
#[derive(Debug, Clone)]
pub struct Contexts(Cache<i64, Arc<AuditContext>>);

impl Default for Contexts {
    fn default() -> Self {
        let weigher = |_: &i64, context: &Arc<AuditContext>| context.weight;
        let cache = Cache::builder()
            .weigher(weigher)
            .max_capacity(CAPACITY_BYTES)
            .time_to_idle(IDLE)
            .build();
        Self(cache)
    }
}

impl Contexts {
    /// The contexts of audits in phase `analyzing`, as locked by the caller.
    pub async fn of(
        &self,
        conn: &mut PgConnection,
        audits: &[i64],
    ) -> sqlx::Result<HashMap<i64, Arc<AuditContext>>> {
        let mut found = HashMap::with_capacity(audits.len());
        let mut unknown = Vec::new();
        for &audit in audits {
            match self.0.get(&audit).await {
                Some(context) => {
                    found.insert(audit, context);
                }
                None => unknown.push(audit),
            }
        }
        if !unknown.is_empty() {
            for (audit, context) in store::context::load(conn, &unknown).await? {
                let context = Arc::new(context);
                self.0.insert(audit, Arc::clone(&context)).await;
                found.insert(audit, context);
            }
        }
        Ok(found)
    }

    /// Forgets an audit that ended.
    pub async fn forget(&self, audit: i64) {
        self.0.invalidate(&audit).await;
    }
}
