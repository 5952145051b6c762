use std::fmt::Write;

/// The kernel counts CPU time in ticks of this many a second, on every Linux.
const TICKS: f64 = 100.0;

/// What the process costs, in Prometheus' text format; empty where there is no `/proc`.
pub(super) fn render() -> String {
    let mut text = String::new();
    if let Some(seconds) = read("/proc/self/stat").as_deref().and_then(cpu_seconds) {
        line(&mut text, "process_cpu_seconds_total", "counter", seconds);
    }
    if let Some(bytes) = read("/proc/self/status")
        .as_deref()
        .and_then(resident_bytes)
    {
        line(&mut text, "process_resident_memory_bytes", "gauge", bytes);
    }
    text
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn line(text: &mut String, name: &str, kind: &str, value: f64) {
    // Writing to a string does not fail.
    let _written = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
}

/// User and system time; the fields are counted after the name, which may hold blanks.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn resident_bytes(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, resident_bytes};

    #[test]
    fn reads_proc() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(
            resident_bytes("VmPeak:\t9 kB\nVmRSS:\t  2048 kB\n"),
            Some(2_097_152.0)
        );
        assert_eq!(cpu_seconds("nothing"), None);
    }
}
