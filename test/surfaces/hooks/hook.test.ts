import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { countersign } from "../../crash/daemon-process.ts";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";

/** The hook as it is shipped, as a process of its own, in front of a real daemon. */
let stage: AgentStage;

const POLICY = `
default: require_approval
rules:
  - { id: harmless, match: { kind: shell }, when: "has(params.command) && params.command == 'pwd'", decision: allow }
  - { id: never, match: { kind: shell }, when: "has(params.command) && params.command == 'reboot'", decision: deny, reason: Not on this machine. }
`;

beforeAll(async () => {
  stage = await openAgentStage(POLICY);
  await stage.start();
});

afterAll(() => stage.remove());

interface Answer {
  readonly out: string;
  readonly err: string;
  readonly exit: number | null;
}

function start(agent: string, input: object | string, words: readonly string[] = []) {
  const { program, vault, env } = stage;
  const child = spawn(process.execPath, [program.main, "hook", agent, "--vault", vault, ...words], { env });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk) => out.push(chunk));
  child.stderr.on("data", (chunk) => err.push(chunk));
  // Left open, as some agents do: what is whole is answered.
  child.stdin.write(typeof input === "string" ? input : JSON.stringify(input));
  const answer = once(child, "close").then(
    ([exit]): Answer => ({ out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString(), exit }),
  );
  return { child: child as ChildProcess, answer };
}

let calls = 0;
/** A call of its own each time: what was refused is not asked again so soon. */
const claude = (more: object = {}, command?: string) => {
  calls += 1;
  return {
    session_id: "s1",
    cwd: "/src",
    hook_event_name: "PreToolUse",
    tool_name: "Bash",
    tool_input: { command: command ?? `make ${calls}`, description: "build" },
    tool_use_id: `toolu_${calls}`,
    ...more,
  };
};

const decisionIn = ({ out }: Answer) => JSON.parse(out).hookSpecificOutput;

/** A no in every way in which an agent could hear it. */
function expectDenied(answer: Answer, reason: string | RegExp): void {
  expect(answer.exit).toBe(2);
  expect(decisionIn(answer)).toMatchObject({ permissionDecision: "deny" });
  expect(decisionIn(answer).permissionDecisionReason).toMatch(reason);
  expect(answer.err).toMatch(reason);
}

