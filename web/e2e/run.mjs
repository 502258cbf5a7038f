// The end-to-end tests of the page, in Chromium, against a local stack with known events.
//
//     node e2e/run.mjs [--keep]          # --keep leaves the stack up
//
// MINUTEBOOK_COMMAND is the built command; without it, `cargo mb` is used. CHROMIUM is the browser.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const built = process.env.MINUTEBOOK_COMMAND;
const [program, ...before] = built ? [built] : ["cargo", "mb"];

/** Runs the command of the project, and returns what it prints. */
function command(...args) {
  const stdio = ["ignore", "pipe", "inherit"];
  const { status, stdout } = spawnSync(program, [...before, ...args], { cwd: root, stdio });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}`);
  return String(stdout);
}

/** A port that nothing uses. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
}

/** Runs tests, and returns whether they passed. */
function test(files, env) {
  const args = ["--test", "--test-concurrency=1", ...files.map((name) => join("e2e", name))];
  const cwd = join(import.meta.dirname, "..");
  const run = spawnSync(process.execPath, args, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  return run.status === 0;
}

const port = await freePort();
const isBuilt = built ? ["--no-build"] : [];
const status = () => JSON.parse(command("status", "--json"));
let hasPassed = false;
try {
  command("up", "--port", port, ...isBuilt);
  command("catalogue", "put", join(import.meta.dirname, "items.jsonl"), "--site", "atelier");
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test.mjs"));
  const open = files.filter((name) => name !== "keys.test.mjs");
  hasPassed = test(open, { MINUTEBOOK_API: status().api_url });
  command("up", "--port", port, "--require-keys", "--no-build");
  const key = JSON.parse(command("keys", "add", "shop", "--role", "read", "--json"));
  const env = { MINUTEBOOK_API: status().api_url, MINUTEBOOK_KEY: key.key };
  const revoke = JSON.stringify([program, ...before, "keys", "revoke", key.id]);
  hasPassed = test(["keys.test.mjs"], { ...env, MINUTEBOOK_REVOKE: revoke }) && hasPassed;
} finally {
  if (!process.argv.includes("--keep")) command("down");
}
process.exitCode = hasPassed ? 0 : 1;
