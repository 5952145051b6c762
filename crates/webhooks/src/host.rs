/// Endings of names that mean something only inside a network.
const INSIDE: [&str; 3] = ["local", "internal", "home.arpa"];
/// Metadata services with a name outside of [`INSIDE`].
const METADATA: [&str; 2] = ["metadata.goog", "metadata.tencentyun.com"];

/// The name without the final dot of its absolute form.
pub(crate) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether a name means this machine: `localhost` and what ends in it.
pub(crate) fn is_loopback(name: &str) -> bool {
    is_under(without_root(name), "localhost")
}

/// Whether a name is that of a metadata service.
pub(crate) fn is_metadata(name: &str) -> bool {
    let name = without_root(name);
    let named_so = matches!(name.split('.').next(), Some("metadata" | "instance-data"));
    let inside = !name.contains('.') || is_under(name, "internal");
    (named_so && inside) || METADATA.iter().any(|other| is_under(name, other))
}

/// Whether a name can be one on the public internet.
pub(crate) fn is_public(name: &str) -> bool {
    let name = without_root(name);
    is_dotted(name)
        && !is_loopback(name)
        && !is_metadata(name)
        && !INSIDE.iter().any(|ending| is_under(name, ending))
}

/// Two labels or more, each as DNS has them.
fn is_dotted(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

/// `name` is `parent` or lies below it. Both lower case, as the URL parser leaves them.
fn is_under(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
