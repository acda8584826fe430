import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  buildProgram,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
  run,
} from "./crash/daemon-process.ts";

/** The package as it is installed, in a program of somebody else's, on the oldest Node.js that this machine has for it. */
const REPOSITORY = new URL("..", import.meta.url).pathname;

const NODE = olderNodes()[0] ?? process.execPath;

function olderNodes(): string[] {
  return ["/usr/bin/node", "/usr/local/bin/node"].filter((path) => {
    if (!existsSync(path)) return false;
    const version = execFileSync(path, ["--version"], { encoding: "utf8" });
    return /^v2[01]\./.test(version);
  });
}

const TOKEN = "t".repeat(40);

const CONFIGURATION = `
actions:
  refactor: { caller: true }
git: off
settle: 0s
http:
  listen: "127.0.0.1:0"
  tokens: [{ role: agent, name: billing-agent, env: BILLING_TOKEN }]
`;

/** Asks for one refactoring, does it when it is approved, and tells each step. */
const AGENT = `
import { connect, RejectedError } from "countersign";
import "countersign/ai-sdk";
import "countersign/langgraph";
import "countersign/openai-agents";
const [how, where, token] = process.argv.slice(2);
const tell = (step, more = {}) => console.log(JSON.stringify({ step, ...more }));
const countersign = await connect(how === "vault" ? { vault: where } : { url: where, token });
tell("connected");
const onAsk = ({ id }) => tell("asked", { id });
const refactor = countersign.guard({ kind: "refactor", onAsk }, async (params, { grant, id }) => {
  tell("acting", { params, grant });
  return { of: id };
});
try {
  tell("done", { result: await refactor({ module: "billing" }) });
} catch (error) {
  tell("refused", { rejected: error instanceof RejectedError, reason: error.reason ?? error.code ?? error.stack });
}
`;

/** The tool's side: nothing but a grant and the daemon's public key. */
const TOOL = `
import { verifyGrant, verifyToolCall } from "countersign";
const [grant, key, module] = process.argv.slice(2);
try {
  const { approved_by } = await verifyGrant(grant, JSON.parse(key), { action: { kind: "refactor", params: { module } } });
  console.log(approved_by.join());
} catch (error) {
  console.log(error.code ?? error.stack);
}
const call = { name: "refactor", arguments: { module }, _meta: { "countersign/grant": grant } };
await verifyToolCall(call, JSON.parse(key), { server: "code" }).catch(({ code }) => console.log("as a call:", code));
`;

/** What a caller writes in TypeScript; it is only compiled. */
const TYPED = `
import { connect, verifyGrant, verifyToolCall, ChangesRequestedError, type Action, type Request } from "countersign";
const countersign = await connect({ url: "http://127.0.0.1:8787", token: "t" });
const pay = countersign.guard("payment", async ({ cents }: { cents: number }) => ({ receipt: cents * 2 }));
const paid: { receipt: number } = await pay({ cents: 5 });
// @ts-expect-error: the params are those of the function.
await pay({ dollars: 5 });
// An interface is not a JsonObject to TypeScript, and yet it has a form as JSON.
interface Order { lines: { sku: string }[]; note?: string }
const order = countersign.guard({ kind: "order", title: (given) => given.lines.length + " lines" }, (given: Order) => given.lines);
const skus: string[] = (await order({ lines: [{ sku: "a1" }] })).map(({ sku }) => sku);
const placed: Order = { lines: [{ sku: "a1" }] };
await countersign.request({ kind: "order", params: placed });
await countersign.request({ kind: "order" });
const key = await countersign.grantKey();
await verifyGrant("e30", key, { action: { kind: "order", params: placed }, id: "x" });
await verifyGrant("e30", key, { digest: "sha256:00" });
const dated: Action<{ when: string }> = { kind: "at", params: { when: "today" } };
await countersign.request(dated);
// @ts-expect-error: a date comes back as a text.
await countersign.request({ kind: "at", params: { when: new Date() } });
// @ts-expect-error: a function has no form as JSON at all.
await countersign.request({ kind: "at", params: { when: () => 1 } });
// @ts-expect-error: and nobody can have approved it.
await verifyGrant("e30", key, { action: { kind: "at", params: { when: new Date() } } });
// @ts-expect-error: a grant is for a digest or an action.
await verifyGrant("e30", key, { id: "x" });
const at = countersign.guard("at", ({ when }: { when: Date }) => when.getTime());
// @ts-expect-error: a date has not, and would come back as a text.
await at({ when: new Date() });
// What says nothing of its params takes any.
await countersign.guard("any", async (given) => given.size)({ size: 1 });
const write = countersign.workflow({
  kind: "policy",
  draft: async (topic: string, feedback) => ({ text: topic + (feedback?.reason ?? "") }),
  validate: ({ text }) => ({ ok: text.length > 3, score: 1 }),
  execute: ({ text }) => text.length,
  maxAttempts: 2,
});
const written = await write("expenses");
if (written.status === "completed") console.log(written.result.toFixed(), written.validation?.score, paid, skus);
const seen: Request = await countersign.show("x");
const { params } = { params: { name: "pay", arguments: { cents: 5 }, _meta: { progressToken: 1 } } };
await verifyToolCall(params, await countersign.grantKey(), { server: "bank", annotations: { readOnlyHint: true } });
// @ts-expect-error: a call is of a server.
await verifyToolCall(params, await countersign.grantKey(), {});
// @ts-expect-error: there is no such status.
console.log(seen.status === "approve", ChangesRequestedError, verifyGrant);
`;

