//! A chunk with a million distinct ids in one minute: its rows and parts stay within the table's
//! limits, and hold each id once at every granularity.

use chrono::DateTime;
use minutebook_domain::count::amount::Amount;
use minutebook_domain::count::measure::Measure;
use minutebook_domain::count::tally::Tally;
use minutebook_domain::plan::{
    Plan, PlanInputs, ROW_COUNTERS_MAX, TRANSACTION_ACTIONS_MAX, counter_bytes,
};
use minutebook_domain::time::Minute;

const IDS: usize = 1_000_000;

/// Late events are in five times as many rows with the same limits, so fewer suffice.
const IDS_LATE: usize = 200_000;

/// The bytes that DynamoDB bills as one unit. A row may be larger, because hashing is uneven, but
/// not much larger.
const UNIT_BYTES: usize = 1024;

/// A minute, its hour, day, week and month.
const GRANULARITIES: usize = 5;

#[test]
fn a_million_distinct_ids_of_a_minute_stay_within_the_limits_of_rows_and_parts() {
    let minute = Minute::from_epoch_seconds(1_795_017_600).expect("in range");
    for (ids, hours_later, granularities) in [(IDS, 0, 1), (IDS_LATE, 2, GRANULARITIES)] {
        let mut tally = Tally::default();
        for id in 0..ids {
            tally.add("shop", Measure::Views, minute, &id.to_string(), Amount::ONE);
        }
        let inputs = PlanInputs {
            keys_max: 0,
            ..PlanInputs::with_defaults(
                DateTime::from_timestamp(minute.epoch_seconds() + hours_later * 3_600, 0)
                    .expect("in range"),
            )
        };
        let plan = Plan::of_tally(&tally, &inputs);
        let mut counters = 0;
        let mut rows = 0;
        for part in &plan.parts {
            assert!(1 + part.hours.len() + part.rows.len() <= TRANSACTION_ACTIONS_MAX);
            for row in &part.rows {
                let bytes: usize =
                    row.counters.iter().map(|(key, amount)| counter_bytes(key, *amount)).sum();
                assert!(
                    row.counters.len() <= ROW_COUNTERS_MAX && bytes < 2 * UNIT_BYTES,
                    "a row of {bytes} bytes"
                );
                counters += row.counters.len();
                rows += 1;
            }
        }
        // No row has two counters of a key, so with this sum every id occurs once at each
        // granularity.
        assert_eq!(counters, granularities * ids);
        assert!(counters / rows > 50, "{rows} rows are far from full");
    }
}
