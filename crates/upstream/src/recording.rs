//! What a recording's file name and fields tell about the call.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::Serialize;

use crate::crm::UpstreamRecording;

/// A recording with what could be read from its name and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrichedRecording {
    /// The call.
    pub call_id: String,
    /// Trimmed; `""` when upstream gives none.
    pub recording_url: String,
    /// When the call began: `start_time`, else the file name's clock. `None` when neither can be read.
    pub started_at: Option<DateTime<Utc>>,
    /// `None` when nothing at all is known about the call.
    pub parsed: Option<ParsedRecording>,
    /// File name and `start_time` tell different times, more than a minute apart.
    pub clock_mismatch: bool,
}

/// The `parsed` object of a recording. Absent parts are `""`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ParsedRecording {
    /// The audio's id.
    pub uuid: String,
    /// `DD/MM/YYYY`, UTC.
    pub date: String,
    /// `HH:MM`, UTC.
    pub time: String,
    /// The same instant as ISO-8601 text.
    pub timestamp: String,
    /// The caller for people to read.
    pub from_number: String,
    /// The called for people to read.
    pub to_number: String,
    /// The caller's digits: what is stored.
    pub from_number_raw: String,
    /// The called's digits: what is stored.
    pub to_number_raw: String,
}

/// Reads everything there is to know about a recording.
pub fn enrich(recording: &UpstreamRecording) -> EnrichedRecording {
    let url = recording.recording_url.as_deref().unwrap_or("").trim();
    let start = recording.start_time.as_deref().and_then(parse_start_time);
    let name = FileName::parse(url);
    let file_clock = name.as_ref().and_then(|name| name.clock);
    let parsed = match name {
        Some(name) => Some(from_file_name(&name, start)),
        None => from_fields(recording, start),
    };
    if parsed.is_none() {
        tracing::warn!(
            call.id = recording.call_id,
            "recording tells nothing about its call"
        );
    }
    EnrichedRecording {
        call_id: recording.call_id.clone(),
        recording_url: url.to_owned(),
        started_at: start.or(file_clock),
        parsed,
        // Names carry no seconds, so up to a minute is agreement.
        clock_mismatch: match (start, file_clock) {
            (Some(start), Some(file)) => (start - file).num_seconds().abs() > 60,
            _ => false,
        },
    }
}

fn from_file_name(name: &FileName<'_>, start: Option<DateTime<Utc>>) -> ParsedRecording {
    ParsedRecording {
        uuid: name.uuid.to_owned(),
        from_number: display_number(name.from),
        to_number: display_number(name.to),
        from_number_raw: name.from.to_owned(),
        to_number_raw: name.to.to_owned(),
        // A name may hold an impossible date; the rest of it still counts.
        ..clock(name.clock.or(start))
    }
}

fn from_fields(
    recording: &UpstreamRecording,
    start: Option<DateTime<Utc>>,
) -> Option<ParsedRecording> {
    let field = |field: &Option<String>| field.as_deref().unwrap_or("").trim().to_owned();
    let from = field(&recording.from_number);
    let to = field(&recording.to_number);
    let uuid = field(&recording.uuid);
    if start.is_none() && from.is_empty() && to.is_empty() && uuid.is_empty() {
        return None;
    }
    Some(ParsedRecording {
        uuid,
        from_number: display_number(&from),
        to_number: display_number(&to),
        from_number_raw: from,
        to_number_raw: to,
        ..clock(start)
    })
}

fn clock(instant: Option<DateTime<Utc>>) -> ParsedRecording {
    instant.map_or_else(ParsedRecording::default, |instant| ParsedRecording {
        date: instant.format("%d/%m/%Y").to_string(),
        time: instant.format("%H:%M").to_string(),
        timestamp: instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        ..ParsedRecording::default()
    })
}

/// `{uuid}-{DD}-{MM}-{YY}-{hh}h{mm}-{from}-{to}.mp3`
struct FileName<'a> {
    uuid: &'a str,
    clock: Option<DateTime<Utc>>,
    from: &'a str,
    to: &'a str,
}

