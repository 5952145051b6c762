use super::guard;

const OK: &str = "";
const FORMAT: &str = "Invalid webhookUrl format";
const SCHEME: &str = "webhookUrl must use http or https protocol";
const CREDENTIALS: &str = "webhookUrl must not include credentials";
const HOSTNAME: &str = "webhookUrl hostname not allowed";
const ADDRESS: &str = "webhookUrl IP not allowed";
const HTTPS: &str = "webhookUrl must use https protocol";
const PORT: &str = "webhookUrl port not allowed";

/// URL, in production, in development.
const TABLE: &[(&str, &str, &str)] = &[
    // Fine.
    ("https://hooks.example.com/vigie?x=1", OK, OK),
    ("https://hooks.example.com:8443/", OK, OK),
    ("https://hooks.example.com./", OK, OK),
    ("https://HOOKS.example.com", OK, OK),
    ("https://bücher.example", OK, OK),
    ("https://under_score.example.com", OK, OK),
    ("https://93.184.216.34/", OK, OK),
    ("https://[2606:4700:4700::1111]/", OK, OK),
    ("https://localhost.example.com/", OK, OK),
    ("https://notlocalhost.com/", OK, OK),
    ("https://internal.example.com/", OK, OK),
    // What it is.
    ("", FORMAT, FORMAT),
    ("hooks.example.com", FORMAT, FORMAT),
    ("/relative", FORMAT, FORMAT),
    ("//hooks.example.com", FORMAT, FORMAT),
    ("https://", FORMAT, FORMAT),
    ("https://exa mple.com", FORMAT, FORMAT),
    ("https://hooks.example.com:99999", FORMAT, FORMAT),
    ("https://[::1", FORMAT, FORMAT),
    ("https://256.256.256.256/", FORMAT, FORMAT),
    ("https://1.2.3.4.5/", FORMAT, FORMAT),
    ("ftp://hooks.example.com", SCHEME, SCHEME),
    ("file:///etc/passwd", SCHEME, SCHEME),
    ("gopher://127.0.0.1:6379/_", SCHEME, SCHEME),
    ("javascript:alert(1)", SCHEME, SCHEME),
    ("data:text/plain,x", SCHEME, SCHEME),
    ("https://user@hooks.example.com", CREDENTIALS, CREDENTIALS),
    (
        "https://user:pass@hooks.example.com",
        CREDENTIALS,
        CREDENTIALS,
    ),
    ("https://:pass@hooks.example.com", CREDENTIALS, CREDENTIALS),
    (
        "https://hooks.example.com@127.0.0.1/",
        CREDENTIALS,
        CREDENTIALS,
    ),
    // Names.
    ("https://localhost/", HOSTNAME, OK),
    ("http://localhost:3000/", HOSTNAME, OK),
    ("http://LOCALHOST./", HOSTNAME, OK),
    ("http://api.localhost:8080/", HOSTNAME, OK),
    ("https://printer.local/", HOSTNAME, HOSTNAME),
    ("https://printer.local./", HOSTNAME, HOSTNAME),
    ("https://vault.internal/", HOSTNAME, HOSTNAME),
    ("https://metadata.google.internal/", HOSTNAME, HOSTNAME),
    ("https://metadata.goog/", HOSTNAME, HOSTNAME),
    ("https://nas.home.arpa/", HOSTNAME, HOSTNAME),
    ("https://metadata/", HOSTNAME, HOSTNAME),
    ("https://postgres/", HOSTNAME, HOSTNAME),
    ("https://postgres./", HOSTNAME, HOSTNAME),
    ("https://example..com/", HOSTNAME, HOSTNAME),
    ("https://example.com../", HOSTNAME, HOSTNAME),
    ("https://.example.com/", HOSTNAME, HOSTNAME),
    // IPv4.
    ("https://127.0.0.1/", ADDRESS, OK),
    ("http://127.0.0.1:8080/", ADDRESS, OK),
    ("https://127.255.255.254/", ADDRESS, OK),
    ("https://0.0.0.0/", ADDRESS, ADDRESS),
    ("https://0.1.2.3/", ADDRESS, ADDRESS),
    ("https://10.1.2.3/", ADDRESS, ADDRESS),
    ("https://172.16.0.1/", ADDRESS, ADDRESS),
    ("https://172.31.255.255/", ADDRESS, ADDRESS),
    ("https://192.168.1.1/", ADDRESS, ADDRESS),
    ("http://169.254.169.254/latest/meta-data/", ADDRESS, ADDRESS),
    ("https://100.64.0.1/", ADDRESS, ADDRESS),
    ("https://192.0.0.1/", ADDRESS, ADDRESS),
    ("https://192.0.2.1/", ADDRESS, ADDRESS),
    ("https://198.18.0.1/", ADDRESS, ADDRESS),
    ("https://198.51.100.1/", ADDRESS, ADDRESS),
    ("https://203.0.113.1/", ADDRESS, ADDRESS),
    ("https://224.0.0.1/", ADDRESS, ADDRESS),
    ("https://240.0.0.1/", ADDRESS, ADDRESS),
    ("https://255.255.255.255/", ADDRESS, ADDRESS),
    // Other spellings of them.
    ("https://2130706433/", ADDRESS, OK),
    ("https://0x7f.1/", ADDRESS, OK),
    ("https://0177.0.0.1/", ADDRESS, OK),
    ("https://127.1/", ADDRESS, OK),
    ("https://127.0.0.1./", ADDRESS, OK),
    ("https://１２７。０。０。１/", ADDRESS, OK),
    ("https://%31%30.0.0.1/", ADDRESS, ADDRESS),
    ("https://0xa9fea9fe/", ADDRESS, ADDRESS),
    ("https://3232235777/", ADDRESS, ADDRESS),
    // IPv6.
    ("https://[::1]/", ADDRESS, OK),
    ("http://[0:0:0:0:0:0:0:1]:8080/", ADDRESS, OK),
    ("https://[::]/", ADDRESS, ADDRESS),
    ("https://[fc00::1]/", ADDRESS, ADDRESS),
    ("https://[fd00:ec2::254]/", ADDRESS, ADDRESS),
    ("https://[fe80::1]/", ADDRESS, ADDRESS),
    ("https://[fec0::1]/", ADDRESS, ADDRESS),
    ("https://[ff02::1]/", ADDRESS, ADDRESS),
    ("https://[::ffff:127.0.0.1]/", ADDRESS, ADDRESS),
    ("https://[::ffff:8.8.8.8]/", ADDRESS, ADDRESS),
    ("https://[::127.0.0.1]/", ADDRESS, ADDRESS),
    ("https://[64:ff9b::a00:1]/", ADDRESS, ADDRESS),
    ("https://[100::1]/", ADDRESS, ADDRESS),
    ("https://[2001:db8::1]/", ADDRESS, ADDRESS),
    ("https://[2002:7f00:1::]/", ADDRESS, ADDRESS),
    // Scheme and port come last.
    ("http://hooks.example.com/", HTTPS, OK),
    ("http://hooks.example.com:8443/", HTTPS, OK),
    ("https://hooks.example.com:22/", PORT, OK),
    ("https://hooks.example.com:80/", PORT, OK),
    ("https://93.184.216.34:6379/", PORT, OK),
    ("http://10.0.0.1:6379/", ADDRESS, ADDRESS),
    ("http://printer.local:631/", HOSTNAME, HOSTNAME),
];

