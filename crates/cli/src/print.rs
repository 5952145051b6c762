//! What people read.

use vigie_testkit::api::{Queued, Scorecard, StepLine};
use vigie_testkit::stack::StackState;

/// Where a stack is and how to get in.
pub fn summary(state: &StackState) {
    println!(
        "API        {}  (documentation: {0}/api-docs)",
        state.gateway_url
    );
    println!(
        "Log in as  {} / {}",
        state.admin.email, state.admin.password
    );
    println!("NATS       {}", state.nats_url);
    println!("Postgres   {}", state.postgres_url);
    if !state.simulators.crm_url.is_empty() {
        let urls = &state.simulators;
        println!(
            "Simulators CRM {}  speech {}  model {}  Pusher {}",
            urls.crm_url, urls.stt_url, urls.llm_url, urls.pusher_url
        );
    }
}

/// A line a process.
pub fn processes(state: &StackState, ready: &[bool]) {
    for (service, ready) in state.services.iter().zip(ready) {
        let word = if *ready { "ready" } else { "NOT READY" };
        println!(
            "{:20} {:>8}  {word:9}  {}",
            service.name, service.pid, service.log
        );
    }
    for server in &state.servers {
        println!(
            "{:20} {:>8}  {:9}  {}",
            server.name, server.pid, "", server.log
        );
    }
}

/// The result of an audit, with its proof.
pub fn scorecard(card: &Scorecard) {
    for step in &card.steps {
        println!();
        step_line(step);
    }
    println!();
    println!(
        "   {} — {} %, critical steps {}",
        card.niveau, card.score, card.critical
    );
    if card.completeness == "incomplete" {
        println!(
            "   Incomplete: something could not be analysed (see `resultData.metadata.missing`)."
        );
    }
    if !card.engine.is_empty() {
        println!("   Judged by the engine `{}`.", card.engine);
    }
}

fn step_line(step: &StepLine) {
    println!(
        "   {:>2}. {}: {} {}/{} ({})",
        step.position, step.name, step.conforme, step.score, step.weight, step.niveau
    );
    for point in &step.points {
        // The contract shows a failure as ABSENT; the verdict tells the truth.
        let unlike = !point.verdict.is_empty() && point.verdict != point.statut;
        let statut = if unlike {
            &point.verdict
        } else {
            &point.statut
        };
        println!("       {statut:14} {}", point.point);
        for quote in &point.quotes {
            let call = match quote.recording {
                0 => String::new(),
                other => format!(", call {}", other + 1),
            };
            println!(
                "           « {} » {}, {}{call}",
                quote.text, quote.speaker, quote.minute
            );
        }
    }
}

/// What to try after the demo.
pub fn where_next(state: &StackState, queued: &Queued) {
    let vigie = this_executable();
    println!("\nWhere to go next");
    println!("   API documentation  {}/api-docs", state.gateway_url);
    println!(
        "   Log in as          {} / {}",
        state.admin.email, state.admin.password
    );
    println!("   Try");
    println!(
        "      {vigie} audit {}   (audit it again, live)",
        queued.fiche_id
    );
    println!(
        "      {vigie} watch fiche-{}   (every event of this sale)",
        queued.fiche_id
    );
    println!("      {vigie} status   (what runs, and whether it is well)");
    println!("   `make down` stops the stack; `make demo` runs again at any time.");
}

/// How to call us from where the user is.
fn this_executable() -> String {
    let (exe, here) = (std::env::current_exe(), std::env::current_dir());
    match (exe, here) {
        (Ok(exe), Ok(here)) => exe
            .strip_prefix(&here)
            .unwrap_or(&exe)
            .display()
            .to_string(),
        _ => "vigie".to_owned(),
    }
}
