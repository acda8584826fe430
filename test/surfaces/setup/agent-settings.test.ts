import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfiguration } from "../../../src/adapters/configuration/load.ts";
import { addToolActions, TOOL_ACTIONS, toolActionGaps } from "../../../src/adapters/tool-actions.ts";
import type { Json, JsonObject } from "../../../src/core/json.ts";
import { AGENTS } from "../../../src/surfaces/cli/command-hook.ts";
import { agentWarnings } from "../../../src/surfaces/setup/agent-doctor.ts";
import { type SetupPlan, settingsOf } from "../../../src/surfaces/setup/agent-settings.ts";
import { NOTHING, withHooks, withoutHooks } from "../../../src/surfaces/setup/merging.ts";

const PLAN: SetupPlan = {
  program: ["countersign"],
  vault: "/home/anna/my vault",
  state: null,
  home: "/home/anna",
  env: {},
  project: null,
  timeout: null,
  dialog: false,
};
const MERGING = AGENTS.filter((agent) => agent !== "copilot" && agent !== "opencode");
const WAIT_MS = 86_340_000;

function hooksOf(agent: (typeof AGENTS)[number], plan = PLAN) {
  const { content } = settingsOf(agent, plan);
  if (typeof content === "string") throw new Error(`${agent} is not merged`);
  return content;
}

/** Whether a text is in another one, with nothing but more in between. */
function isWithin(text: string, longer: string): boolean {
  let at = 0;
  for (const letter of longer) if (letter === text[at]) at += letter.length;
  return at === text.length;
}

const compact = (text: string) => JSON.stringify(JSON.parse(text));

