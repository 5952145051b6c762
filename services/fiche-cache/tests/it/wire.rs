//! Statements, counted where they cross the wire: between a client and Postgres.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// Codes of the requests for encryption; the client begins anew after the answer.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// A way to Postgres that counts what is executed. Closed when dropped.
pub struct Wire {
    url: String,
    counts: Arc<Mutex<Counts>>,
    _open: AbortOnDropHandle<()>,
}

/// What was asked of the server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Statements with parameters: messages `Execute`.
    pub statements: usize,
    /// Texts without: `BEGIN` and `COMMIT`.
    pub texts: usize,
}

impl Wire {
    /// Opens one to the server that this address names.
    pub async fn open(url: &str) -> Self {
        let (head, tail) = url.rsplit_once('@').unwrap();
        let (server, database) = tail.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{head}@{}/{database}", listener.local_addr().unwrap());
        let counts = Arc::new(Mutex::new(Counts::default()));
        let (server, counter) = (server.to_owned(), Arc::clone(&counts));
        let open = TaskTracker::new().spawn(async move {
            // One connection is all that is counted.
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(server).await.unwrap();
            carry(client, server, &counter).await;
        });
        Self {
            url,
            counts,
            _open: AbortOnDropHandle::new(open),
        }
    }

    /// The same database, by this way.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was counted since it was last asked.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut *self.counts.lock().unwrap())
    }
}

/// Both ways until either side ends.
async fn carry(client: TcpStream, server: TcpStream, counts: &Mutex<Counts>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        while let Some(code) = message(&mut from_client, None, &mut to_server).await {
            if !ENCRYPTION.contains(&code) {
                break;
            }
        }
        while let Ok(kind) = from_client.read_u8().await {
            {
                let mut counts = counts.lock().unwrap();
                match kind {
                    b'E' => counts.statements += 1,
                    b'Q' => counts.texts += 1,
                    _ => {}
                }
            }
            if message(&mut from_client, Some(kind), &mut to_server)
                .await
                .is_none()
            {
                break;
            }
        }
    };
    tokio::select! {
        () = there => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
    }
}

/// Passes one message on; the first four bytes of its body, `None` at the end.
async fn message(
    from: &mut (impl AsyncRead + Unpin),
    kind: Option<u8>,
    to: &mut (impl AsyncWriteExt + Unpin),
) -> Option<u32> {
    let length = from.read_u32().await.ok()?;
    let mut whole: Vec<u8> = kind.into_iter().chain(length.to_be_bytes()).collect();
    let head = whole.len();
    whole.resize(head + usize::try_from(length).ok()?.checked_sub(4)?, 0);
    from.read_exact(&mut whole[head..]).await.ok()?;
    to.write_all(&whole).await.ok()?;
    let code = whole.get(head..head + 4).map_or([0; 4], |four| {
        let mut code = [0; 4];
        code.copy_from_slice(four);
        code
    });
    Some(u32::from_be_bytes(code))
}
