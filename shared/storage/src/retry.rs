//! Pauses between the attempts of a call.

use std::time::Duration;

/// The first pause; it doubles with each attempt, and a random share of it is waited.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Counts the attempts of a call and pauses between them: a random share of a pause that doubles
/// with each attempt, so that workers that collided separate.
#[derive(Debug)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Starts with the first attempt.
    pub(crate) fn new() -> Backoff {
        Backoff { attempts: 1 }
    }

    /// Whether fewer attempts than `attempts_max` have begun.
    pub(crate) fn is_below(&self, attempts_max: u32) -> bool {
        self.attempts < attempts_max
    }

    /// Pauses before the next attempt.
    pub(crate) async fn pause(&mut self) {
        let share = fastrand::f64();
        tokio::time::sleep(longest_pause(self.attempts).mul_f64(share)).await;
        self.attempts = self.attempts.saturating_add(1);
    }
}

/// The longest pause after so many attempts.
fn longest_pause(attempts: u32) -> Duration {
    PAUSE_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let millis = |attempts| longest_pause(attempts).as_millis();
        assert_eq!(
            [1, 2, 3, 7, 8, 100, u32::MAX].map(millis),
            [20, 40, 80, 1280, 2000, 2000, 2000]
        );
    }
}
