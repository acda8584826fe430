import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AgentStage, openAgentStage } from "../agents/stage.ts";

/** A coding agent whose shell is in shadow: everything as it is shipped, in processes of its own. */
let stage: AgentStage;

const POLICY = `
default: require_approval
rules:
  - { id: never, match: { kind: shell }, when: "has(params.command) && params.command == 'reboot'", decision: deny, reason: Not on this machine. }
  - { id: builds, match: { kind: shell }, decision: require_approval, reason: Somebody should know of builds. }
`;

const ACTIONS = `
  shell: { caller: true, mode: shadow }
  file_write: { caller: true }
`;

beforeAll(async () => {
  stage = await openAgentStage(POLICY, ACTIONS);
  await stage.start();
});

afterAll(() => stage.remove());

async function hook(input: object): Promise<{ out: string; exit: number | null }> {
  const { program, vault, env } = stage;
  const child = spawn(process.execPath, [program.main, "hook", "claude-code", "--vault", vault], { env });
  const out: Buffer[] = [];
  child.stdout.on("data", (chunk) => out.push(chunk));
  child.stdin.end(JSON.stringify(input));
  const [exit] = await once(child, "close");
  return { out: Buffer.concat(out).toString(), exit };
}

const call = (command: string, id: string) => ({
  session_id: "s1",
  cwd: "/src",
  hook_event_name: "PreToolUse",
  tool_name: "Bash",
  tool_input: { command },
  tool_use_id: id,
});

const note = (id: string) => readFileSync(join(stage.vault, "Done", `${id}.md`), "utf8");

test.each([
  [
    "make",
    "toolu_1",
    "the rule builds would have asked a person: Somebody should know of builds.",
    "require_approval",
  ],
  ["reboot", "toolu_2", "the rule never would have denied it: Not on this machine.", "deny"],
])("%s passes at once, and its note says what would have been", async (command, callId, told, would) => {
  // No opinion: the agent goes on by its own rules, as it would without a hook.
  expect(await hook(call(command, callId))).toEqual({ out: "", exit: 0 });
  const { id } = await stage.next("archived");
  expect(await stage.show(id)).toMatchObject({
    status: "executed",
    decision: null,
    params: { command },
    verdict: { says: "allow" },
    shadow: { says: would },
  });
  expect(note(id)).toContain(
    "> [!success] Executed in shadow\n> Nobody was asked, because the configuration has `shell` in shadow:",
  );
  expect(note(id)).toContain(told);
  expect(note(id)).toMatch(new RegExp(`^shadow: ${would}$`, "m"));
});

test("other tools are asked about as ever", async () => {
  const { answer, id } = await (async () => {
    const input = {
      ...call("", "toolu_3"),
      tool_name: "Write",
      tool_input: { file_path: "/src/a", content: "x" },
    };
    const answer = hook(input);
    const { id } = await stage.asked();
    return { answer, id };
  })();
  expect(await stage.show(id)).toMatchObject({ status: "pending", shadow: null });
  await stage.say(id, "reject");
  expect((await answer).exit).toBe(2);
});

test("every command says so", async () => {
  const doctor = await stage.cs("doctor");
  expect(doctor.out).toContain("Nobody is asked for: shell (mode: shadow)");
  expect((await stage.cs("list", "--all")).out).toMatch(/executed \(shadow\)/);
  const [denied] = JSON.parse((await stage.cs("list", "--all", "--json")).out).requests.filter(
    ({ shadow }: { shadow: { says: string } | null }) => shadow?.says === "deny",
  );
  const shown = await stage.cs("show", denied.id);
  expect(shown.out).toContain("policy    nobody asked, in shadow: the rule never would have denied it");
  const stats = await stage.cs("stats");
  expect(stats.out).toContain(
    "in shadow      1 let through that would have been asked for, 1 denied, 0 constrained",
  );
  expect(stats.out).toMatch(/rule builds +1 +0 +0\n *rule never +0 +1 +0/);
  expect(JSON.parse((await stage.cs("stats", "--json")).out)).toMatchObject({
    policy: { allowed: 0 },
    shadow: {
      builds: { require_approval: 1, deny: 0, allow_with_constraints: 0 },
      never: { require_approval: 0, deny: 1, allow_with_constraints: 0 },
    },
  });
});
