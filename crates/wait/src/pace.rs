//! How often to look: exponential with jitter, from the start again on progress.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The delays between two looks.
///
/// The default starts at 1 s and grows to 10 s: a connection's steps take seconds to minutes, and an answer
/// that is late by at most one interval of 10 s costs nobody anything, while a fleet of stacks polling every second
/// would be throttled.
#[derive(Clone, Debug)]
pub struct Pace {
    first: Duration,
    longest: Duration,
    seed: Option<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(10))
    }
}

impl Pace {
    /// A pace that starts at `first` and grows by half at each look up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, seed: None }
    }

    /// Makes the jitter repeatable, for tests.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The delays from the start.
    ///
    /// The library adds up to once the delay as jitter, so it is given half of the longest: the sum never exceeds that,
    /// and even at the slowest two holders do not march in step.
    pub(crate) fn delays(&self) -> Delays {
        let (first, slowest) = (self.first, self.longest / 2);
        Delays { growing: self.backoff(first, slowest), slow: self.backoff(slowest, slowest) }
    }

    fn backoff(&self, from: Duration, to: Duration) -> ExponentialBackoff {
        let builder = ExponentialBuilder::new()
            .with_factor(1.5)
            .with_min_delay(from.min(to))
            .with_max_delay(to)
            .without_max_times()
            .with_jitter();
        match self.seed {
            Some(seed) => builder.with_jitter_seed(seed).build(),
            None => builder.build(),
        }
    }
}

/// A running sequence of delays.
pub(crate) struct Delays {
    growing: ExponentialBackoff,
    slow: ExponentialBackoff,
}

impl Delays {
    /// The next delay, longer than the one before.
    pub(crate) fn advance(&mut self) -> Duration {
        self.growing.next().unwrap_or_default()
    }

    /// The next delay of whoever was told to slow down.
    pub(crate) fn slow(&mut self) -> Duration {
        self.slow.next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_from_the_first_to_the_longest_and_stay_there() {
        let mut delays = Pace::default().seeded(7).delays();
        let seen: Vec<_> = (0..20).map(|_| delays.advance()).collect();
        assert!(seen[0] >= Duration::from_secs(1) && seen[0] < Duration::from_secs(2), "{seen:?}");
        assert!(seen.iter().all(|delay| *delay <= Duration::from_secs(10)), "{seen:?}");
        assert!(seen[10..].iter().all(|delay| *delay >= Duration::from_secs(5)), "{seen:?}");
    }

    #[test]
    fn two_holders_of_different_seeds_do_not_march_in_step() {
        let delays = |seed| {
            let mut delays = Pace::default().seeded(seed).delays();
            (0..4).map(|_| delays.advance()).collect::<Vec<_>>()
        };
        assert_ne!(delays(1), delays(2));
        assert_eq!(delays(3), delays(3));
    }
}
