import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { outcomeOf } from "../../src/handlers/command-outcome.ts";

const AROUND = {
  program: "pay",
  cwd: "/etc/pay",
  cwd_exists: true,
  timeout_ms: 60_000,
  output_limit_bytes: 1_000_000,
};

function ended(more: Partial<Exclude<Parameters<typeof outcomeOf>[0], { type: "lost" | "not_started" }>>) {
  const { stdout = "" } = more;
  return outcomeOf(
    {
      type: "ended",
      job: 1,
      code: 0,
      signal: null,
      stopped: null,
      stdout,
      stdout_bytes: Buffer.byteLength(stdout),
      stderr: "",
      stderr_cut: false,
      ...more,
    },
    AROUND,
  );
}

describe("a result that JSON numbers or strings cannot hold exactly stays text", () => {
  test.each([
    '{"cents":12345678901234567890}',
    "[9007199254740993]",
    "1e400",
    '"\\ud800"',
    '{"\\udfff":1}',
    `${"[".repeat(102)}${"]".repeat(102)}`,
    `${"[".repeat(400_000)}${"]".repeat(400_000)}`,
  ])("%.40s", (stdout) => {
    expect(ended({ stdout })).toEqual({ status: "executed", result: stdout });
  });
});

test("a nested result is taken as JSON", () => {
  const stdout = `${'{"a":'.repeat(50)}9007199254740991${"}".repeat(50)}`;
  expect(ended({ stdout })).toEqual({ status: "executed", result: JSON.parse(stdout) });
});

test("any output gives a result that survives being written and read, and is well-formed", () => {
  const output = fc.oneof(fc.json(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(output, (stdout) => {
      const outcome = ended({ stdout: stdout.toWellFormed() });
      expect(outcome.status).toBe("executed");
      const text = JSON.stringify(outcome);
      expect(text).not.toMatch(/\\ud[89a-f]/i);
      expect(JSON.stringify(JSON.parse(text))).toBe(text);
    }),
  );
});

test("only exit 0 by itself is a success, only another exit by itself a failure", () => {
  const code = fc.option(fc.integer({ min: 0, max: 255 }));
  const signal = fc.constantFrom(null, "SIGKILL", "SIGTERM");
  const stopped = fc.constantFrom(null, "timeout" as const, "abort" as const);
  fc.assert(
    fc.property(code, signal, stopped, (exit, by, why) => {
      const { status } = ended({ code: exit, signal: exit === null ? by : null, stopped: why });
      const byItself = exit !== null && why === null;
      expect(status).toBe(byItself ? (exit === 0 ? "executed" : "failed") : "unknown");
    }),
  );
});

test("a command that could not be ended is said to be running still", () => {
  const outcome = ended({ code: null, stopped: "timeout" });
  const cause = "The command ran longer than 60 s, but did not end: it may still be running.";
  expect(outcome).toEqual({ status: "unknown", cause });
});

test("a lost command is unknown, and its process is named where there is one", () => {
  expect(outcomeOf({ type: "lost", pid: 42 }, AROUND)).toMatchObject({
    status: "unknown",
    cause: expect.stringContaining("(process 42)"),
  });
  expect(outcomeOf({ type: "lost", pid: null }, AROUND).status).toBe("unknown");
});
