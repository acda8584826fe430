import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import type { RequestView } from "../../../src/core/view.ts";
import type { Requester } from "../../../src/surfaces/agent/requester.ts";
import { answerHook } from "../../../src/surfaces/hooks/answer.ts";
import { DIALECTS } from "../../../src/surfaces/hooks/dialects.ts";

/**
 * What real agents gave their hooks, in the order approve, reject, edit, and the answers by which they then did the
 * right thing: recorded by `npm run agents`, which looks at the file that the tool wrote or did not write.
 */
const AGENTS = ["claude-code", "codex", "gemini", "copilot", "opencode"] as const;

interface Recorded {
  readonly input: JsonObject;
  readonly out: string;
  readonly err: string;
  readonly exit: number;
}

const linesOf = (agent: string): Recorded[] =>
  readFileSync(join(import.meta.dirname, "recorded", `${agent}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);

const withoutIds = (text: string) => text.replaceAll(/\d{8}-\d{6}-shell-[a-z0-9]+/g, "ID");

/** A daemon that has one request, and decides it as was decided then. */
function decidedAs(recorded: Recorded, reported: string[]): Requester {
  const edited = recorded.out.includes("edited");
  let view = {
    id: "ID",
    status: "pending",
    executor: "caller",
    amended: [],
    params: {},
    key: null,
  } as unknown as RequestView;
  const decision = { reviewer: "anna", reason: null };
  const open = () => Promise.resolve([view]);
  return {
    name: "agent",
    open,
    async ask({ kind, params = {} }: { kind: string; params?: JsonObject }) {
      view = { ...view, kind, params };
      return { request: view, created: true, own: true };
    },
    async wait() {
      if (recorded.exit === 2) {
        const reason = "the-reason-of-anna";
        return { ...view, status: "rejected", decision: { ...decision, reason } };
      }
      const params = edited ? { ...view.params, command: "echo edited > out.txt" } : view.params;
      const amended = edited ? [{ param: "command", from: "", to: "" }] : [];
      view = { ...view, status: "approved", params, amended, decision } as unknown as RequestView;
      return view;
    },
    begin: async () => ({ ...view, status: "executing" }),
    async report(id: string) {
      reported.push(id);
      return view;
    },
  } as unknown as Requester;
}

describe.each(AGENTS)("%s", (agent) => {
  const lines = linesOf(agent);
  const events = lines.map(({ input }) => DIALECTS[agent].read(input));

  test("what it gave is understood", () => {
    const calls = events.filter(({ type }) => type === "before");
    expect(calls).toHaveLength(3);
    for (const event of calls) {
      if (event.type !== "before") continue;
      expect(event).toMatchObject({ dialog: false, editable: true });
      expect(event.call.input.command).toMatch(/^echo asked-\d > out.txt$/);
      expect(event.callId ?? event.moment).not.toBeNull();
    }
    const after = events.filter(({ type }) => type === "after");
    expect(after).toHaveLength(2);
  });

  test.each(lines.map((line, at) => [events[at]?.type, line] as const))(
    "%s is answered as then",
    async (type, line) => {
      const reported: string[] = [];
      const told = await answerHook(JSON.stringify(line.input), {
        dialect: DIALECTS[agent],
        requester: decidedAs(line, reported),
        now: Date.now,
        random: () => "r",
        timeout_ms: 60_000,
        expires_in_ms: null,
        defer: false,
        gone: new AbortController().signal,
      });
      expect(told.exit).toBe(line.exit);
      expect(withoutIds(told.out)).toBe(withoutIds(line.out));
      if (type === "before") expect(withoutIds(told.err)).toBe(withoutIds(line.err));
    },
  );
});

test.each([
  ["success", { result: { resultType: "success", textResultForLlm: "why" } }],
  ["failure", { failed: "why" }],
  ["denied", { failed: "why" }],
  ["timeout", { unknown: "why" }],
  ["a word that is not known", { unknown: "why" }],
])("what Copilot calls %s is reported as what it tells", (resultType, outcome) => {
  const said = { sessionId: "s", toolName: "bash", toolArgs: { command: "make" } };
  const toolResult = { resultType, textResultForLlm: "why" };
  expect(DIALECTS.copilot.read({ ...said, toolResult })).toMatchObject({ type: "after", outcome });
});