impl<'a> FileName<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        // Cut first: a query string may hold slashes.
        let path = url.split(['?', '#']).next()?;
        let name = path.rsplit('/').next()?;
        let dot = name.len().checked_sub(4)?;
        if !name.get(dot..)?.eq_ignore_ascii_case(".mp3") {
            return None;
        }
        let uuid = name.get(..36)?;
        let rest = name.get(36..dot)?.strip_prefix('-')?;
        if !is_uuid(uuid) {
            return None;
        }
        let parts: Vec<&str> = rest.split('-').collect();
        let [day, month, year, time, from, to] = parts[..] else {
            return None;
        };
        let (hour, minute) = time.split_once(['h', 'H'])?;
        let pairs = [day, month, year, hour, minute].map(two_digits);
        let [Some(day), Some(month), Some(year), Some(hour), Some(minute)] = pairs else {
            return None;
        };
        if !is_digits(from) || !is_digits(to) {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(2000 + i32::try_from(year).ok()?, month, day);
        let time = NaiveTime::from_hms_opt(hour, minute, 0);
        let clock = date
            .zip(time)
            .map(|(date, time)| date.and_time(time).and_utc());
        Some(Self {
            uuid,
            clock,
            from,
            to,
        })
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2 && is_digits(text)).then(|| text.parse().ok())?
}

/// Reads a call's start: an ISO-8601 instant, `YYYY-MM-DD[ T]hh:mm[:ss]`, or `DD/MM/YYYY hh:mm[:ss]`.
///
/// Day first, and UTC where no zone is given. `None` for everything else: a wrong time is worse than none.
pub fn parse_start_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let zoned = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
    ];
    let naive = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%d/%m/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
    ];
    let instant = DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| {
            zoned
                .iter()
                .find_map(|format| DateTime::parse_from_str(text, format).ok())
        })
        .map(|instant| instant.with_timezone(&Utc))
        .or_else(|| {
            naive
                .iter()
                .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
                .map(|naive| naive.and_utc())
        })?;
    is_plausible(instant.date_naive()).then_some(instant)
}

/// Years that a sale or a call can have: refuses `26` read as the year 26.
pub(crate) fn is_plausible(date: NaiveDate) -> bool {
    (1970..=2100).contains(&date.year())
}

