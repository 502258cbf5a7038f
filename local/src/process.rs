//! A process group that outlives the process that started it, and is found again by pid and start
//! time.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// How long a group may take to end by itself before it is killed.
const STOP_SECONDS_MAX: u64 = 10;

const STOP_POLL: Duration = Duration::from_millis(20);

/// The leader of a process group. The start time tells it from a later process that was given the
/// same pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupLeader {
    pid: i32,
    started: String,
}

impl GroupLeader {
    /// Notes the process `pid`, which was started as the leader of its own group and is still
    /// running.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).context("a pid is a positive number")?;
        let started = start_time(pid)?.with_context(|| format!("process {pid} ended at once"))?;
        Ok(Self { pid, started })
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether the process still runs.
    pub(crate) fn is_running(&self) -> Result<bool> {
        Ok(start_time(self.pid)?.is_some_and(|started| started == self.started))
    }

    /// Ends the process and its whole group; does nothing if the process is gone.
    pub(crate) fn stop(&self) -> Result<()> {
        if !self.is_running()? {
            return Ok(());
        }
        let group = Pid::from_raw(self.pid).context("a pid is a positive number")?;
        // An error here means that the group is gone already.
        let _ = kill_process_group(group, Signal::TERM);
        let ended = self.wait_until_ended()?;
        // Members that the leader left behind, or the leader itself if it did not listen.
        let _ = kill_process_group(group, Signal::KILL);
        if !ended && !self.wait_until_ended()? {
            bail!("process {} does not end", self.pid);
        }
        Ok(())
    }

    fn wait_until_ended(&self) -> Result<bool> {
        let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        while self.is_running()? {
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(STOP_POLL);
        }
        Ok(true)
    }
}

/// When the process `pid` started, in whatever form the system tells it; `None` if it has ended.
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
    // The second field, the program's name in parentheses, may hold anything; the state follows it
    // as the third field, the start time is the 22nd.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace();
    let state = fields.next().context("a process has a state")?;
    if matches!(state, "Z" | "X") {
        return Ok(None);
    }
    Ok(fields.nth(18).map(str::to_owned))
}

/// When the process `pid` started, in whatever form the system tells it; `None` if it has ended.
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
    fn leaves_a_later_process_of_the_same_pid_alone() {
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let mut leader = GroupLeader::of(child.id()).unwrap();
        leader.started = "1".to_owned();
        leader.stop().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