describe("an approval", () => {
  test("lets the call run, and its end is recorded", async () => {
    const input = claude();
    const { answer } = start("claude-code", input);
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    const told = await answer;
    expect(told).toMatchObject({ exit: 0, err: "" });
    expect(decisionIn(told)).toMatchObject({ permissionDecision: "allow" });
    expect(decisionIn(told)).not.toHaveProperty("updatedInput");
    expect((await stage.show(id)).status).toBe("executing");
    const after = { ...input, hook_event_name: "PostToolUse", tool_response: { stdout: "ok" } };
    expect(await start("claude-code", after).answer).toEqual({ out: "", err: "", exit: 0 });
    expect(await stage.show(id)).toMatchObject({ status: "executed", result: { stdout: "ok" } });
  });

  test.each([
    ["a number beyond what is exact", '{"id":12345678901234567890}'],
    ["half a surrogate pair", '"cut \\ud83d"'],
    ["half a pair where it is cut off", JSON.stringify("\u{1f389}".repeat(3_000))],
  ])("is recorded as executed where the tool gave %s", async (_, response) => {
    const input = claude();
    const { answer } = start("claude-code", input);
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    await answer;
    const after = JSON.stringify({ ...input, hook_event_name: "PostToolUse", tool_response: "@" });
    expect(await start("claude-code", after.replace('"@"', response)).answer).toEqual({
      out: "",
      err: "",
      exit: 0,
    });
    expect((await stage.show(id)).status).toBe("executed");
  });

  test("with changes replaces the input", async () => {
    const { answer } = start("claude-code", claude());
    const { id } = await stage.asked();
    await stage.say(id, "approve", { set: { command: "make all" } });
    expect(decisionIn(await answer)).toMatchObject({
      permissionDecision: "allow",
      updatedInput: { command: "make all", description: "build" },
    });
  });

  test("with changes that the hook cannot make is a no that says what to call", async () => {
    const input = { session_id: "s1", cwd: "/src", hook_event_name: "PermissionRequest", tool_name: "Bash" };
    const { answer } = start("codex", { ...input, tool_input: { command: "make codex" } });
    const { id } = await stage.asked();
    await stage.say(id, "approve", { set: { command: "make safe" } });
    const told = await answer;
    expect(told.exit).toBe(2);
    expect(decisionIn(told).decision.behavior).toBe("deny");
    expect(told.err).toContain("make safe");
    expect((await stage.show(id)).status).toBe("cancelled");
  });

  test("of a call that two hooks ask about is one request, one decision, and a yes for both", async () => {
    const input = claude();
    const one = start("claude-code", input);
    const { id } = await stage.asked();
    const two = start("claude-code", input);
    await stage.say(id, "approve");
    for (const { answer } of [one, two]) expect(decisionIn(await answer).permissionDecision).toBe("allow");
    expect(
      (await stage.open()).filter(({ params }) => params.command === input.tool_input.command),
    ).toHaveLength(1);
  });

  test("is for one call: the same once more, even under the same id, is asked about again", async () => {
    const input = claude();
    const { answer } = start("claude-code", input);
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    await answer;
    await start("claude-code", { ...input, hook_event_name: "PostToolUse", tool_response: "ok" }).answer;
    const again = start("claude-code", input);
    const next = await stage.asked();
    expect(next.id).not.toBe(id);
    await stage.say(next.id, "reject");
    expectDenied(await again.answer, "rejected");
  });

  test("of an agent's call without an id is for the first that consumes it", async () => {
    const input = {
      conversation_id: "c",
      hook_event_name: "beforeShellExecution",
      command: "make twice",
      cwd: "/",
    };
    const one = start("cursor", input);
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    expect(JSON.parse((await one.answer).out)).toEqual({ permission: "allow" });
    const two = start("cursor", input);
    const next = await stage.asked();
    expect(next.id).not.toBe(id);
    await stage.say(next.id, "reject");
    expect(JSON.parse((await two.answer).out).permission).toBe("deny");
  });

  test("with changes is a no where the agent would drop them", async () => {
    const { answer } = start("cursor", {
      conversation_id: "c",
      hook_event_name: "preToolUse",
      tool_use_id: "t-changed",
      tool_name: "Write",
      tool_input: { file_path: "/tmp/a.txt", content: "one" },
      cwd: "/",
    });
    const { id } = await stage.asked();
    await stage.say(id, "approve", { set: { input: { content: "two" } } });
    const { out, exit } = await answer;
    expect(JSON.parse(out)).toMatchObject({ permission: "deny" });
    expect(out).toContain("two");
    expect(exit).toBe(2);
  });

  test.each([
    [{ content: "two" }, "deny"],
    [{ content: "two", append: true }, "allow"],
  ])("that takes something out is a no where the agent only puts in: %j", async (input, decision) => {
    const { answer } = start("gemini", {
      session_id: `s-${decision}`,
      hook_event_name: "BeforeTool",
      tool_name: "write_file",
      tool_input: { file_path: "/tmp/a.txt", content: "one", append: true },
    });
    const { id } = await stage.asked();
    await stage.say(id, "approve", { set: { input } });
    expect(JSON.parse((await answer).out).decision).toBe(decision);
  });

  test("by the policy is no opinion: the agent's own rules go on", async () => {
    expect(await start("claude-code", claude({}, "pwd")).answer).toEqual({ out: "", err: "", exit: 0 });
    const cursor = {
      conversation_id: "c",
      hook_event_name: "beforeShellExecution",
      command: "pwd",
      cwd: "/",
    };
    expect(JSON.parse((await start("cursor", cursor).answer).out)).toEqual({ permission: "allow" });
  });

  test("of a call by an agent that takes silence for a yes is silence", async () => {
    const { answer } = start("codex", claude());
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    expect(await answer).toEqual({ out: "", err: "", exit: 0 });
  });
});

