//! `minutebook deploy` and `destroy`, as an engineer uses them: a checkout, credentials and a region,
//! with the emulator in place of AWS.

mod doctor;
mod failures;
mod load;
mod stacks;
mod user;

/// All tests, by file.
pub(crate) const TESTS: [&[crate::Test]; 4] =
    [doctor::TESTS, failures::TESTS, load::TESTS, stacks::TESTS];