describe("an agent's settings", () => {
  const entry = fc.record({ matcher: fc.string(), hooks: fc.array(fc.record({ command: fc.string() })) });
  const events = fc.constantFrom("PreToolUse", "PostToolUse", "BeforeTool", "beforeShellExecution", "Stop");
  const settings = fc.record(
    {
      theme: fc.string(),
      hooks: fc.dictionary(events, fc.array(entry, { minLength: 1 }), { minKeys: 1 }),
    },
    { requiredKeys: [] },
  );

  const layouts = fc.constantFrom(undefined, 2, 4, "\t");

  test.each(MERGING)("of %s are merged once, and taken out without a trace", (agent) => {
    fc.assert(
      fc.property(settings, layouts, fc.boolean(), (found, indent, crlf) => {
        const text = JSON.stringify(found, null, indent).replaceAll("\n", crlf ? "\r\n" : "\n");
        const before = JSON.parse(text) as JsonObject;
        const once = withHooks(text, agent, hooksOf(agent));
        expect(withHooks(once, agent, hooksOf(agent))).toBe(once);
        expect(isWithin(text, once)).toBe(true);
        const { version: _, ...after } = JSON.parse(withoutHooks(once, agent)) as JsonObject;
        expect(after).toEqual(before);
        const now = (JSON.parse(once) as { hooks: JsonObject }).hooks;
        for (const [event, entries] of Object.entries((before.hooks ?? {}) as JsonObject)) {
          const first = (now[event] as readonly Json[]).slice(0, (entries as readonly Json[]).length);
          expect(first).toEqual(entries);
        }
        for (const [event, entry] of Object.entries(hooksOf(agent).hooks)) {
          expect((now[event] as readonly Json[]).at(-1)).toEqual(entry);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("fail closed where the agent can, and give the hook longer than it waits", () => {
    const gate = JSON.stringify(hooksOf("claude-code").hooks.PreToolUse);
    expect(gate).toContain('"onFailure":"block"');
    expect(JSON.stringify(hooksOf("cursor").hooks.beforeShellExecution)).toContain('"failClosed":true');
    for (const agent of AGENTS) {
      const settings = settingsOf(agent, PLAN);
      const { content } = settings;
      const text = typeof content === "string" ? content : compact(withHooks(NOTHING, agent, content));
      expect(
        agentWarnings(
          agent,
          settings,
          text,
          () => WAIT_MS,
          () => true,
        ),
        agent,
      ).toEqual([]);
    }
  });

  const isGated = (agent: (typeof AGENTS)[number], event: string, tool: string) => {
    const { matcher } = hooksOf(agent).hooks[event] as { matcher: string };
    return matcher === "*" || new RegExp(matcher).test(tool);
  };

  test.each([
    [
      "claude-code",
      "PreToolUse",
      ["Bash", "Write", "mcp__fs__read", "Skill", "EnterWorktree", "Reader", "New"],
    ],
    [
      "gemini",
      "BeforeTool",
      ["run_shell_command", "replace", "mcp_fs_read_file", "discovered_tool_x", "new"],
    ],
    ["codex", "PreToolUse", ["Bash", "apply_patch", "new"]],
    ["cursor", "preToolUse", ["Write", "Delete", "StrReplace", "WriteShellStdin"]],
  ] as const)("gate with %s what may do something, also what is not known here", (agent, event, tools) => {
    for (const tool of tools) expect(isGated(agent, event, tool), tool).toBe(true);
  });

  test.each([
    ["claude-code", "PreToolUse", ["Read", "Grep", "TodoWrite", "Agent", "ListAgents", "ListPeers"]],
    ["gemini", "BeforeTool", ["read_file", "glob", "write_todos"]],
    // Its commands and MCP tools are asked about by events of their own.
    ["cursor", "preToolUse", ["Read", "Shell", "MCP:read", "TodoWrite"]],
  ] as const)("leave alone with %s what only reads", (agent, event, tools) => {
    for (const tool of tools) expect(isGated(agent, event, tool), tool).toBe(false);
  });

  test("name the vault as one word, also where a shell reads it", () => {
    expect(JSON.stringify(hooksOf("codex"))).toContain("--vault '/home/anna/my vault'");
    expect(JSON.stringify(hooksOf("claude-code"))).toContain('"--vault","/home/anna/my vault"');
  });
});

describe("doctor", () => {
  const found = (agent: (typeof AGENTS)[number], change: (text: string) => string) => {
    const settings = settingsOf(agent, PLAN);
    const { content } = settings;
    const text = typeof content === "string" ? content : compact(withHooks(NOTHING, agent, content));
    return agentWarnings(
      agent,
      settings,
      change(text),
      () => WAIT_MS,
      () => true,
    );
  };
  const warned = (...given: Parameters<typeof found>) =>
    found(...given)
      .map(({ says }) => says)
      .join("\n");

  test.each([
    ["claude-code", (text: string) => text.replace('"onFailure":"block",', ""), "onFailure"],
    ["claude-code", (text: string) => text.replace("86400", "600"), "ends before our wait"],
    ["claude-code", (text: string) => text.replace("{", '{"disableAllHooks":true,'), "disableAllHooks"],
    ["claude-code", (text: string) => text.replace('"PreToolUse"', '"PreCompact"'), "not gated"],
    ["codex", (text: string) => text.replace("86400", "600"), "ends before our wait"],
    ["gemini", (text: string) => text.replace("86400000", "86400"), "ends before our wait"],
    ["copilot", (text: string) => text.replace("86400", "30"), "ends before our wait"],
    ["cursor", (text: string) => text.replace('"failClosed":true', '"failClosed":false'), "failClosed"],
    [
      "claude-code",
      (text: string) => text.replace("^(?!(?:Read", "^(?!(?:Write|Read"),
      "matcher of PreToolUse",
    ],
    [
      "gemini",
      (text: string) => text.replace(/"matcher":"[^"]+"/, '"matcher":"write_file"'),
      "matcher of BeforeTool",
    ],
    [
      "claude-code",
      (text: string) => text.replaceAll("/home/anna/my vault", "/home/anna/b"),
      "another vault",
    ],
    ["codex", (text: string) => text.replaceAll("/home/anna/my vault", "/home/anna/b c"), "another vault"],
    ["opencode", (text: string) => text.replace("throw new Error", "console.log"), "not what setup writes"],
    ["opencode", (text: string) => text.replace('"hook"', '"help"'), "not what setup writes"],
  ] as const)("warns of %s %#", (agent, change, words) => {
    expect(warned(agent, change)).toContain(words);
    // Elsewhere it is asked about all the same.
    expect(found(agent, change).some(({ open }) => open)).toBe(words !== "another vault");
  });

  test.each([
    ["half of what setup has written", (text: string) => text.slice(0, -1), true],
    ["what Claude Code does not read", (text: string) => `${text}// mine`, true],
    ["nothing of ours", () => "{ // mine\n}", false],
  ])("says that nothing can be said of %s", (_, change, open) => {
    expect(found("claude-code", change)).toEqual([
      { says: expect.stringContaining("nothing can be said"), open },
    ]);
  });

  test("says that OpenCode's plug-in asks in other words, which is no hole", () => {
    const longer = (text: string) => text.replace('"--vault"', '"--timeout","9m","--vault"');
    const elsewhere = (text: string) => text.replace("/home/anna/my vault", "/home/anna/b");
    for (const [change, open] of [
      [elsewhere, false],
      [(text: string) => elsewhere(text).replace("throw new Error", "console.log"), true],
      [longer, true],
    ] as const) {
      expect(found("opencode", change).map((one) => one.open)).toEqual([open]);
    }
  });

  test("says what goes by a hook that stands beside Claude Code's own dialog", () => {
    const settings = settingsOf("claude-code", { ...PLAN, dialog: true });
    const text = withHooks(NOTHING, "claude-code", hooksOf("claude-code", { ...PLAN, dialog: true }));
    expect(
      agentWarnings(
        "claude-code",
        settings,
        text,
        () => WAIT_MS,
        () => true,
      ),
    ).toEqual([{ says: expect.stringContaining("without asking is not gated"), open: false }]);
  });

  test.each(["*", ""])("takes a matcher %j, which is for every tool", (matcher) => {
    const all = (text: string) => {
      const settings = JSON.parse(text) as { hooks: Record<string, { matcher?: string }[]> };
      for (const entry of settings.hooks.PreToolUse ?? []) entry.matcher = matcher;
      return JSON.stringify(settings);
    };
    expect(warned("claude-code", all)).toBe("");
  });

  test.each([
    ["claude-code", "every call is refused"],
    ["codex", "the tool runs"],
    ["gemini", "the tool runs"],
    ["cursor", "every call is refused"],
  ] as const)("says of %s what becomes of calls when the program is gone", (agent, words) => {
    const program = ["/opt/my node/bin/node", "/opt/countersign/main.js"];
    const settings = settingsOf(agent, { ...PLAN, program });
    if (typeof settings.content === "string") throw new Error(`${agent} is not merged`);
    const text = compact(withHooks(NOTHING, agent, settings.content));
    for (const gone of program) {
      const told = agentWarnings(
        agent,
        settings,
        text,
        () => WAIT_MS,
        (path) => path !== gone,
      );
      expect(told).not.toEqual([]);
      for (const { says, open } of told) {
        expect(says).toContain(`${gone}, which is not there`);
        expect(says).toContain(words);
        expect(open).toBe(words === "the tool runs");
      }
    }
    expect(
      agentWarnings(
        agent,
        settings,
        text,
        () => WAIT_MS,
        (path) => program.includes(path),
      ),
    ).toEqual([]);
  });

  test("says nothing of agents that were never set up", () => {
    for (const agent of AGENTS)
      expect(
        agentWarnings(
          agent,
          settingsOf(agent, PLAN),
          null,
          () => WAIT_MS,
          () => true,
        ),
      ).toEqual([]);
  });
});

test("the actions of agents' tools are added where they are missing, and what is there stays as it is", async () => {
  const place = mkdtempSync(join(tmpdir(), "cs-tools-"));
  const file = join(place, "countersign.yaml");
  writeFileSync(file, "# mine\nactions:\n  shell: { caller: true, timeout: 5m } # short\n");
  const added = ["file_write", "web_fetch", "mcp_tool", "mcp_tool_definition", "tool"];
  expect(await addToolActions(file)).toEqual(added);
  const text = readFileSync(file, "utf8");
  expect(text).toContain("# mine");
  expect(parse(text).actions.shell).toEqual({ caller: true, timeout: "5m" });
  expect(await addToolActions(file)).toEqual([]);
  const { actions } = await loadConfiguration(file, { PATH: process.env.PATH });
  expect([...actions.keys()]).toEqual(["shell", ...added]);
  rmSync(place, { recursive: true });
});

test("an action that was written before its params were known is named, with what it lacks", async () => {
  const place = mkdtempSync(join(tmpdir(), "cs-tools-"));
  const file = join(place, "countersign.yaml");
  expect(await toolActionGaps(file)).toEqual([]);
  writeFileSync(file, `actions:\n${TOOL_ACTIONS}`);
  expect(await toolActionGaps(file)).toEqual([]);
  const { actions } = parse(`actions:\n${TOOL_ACTIONS}`);
  delete actions.mcp_tool.params.properties.hints;
  // What takes anything refuses nothing.
  actions.tool = { caller: true };
  actions.shell.params = { type: "object" };
  writeFileSync(file, JSON.stringify({ actions }));
  expect(await toolActionGaps(file)).toEqual([
    expect.stringMatching(/mcp_tool .* hints: \{ type: object \}\.$/),
  ]);
  rmSync(place, { recursive: true });
});