#[test]
fn each_url_gets_its_message() {
    for development in [false, true] {
        let guard = guard(development, &[]);
        for (url, production, in_development) in TABLE {
            let expected = if development {
                in_development
            } else {
                production
            };
            let found = guard
                .check(url)
                .err()
                .map_or_else(String::new, |error| error.to_string());
            assert_eq!(found, *expected, "{url} (development: {development})");
        }
    }
}

#[test]
fn a_list_of_origins_decides_alone_but_for_credentials_of_the_machine() {
    let listed = [
        "http://10.0.0.7:9000",
        "https://HOOKS.example.com:443/",
        "http://receiver.internal",
        "http://169.254.169.254",
        "http://[::ffff:169.254.169.254]",
        "http://metadata.google.internal",
    ];
    let guard = guard(false, &listed);
    for url in [
        "http://10.0.0.7:9000/hook",
        "https://hooks.example.com/hook",
        "https://hooks.example.com./hook",
        "http://receiver.internal:80/hook",
    ] {
        assert!(guard.check(url).is_ok(), "{url}");
    }
    for (url, message) in [
        ("http://169.254.169.254/", ADDRESS),
        ("http://[::ffff:a9fe:a9fe]/", ADDRESS),
        ("http://metadata.google.internal/", HOSTNAME),
        ("http://user@10.0.0.7:9000/", CREDENTIALS),
        (
            "https://Other.example.com/x",
            "webhookUrl origin not allowed (set WEBHOOK_ALLOWED_ORIGINS). Got https://other.example.com",
        ),
        (
            "http://10.0.0.7:9001/",
            "webhookUrl origin not allowed (set WEBHOOK_ALLOWED_ORIGINS). Got http://10.0.0.7:9001",
        ),
        (
            "http://hooks.example.com/",
            "webhookUrl origin not allowed (set WEBHOOK_ALLOWED_ORIGINS). Got http://hooks.example.com",
        ),
    ] {
        let error = guard.check(url).unwrap_err();
        assert_eq!(error.to_string(), message, "{url}");
    }
}
