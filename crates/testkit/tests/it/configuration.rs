//! `docs/configuration.md` names every variable that the code reads, and no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Read by name in parts: `<SERVICE>_GRPC_URL`.
const IN_PARTS: &str = "_GRPC_URL";
/// Read by `vigie` and the gateway's process, not by a `config.rs`.
const ELSEWHERE: [&str; 4] = ["VIGIE_HOME", "VIGIE_API_URL", "VIGIE_API_TOKEN", "HOSTNAME"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files that read the environment, without their tests.
fn sources() -> Vec<String> {
    let mut files = vec![root().join("crates/service/src/platform.rs")];
    for service in std::fs::read_dir(root().join("services")).unwrap() {
        let source = service.unwrap().path().join("src");
        files.push(source.join("config.rs"));
        if let Ok(parts) = std::fs::read_dir(source.join("config")) {
            files.extend(parts.map(|part| part.unwrap().path()));
        }
    }
    let read = |file: PathBuf| std::fs::read_to_string(file).unwrap();
    let texts = files.into_iter().map(read);
    let code = |text: String| text.split("#[cfg(test)]").next().unwrap().to_owned();
    texts.map(code).collect()
}

/// What stands between two `mark`s and looks like a variable.
fn names(text: &str, mark: char) -> BTreeSet<String> {
    let word = |part: &&str| part.contains('_') || ["PORT", "HOSTNAME"].contains(part);
    let upper = |part: &&str| {
        let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        part.starts_with(|c: char| c.is_ascii_uppercase()) && part.chars().all(letter)
    };
    let parts = text.split(mark).filter(upper).filter(word);
    parts.map(str::to_owned).collect()
}

#[test]
fn the_page_names_what_the_code_reads_and_nothing_else() {
    let page = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let page = names(&page, '`');
    let code: BTreeSet<String> = sources().iter().flat_map(|text| names(text, '"')).collect();
    assert!(code.len() > 80, "{code:?}");
    let missing: Vec<_> = code.difference(&page).collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
    let known = |name: &&String| {
        code.contains(*name) || name.ends_with(IN_PARTS) || ELSEWHERE.contains(&name.as_str())
    };
    let stale: Vec<_> = page.iter().filter(|name| !known(name)).collect();
    assert!(stale.is_empty(), "read by nobody: {stale:?}");
}