/// French numbers for people to read: `33639980011` is `+33 6 39 98 00 11`; anything else stays as it is.
pub fn display_number(digits: &str) -> String {
    if digits.len() != 11 || !digits.starts_with("33") || !is_digits(digits) {
        return digits.to_owned();
    }
    let pairs = [3, 5, 7, 9].map(|at| &digits[at..at + 2]).join(" ");
    format!("+33 {} {pairs}", &digits[2..3])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const NAME: &str =
        "4f0c2b9e-6a1d-4d3e-9b57-2c8e1f7a0d31-14-01-26-08h32-33199001234-33639980011.mp3";

    fn recording(url: &str, start: &str) -> UpstreamRecording {
        UpstreamRecording {
            call_id: "70".into(),
            recording_url: Some(url.into()),
            start_time: Some(start.into()),
            from_number: Some("33639980011".into()),
            to_number: Some("112".into()),
            ..UpstreamRecording::default()
        }
    }

    #[rstest]
    #[case("https://records.example.test/r/")]
    #[case("HTTPS://records.example.test/r/a/")]
    #[case("")]
    fn a_file_name_is_read(#[case] prefix: &str) {
        for suffix in ["", "?sig=a/b&x=1", "#t=3", "?a#b"] {
            let it = enrich(&recording(
                &format!("{prefix}{NAME}{suffix}"),
                "2026-01-14T08:32:10.120000+00:00",
            ));
            let parsed = it.parsed.unwrap();
            assert_eq!(parsed.uuid, "4f0c2b9e-6a1d-4d3e-9b57-2c8e1f7a0d31");
            assert_eq!(
                (parsed.date.as_str(), parsed.time.as_str()),
                ("14/01/2026", "08:32")
            );
            assert_eq!(parsed.timestamp, "2026-01-14T08:32:00.000Z");
            assert_eq!(parsed.from_number, "+33 1 99 00 12 34");
            assert_eq!(parsed.to_number, "+33 6 39 98 00 11");
            assert_eq!(parsed.from_number_raw, "33199001234");
            assert_eq!(
                it.started_at.unwrap().to_rfc3339(),
                "2026-01-14T08:32:10.120+00:00"
            );
            assert!(!it.clock_mismatch);
        }
    }

    #[test]
    fn case_does_not_matter() {
        let it = enrich(&recording(
            &format!("https://x.test/{}", NAME.to_uppercase()),
            "",
        ));
        assert_eq!(it.parsed.unwrap().time, "08:32");
    }

    #[test]
    fn differing_clocks_are_flagged_and_start_time_wins() {
        let it = enrich(&recording(NAME, "2026-01-14T09:32:10+00:00"));
        assert!(it.clock_mismatch);
        assert_eq!(it.started_at.unwrap().format("%H:%M").to_string(), "09:32");
        assert_eq!(it.parsed.unwrap().time, "08:32");
    }

    #[test]
    fn an_impossible_date_in_the_name_gives_way_to_start_time() {
        let name = NAME.replace("-14-01-26-", "-31-02-26-");
        let parsed = enrich(&recording(&name, "2026-01-14 08:00"))
            .parsed
            .unwrap();
        assert_eq!(
            (parsed.date.as_str(), parsed.time.as_str()),
            ("14/01/2026", "08:00")
        );
        assert_eq!(parsed.from_number_raw, "33199001234");
    }

    #[test]
    fn without_a_telling_name_the_fields_speak() {
        let one_number = NAME.replace("-33639980011.mp3", ".mp3");
        let parsed = enrich(&recording(&one_number, "05/02/2026 10:07"))
            .parsed
            .unwrap();
        assert_eq!(
            parsed,
            ParsedRecording {
                uuid: String::new(),
                date: "05/02/2026".into(),
                time: "10:07".into(),
                timestamp: "2026-02-05T10:07:00.000Z".into(),
                from_number: "+33 6 39 98 00 11".into(),
                to_number: "112".into(),
                from_number_raw: "33639980011".into(),
                to_number_raw: "112".into(),
            }
        );
    }

    #[test]
    fn nothing_known_is_no_parse() {
        let it = enrich(&UpstreamRecording {
            call_id: "1".into(),
            ..UpstreamRecording::default()
        });
        assert_eq!(
            (it.parsed, it.started_at, it.recording_url.as_str()),
            (None, None, "")
        );
    }

    #[rstest]
    #[case("2026-01-14T08:32:10.120000+00:00", Some("2026-01-14T08:32:10.120Z"))]
    #[case("2026-01-14T09:32:10+01:00", Some("2026-01-14T08:32:10.000Z"))]
    #[case("2026-01-14T09:32:10+0100", Some("2026-01-14T08:32:10.000Z"))]
    #[case("2026-01-14T08:32Z", Some("2026-01-14T08:32:00.000Z"))]
    #[case("2026-01-14T08:32:10", Some("2026-01-14T08:32:10.000Z"))]
    #[case("2026-01-14 08:32:10", Some("2026-01-14T08:32:10.000Z"))]
    #[case("2026-01-14 08:32", Some("2026-01-14T08:32:00.000Z"))]
    #[case("05/02/2026 08:32", Some("2026-02-05T08:32:00.000Z"))]
    #[case("14/01/2026 08:32", Some("2026-01-14T08:32:00.000Z"))]
    #[case("01/14/2026 08:32", None)]
    #[case("05/02/26 08:32", None)]
    #[case("2026-02-30 08:32", None)]
    #[case("14/01/2026", None)]
    #[case("1768379530", None)]
    #[case("", None)]
    fn start_times_are_strict_day_first_and_utc(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        let read = parse_start_time(text)
            .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
        assert_eq!(read.as_deref(), expected);
    }

    #[rstest]
    #[case("33639980011", "+33 6 39 98 00 11")]
    #[case("33199001234", "+33 1 99 00 12 34")]
    #[case("0639980011", "0639980011")]
    #[case("+33639980011", "+33639980011")]
    #[case("336399800112", "336399800112")]
    #[case("33abc980011", "33abc980011")]
    #[case("", "")]
    fn numbers_are_displayed(#[case] digits: &str, #[case] shown: &str) {
        assert_eq!(display_number(digits), shown);
    }

    proptest! {
        #[test]
        fn any_url_and_time_is_survived(url in "\\PC{0,120}", start in "\\PC{0,40}", digits in "\\PC{0,14}") {
            enrich(&recording(&url, &start));
            enrich(&recording(&format!("{NAME}{url}"), &start));
            display_number(&digits);
        }
    }
}
