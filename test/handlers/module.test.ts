import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Constraints } from "../../src/core/constraints.ts";
import type { ActionJob } from "../../src/handlers/action-document.ts";
import { type CommandLink, openCommandLink } from "../../src/handlers/command-link.ts";
import { createModuleHandler, type ModuleOptions } from "../../src/handlers/module.ts";
import { spawnersOf, until } from "./processes.ts";

const JOB: ActionJob = {
  id: "20261121-091403-payment-7f3k9q",
  digest: "sha256:9b1c",
  kind: "payment",
  params: { amount_cents: 150_000, payee: "ACME GmbH\n$(touch x)" },
  attempt: { number: 1, idempotency_key: "k-1", executor: "daemon", deadline: null },
  approved_by: ["ada"],
};
const never = new AbortController().signal;

let folder: string;
let link: CommandLink;
beforeAll(() => {
  process.env.COUNTERSIGN_CANARY = "canary-2";
  folder = mkdtempSync(join(tmpdir(), "module-"));
  link = openCommandLink();
});
afterAll(async () => {
  delete process.env.COUNTERSIGN_CANARY;
  link.close();
  await until(() => spawnersOf(process.pid).length === 0);
  rmSync(folder, { recursive: true });
});

interface Ways extends ModuleOptions {
  readonly timeout_ms?: number;
  readonly constraints?: Constraints;
  readonly env?: Record<string, string>;
  readonly shutdown?: AbortSignal;
}

let files = 0;
function run(
  source: string,
  { timeout_ms = 30_000, env = {}, shutdown = never, constraints, ...options }: Ways = {},
) {
  files += 1;
  const file = join(folder, `pay-${files}.mjs`);
  writeFileSync(file, source);
  const job = constraints === undefined ? JOB : { ...JOB, attempt: { ...JOB.attempt, constraints } };
  return createModuleHandler(link, options)(job, { file, cwd: folder, env, timeout_ms }, shutdown);
}

test("is given the action as programs get it, and what it gives is the result", async () => {
  const source = `export async function execute(action, { signal }) {
    console.log("paying", action.params.payee);
    return { action, aborted: signal.aborted, env: process.env, cwd: process.cwd() };
  }`;
  const { id, digest, kind, params, approved_by } = JOB;
  const action = { id, digest, kind, params, attempt: 1, idempotency_key: "k-1", approved_by };
  const result = { action, aborted: false, env: { MODE: "live" }, cwd: folder };
  expect(await run(source, { env: { MODE: "live" } })).toEqual({ status: "executed", result });
});

const OUTCOMES: [string, string, object][] = [
  ["gives nothing", "export const execute = () => {}", { status: "executed", result: null }],
  [
    "gives what is no JSON",
    "export const execute = () => ({ paid: 1n })",
    { status: "executed", result: "[its result is no JSON]" },
  ],
  [
    "throws",
    "export const execute = () => { throw new Error('no funds') }",
    { status: "failed", error: "no funds" },
  ],
  [
    "rejects",
    "export const execute = async () => { throw 'no funds' }",
    { status: "failed", error: "no funds" },
  ],
  [
    "exports no such function",
    "export const pay = () => 1",
    {
      status: "failed",
      error: "The module could not be used: it exports no function execute. Nothing was executed.",
    },
  ],
  [
    "cannot be loaded",
    "import './gone.mjs'; export const execute = () => 1",
    {
      status: "failed",
      error: expect.stringMatching(/^The module could not be used: Cannot find module.* Nothing was/),
    },
  ],
  [
    "ends itself, even with 0",
    "export const execute = () => process.exit(0)",
    { status: "unknown", cause: expect.stringContaining("it ended with exit code 0 and gave nothing") },
  ],
  [
    "breaks beside its work",
    "export const execute = () => new Promise(() => setTimeout(() => { throw new Error('late') }))",
    { status: "unknown", cause: expect.stringContaining("exit code 1") },
  ],
  [
    "waits for nothing",
    "export const execute = () => new Promise(() => {})",
    { status: "unknown", cause: expect.stringContaining("it ended with exit code 13 and gave nothing") },
  ],
  [
    "is killed",
    "export const execute = () => process.kill(process.pid, 'SIGKILL')",
    { status: "unknown", cause: expect.stringContaining("the signal SIGKILL") },
  ],
];

test.each(OUTCOMES)("one that %s", async (_, source, outcome) => {
  expect(await run(source)).toEqual(outcome);
});

test("a long result is kept as far as it goes, as text", async () => {
  const outcome = await run("export const execute = () => 'x'.repeat(5e6)");
  const text = String("result" in outcome && outcome.result);
  expect(text.length).toBeLessThan(1_100_000);
  expect(text).toContain("[cut: the first 1048576 bytes]");
});

const HANG = (file: string) => `
  import { writeFileSync } from "node:fs";
  export function execute(_, { signal }) {
    writeFileSync(${JSON.stringify(file)}, "begun");
    setInterval(() => {}, 1000);
    return new Promise((_, reject) => signal.addEventListener("abort", () => {
      writeFileSync(${JSON.stringify(file)}, "told");
      reject(signal.reason);
    }));
  }`;

test("one whose time is over is told so, and its outcome is unknown, even where it says that it failed", async () => {
  const file = join(folder, "told");
  const outcome = await run(HANG(file), { timeout_ms: 3_000, kill_grace_ms: 10_000 });
  expect(outcome).toEqual({
    status: "unknown",
    cause: expect.stringContaining("The module did not come to its end: it took longer than 3 s"),
  });
  expect(readFileSync(file, "utf8")).toBe("told");
});

test("one whose rule gives it less time is ended then", async () => {
  const source = `export async function execute({ constraints }) {
    await new Promise((resolve) => setTimeout(resolve, constraints.max_runtime_sec * 100_000));
  }`;
  expect(await run(source, { constraints: { max_runtime_sec: 2 } })).toEqual({
    status: "unknown",
    cause: expect.stringContaining("it took longer than 2 s"),
  });
});

test("a shutdown waits a while, then leaves it alone; before the start it starts nothing", async () => {
  const file = join(folder, "left");
  const off = new AbortController();
  const running = run(HANG(file), {
    timeout_ms: 5_000,
    kill_grace_ms: 300,
    shutdown_grace_ms: 50,
    shutdown: off.signal,
  });
  await until(() => existsSync(file));
  off.abort();
  expect(await running).toEqual({
    status: "unknown",
    cause: expect.stringContaining("left to end by itself"),
  });
  const outcome = await run("export const execute = () => 1", { shutdown: AbortSignal.abort() });
  expect(outcome).toMatchObject({ status: "failed" });
});
