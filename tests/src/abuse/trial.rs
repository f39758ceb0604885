//! One attack, honest clients beside it, and what came of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Answers, Attack, Field, Honest, Scale, Taken, Target};
use crate::harness::HarnessError;

/// A server on trial.
#[derive(Debug)]
pub struct Trial {
    /// The server.
    pub target: Arc<Target>,
    /// Its process.
    pub process: u32,
    /// How much is done to it.
    pub scale: Scale,
}

/// What came of an attack.
#[derive(Clone, Debug)]
pub struct Findings {
    /// How often it was done.
    pub done: u64,
    /// What an honest client was answered over one connection.
    pub kept: Answers,
    /// What an honest client was answered that connects anew each time.
    pub new: Answers,
    /// What the process took during the attack: the most memory of all, the most files that were seen.
    pub during: Taken,
    /// What it took when the attack was over, as soon as it had as few files as before, or after a while.
    pub after: Taken,
}

impl Trial {
    /// Does what `attack` says, or nothing, while honest clients ask.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if the process is gone.
    pub async fn run(&self, attack: Option<Attack>) -> Result<Findings, HarnessError> {
        let before = Taken::by(self.process)?;
        Taken::reset(self.process)?;
        let honest = Honest::start(&self.target);
        let field = Field::new(&self.target, self.scale);
        let doing = async {
            if let Some(attack) = attack {
                return (attack.run)(field).await;
            }
            sleep(self.scale.time).await;
            0
        };
        let mut doing = std::pin::pin!(doing);
        let mut most = before;
        let done = loop {
            tokio::select! {
                done = &mut doing => break done,
                () = sleep(BETWEEN) => {
                    let now = Taken::by(self.process)?;
                    most.files = most.files.max(now.files);
                    most.threads = most.threads.max(now.threads);
                }
            }
        };
        let during = Taken {
            files: most.files,
            threads: most.threads,
            ..Taken::by(self.process)?
        };
        let [kept, new] = honest.stop().await;
        let after = self.settled(before.files).await?;
        Ok(Findings {
            done,
            kept,
            new,
            during,
            after,
        })
    }

    /// What the process takes when it has no more files than `before` and a few, or when that takes too long.
    async fn settled(&self, before: usize) -> Result<Taken, HarnessError> {
        let started = Instant::now();
        loop {
            let now = Taken::by(self.process)?;
            if now.files <= before + FEW || started.elapsed() > SETTLING {
                return Ok(now);
            }
            sleep(BETWEEN).await;
        }
    }
}

const BETWEEN: Duration = Duration::from_millis(50);
/// Connections that just happen to be open.
const FEW: usize = 8;
const SETTLING: Duration = Duration::from_secs(20);
