// Checks what is committed in dist: that it is what the sources build, and that it is small.
//
//     node check.mjs

import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gzipSync } from "node:zlib";

import { build } from "vite";

const GZIPPED_BYTES_MAX = 60 * 1024;

const dist = join(import.meta.dirname, "dist");
const built = mkdtempSync(join(tmpdir(), "minutebook-web-"));

function filesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((file) => join(file.parentPath, file.name).slice(folder.length + 1)).sort();
}

function findings() {
  const [committed, wanted] = [filesIn(dist), filesIn(built)];
  if (committed.join() !== wanted.join()) {
    return [`dist has ${committed.join(", ")}, and the sources build ${wanted.join(", ")}`];
  }
  const found = [];
  let gzipped = 0;
  for (const path of committed) {
    const bytes = readFileSync(join(dist, path));
    if (path.endsWith(".br")) {
      // Other versions of Node may compress the same content to other bytes.
      const content = readFileSync(join(dist, path.slice(0, -3)));
      if (!brotliDecompressSync(bytes).equals(content)) found.push(`${path} has other content`);
    } else {
      if (!bytes.equals(readFileSync(join(built, path)))) found.push(`${path} differs`);
      if (path !== "files.rs") gzipped += gzipSync(bytes, { level: 9 }).length;
    }
  }
  console.log(`the page has ${gzipped} bytes gzipped, of at most ${GZIPPED_BYTES_MAX}`);
  if (gzipped > GZIPPED_BYTES_MAX) found.push("the page is too large");
  return found;
}

try {
  await build({ logLevel: "warn", build: { outDir: built } });
  const found = findings();
  for (const finding of found) console.error(finding);
  if (found.length > 0) {
    console.error("run `npm run build` in web, and commit web/dist");
    process.exitCode = 1;
  } else {
    console.log("web/dist is what the sources build");
  }
} finally {
  rmSync(built, { recursive: true });
}
