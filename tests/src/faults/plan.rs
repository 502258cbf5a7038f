//! Plans: which calls get which fault.

use std::time::Duration;

use crate::random::Random;

/// A call that a function makes.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation: `TransactWriteItems`, `Query`, `GetObject`, …
    pub operation: String,
    /// The number of the call among those of its operation, from 1.
    pub number: usize,
    /// The kinds of a transaction's actions, in order: `Put`, `ConditionCheck`, `Update`. It is
    /// empty for other calls.
    pub actions: Vec<String>,
    /// The items that it writes or checks, each as its table and keys.
    pub items: Vec<String>,
}

/// A fault of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The function is killed before the call reaches the cloud.
    KillBefore,
    /// The function is killed after the cloud has executed the call, before it sees the reply.
    KillAfter,
    /// The cloud executes the call, but its reply is lost.
    LoseReply,
    /// The connection is closed before the call reaches the cloud.
    Refuse,
    /// The cloud executes the call after this delay.
    Delay(Duration),
    /// The call waits for [`super::FaultProxy::release`], and then reaches the cloud.
    Hold,
    /// The call is answered with this status and never reaches the cloud.
    Status(u16),
    /// The call is answered with this DynamoDB error and never reaches the cloud.
    Error(&'static str),
    /// The transaction is cancelled, with a code for each position named.
    Cancel(Vec<(usize, &'static str)>),
    /// The connection breaks in the middle of the reply's body.
    CutBody,
}

/// Chooses the fault of a call. `None` lets the call pass.
pub type Plan = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

/// The upper bound of the delays in a seeded plan.
const DELAY_MS_MAX: u64 = 30;

/// A random plan that can inject every kind of fault that applies to a call. The fault depends only
/// on the seed and on the call (operation, number, actions), so a plan can be replayed.
///
/// On average, `calls_of_1000` of 1000 calls get a fault.
pub fn seeded(seed: u64, calls_of_1000: u64) -> Plan {
    Box::new(move |call| {
        let name: u64 = call
            .operation
            .bytes()
            .fold(0, |name, byte| name.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut random = Random::of(&[seed, name, call.number as u64]);
        (random.below(1000) < calls_of_1000).then(|| any_fault(call, &mut random))
    })
}

fn any_fault(call: &Call, random: &mut Random) -> Fault {
    let is_transaction = call.operation == "TransactWriteItems";
    let is_s3 = matches!(call.operation.as_str(), "GetObject" | "PutObject" | "POST" | "DELETE");
    let mut faults = vec![
        Fault::KillBefore,
        Fault::KillAfter,
        Fault::LoseReply,
        Fault::Refuse,
        Fault::Delay(Duration::from_millis(random.below(DELAY_MS_MAX))),
        Fault::Status(500),
        Fault::Status(503),
        Fault::CutBody,
    ];
    if !is_s3 {
        faults.push(Fault::Error("ThrottlingException"));
        faults.push(Fault::Error("ProvisionedThroughputExceededException"));
    }
    if call.operation == "PutItem" {
        faults.push(Fault::Error("TransactionConflictException"));
    }
    if is_transaction {
        let any = random.index(call.actions.len().max(1));
        let last = call.actions.len().saturating_sub(1);
        faults.push(Fault::Error("TransactionInProgressException"));
        faults.push(Fault::Cancel(vec![(0, "TransactionConflict")]));
        faults.push(Fault::Cancel(vec![(any, "TransactionConflict")]));
        faults.push(Fault::Cancel(vec![(0, "ThrottlingError")]));
        faults.push(Fault::Cancel(vec![(any, "ProvisionedThroughputExceeded")]));
        faults.push(Fault::Cancel(vec![(any, "ThrottlingError"), (last, "TransactionConflict")]));
        // These matter most for transactions, so make them more likely.
        faults.extend([Fault::KillBefore, Fault::KillAfter, Fault::LoseReply]);
    }
    faults.swap_remove(random.index(faults.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, number: usize) -> Call {
        let actions = if operation == "TransactWriteItems" {
            vec!["Put".to_string(), "Update".to_string()]
        } else {
            vec![]
        };
        Call { operation: operation.to_string(), number, actions, items: vec![] }
    }

    fn faults(seed: u64, operation: &str) -> Vec<Option<Fault>> {
        let mut plan = seeded(seed, 300);
        (1..=400).map(|number| plan(&call(operation, number))).collect()
    }

    #[test]
    fn a_seeded_plan_is_the_same_each_time_and_another_for_another_seed() {
        assert_eq!(faults(1, "TransactWriteItems"), faults(1, "TransactWriteItems"));
        assert_ne!(faults(1, "TransactWriteItems"), faults(2, "TransactWriteItems"));
        assert_ne!(faults(1, "Query"), faults(1, "PutItem"));
    }

    #[test]
    fn a_seeded_plan_makes_every_fault_and_as_many_as_it_was_told() {
        let made: Vec<Fault> = faults(3, "TransactWriteItems").into_iter().flatten().collect();
        assert!((80..160).contains(&made.len()), "{} of 400", made.len());
        for fault in [
            Fault::KillBefore,
            Fault::KillAfter,
            Fault::LoseReply,
            Fault::Refuse,
            Fault::Status(500),
            Fault::Error("TransactionInProgressException"),
            Fault::Cancel(vec![(0, "TransactionConflict")]),
            Fault::Cancel(vec![(0, "ThrottlingError")]),
        ] {
            assert!(made.contains(&fault), "{fault:?}");
        }
        assert!(made.iter().any(|fault| matches!(fault, Fault::Delay(_))));
        assert!(
            faults(3, "GetObject")
                .into_iter()
                .flatten()
                .all(|fault| !matches!(fault, Fault::Error(_)))
        );
    }
}
