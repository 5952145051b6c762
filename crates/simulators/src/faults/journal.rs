use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Requests kept one by one; counts cover all of them.
const KEPT: usize = 20_000;

/// One recorded request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Arrival, milliseconds since 1970.
    pub at_ms: i64,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query as sent, or empty.
    pub query: String,
    /// What was asked for, as the handler names it; absent when no handler saw the request.
    pub key: Option<String>,
    /// Answered status; absent while in flight or when the client left.
    pub status: Option<u16>,
    /// Trace id of the caller, when it sent one.
    #[serde(default)]
    pub trace_id: Option<String>,
}

/// All recorded requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Number of requests.
    pub total: u64,
    /// Requests being handled at this moment.
    pub in_flight: u64,
    /// Highest number of requests handled at once.
    pub peak_in_flight: u64,
    /// Number of handled requests per key.
    pub by_key: BTreeMap<String, u64>,
    /// The latest requests, oldest first.
    pub calls: Vec<Call>,
}

#[derive(Default)]
pub(super) struct Journal {
    next: u64,
    forgotten: u64,
    in_flight: u64,
    peak_in_flight: u64,
    by_key: BTreeMap<String, u64>,
    kept: VecDeque<Call>,
}

impl Journal {
    pub(super) fn arrived(
        &mut self,
        method: String,
        path: String,
        query: String,
        trace_id: Option<String>,
    ) -> u64 {
        let number = self.next;
        self.next += 1;
        self.in_flight += 1;
        self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Call {
            at_ms: chrono::Utc::now().timestamp_millis(),
            method,
            path,
            query,
            key: None,
            status: None,
            trace_id,
        });
        number
    }

    pub(super) fn left(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn answered(&mut self, number: u64, status: u16) {
        if let Some(call) = self.call(number) {
            call.status = Some(status);
        }
    }

    pub(super) fn set_key(&mut self, number: u64, key: String) {
        // A request from before the record was forgotten no longer counts.
        if number < self.forgotten {
            return;
        }
        *self.by_key.entry(key.clone()).or_default() += 1;
        if let Some(call) = self.call(number) {
            call.key = Some(key);
        }
    }

    pub(super) fn forget(&mut self) {
        self.forgotten = self.next;
        self.peak_in_flight = self.in_flight;
        self.by_key.clear();
        self.kept.clear();
    }

    pub(super) fn calls(&self) -> Calls {
        Calls {
            total: self.next - self.forgotten,
            in_flight: self.in_flight,
            peak_in_flight: self.peak_in_flight,
            by_key: self.by_key.clone(),
            calls: self.kept.iter().cloned().collect(),
        }
    }

    /// The kept ones are the last `kept.len()` numbers given.
    fn call(&mut self, number: u64) -> Option<&mut Call> {
        let from_end = usize::try_from(self.next - number).ok()?;
        let place = self.kept.len().checked_sub(from_end)?;
        self.kept.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_finds_its_own_request_or_none() {
        let mut journal = Journal::default();
        let early = journal.arrived("GET".into(), "/early".into(), String::new(), None);
        journal.forget();
        let late = journal.arrived("GET".into(), "/late".into(), String::new(), None);
        journal.set_key(early, "early".into());
        journal.answered(early, 500);
        journal.set_key(late, "late".into());
        journal.answered(late, 200);
        let calls = journal.calls();
        assert_eq!(calls.total, 1);
        assert_eq!(calls.by_key.keys().collect::<Vec<_>>(), ["late"]);
        assert_eq!(calls.calls[0].status, Some(200));
    }

    #[test]
    fn keeps_a_bounded_number() {
        let mut journal = Journal::default();
        for _ in 0..KEPT + 5 {
            journal.arrived("GET".into(), "/".into(), String::new(), None);
            journal.left();
        }
        let calls = journal.calls();
        assert_eq!(calls.calls.len(), KEPT);
        assert_eq!(calls.total, (KEPT + 5) as u64);
        assert_eq!((calls.in_flight, calls.peak_in_flight), (0, 1));
    }
}
