//! The deadline of an invocation.

use std::time::{Duration, Instant, SystemTime};

/// The part of the time limit that is reserved for reporting how far the work got.
const MARGIN: Duration = Duration::from_secs(2);

/// The longest that any Lambda function may run.
const LAMBDA_TIMEOUT_MAX: Duration = Duration::from_secs(900);

/// When the work must be done, on the monotonic clock, from the deadline of the invocation.
///
/// AWS gives the deadline as milliseconds since 1970. `cargo lambda watch` (1.9.2) gives a duration
/// (600,000 ms) instead, which is recognized because it would be a time in early 1970.
#[expect(clippy::disallowed_methods, reason = "Lambda gives the deadline as a wall-clock time")]
pub fn deadline_of(lambda_deadline: SystemTime) -> Instant {
    Instant::now() + time_left(lambda_deadline, SystemTime::now())
}

fn time_left(lambda_deadline: SystemTime, now: SystemTime) -> Duration {
    let since_1970 = lambda_deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let left = if since_1970 <= LAMBDA_TIMEOUT_MAX {
        since_1970
    } else {
        lambda_deadline.duration_since(now).unwrap_or_default()
    };
    left.saturating_sub(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_kept_of_the_time_that_is_left() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_216_079);
        let seconds = Duration::from_secs;
        for (deadline, left) in [
            (now + seconds(120), 118),
            (now + seconds(1), 0),
            (now - seconds(5), 0),
            // As `cargo lambda watch` gives it.
            (SystemTime::UNIX_EPOCH + seconds(600), 598),
        ] {
            assert_eq!(time_left(deadline, now), seconds(left), "{deadline:?}");
        }
    }
}
