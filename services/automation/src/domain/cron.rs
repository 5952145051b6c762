//! Derived cron texts and what is accepted as one (B4.1, B4.2).

use super::schedule::{NewSchedule, ScheduleType};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The cron text of a schedule without one of its own.
pub fn derived(schedule: &NewSchedule) -> Option<String> {
    let (hour, minute) = schedule.time_of_day.as_deref()?.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    match schedule.schedule_type {
        ScheduleType::Daily => Some(format!("{minute} {hour} * * *")),
        ScheduleType::Weekly => Some(format!("{minute} {hour} * * {}", schedule.day_of_week?)),
        ScheduleType::Monthly => Some(format!("{minute} {hour} {} * *", schedule.day_of_month?)),
        ScheduleType::Manual | ScheduleType::Cron => None,
    }
}

/// Whether a text is a five-field cron expression: in range, not empty, without junk.
pub fn is_valid(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return false;
    };
    field(minute, 0, 59, &[])
        && field(hour, 0, 23, &[])
        && field(day, 1, 31, &[])
        && field(month, 1, 12, &MONTHS)
        && field(weekday, 0, 7, &DAYS)
}

fn field(text: &str, min: u32, max: u32, names: &[&str]) -> bool {
    text.split(',').all(|item| {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let step = step.is_none_or(|step| number(step).is_some_and(|step| step > 0));
        step && self::range(range, min, max, names)
    })
}

fn range(text: &str, min: u32, max: u32, names: &[&str]) -> bool {
    let value = |text: &str| {
        let named = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        let named = named
            .and_then(|at| u32::try_from(at).ok())
            .map(|at| at + min);
        named
            .or_else(|| number(text))
            .filter(|value| (min..=max).contains(value))
    };
    match text.split_once('-') {
        _ if text == "*" => true,
        None => value(text).is_some(),
        Some((from, to)) => {
            matches!((value(from), value(to)), (Some(from), Some(to)) if from <= to)
        }
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn the_grammar_is_strict() {
        for good in [
            "0 9 1 * 1",
            "*/5 * * * *",
            "5/10 * * * *",
            "0 9 * * 5-7",
            "0,30 8-18/2 * JAN MON-FRI",
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "75 9 * * *",
            "0 9-7 * * *",
            "@daily",
            "0 9 * *",
            "0 9 * * * *",
            "0 9 L * *",
            "*/0 * * * *",
            "0abc 9 * * *",
            "0,, 9 * * *",
            "",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
