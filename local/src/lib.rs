//! The cloud on one machine.
//!
//! What the command (`minutebook up`) and the test harness share: the pinned tools, the emulator as
//! a child process, the build of the functions and the deployment of the very template that goes to
//! AWS, there too. It knows nothing of events and tallies.

mod build;
mod cloudformation;
mod deploy;
mod emulator;
mod http;
mod log;
mod process;
mod root;
mod stack;
mod template;
mod tools;
mod watch;

pub use build::{
    Architecture, build_for_lambda, build_functions, build_release, built_for_lambda,
    built_functions, forget_outer_cargo, functions,
};
pub use cloudformation::{
    Change, CodePaths, Deployed, Deployer, Inspection, Plan, Progress, Proposal, Resource,
    ResourceEvent, Target, api_url, live_url,
};
pub use deploy::{Code, Deployment, STACK_NAME};
pub use emulator::{Emulator, EmulatorOptions, REGION, check_port};
pub use http::http_client;
pub use root::{TEMPLATE, find_root};
pub use stack::{STACK_FILE, STATE_FOLDER, Stack};
pub use tools::{CargoLambda, Tools};
pub use watch::{Watch, WatchPlan};
