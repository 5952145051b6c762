//! An audit's progress on the terminal: phase, steps, elapsed time.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use vigie_testkit::api::{AuditDetail, Frame};

/// A progress line; on a terminal it moves, elsewhere it is a line an event.
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
    begun: Instant,
    last: String,
}

impl Progress {
    /// Begins to show.
    pub fn start() -> Self {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let style = "   {spinner} {msg:28} [{bar:24}] {pos}/{len} steps  {elapsed}";
        // A template is a constant of ours: if it were wrong, the default would do.
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("█▌ "));
        }
        bar.set_message("queued");
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            plain,
            begun: Instant::now(),
            last: String::new(),
        }
    }

    /// Shows one event.
    pub fn show(&mut self, frame: &Frame) {
        let Some(phase) = phase(&frame.event) else {
            return;
        };
        self.bar.set_message(phase);
        if let Some(total) = frame.data["total_steps"].as_u64() {
            self.bar.set_length(total);
        }
        if let Some(done) = frame.data["completed_steps"].as_u64() {
            let failed = frame.data["failed_steps"].as_u64().unwrap_or_default();
            self.bar.set_position(done + failed);
        }
        if self.plain {
            self.line(phase);
        }
    }

    fn line(&mut self, phase: &str) {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let line = if done > 0 {
            format!("{phase}: {done}/{total} steps")
        } else {
            phase.to_owned()
        };
        if line != self.last {
            println!("   {:5.1} s  {line}", self.begun.elapsed().as_secs_f64());
            self.last = line;
        }
    }

    /// Shows the end.
    pub fn finish(&self, detail: &AuditDetail) {
        self.bar.finish_and_clear();
        println!(
            "   {} after {:.1} s",
            detail.status(),
            self.begun.elapsed().as_secs_f64()
        );
    }
}

/// What an event says about where the audit is.
fn phase(event: &str) -> Option<&'static str> {
    Some(match event {
        "audit.fiche_fetch_started" => "fetching the fiche",
        "audit.fiche_fetch_completed" => "fiche fetched",
        "audit.transcription_check" | "transcription.started" => "transcribing the calls",
        "audit.timeline_generated" => "timeline ready",
        "audit.config_loaded" | "audit.started" => "preparing",
        "audit.analysis_started"
        | "audit.step_started"
        | "audit.step_completed"
        | "audit.step_failed"
        | "audit.progress" => "analysing",
        "audit.compliance_calculated" => "scoring",
        "audit.completed" | "audit.failed" => "done",
        _ => return None,
    })
}
