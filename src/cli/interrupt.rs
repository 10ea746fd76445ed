//! Ctrl-C and SIGTERM: the first asks the work to end, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What the shell reports of a program that was ended by Ctrl-C.
const ENDED: i32 = 130;

/// Whether the work is to end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    told: watch::Receiver<bool>,
}

impl Interrupt {
    /// Begins to listen, on a thread of its own. `tell` is run there once, when the first signal comes.
    pub fn listen(tell: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (say, told) = watch::channel(false);
        let interrupt = Self { asked: Arc::default(), told };
        let asked = Arc::clone(&interrupt.asked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // Taken before the thread runs, so that no signal falls in between.
        let (mut keys, mut terminations) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async move {
                let mut next = async || tokio::select! { _ = keys.recv() => (), _ = terminations.recv() => () };
                next().await;
                asked.store(true, Ordering::Relaxed);
                tell();
                let _ = say.send(true);
                next().await;
                std::process::exit(ENDED);
            });
        })?;
        Ok(interrupt)
    }

    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Waits for the first signal.
    pub async fn wait(&self) {
        let mut told = self.told.clone();
        let _ = told.wait_for(|asked| *asked).await;
    }
}