describe("a no", () => {
  test("of a person comes with the reason", async () => {
    const { answer } = start("claude-code", claude());
    const { id } = await stage.asked();
    await stage.say(id, "reject", { reason: "ask me on Monday" });
    expectDenied(await answer, "ask me on Monday");
  });

  test("of the policy asks nobody", async () => {
    expectDenied(await start("claude-code", claude({}, "reboot")).answer, "Not on this machine.");
  });

  test.each([
    ["input that is no JSON", "no json"],
    ["an empty input that never ends", "{}"],
    ["an event that is not known", claude({ hook_event_name: "BeforeLaunch" })],
    ["a call without a tool", claude({ tool_name: "" })],
    ["a call whose input is no map", claude({ tool_input: 5 })],
    [
      "a number that has no one form",
      '{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"n":9007199254740993}}',
    ],
  ])("for %s", async (_name, input) => {
    const { child, answer } = start("claude-code", input);
    child.stdin?.end();
    expectDenied(await answer, "Nothing was approved.");
  });

  test("for wrong words of its own, and for a vault that is not there", async () => {
    const wrong = start("claude-code", claude(), ["--wrong"]);
    expect((await wrong.answer).exit).toBe(2);
    const { program, env } = stage;
    const lost = spawn(process.execPath, [program.main, "hook", "gemini", "--vault", "/nowhere"], { env });
    const err: Buffer[] = [];
    lost.stderr.on("data", (chunk) => err.push(chunk));
    const [exit] = await once(lost, "close");
    expect(exit).toBe(2);
    expect(Buffer.concat(err).toString()).toContain("no vault at /nowhere");
  });

  test("before the agent's limit, when nobody decides", async () => {
    const { answer } = start("claude-code", claude(), ["--timeout", "1s"]);
    const { id } = await stage.asked();
    // The request's own time is over at the same moment, and either may be heard first.
    expectDenied(await answer, /No decision within 1s|Nobody approved/);
    expect((await stage.show(id)).status).toMatch(/cancelled|expired/);
  });

  test.each([
    [
      "codex",
      claude({ tool_use_id: "x" }),
      (out: string) => JSON.parse(out).hookSpecificOutput.permissionDecision,
    ],
    [
      "gemini",
      {
        session_id: "s",
        hook_event_name: "BeforeTool",
        tool_name: "run_shell_command",
        tool_input: { command: "reboot" },
      },
      (out: string) => JSON.parse(out).decision,
    ],
    [
      "copilot",
      { sessionId: "s", timestamp: 1, cwd: "/", toolName: "bash", toolArgs: '{"command":"reboot"}' },
      (out: string) => JSON.parse(out).permissionDecision,
    ],
    [
      "cursor",
      { conversation_id: "s", hook_event_name: "beforeShellExecution", command: "reboot" },
      (out: string) => JSON.parse(out).permission,
    ],
    [
      "opencode",
      {
        event: "tool.execute.before",
        sessionID: "s",
        callID: "c",
        tool: "bash",
        args: { command: "reboot" },
      },
      (out: string) => JSON.parse(out).decision,
    ],
  ])("in the form of %s", async (agent, input, decision) => {
    const given = agent === "codex" ? { ...input, tool_input: { command: "reboot" } } : input;
    const told = await start(agent, given).answer;
    expect(decision(told.out)).toBe("deny");
    expect(told.err).toContain("Not on this machine.");
    expect(told.exit).toBe(2);
  });
});

describe("an agent that goes away", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("with %s withdraws its request", async (signal) => {
    const { child, answer } = start("claude-code", claude());
    const { id } = await stage.asked();
    child.kill(signal);
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "agent went away" });
    expect((await answer).exit).toBe(2);
  });

  test("without a word, leaving its hook to another parent, withdraws its request", async () => {
    const { program, vault, env } = stage;
    const hook = [process.execPath, program.main, "hook", "claude-code", "--vault", vault];
    const script = `require("child_process").spawn(${JSON.stringify(hook[0])}, ${JSON.stringify(hook.slice(1))}, { stdio: ["inherit", "ignore", "ignore"] })`;
    const agent = spawn(process.execPath, ["-e", script], { env, stdio: ["pipe", "ignore", "ignore"] });
    agent.stdin?.write(JSON.stringify(claude()));
    const { id } = await stage.asked();
    agent.kill("SIGKILL");
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "agent went away" });
  });
});

/**
 * What the real Claude Code gave its hooks beside its own dialog, and heard from them, in four sessions: a yes and a no
 * in the note, a yes in the terminal, and Esc there. Recorded by `npm run agents`, which looks at what the tool did.
 */
