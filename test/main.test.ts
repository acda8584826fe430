import { execFile, execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { locate } from "../src/adapters/locations.ts";
import { nodeTooOld } from "../src/surfaces/cli/node-version.ts";
import { serveHttp } from "../src/surfaces/http/server.ts";
import { fakeApplication, ID } from "./surfaces/fake-application.ts";

const REPOSITORY = new URL("..", import.meta.url).pathname;

/** What only the daemon, or one other command, may cost. */
const HEAVY = [
  "chokidar",
  "ajv",
  "hono",
  "@hono/node-server",
  "pino",
  "yaml",
  "jose",
  "gray-matter",
  "jsonc-parser",
];

let root = "";
let vault = "";
let env: NodeJS.ProcessEnv = {};

/** As it is shipped: plain JavaScript, built once. */
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "cs-main-"));
  vault = join(root, "v");
  mkdirSync(join(vault, "Pending_Approval"), { recursive: true });
  writeFileSync(join(root, "package.json"), '{"type":"module","version":"0.0.0"}');
  symlinkSync(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
  // Records every module that is loaded, by import and by require, Node's own included.
  writeFileSync(
    join(root, "record.mjs"),
    `import { registerHooks } from "node:module";
     import { appendFileSync } from "node:fs";
     registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + "\\n"); return next(url, context); } });
     process.on("exit", () => appendFileSync(process.env.LOADED, process.moduleLoadList?.join("\\n") ?? ""));`,
  );
  const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const built = [
    compiler,
    "-p",
    join(REPOSITORY, "src"),
    "--outDir",
    join(root, "dist"),
    "--declaration",
    "false",
  ];
  try {
    execFileSync(process.execPath, built, { stdio: "pipe" });
  } catch (error) {
    // Types are checked elsewhere; what matters here is the program that came out.
    if (!existsSync(join(root, "dist/main.js"))) throw error;
  }
  env = { PATH: process.env.PATH, HOME: root, USER: "billing-agent", LOADED: join(root, "loaded") };
});
afterAll(() => rmSync(root, { recursive: true }));

interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

function run(node: string, words: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(node, words, { env, cwd: root }, (error, out, err) => {
      resolve({ exit: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

const countersign = (...words: string[]) => run(process.execPath, [join(root, "dist/main.js"), ...words]);

async function packagesLoadedBy(...words: string[]): Promise<string[]> {
  rmSync(join(root, "loaded"), { force: true });
  const recorded = ["--import", join(root, "record.mjs"), join(root, "dist/main.js"), ...words];
  expect((await run(process.execPath, recorded)).exit).toBe(0);
  const names = readFileSync(join(root, "loaded"), "utf8").matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\//g);
  return [...new Set([...names].map(([, name = ""]) => name))];
}

describe("commands that ask the daemon", () => {
  test("load nothing but the command line", async () => {
    const { sockets } = locate({ vault }, env, root);
    const surface = await serveHttp(fakeApplication(), { sockets, onBug: () => {} });
    try {
      expect(await packagesLoadedBy("list", "--vault", vault)).toEqual(["commander"]);
      expect(await packagesLoadedBy("show", ID, "--vault", vault)).toEqual(["commander"]);
      expect(await packagesLoadedBy("wait", "--help")).toEqual(["commander"]);
      const asked = await packagesLoadedBy("request", "--kind", "a", "--vault", vault);
      expect(asked.filter((name) => HEAVY.includes(name))).toEqual([]);
      // Node's fetch, which takes longer to make than all the rest of such a command.
      expect(readFileSync(join(root, "loaded"), "utf8")).not.toMatch(/undici/);
      const strict = await packagesLoadedBy("request", "--kind", "a", "--param", "n:=1", "--vault", vault);
      expect(strict.sort()).toEqual(["canonicalize", "commander", "jsonc-parser"]);
    } finally {
      await surface.close();
    }
  });

  test("without a daemon end with 69, without a vault with 2", async () => {
    expect(await countersign("list", "--vault", vault)).toMatchObject({ exit: 69, out: "" });
    expect(await countersign("list", "--json")).toMatchObject({ exit: 2, err: "" });
    expect(JSON.parse((await countersign("list", "--json")).out)).toMatchObject({
      error: { code: "vault_missing" },
    });
  });
});

test("a bug ends with 1 and one sentence; init works from the built program", async () => {
  const fresh = join(root, "fresh");
  // The package without its handbook: nothing that a user could mend.
  const broken = await countersign("init", "--vault", fresh);
  expect(broken.exit).toBe(1);
  expect(broken.err).toMatch(/^countersign: Internal error, see log\.\n[^\n]+\n$/);
  mkdirSync(join(root, "vault"));
  writeFileSync(join(root, "vault/Handbook.md"), "# Handbook\n");
  const made = await countersign("init", "--vault", fresh);
  expect(made.exit).toBe(0);
  expect(made.out).toContain(`Next: countersign start --vault ${fresh}`);
  expect(readFileSync(join(fresh, "Handbook.md"), "utf8")).toBe("# Handbook\n");
});

describe("an old Node.js", () => {
  test.each(["20.20.2", "22.21.9", "18.0.0", "0.12.7"])("%s is told so in one sentence", (version) => {
    expect(nodeTooOld(version)).toBe(`Countersign needs Node.js 22.22 or newer; this is ${version}.`);
  });

  test.each(["22.22.0", "22.30.1", "24.0.0", "26.1.0-nightly"])("%s will do", (version) => {
    expect(nodeTooOld(version)).toBeNull();
  });

  const old = findOldNode();
  test.skipIf(old === null)("on this machine gets the sentence, and nothing else", async () => {
    const found = await run(old ?? "", [join(root, "dist/main.js"), "list"]);
    expect(found).toMatchObject({ exit: 1, out: "" });
    expect(found.err).toMatch(/^Countersign needs Node\.js 22\.22 or newer; this is [\d.]+\.\n$/);
  });
});

/** A Node.js outside the checkout that is too old; null when there is none. */
function findOldNode(): string | null {
  const folders = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"));
  const nodes = folders.map((folder) => join(folder, "node")).filter((node) => existsSync(node));
  return (
    nodes.find((node) => nodeTooOld(execFileSync(node, ["-p", "process.versions.node"]).toString().trim())) ??
    null
  );
}
