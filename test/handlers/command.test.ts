import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActionJob } from "../../src/handlers/action-document.ts";
import { type CommandSpec, createCommandHandler } from "../../src/handlers/command.ts";
import { processes, spawnersOf, until } from "./processes.ts";

const CANARY = "canary-5d2c7be0";
const JOB: ActionJob = {
  id: "20261121-091403-payment-7f3k9q",
  digest: "sha256:9b1c",
  kind: "payment",
  params: { amount_cents: 150_000, payee: "ACME GmbH\n$(touch x)" },
  attempt: { number: 1, idempotency_key: "k-1", executor: "daemon", deadline: null },
  approved_by: ["alice"],
};
const never = new AbortController().signal;

let folder: string;
let handler: ReturnType<typeof createCommandHandler>;

beforeAll(() => {
  process.env.COUNTERSIGN_CANARY = CANARY;
  folder = mkdtempSync(join(tmpdir(), "command-"));
  handler = createCommandHandler({ kill_grace_ms: 300, shutdown_grace_ms: 100, output_grace_ms: 100 });
});

afterAll(async () => {
  handler.close();
  await until(() => spawnersOf(process.pid).length === 0);
  rmSync(folder, { recursive: true });
});

function spec(run: string[], more: Partial<CommandSpec> = {}): CommandSpec {
  return { run, cwd: folder, env: { PATH: "/usr/bin:/bin" }, timeout_ms: 10_000, ...more };
}

function run(argv: string[], more: Partial<CommandSpec> = {}, job = JOB) {
  return handler.execute(job, spec(argv, more), never);
}

function sh(script: string, more: Partial<CommandSpec> = {}) {
  return run(["sh", "-c", script], more);
}

describe("what the command is given", () => {
  test("its arguments, literally", async () => {
    const hostile = [
      "; touch x",
      "$(touch x)",
      "`touch x`",
      "a\nb",
      "-oProxyCommand=touch x",
      "--",
      "",
      "*",
      "'\"",
    ];
    const print = "process.stdout.write(JSON.stringify(process.argv.slice(2)))";
    writeFileSync(join(folder, "print.mjs"), print);
    expect(await run([process.execPath, "./print.mjs", ...hostile])).toEqual({
      status: "executed",
      result: hostile,
    });
    expect(existsSync(join(folder, "x"))).toBe(false);
  });

  test("the job as one JSON document on standard input, then its end", async () => {
    const { id, digest, kind, params, approved_by } = JOB;
    const document = { id, digest, kind, params, attempt: 1, idempotency_key: "k-1", approved_by };
    expect(await run(["cat"])).toEqual({ status: "executed", result: document });
  });

  test("what it is held to, where there is something", async () => {
    const constraints = { max_runtime_sec: 60, network_allowlist: [] };
    const outcome = await run(["cat"], {}, { ...JOB, attempt: { ...JOB.attempt, constraints } });
    expect(outcome).toMatchObject({ result: { attempt: 1, constraints } });
  });

  test("a job larger than any pipe", async () => {
    const params = { text: "é".repeat(1_000_000) };
    const outcome = await run(["wc", "-c"], {}, { ...JOB, params });
    expect(outcome.status === "executed" && Number(outcome.result)).toBeGreaterThan(2_000_000);
  });

  test("exactly the environment that is named", async () => {
    const env = { PATH: "/usr/bin:/bin", PAY_MODE: "test\nline" };
    expect(await run(["env", "-0"], { env })).toEqual({
      status: "executed",
      result: "PATH=/usr/bin:/bin\0PAY_MODE=test\nline\0",
    });
    expect(await run(["/usr/bin/env"], { env: {} })).toEqual({ status: "executed", result: null });
  });

  test("the folder of the configuration, and programs relative to it", async () => {
    writeFileSync(join(folder, "where"), "#!/bin/sh\npwd\n", { mode: 0o755 });
    expect(await run(["./where"])).toEqual({ status: "executed", result: folder });
  });
});

describe("secrets of the daemon", () => {
  test("are not in the environment of the process that starts commands", () => {
    for (const pid of spawnersOf(process.pid)) {
      expect(readFileSync(`/proc/${pid}/environ`, "latin1")).not.toContain(CANARY);
    }
  });

  test("are in no outcome, whatever the command prints", async () => {
    const outcomes = await Promise.all([
      sh("env; cat /proc/$PPID/environ"),
      sh("env >&2; cat /proc/$PPID/environ >&2; exit 1"),
      sh("env >&2; kill -9 $$"),
      sh("echo $COUNTERSIGN_CANARY >&2; sleep 100", { timeout_ms: 100 }),
      run(["./no-such-program"]),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "executed",
      "failed",
      "unknown",
      "unknown",
      "failed",
    ]);
    expect(JSON.stringify(outcomes)).not.toContain(CANARY);
  });
});

