use chrono::{NaiveDateTime, TimeDelta, Timelike};

use super::scatter;
use crate::calls;

/// One recorded call of a fiche.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Id in the telephone system, twenty digits.
    pub call_id: String,
    /// Start (UTC).
    pub start: NaiveDateTime,
    /// Whole seconds.
    pub duration_seconds: u64,
    /// The client called.
    pub inbound: bool,
    /// Caller, international digits.
    pub from: String,
    /// Called, international digits.
    pub to: String,
    /// File name at the end of its address.
    pub file: String,
    /// Its address carries a query.
    pub signed: bool,
    /// What is said in it, see [`calls`].
    pub slug: &'static str,
}

/// The recordings of a fiche: these calls one after the other from `start` on.
pub(super) fn of(
    fiche: u64,
    start: NaiveDateTime,
    agency: &str,
    client: &str,
    slugs: &[&'static str],
) -> Vec<Recording> {
    let mut start = start;
    let mut made = Vec::with_capacity(slugs.len());
    for (place, slug) in slugs.iter().copied().enumerate() {
        let length = calls::find(slug).map_or(0.0, |call| call.duration_seconds);
        // Lengths of calls are minutes, far from where the cast could lose anything.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "see above"
        )]
        let duration_seconds = length.round() as u64;
        let inbound = slug == "rappel-client";
        let (from, to) = if inbound {
            (international(client), international(agency))
        } else {
            (international(agency), international(client))
        };
        let file = file_name(fiche, place, start, &from, &to, slugs.len());
        made.push(Recording {
            call_id: format!("7001{fiche:012}{place:04}"),
            start,
            duration_seconds,
            inbound,
            from,
            to,
            file,
            signed: place == 5,
            slug,
        });
        let pause = TimeDelta::minutes(9) + TimeDelta::seconds(i64::from(start.second()) * 7);
        start += TimeDelta::seconds(i64::try_from(duration_seconds).unwrap_or(0)) + pause;
    }
    made
}

/// The file name says when, from whom and to whom; its UUID also says which fiche and which call.
fn file_name(
    fiche: u64,
    place: usize,
    start: NaiveDateTime,
    from: &str,
    to: &str,
    siblings: usize,
) -> String {
    let noise = scatter(fiche * 100 + place as u64);
    let uuid = format!(
        "{:08x}-{:04x}-4{:03x}-8{place:03x}-{fiche:012x}",
        noise >> 32,
        (noise >> 16) & 0xffff,
        noise & 0xfff,
    );
    let clock = start.format("%d-%m-%y-%Hh%M");
    if siblings == 8 && place == 6 {
        // Some exchanges log one number only.
        return format!("{uuid}-{clock}-{from}.mp3");
    }
    format!("{uuid}-{clock}-{from}-{to}.mp3")
}

/// The fiche a file name belongs to.
pub(super) fn fiche_of(file: &str) -> Option<u64> {
    u64::from_str_radix(file.get(24..36)?, 16).ok()
}

/// `0639980011` → `33639980011`.
fn international(national: &str) -> String {
    format!("33{}", national.trim_start_matches('0'))
}
