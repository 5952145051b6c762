//! A receiver of webhooks that does what it should not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Manner {
    /// Answers with a status and further header lines.
    Answer(u16, &'static str),
    /// Never answers.
    Hang,
    /// Answers 200 and a body without end.
    Endless,
    /// Closes the connection.
    Reset,
    /// Answers 200 when it is allowed to.
    Held,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: HashMap<String, String>,
    pub body: String,
}

pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    manners: Mutex<Vec<Manner>>,
    got: Mutex<Vec<Got>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
    gate: Semaphore,
}

impl Receiver {
    /// Behaves in these manners, one after the other; the last one stays.
    pub async fn start(manners: &[Manner]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            manners: Mutex::new(manners.to_vec()),
            got: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        let mut tasks = JoinSet::new();
        let serving = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                connections.spawn(async move { shared.serve(stream).await });
            }
        });
        Self {
            url,
            shared,
            _tasks: tasks,
        }
    }

    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    pub fn behave(&self, manner: Manner) {
        *self.shared.manners.lock().unwrap() = vec![manner];
    }

    /// Lets held requests be answered.
    pub fn release(&self, requests: usize) {
        self.shared.gate.add_permits(requests);
    }

    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    pub fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn serve(&self, mut stream: TcpStream) {
        let Some(got) = read(&mut stream).await else {
            return;
        };
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        let manner = {
            let mut manners = self.manners.lock().unwrap();
            self.got.lock().unwrap().push(got);
            if manners.len() > 1 {
                manners.remove(0)
            } else {
                manners[0].clone()
            }
        };
        match manner {
            Manner::Answer(status, more) => answer(&mut stream, status, more).await,
            Manner::Hang => std::future::pending().await,
            Manner::Reset => {}
            Manner::Held => {
                self.gate.acquire().await.unwrap().forget();
                answer(&mut stream, 200, "").await;
            }
            Manner::Endless => {
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(&[b'x'; 8192]).await;
                }
            }
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(stream: &mut TcpStream, status: u16, more: &str) {
    let text = format!(
        "HTTP/1.1 {status} Whatever\r\n{more}content-length: 4\r\nconnection: close\r\n\r\nseen"
    );
    stream.write_all(text.as_bytes()).await.ok();
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let headers: HashMap<String, String> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let expected: usize = headers.get("content-length")?.parse().ok()?;
        if body.len() >= expected {
            return Some(Got {
                headers,
                body: body.to_owned(),
            });
        }
    }
}