let program: Program;
/** Somebody else's program, with the package in its \`node_modules\` and nothing else. */
let project: string;
beforeAll(() => {
  program = buildProgram({ declarations: true });
  project = mkdtempSync(join(tmpdir(), "cs-sdk-"));
  const installed = join(project, "node_modules/countersign");
  mkdirSync(installed, { recursive: true });
  cpSync(join(dirname(program.main)), join(installed, "dist"), { recursive: true });
  cpSync(join(REPOSITORY, "package.json"), join(installed, "package.json"));
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "agent.mjs"), AGENT);
  writeFileSync(join(project, "tool.mjs"), TOOL);
}, 120_000);
afterAll(() => {
  program.remove();
  rmSync(project, { recursive: true, force: true });
});

let place: string;
let vault: string;
let env: NodeJS.ProcessEnv;
let daemon: DaemonProcess;
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), "cs-sdk-place-"));
  vault = join(place, "vault");
  const { PATH, HOME } = process.env;
  const xdg = { XDG_STATE_HOME: join(place, "state"), XDG_CONFIG_HOME: join(place, "config") };
  env = { PATH, HOME, ...xdg, BILLING_TOKEN: TOKEN };
  await countersign(program, ["init", "--vault", vault], env);
  env.COUNTERSIGN_CONFIG = join(place, "countersign.yaml");
  writeFileSync(env.COUNTERSIGN_CONFIG, CONFIGURATION, { mode: 0o600 });
  await start();
});
afterEach(async () => {
  daemon.signal("SIGTERM");
  await daemon.ended;
  rmSync(place, { recursive: true, force: true });
});

async function start(): Promise<void> {
  daemon = launch(program, vault, env);
  expect(await daemon.ready, daemon.log()).toBe(true);
}

/** Runs the agent and gives its steps, one by one. */
function startAgent(words: readonly string[]) {
  const child = spawn(NODE, [join(project, "agent.mjs"), ...words], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async step(): Promise<{ step: string; [more: string]: unknown }> {
      const { value, done } = await lines.next();
      return done ? { step: "gone" } : JSON.parse(value);
    },
    ended: once(child, "exit"),
  };
}

describe(`on Node.js ${execFileSync(NODE, ["--version"], { encoding: "utf8" }).trim()}`, () => {
  test("an agent's wait outlives the daemon, and what is approved is done once", async () => {
    const agent = startAgent(["vault", vault]);
    expect(await agent.step()).toEqual({ step: "connected" });
    const id = String((await agent.step()).id);
    daemon.signal("SIGKILL");
    await daemon.ended;
    await start();
    await countersign(program, ["approve", id, "--as", "anna", "--vault", vault], env);
    const acting = await agent.step();
    expect(acting).toMatchObject({ step: "acting", params: { module: "billing" } });
    expect(await agent.step()).toEqual({ step: "done", result: { of: id } });
    await agent.ended;
    const shown = await countersign(program, ["show", id, "--json", "--vault", vault], env);
    expect(JSON.parse(shown.out)).toMatchObject({ status: "executed", result: { of: id } });
  });

  test("over TCP an agent gets the reviewer's reason", async () => {
    const { port } = /"port":(?<port>\d+)/.exec(daemon.log())?.groups ?? {};
    const agent = startAgent(["tcp", `http://127.0.0.1:${port}`, TOKEN]);
    expect(await agent.step()).toEqual({ step: "connected" });
    const id = String((await agent.step()).id);
    await countersign(program, ["reject", id, "--as", "anna", "--reason", "not now", "--vault", vault], env);
    expect(await agent.step()).toEqual({ step: "refused", rejected: true, reason: "not now" });
    await agent.ended;
  });

  test("a tool lets through what was approved, and nothing else", async () => {
    const agent = startAgent(["vault", vault]);
    await agent.step();
    const id = String((await agent.step()).id);
    await countersign(program, ["approve", id, "--as", "anna", "--vault", vault], env);
    const { grant } = await agent.step();
    await agent.ended;
    const key = execFileSync("cat", [join(stateOf(), "grant-key.public.jwk")], { encoding: "utf8" });
    // The signature's check is the one part that needs a package.
    const packages = join(project, "node_modules/countersign/node_modules");
    symlinkSync(join(REPOSITORY, "node_modules"), packages);
    try {
      const tool = (module: string) =>
        run(NODE, [join(project, "tool.mjs"), String(grant), key, module], env);
      expect((await tool("billing")).out).toBe("anna\nas a call: grant_invalid\n");
      expect((await tool("payroll")).out).toBe("grant_invalid\nas a call: grant_invalid\n");
    } finally {
      rmSync(packages);
    }
  });
});

function stateOf(): string {
  const { state } = /"state":"(?<state>[^"]+)"/.exec(daemon.log())?.groups ?? {};
  return state ?? "";
}

test("its types are those that a caller needs", () => {
  writeFileSync(join(project, "typed.ts"), TYPED);
  const words = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
  const roots = ["--typeRoots", join(REPOSITORY, "node_modules/@types")];
  const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const compiled = () =>
    execFileSync(process.execPath, [compiler, ...words, ...roots, join(project, "typed.ts")], {
      cwd: project,
      encoding: "utf8",
      stdio: "pipe",
    });
  try {
    expect(compiled()).toBe("");
  } catch (error) {
    expect((error as { stdout?: string }).stdout).toBe("");
  }
}, 60_000);
