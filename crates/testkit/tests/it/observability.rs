//! Alerts and dashboards ask for what the code measures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Measured by Prometheus itself.
const FOREIGN: [&str; 1] = ["up"];
/// What a histogram or summary adds to its name.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rust_files(folder: &Path, found: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Names of metrics in the code, as they are scraped.
fn measured() -> BTreeSet<String> {
    let mut code = String::new();
    for folder in ["crates", "services"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            rust_files(&entry.unwrap().path().join("src"), &mut code);
        }
    }
    let macros = code.split(['!', '"']).collect::<Vec<_>>();
    let kinds = ["counter", "gauge", "histogram"];
    let named = macros.windows(3).filter(|parts| {
        kinds.iter().any(|kind| parts[0].ends_with(kind)) && parts[1].trim() == "("
    });
    named.map(|parts| parts[2].replace('.', "_")).collect()
}

/// Names of metrics in an expression: words that are followed by what asks for values.
fn asked(text: &str, found: &mut BTreeSet<String>) {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    for word in text.split(|c| !letter(c)) {
        let mut after = text
            .match_indices(word)
            .map(|(at, _)| &text[at + word.len()..]);
        let alone = after.any(|rest| rest.starts_with(['{', '[', ')', ' ']));
        if word.contains('_') && word != "histogram_quantile" && alone {
            found.insert(word.to_owned());
        }
    }
}

#[test]
fn alerts_and_dashboards_ask_for_what_is_measured() {
    let folder = root().join("deploy/observability");
    let dashboard = std::fs::read_to_string(folder.join("dashboards/vigie.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let mut names = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            asked(target["expr"].as_str().unwrap(), &mut names);
        }
    }
    let alerts = std::fs::read_to_string(folder.join("alerts.yml")).unwrap();
    for line in alerts.lines() {
        let line = line.trim_start();
        // A folded expression goes on in lines without a key.
        if line.starts_with("expr:") || line.starts_with("max ") || line.starts_with("and ") {
            asked(line, &mut names);
        }
    }
    assert!(names.len() > 20, "{names:?}");
    let measured = measured();
    let known = |name: &&String| {
        let base = PARTS.iter().find_map(|part| name.strip_suffix(part));
        measured.contains(*name)
            || base.is_some_and(|base| measured.contains(base))
            || FOREIGN.contains(&name.as_str())
    };
    let unknown: Vec<_> = names.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "measured by nobody: {unknown:?}");
}
