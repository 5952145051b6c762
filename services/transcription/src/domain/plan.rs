//! What a run has to do (A5.4, A9).

use std::collections::HashSet;
use vigie_events::ids::CallId;

/// A recording as planning sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Its id within the fiche.
    pub call_id: CallId,
    /// Whether it can be fetched.
    pub has_url: bool,
}

/// The recordings of a fiche, in start order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recordings {
    /// The fiche's row in the cache, as far as its recordings tell.
    pub fiche_cache_id: Option<i64>,
    /// In start order.
    pub list: Vec<Recording>,
}

/// One recording of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub call_id: CallId,
    /// From 1, within the run.
    pub index: i32,
    /// Without an address there is nothing to do but to say so.
    pub has_url: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Recordings of the fiche.
    pub total: i32,
    /// Transcribed already.
    pub already: i32,
    /// The others, in start order.
    pub targets: Vec<Target>,
}

impl Plan {
    /// Every recording without a transcript, or every recording when forced.
    pub fn of(recordings: &[Recording], transcribed: &HashSet<String>, force: bool) -> Self {
        let open = recordings
            .iter()
            .filter(|it| force || !transcribed.contains(it.call_id.as_str()));
        let targets: Vec<Target> = open
            .zip(1..)
            .map(|(recording, index)| Target {
                call_id: recording.call_id.clone(),
                index,
                has_url: recording.has_url,
            })
            .collect();
        Self {
            total: super::count(recordings.len()),
            already: super::count(recordings.len() - targets.len()),
            targets,
        }
    }

    /// Recordings the run is about.
    pub fn target_total(&self) -> i32 {
        super::count(self.targets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recordings() -> Vec<Recording> {
        ["a", "b", "c"]
            .map(|id| Recording {
                call_id: id.parse().unwrap(),
                has_url: id != "c",
            })
            .to_vec()
    }

    #[test]
    fn what_is_transcribed_is_left_out_and_places_are_of_the_run() {
        let done = HashSet::from(["a".to_owned(), "elsewhere".to_owned()]);
        let plan = Plan::of(&recordings(), &done, false);
        assert_eq!((plan.total, plan.already, plan.target_total()), (3, 1, 2));
        let places: Vec<_> = plan
            .targets
            .iter()
            .map(|it| (it.call_id.as_str(), it.index, it.has_url))
            .collect();
        assert_eq!(places, [("b", 1, true), ("c", 2, false)]);
    }

    #[test]
    fn force_takes_everything() {
        let done = HashSet::from(["a".to_owned()]);
        let plan = Plan::of(&recordings(), &done, true);
        assert_eq!((plan.total, plan.already, plan.target_total()), (3, 0, 3));
    }
}