describe("exit 0", () => {
  test.each([
    ['{"transfer":"t-1","cents":[1,2.5,-3]}', { transfer: "t-1", cents: [1, 2.5, -3] }],
    [' "text" \n', "text"],
    ["false", false],
    ["two lines\nof text\n", "two lines\nof text"],
    ["", null],
    ["\n", null],
    ['{"half":', '{"half":'],
  ])("with the output %j is executed", async (output, result) => {
    const outcome = await run(["printf", "%s", output]);
    expect(outcome).toEqual({ status: "executed", result });
  });

  test("with binary output gives text that JSON can carry", async () => {
    const outcome = await sh("printf '\\377\\000\\200abc\\303'");
    expect(outcome).toEqual({ status: "executed", result: "\ufffd\0\ufffdabc\ufffd" });
    expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome);
  });

  test("with more output than is kept gives its head, and says so", async () => {
    const outcome = await sh("yes é | head -c 3000000", { output_limit_bytes: 100 });
    const head = `${"é\n".repeat(33)}`;
    expect(outcome).toEqual({ status: "executed", result: `${head}\n[cut: the first 100 of 3000000 bytes]` });
  });

  test("with exactly as much as is kept is not cut", async () => {
    expect(await run(["printf", "12345"], { output_limit_bytes: 5 })).toEqual({
      status: "executed",
      result: 12345,
    });
  });

  test("without reading its input is executed", async () => {
    const params = { text: "x".repeat(1_000_000) };
    expect(await run(["true"], {}, { ...JOB, params })).toEqual({ status: "executed", result: null });
    const closed = await run(["sh", "-c", "exec 0<&-; echo 1"], {}, { ...JOB, params });
    expect(closed).toEqual({ status: "executed", result: 1 });
  });

  test("with something left running that holds the output open is executed at once", async () => {
    const outcome = await sh("sleep 1000 & echo $!");
    const left = Number(outcome.status === "executed" && outcome.result);
    expect(processes().map(({ pid }) => pid)).toContain(left);
    process.kill(left);
  });
});

describe("another exit", () => {
  test("is failed, with the exit code and the last lines of standard error", async () => {
    const error = "The command ended with exit code 3. Its last words:\nno money\nleft é";
    expect(await sh("echo '{}'; echo no money >&2; echo left é >&2; exit 3")).toEqual({
      status: "failed",
      error,
    });
    expect(await run(["false"])).toEqual({ status: "failed", error: "The command ended with exit code 1." });
  });

  test("keeps at most 2 KiB of standard error, in whole lines and valid Unicode", async () => {
    const outcome = await sh("seq -f 'é line %g' 10000 >&2; printf '\\377end' >&2; exit 1");
    const error = outcome.status === "failed" ? outcome.error : "";
    expect(Buffer.byteLength(error)).toBeLessThan(2_200);
    expect(error).toMatch(/^The command ended with exit code 1\. Its last words:\né line \d+\n/);
    expect(error).toMatch(/é line 10000\n\ufffdend$/);
  });
});

describe("a command that cannot be started has failed, with nothing executed", () => {
  test.each([
    [["no-such-program-here"], {}, "was not found"],
    [["./no-such-program"], {}, "was not found"],
    [["/etc/passwd"], {}, "is not an executable file"],
    [["/etc/passwd/x"], {}, "was not found"],
    [["true", "x".repeat(200_000)], {}, "more arguments or environment"],
    [["true", "a\0b"], {}, "could not be started"],
    [[""], {}, "could not be started"],
    [
      ["true"],
      { cwd: "/no/such/folder" },
      "The folder /no/such/folder, in which the command runs, is not there.",
    ],
    [["true"], { cwd: "/etc/passwd" }, "is not there"],
  ])("%j %j", async (argv, more, words) => {
    const outcome = await run(argv, more);
    const error = outcome.status === "failed" ? outcome.error : "";
    expect(error).toContain(words);
    expect(error).toMatch(/Nothing was executed\.$/);
  });
});

