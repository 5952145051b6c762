//! The supervisor, with stand-ins for the services that only say what they were given.

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use vigie_testkit::stack::{Home, Replica, Service, Stack, StackOptions, StackState};
use vigie_testkit::wait;

/// Answers every request with its environment; ready at once.
const FAKE: &str = r#"#!/usr/bin/env python3
import http.server, json, os, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
address = os.environ.get("METRICS_ADDR")
if address is None: threading.Event().wait()
host, port = address.split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"#;

struct Directory(std::path::PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn fakes() -> (Directory, StackOptions) {
    let dir = std::env::temp_dir().join(format!("vigie-fake-{}", uuid::Uuid::new_v4().simple()));
    let binaries = dir.join("bin");
    std::fs::create_dir_all(&binaries).unwrap();
    let names = Service::ALL.map(Service::binary);
    for name in names.iter().map(String::as_str).chain(["vigie-simulators"]) {
        let path = binaries.join(name);
        std::fs::write(&path, FAKE).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut options = StackOptions::new(Home::at(&dir.join("home")).unwrap(), binaries);
    options.durable = false;
    options.gateway_port = None;
    options.pusher = true;
    (Directory(dir), options)
}

async fn environment(stack: &Stack, service: Service) -> Value {
    let state = stack.state();
    let found = state
        .services
        .iter()
        .find(|one| one.name == service.name())
        .unwrap();
    let http = vigie_testkit::api::http_client().unwrap();
    http.get(&found.metrics_url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_stack_starts_heals_and_stops() {
    let (_dir, options) = fakes();
    let options = options
        .with_replicas(Service::StepAnalyzer, 2)
        .with_env("FICHE_API_BASE_URL", "http://crm.example")
        .with_service_env(Service::Gateway, "HTTP_MAX_BODY_BYTES", "77");
    let home = options.home.clone();
    let again = options.clone();
    let stack = Stack::start(options).await.unwrap();

    // What was written is what runs.
    let written = StackState::read(&home).unwrap().unwrap();
    assert_eq!(written.services.len(), 8);
    assert!(written.services.iter().all(|service| alive(service.pid)));
    assert!(written.servers.iter().all(|server| alive(server.pid)));
    let mode = std::fs::metadata(home.dir().join("secrets.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // A second one in the same home is refused.
    assert!(Stack::start(again).await.is_err());

    // Each gets what is its own, and the caller's choice over the default.
    let fiche = environment(&stack, Service::FicheCache).await;
    assert_eq!(fiche["FICHE_API_BASE_URL"], "http://crm.example");
    assert!(
        fiche["DATABASE_URL"]
            .as_str()
            .unwrap()
            .starts_with("postgres://vigie_fiche@")
    );
    assert_eq!(fiche["VIGIE_ENV"], "development");
    assert!(fiche.get("INTERNAL_CLIENTS").is_none());
    let analyzer = environment(&stack, Service::StepAnalyzer).await;
    assert!(analyzer.get("DATABASE_URL").is_none());
    assert!(analyzer.get("VIGIE_ENCRYPTION_KEY").is_none());
    let gateway = environment(&stack, Service::Gateway).await;
    assert_eq!(gateway["HTTP_MAX_BODY_BYTES"], "77");
    assert_eq!(gateway["PUSHER_HOST"], *written.simulators.pusher_url);
    assert!(fiche.get("PUSHER_SECRET").is_none());
    let auth = environment(&stack, Service::Auth).await;
    assert_eq!(
        auth["INTERNAL_CLIENTS"]
            .as_str()
            .unwrap()
            .split(',')
            .count(),
        7
    );

    // A process that dies is replaced, and the file tells its new number.
    let before = written
        .services
        .iter()
        .find(|one| one.name == "automation")
        .unwrap()
        .pid;
    stack.kill(Service::Automation, 1).await.unwrap();
    let after = wait::until("a new process", Duration::from_secs(5), || async {
        let state = StackState::read(&home)?.unwrap();
        let pid = state
            .services
            .iter()
            .find(|one| one.name == "automation")
            .unwrap()
            .pid;
        Ok((pid != 0 && pid != before).then_some(pid))
    })
    .await
    .unwrap();
    assert!(alive(after));
    stack
        .ready(Replica {
            service: Service::Automation,
            number: 1,
        })
        .await
        .unwrap();

    // One that is stopped stays down until it is wanted.
    stack.stop(Service::Gateway).await.unwrap();
    assert!(
        stack
            .state()
            .services
            .iter()
            .any(|one| one.name == "gateway" && one.pid == 0)
    );
    stack.resume(Service::Gateway).await.unwrap();
    stack.wipe_nats().await.unwrap();

    let last = stack.state();
    stack.down().await.unwrap();
    assert!(StackState::read(&home).unwrap().is_none());
    assert!(last.services.iter().all(|service| !alive(service.pid)));
    assert!(last.servers.iter().all(|server| !alive(server.pid)));
}