describe("beside the agent's own dialog", () => {
  const lines = readFileSync(join(import.meta.dirname, "recorded/claude-code-dialog.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer & { input: JsonObject });
  const sessions = [...new Set(lines.map(({ input }) => input.session_id))];
  const withoutIds = (text: string) => text.replaceAll(/\d{8}-\d{6}-shell-[a-z0-9]+/g, "ID");

  /** One session's hooks: the one beside the dialog, and those that came later. */
  function recorded(session: number) {
    const own = lines.filter(({ input }) => input.session_id === sessions[session]);
    return (event: string) => {
      const found = own.find(({ input }) => input.hook_event_name === event);
      if (found === undefined) throw new Error(`${event} was not recorded`);
      return found;
    };
  }

  async function expectAsThen(answer: Promise<Answer>, { out, err, exit }: Answer): Promise<void> {
    const told = await answer;
    expect({ ...told, out: withoutIds(told.out), err: withoutIds(told.err) }).toEqual({
      out: withoutIds(out),
      err: withoutIds(err),
      exit,
    });
  }

  test("a yes in the note lets the tool run, and its end is recorded", async () => {
    const then = recorded(0);
    const { answer } = start("claude-code", then("PermissionRequest").input);
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    await expectAsThen(answer, then("PermissionRequest"));
    expect((await stage.show(id)).status).toBe("executing");
    await expectAsThen(start("claude-code", then("PostToolUse").input).answer, then("PostToolUse"));
    expect((await stage.show(id)).status).toBe("executed");
  });

  test("a no in the note is told with its reason", async () => {
    const then = recorded(1);
    const { answer } = start("claude-code", then("PermissionRequest").input);
    const { id } = await stage.asked();
    await stage.say(id, "reject", { reviewer: "unnamed", reason: "the-reason-of-anna" });
    await expectAsThen(answer, then("PermissionRequest"));
    await expectAsThen(start("claude-code", then("Stop").input).answer, then("Stop"));
    expect((await stage.show(id)).status).toBe("rejected");
  });

  test.each(["PostToolUse", "Stop"])("a yes in the terminal settles the note by %s", async (event) => {
    const then = recorded(2);
    const { answer } = start("claude-code", then("PermissionRequest").input);
    const { id } = await stage.asked();
    await expectAsThen(start("claude-code", then(event).input).answer, then(event));
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "answered in the agent's own dialog" });
    await expectAsThen(answer, then("PermissionRequest"));
    await expect(stage.say(id, "approve")).rejects.toThrow();
    expect((await stage.show(id)).status).toBe("cancelled");
  });

  test("a no in the terminal, which ends the hook, withdraws the request", async () => {
    const then = recorded(3);
    const { child, answer } = start("claude-code", then("PermissionRequest").input);
    const { id } = await stage.asked();
    child.kill("SIGTERM");
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "agent went away" });
    await expectAsThen(answer, then("PermissionRequest"));
  });
});

describe("a call that is deferred", () => {
  test("ends the turn at once, outlives its session, and is answered when it is resumed", async () => {
    const input = claude({ session_id: "deferred" });
    const first = await start("claude-code", input, ["--defer"]).answer;
    expect(first.exit).toBe(0);
    expect(decisionIn(first).permissionDecision).toBe("defer");
    const { id } = await stage.asked();
    expect((await stage.show(id)).params.resume).toBe("claude -p --resume deferred");
    await start("claude-code", { session_id: "deferred", hook_event_name: "SessionEnd" }).answer;
    expect((await stage.show(id)).status).toBe("pending");
    await stage.say(id, "approve");
    const resumed = await start("claude-code", input, ["--defer"]).answer;
    expect(decisionIn(resumed).permissionDecision).toBe("allow");
    expect((await stage.show(id)).status).toBe("executing");
  });
});

test("a call that was interrupted in the middle is a person's to resolve", async () => {
  const input = claude();
  const { answer } = start("claude-code", input);
  const { id } = await stage.asked();
  await stage.say(id, "approve");
  await answer;
  const interrupted = { hook_event_name: "PostToolUseFailure", error: "Interrupted", is_interrupt: true };
  await start("claude-code", { ...input, ...interrupted }).answer;
  expect(await stage.show(id)).toMatchObject({
    status: "outcome_unknown",
    error: "its caller cannot tell: Interrupted",
  });
});

