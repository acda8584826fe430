import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfiguration } from "../src/adapters/configuration/load.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The commands of the README's `sh` blocks, without their comments. */
const COMMANDS = [...README.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block = ""]) => block.split("\n"))
  .map((line) => line.replace(/\s+#.*$/, "").trim())
  .filter((line) => line !== "");

let place: string;
let checkout: string;
let env: NodeJS.ProcessEnv;

/** A checkout as a fresh clone would have it, with a home of its own: nothing of this one's is used. */
beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "readme-"));
  checkout = join(place, "countersign");
  const home = join(place, "home");
  mkdirSync(home);
  const listed = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  });
  for (const path of listed.stdout
    .split("\0")
    .filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(checkout, path));
  }
  // npm puts its own folders before the path for whatever it runs, this suite included: not for a new user's shell.
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  env = { PATH: path.join(delimiter), HOME: home, LANG: "C.UTF-8", npm_config_cache: join(home, ".npm") };
  // A prefix of its own (below) would lose what this machine's npm is configured with: its registry, its certificates.
  const configuration = await run("npm", ["config", "get", "globalconfig"], { cwd: place, env });
  env.npm_config_globalconfig = configuration.stdout.trim();
  await run("git", ["init", "--quiet"], { cwd: checkout, env });
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Runs a command line as a new user's shell would, with nothing to type into. */
function shell(command: string, cwd: string, extra: NodeJS.ProcessEnv = {}) {
  // For what hangs: an installation takes minutes on a machine that has other things to do.
  const running = run("sh", ["-c", command], { cwd, env: { ...env, ...extra }, timeout: 600_000 });
  running.child.stdin?.end();
  return running;
}

describe("the README's commands", { timeout: 900_000 }, () => {
  test("install a fresh checkout and run the demo to its outcome", async () => {
    expect(COMMANDS).toContain("npm install && npm run demo");
    expect(COMMANDS).toContain("npm install && npm test");
    const { stdout } = await shell("npm install && npm run demo -- --decide approve", checkout);
    expect(stdout).toContain("Outcome: executed");
    const [done] = readdirSync(join(checkout, "vault/Done"));
    expect(readFileSync(join(checkout, "vault/Done", done ?? ""), "utf8")).toContain("status: executed");
    expect(readFileSync(join(checkout, "vault/Accounts.md"), "utf8")).toContain("ACME GmbH");
    const { stdout: left } = await shell("git status --porcelain --ignored vault", checkout);
    expect(left).not.toMatch(/^\?\?.*(Done|Accounts|Dashboard|Pending)/m);
    const help = await shell("npx countersign --help", checkout);
    expect(help.stdout).toContain("countersign init");
  });

  test("run the demo behind a no as if it had not been: as often as one likes, in a vault made anew", async () => {
    await shell("npm run demo -- --decide reject", checkout);
    // A checkout that was deleted and made anew: what the daemon knows of it is kept elsewhere.
    for (const name of ["Done", "Pending_Approval"])
      rmSync(join(checkout, "vault", name), { recursive: true });
    const { stdout } = await shell("npm run demo -- --decide reject", checkout);
    expect(stdout).toContain("Outcome: rejected");
    const [done] = readdirSync(join(checkout, "vault/Done"));
    const note = readFileSync(join(checkout, "vault/Done", done ?? ""), "utf8");
    expect(note).toContain("status: rejected");
    expect(note).not.toMatch(/attempt/i);
  });

  test("run the demo until Ctrl-C, which leaves nothing running", async () => {
    // As a terminal does: to all that run in it. What they have started tells of its end by closing what it writes to.
    const demo = spawn("npm", ["run", "demo"], { cwd: checkout, env, detached: true });
    const closed = once(demo, "close");
    for await (const line of createInterface({ input: demo.stdout })) {
      if (line.includes("Ctrl-C")) process.kill(-(demo.pid ?? 0), "SIGINT");
    }
    await closed;
    expect(readdirSync(join(checkout, "vault/Pending_Approval"))).toHaveLength(1);
  });

  test("work for the packed and globally installed program, from init to the outcome", async () => {
    await shell("npm pack --pack-destination ..", checkout);
    const [tarball = ""] = readdirSync(place).filter((name) => name.endsWith(".tgz"));
    const prefix = join(place, "global");
    await shell(
      `npm install --global --no-audit --no-fund --prefix ${prefix} ${join(place, tarball)}`,
      place,
    );
    // The Node.js that the checkout brought stands for a machine that has a current one.
    const bin = [join(prefix, "bin"), join(checkout, "node_modules/.bin"), env.PATH].join(delimiter);
    const there = { PATH: bin, HOME: join(place, "home") };

    const [init = "", start = ""] = COMMANDS.filter((command) => /countersign (init|start)/.test(command));
    await shell(init, place, there);
    const daemon = spawn("sh", ["-c", `exec ${start}`], {
      cwd: place,
      env: { ...env, ...there },
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      for await (const line of createInterface({ input: daemon.stdout })) if (line === "ready") break;
      const vault = join(place, "home/vault");
      const asked = "countersign request --vault ~/vault --requester agent --kind note --param text=hello";
      const id = (await shell(asked, place, there)).stdout.trim();
      const note = join(vault, "Pending_Approval", `${id}.md`);
      writeFileSync(note, readFileSync(note, "utf8").replace("- [ ] Approve", "- [x] Approve"));
      const told = await shell(`countersign wait ${id} --vault ~/vault --json`, place, there);
      expect(JSON.parse(told.stdout)).toMatchObject({ id, status: "executed" });
    } finally {
      daemon.kill("SIGTERM");
      await once(daemon, "exit");
    }
    const verified = await shell("countersign audit verify --vault ~/vault", place, there);
    expect(verified.stdout).toContain("The journal is whole");
  });
});

test("the README's configuration loads", async () => {
  const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(README) ?? [];
  const file = join(place, "countersign.yaml");
  writeFileSync(file, yaml);
  const configuration = await loadConfiguration(file, { PATH: process.env.PATH });
  expect([...configuration.actions.keys()]).toEqual(["payment", "refactor"]);
});
