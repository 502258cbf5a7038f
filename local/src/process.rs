//! Process groups that outlive the process that started them, and are found again by pid and start
//! time.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// How long a group may take to end after SIGTERM before it is killed.
const STOP_SECONDS_MAX: u64 = 10;

const STOP_POLL: Duration = Duration::from_millis(20);

/// The leader of a process group. The start time distinguishes it from a later process with the
/// same pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupLeader {
    pid: i32,
    started: String,
}

impl GroupLeader {
    /// The running process `pid`, which was started as the leader of its own group.
    ///
    /// # Errors
    /// The process has ended already.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).context("a pid is a positive number")?;
        let started = start_time(pid)?.with_context(|| format!("process {pid} ended at once"))?;
        Ok(Self { pid, started })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether the process is still running.
    pub(crate) fn is_running(&self) -> Result<bool> {
        Ok(start_time(self.pid)?.is_some_and(|started| started == self.started))
    }

    /// Stops the process and its whole group; does nothing if the process has ended.
    ///
    /// # Errors
    /// The process does not end.
    pub(crate) fn stop(&self) -> Result<()> {
        if !self.is_running()? {
            return Ok(());
        }
        let group = Pid::from_raw(self.pid).context("a pid is a positive number")?;
        // An error here means that the group has ended already.
        let _ = kill_process_group(group, Signal::TERM);
        let ended = self.wait_until_ended()?;
        // Kill the members that the leader left behind, or the leader if it ignored SIGTERM.
        let _ = kill_process_group(group, Signal::KILL);
        if !ended && !self.wait_until_ended()? {
            bail!("process {} does not end", self.pid);
        }
        Ok(())
    }

    fn wait_until_ended(&self) -> Result<bool> {
        poll(STOP_SECONDS_MAX, STOP_POLL, || Ok(!self.is_running()?))
    }
}

/// Calls `check` every `pause` until it is true; false if it is not within `seconds_max`.
///
/// # Errors
/// `check` fails.
pub(crate) fn poll(
    seconds_max: u64,
    pause: Duration,
    mut check: impl FnMut() -> Result<bool>,
) -> Result<bool> {
    let deadline = Instant::now() + Duration::from_secs(seconds_max);
    while !check()? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        std::thread::sleep(pause);
    }
    Ok(true)
}

/// When the process `pid` started, as the system writes it; `None` if it has ended.
#[cfg(target_os = "linux")]
fn start_time(pid: i32) -> Result<Option<String>> {
    let text = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => text,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        // The process ended while its file was read.
        Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot look at process {pid}")),
    };
    // The second field, the program's name in parentheses, may contain anything. The third field is
    // the state, the 22nd the start time.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace();
    let state = fields.next().context("a process has a state")?;
    if matches!(state, "Z" | "X") {
        return Ok(None);
    }
    Ok(fields.nth(18).map(str::to_owned))
}

/// When the process `pid` started, as the system writes it; `None` if it has ended.
#[cfg(not(target_os = "linux"))]
fn start_time(pid: i32) -> Result<Option<String>> {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .output()
        .with_context(|| format!("cannot look at process {pid}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match text.split_once(char::is_whitespace) {
        Some((state, started)) if !state.starts_with('Z') => Ok(Some(started.trim().to_owned())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufRead as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    #[test]
    fn stops_the_leader_and_its_children() {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "sleep 600 & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .process_group(0);
        let mut child = shell.spawn().unwrap();
        let mut pid_of_sleep = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut pid_of_sleep).unwrap();
        let sleep = GroupLeader::of(pid_of_sleep.trim().parse().unwrap()).unwrap();
        let leader = GroupLeader::of(child.id()).unwrap();
        assert!(leader.is_running().unwrap());
        assert!(sleep.is_running().unwrap());
        leader.stop().unwrap();
        assert!(!leader.is_running().unwrap());
        assert!(sleep.wait_until_ended().unwrap(), "a child is left");
        leader.stop().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn does_not_stop_a_later_process_with_the_same_pid() {
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let mut leader = GroupLeader::of(child.id()).unwrap();
        leader.started = "1".to_owned();
        leader.stop().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
