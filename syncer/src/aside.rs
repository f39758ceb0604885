//! Work on what servers say, kept apart from the threads that serve.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{block_in_place, yield_now};

/// Does `work` on `bytes` bytes of what a server said, without holding up anybody but the task that
/// asks for it.
///
/// How long a large file takes to verify does not show in its size: the keys and signatures in it
/// decide. So the worker hands its other tasks to another thread, and at most half of the processors
/// do such work at a time, in the whole process: whoever answers admission requests has the others.
/// What is in a few KiB is usually verified in less time than that would take.
pub(crate) async fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= SMALL {
        // First whoever waits for an answer, or has one to ask for: the server works meanwhile.
        yield_now().await;
        return work();
    }
    // Never closed, so there always is a turn.
    let _turn = TURNS.acquire().await.ok();
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        block_in_place(work)
    } else {
        // A runtime of one thread serves nobody besides.
        work()
    }
}

/// The most bytes that are worked on at once, in place. The one or two signatures by P-256 that are usual
/// take a fraction of a millisecond. A file may have 64 signatures, but no more than about 17 by P-384 fit
/// into so many bytes: at 0.65 ms each, they hold a thread up for some 11 ms at the worst.
pub(crate) const SMALL: usize = 4 * 1024;

fn turns() -> usize {
    available_parallelism().map_or(1, |cores| (NonZero::get(cores) / 2).max(1))
}

static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(turns()));

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_only_worker_goes_on_with_other_tasks() {
        let (begun, begins) = oneshot::channel();
        let (answer, answered) = mpsc::channel();
        let work = tokio::spawn(aside(SMALL + 1, move || {
            begun.send(()).unwrap();
            answered.recv_timeout(Duration::from_secs(20))
        }));
        begins.await.unwrap();
        tokio::spawn(async move { answer.send(()).unwrap() });
        assert_eq!(work.await.unwrap(), Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn half_of_the_processors_are_left_to_others() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let works = (0..turns() * 4).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(aside(SMALL + 1, move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                now.fetch_sub(1, Ordering::SeqCst);
            }))
        });
        assert!(join_all(works).await.iter().all(Result::is_ok));
        assert!(most.load(Ordering::SeqCst) <= turns());
    }
}