describe("the end of a session", () => {
  test("withdraws what it left open", async () => {
    const { answer } = start("claude-code", claude({ session_id: "ending" }));
    const { id } = await stage.asked();
    await start("claude-code", { session_id: "ending", hook_event_name: "SessionEnd" }).answer;
    expect(await stage.next("cancelled")).toMatchObject({ id, reason: "the agent's session ended" });
    expectDenied(await answer, "withdrawn");
  });
});

describe("a command behind approval", () => {
  const run = (...words: string[]) => stage.cs("run", "--kind", "shell", "--json", "--", ...words);

  test("runs as the vector that was approved, without a shell, and its outcome is reported", async () => {
    const ran = run(process.execPath, "-e", "process.stdout.write(process.argv[1])", "$HOME; ls");
    const { id } = await stage.asked();
    const { params, title } = await stage.show(id);
    expect(params.argv).toEqual([
      process.execPath,
      "-e",
      "process.stdout.write(process.argv[1])",
      "$HOME; ls",
    ]);
    expect(title).toContain("'$HOME; ls'");
    await stage.say(id, "approve");
    const { out, exit } = await ran;
    expect(out).toContain("$HOME; ls");
    expect(exit).toBe(0);
    expect(await stage.show(id)).toMatchObject({ status: "executed", result: { exit: 0 } });
  });

  test("is asked for in the name that the environment gives", async () => {
    const env = { ...stage.env, COUNTERSIGN_REQUESTER: "ci-bot" };
    const ran = countersign(stage.program, ["run", "--kind", "shell", "--", "/bin/echo", "named"], env);
    const { id, requester } = await stage.asked();
    expect(requester).toBe("ci-bot");
    await stage.say(id, "reject");
    expect((await ran).exit).toBe(3);
  });

  test("runs what a person made of it, and nothing else", async () => {
    const ran = run("/bin/echo", "asked");
    const { id } = await stage.asked();
    await stage.say(id, "approve", { set: { argv: ["/bin/echo", "changed"] } });
    const { out } = await ran;
    expect(out).toContain("changed\n");
    expect(out.split("\n")[0]).not.toContain("asked");
  });

  test("does not run on a no, and fails as it fails", async () => {
    const refused = run("/bin/echo", "refused");
    const first = await stage.asked();
    await stage.say(first.id, "reject");
    expect((await refused).exit).toBe(3);
    const failing = run("/bin/sh", "-c", "exit 7");
    const second = await stage.asked();
    await stage.say(second.id, "approve");
    expect((await failing).exit).toBe(6);
    expect((await stage.show(second.id)).error).toContain("exit code 7");
  });

  test("that nobody decides about in time is withdrawn, and said to be", async () => {
    const words = ["--kind", "shell", "--timeout", "1s", "--", "/bin/echo", "late"];
    const { exit, err } = await stage.cs("run", ...words);
    const { id } = await stage.asked();
    expect(exit).toBe(75);
    expect(err).toContain("withdrawn");
    expect(err).not.toContain("countersign wait");
    expect((await stage.show(id)).status).toBe("cancelled");
  });

  test("that is approved while executions are halted is not run, and does not stay approved", async () => {
    const ran = run("/bin/echo", "halted");
    const { id } = await stage.asked();
    await stage.cs("halt");
    try {
      await stage.say(id, "approve");
      const { exit, out } = await ran;
      expect(exit).toBe(10);
      expect(out).not.toContain("halted\n");
      expect((await stage.show(id)).status).toBe("cancelled");
    } finally {
      await stage.cs("resume");
    }
  });

  test("that a signal ends is a person's to resolve", async () => {
    const killed = run("/bin/sh", "-c", "kill -KILL $$");
    const { id } = await stage.asked();
    await stage.say(id, "approve");
    expect((await killed).exit).toBe(7);
    expect((await stage.show(id)).error).toContain("SIGKILL");
  });
});

test("a daemon that is down makes every answer a no that says what to start", async () => {
  await stage.stop();
  expectDenied(await start("claude-code", claude()).answer, "countersign start");
  const after = await start("claude-code", claude({ hook_event_name: "PostToolUse" })).answer;
  expect(after).toMatchObject({ out: "", exit: 1 });
  await stage.start();
});
