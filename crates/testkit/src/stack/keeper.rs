//! Keeps one process running: starts it again when it dies, with back-off.

use super::state::Board;
use crate::ProcessSpec;
use anyhow::{Result, anyhow};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// A process that lived this long starts again with the first delay.
const STABLE_AFTER: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Order {
    Start,
    Stop,
    Kill,
}

type Command = (Order, oneshot::Sender<()>);

/// A process that is kept running. Ends with the set that it was started in.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    name: String,
    orders: mpsc::Sender<Command>,
}

impl Keeper {
    /// Starts the process and keeps it running.
    pub fn start(spec: ProcessSpec, board: Arc<Board>, tasks: &mut JoinSet<()>) -> Self {
        let (orders, commands) = mpsc::channel(4);
        let name = spec.name.clone();
        let log = spec.log.display().to_string();
        tasks.spawn(
            Loop {
                spec,
                log,
                board,
                commands,
                delay: FIRST_DELAY,
            }
            .run(),
        );
        Self { name, orders }
    }

    /// Ends it; it stays down until started.
    pub async fn stop(&self) -> Result<()> {
        self.order(Order::Stop).await
    }

    /// Starts it again after a stop.
    pub async fn resume(&self) -> Result<()> {
        self.order(Order::Start).await
    }

    /// Kills it, as a machine that goes away would. It is started again soon.
    pub async fn kill(&self) -> Result<()> {
        self.order(Order::Kill).await
    }

    async fn order(&self, order: Order) -> Result<()> {
        let (done, wait) = oneshot::channel();
        let gone = || anyhow!("{} is not supervised any more", self.name);
        self.orders.send((order, done)).await.map_err(|_| gone())?;
        wait.await.map_err(|_| gone())
    }
}

struct Loop {
    spec: ProcessSpec,
    log: String,
    board: Arc<Board>,
    commands: mpsc::Receiver<Command>,
    delay: Duration,
}

/// What follows the end of a process.
enum Next {
    StartAgain,
    StayDown,
    Leave,
}

/// How a life ends.
enum End {
    Died(std::process::ExitStatus),
    Killed(oneshot::Sender<()>),
    /// In an orderly way: to stay down, or, with nobody to tell, because the stack goes away.
    Ordered(Option<oneshot::Sender<()>>),
}

impl Loop {
    async fn run(mut self) {
        loop {
            let next = match self.live().await {
                Ok(next) => next,
                Err(error) => {
                    self.note(&format!("{error:#}"));
                    self.pause().await
                }
            };
            let next = if matches!(next, Next::StayDown) {
                self.stay_down().await
            } else {
                next
            };
            if matches!(next, Next::Leave) {
                return;
            }
        }
    }

    /// One life of the process.
    async fn live(&mut self) -> Result<Next> {
        let mut process = self.spec.spawn()?;
        self.show(process.pid());
        let born = Instant::now();
        let end = loop {
            tokio::select! {
                status = process.wait() => break End::Died(status?),
                command = self.commands.recv() => match command {
                    None => break End::Ordered(None),
                    Some((Order::Start, done)) => {
                        let _asker_may_be_gone = done.send(());
                    }
                    Some((Order::Stop, done)) => break End::Ordered(Some(done)),
                    Some((Order::Kill, done)) => break End::Killed(done),
                },
            }
        };
        match end {
            End::Died(status) => {
                self.note(&format!("ended with {status}"));
                if born.elapsed() >= STABLE_AFTER {
                    self.delay = FIRST_DELAY;
                }
            }
            End::Killed(done) => {
                process.kill().await?;
                let _asker_may_be_gone = done.send(());
            }
            End::Ordered(done) => {
                process.stop(GRACE).await?;
                self.show(0);
                let Some(done) = done else {
                    return Ok(Next::Leave);
                };
                let _asker_may_be_gone = done.send(());
                return Ok(Next::StayDown);
            }
        }
        self.show(0);
        Ok(self.pause().await)
    }

    /// Waits before the next start; an order ends the wait.
    async fn pause(&mut self) -> Next {
        let delay = self.delay;
        self.delay = (delay * 2).min(LONGEST_DELAY);
        tokio::select! {
            () = tokio::time::sleep(delay) => Next::StartAgain,
            command = self.commands.recv() => answer(command),
        }
    }

    async fn stay_down(&mut self) -> Next {
        loop {
            match answer(self.commands.recv().await) {
                Next::StayDown => {}
                next => return next,
            }
        }
    }

    fn show(&self, pid: u32) {
        if let Err(error) = self.board.set_pid(&self.log, pid) {
            self.note(&format!("stack.json: {error:#}"));
        }
    }

    fn note(&self, what: &str) {
        eprintln!("{}: {what}", self.spec.name);
    }
}

/// An order to a process that is not running.
fn answer(command: Option<Command>) -> Next {
    match command {
        None => Next::Leave,
        Some((order, done)) => {
            let _asker_may_be_gone = done.send(());
            match order {
                Order::Start => Next::StartAgain,
                Order::Stop | Order::Kill => Next::StayDown,
            }
        }
    }
}
