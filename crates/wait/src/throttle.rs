//! How fast something may go on.

use std::time::Duration;

use tokio::time::Instant;

/// Lets at most so many things through in a second, on average from the first to the last.
///
/// What took its time already is not held up again; what was too slow is not made up for by being fast afterwards.
#[derive(Clone, Debug)]
pub struct Throttle {
    per_second: u32,
    free_at: Instant,
}

impl Throttle {
    /// A throttle that nothing has passed yet. At least one a second passes.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), free_at: Instant::now() }
    }

    /// How many pass in a second.
    pub fn per_second(&self) -> u32 {
        self.per_second
    }

    /// So many were let through since the last call: comes back when the next may follow.
    pub async fn passed(&mut self, count: u64) {
        let now = Instant::now();
        let nanoseconds = u128::from(count) * 1_000_000_000 / u128::from(self.per_second);
        self.free_at += Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        if self.free_at <= now {
            self.free_at = now;
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "this crate is the one that sleeps")]
        tokio::time::sleep_until(self.free_at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_pass_in_a_second_and_no_more() {
        let (start, mut throttle) = (Instant::now(), Throttle::new(100));
        for _ in 0..10 {
            throttle.passed(50).await;
        }
        assert_eq!(start.elapsed().as_millis(), 5000);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_slow_by_itself_is_not_held_up_and_earns_nothing() {
        let (start, mut throttle) = (Instant::now(), Throttle::new(100));
        crate::Deadline::after(Duration::from_secs(3)).limit(std::future::pending::<()>()).await;
        throttle.passed(100).await;
        assert_eq!(start.elapsed().as_secs(), 3);
        throttle.passed(100).await;
        assert_eq!(start.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_nothing_is_one() {
        let (start, mut throttle) = (Instant::now(), Throttle::new(0));
        throttle.passed(2).await;
        assert_eq!(start.elapsed().as_secs(), 2);
    }
}