describe("a command that is cut short is unknown", () => {
  test.each(["KILL", "TERM", "SEGV"])("by SIG%s from elsewhere", async (signal) => {
    const cause = `The command was ended by the signal SIG${signal}. Its last words:\nhalf done`;
    expect(await sh(`echo half done >&2; kill -${signal} $$`)).toEqual({ status: "unknown", cause });
  });

  test("by the time that the rule gives it, where that is shorter", async () => {
    const held = (max_runtime_sec: number): ActionJob => ({
      ...JOB,
      attempt: { ...JOB.attempt, constraints: { max_runtime_sec } },
    });
    expect(await run(["sleep", "1000"], {}, held(1))).toEqual({
      status: "unknown",
      cause: "The command ran longer than 1 s and has ended.",
    });
    expect(await run(["sleep", "1000"], { timeout_ms: 200 }, held(1))).toEqual({
      status: "unknown",
      cause: "The command ran longer than 0.2 s and has ended.",
    });
  });

  test("by its time-out, with everything that it started", async () => {
    const outcome = await sh("echo $$ > group; (sleep 1000 | sleep 1000) & sleep 1000", { timeout_ms: 200 });
    expect(outcome).toEqual({ status: "unknown", cause: "The command ran longer than 0.2 s and has ended." });
    expect(leftOf("group")).toEqual([]);
  });

  test("by its time-out, even if it then ends as if it had succeeded", async () => {
    const outcome = await sh("trap 'echo 1; exit 0' TERM; sleep 1000 & wait", { timeout_ms: 200 });
    expect(outcome.status).toBe("unknown");
  });

  test("by its time-out, even where SIGTERM is ignored", async () => {
    const script = "echo $$ > stubborn; trap '' TERM; sleep 1000 & sleep 1000";
    expect((await sh(script, { timeout_ms: 200 })).status).toBe("unknown");
    expect(leftOf("stubborn")).toEqual([]);
  });

  test("by its time-out, where only what it started ignores SIGTERM", async () => {
    const script = "echo $$ > orphan; (trap '' TERM; sleep 1000; sleep 1000) & sleep 1000";
    expect((await sh(script, { timeout_ms: 200 })).status).toBe("unknown");
    expect(leftOf("orphan")).toEqual([]);
  });

  test("by an abort, with everything that it started", async () => {
    const outcome = sh("echo $$ > aborted; sleep 1000 & sleep 1000");
    await until(() => groupOf("aborted") > 0);
    handler.abort(JOB.id);
    expect(await outcome).toEqual({
      status: "unknown",
      cause: "The command was stopped on request and has ended.",
    });
    expect(leftOf("aborted")).toEqual([]);
  });

  test("but not by a time-out longer than a timer can be", async () => {
    expect((await sh("exit 0", { timeout_ms: 2 ** 40 })).status).toBe("executed");
  });

  function groupOf(file: string): number {
    return existsSync(join(folder, file)) ? Number(readFileSync(join(folder, file), "utf8")) : 0;
  }

  function leftOf(file: string) {
    expect(groupOf(file)).toBeGreaterThan(0);
    return processes().filter(({ group }) => group === groupOf(file));
  }
});

describe("a shutdown", () => {
  test("starts nothing any more", async () => {
    const outcome = await handler.execute(JOB, spec(["touch", "started"]), AbortSignal.abort());
    expect(outcome.status === "failed" && outcome.error).toContain("Nothing was executed.");
    expect(existsSync(join(folder, "started"))).toBe(false);
  });

  test("lets a command end that does so in time", async () => {
    const shutdown = new AbortController();
    const script = "touch running; until [ -e go ]; do sleep 0.01; done; echo 1";
    const outcome = handler.execute(JOB, spec(["sh", "-c", script]), shutdown.signal);
    await until(() => existsSync(join(folder, "running")));
    shutdown.abort();
    writeFileSync(join(folder, "go"), "");
    expect(await outcome).toEqual({ status: "executed", result: 1 });
  });

  test("leaves a command alone that does not, and calls it unknown", async () => {
    const shutdown = new AbortController();
    const script = "touch left; until [ -e on ]; do sleep 0.01; done; touch completed";
    const outcome = handler.execute(JOB, spec(["sh", "-c", script]), shutdown.signal);
    await until(() => existsSync(join(folder, "left")));
    shutdown.abort();
    expect((await outcome).status).toBe("unknown");
    await handler.execute(JOB, spec(["true"]), never); // whatever else was ordered is under way now
    writeFileSync(join(folder, "on"), "");
    await until(() => existsSync(join(folder, "completed")));
  });
});

test("fifty commands at once each get their own outcome", async () => {
  const ids = Array.from({ length: 50 }, (_, index) => `job-${index}`);
  const outcomes = await Promise.all(ids.map((id) => run(["cat"], {}, { ...JOB, id })));
  expect(outcomes.map((outcome) => outcome.status === "executed" && outcome.result)).toMatchObject(
    ids.map((id) => ({ id })),
  );
});
