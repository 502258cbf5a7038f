import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import { type Plugin, defineConfig } from "vite";

import { mockApi } from "./dev/mock";

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

/** The files of a folder, by their paths in it, sorted. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((file) => join(file.parentPath, file.name).slice(folder.length + 1)).sort();
}

/**
 * Compresses the built files, and lists them as a Rust expression that `shared/api` includes, so
 * that `cargo build` needs `dist` and no Node.
 */
function embedded(): Plugin {
  let dist = "";
  return {
    name: "embedded",
    apply: "build",
    configResolved({ root, build }) {
      dist = resolve(root, build.outDir);
    },
    closeBundle() {
      const entries = filesIn(dist).map((path) => {
        const bytes = readFileSync(join(dist, path));
        const compressed = brotliCompressSync(bytes, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          },
        });
        writeFileSync(join(dist, `${path}.br`), compressed);
        const tag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
        const type = TYPES[path.replace(/.*\./, "")];
        if (type === undefined) throw new Error(`${path} has no type`);
        return [
          "    File {",
          `        path: "/${path === "index.html" ? "" : path}",`,
          `        content_type: "${type}",`,
          `        tag: "${tag}",`,
          `        bytes: include_bytes!("${path}"),`,
          `        brotli: include_bytes!("${path}.br"),`,
          "    },",
        ].join("\n");
      });
      const head = "// Written by `npm run build` in web. Do not edit.\n";
      writeFileSync(join(dist, "files.rs"), `${head}&[\n${entries.join("\n")}\n]\n`);
    },
  };
}

export default defineConfig({
  // The page may lie below a path, as behind the local emulator.
  base: "./",
  plugins: [mockApi(), embedded()],
  build: {
    target: "es2022",
    emptyOutDir: true,
    // Small files would become data URLs, which the policy of the page forbids for scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
});
