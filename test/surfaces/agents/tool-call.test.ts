import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { actionOf, approvedInput, isHarmless, isSameCall } from "../../../src/surfaces/agent/tool-call.ts";

const call = (tool: string, input: JsonObject, more: { server?: string } = {}) => ({
  tool,
  input,
  cwd: "/src",
  ...more,
});

describe("a tool call as an action", () => {
  test.each([
    ["Bash", { command: "ls" }, "shell", { tool: "Bash", cwd: "/src", command: "ls" }],
    [
      "run_shell_command",
      { command: "ls", description: "look" },
      "shell",
      { tool: "run_shell_command", cwd: "/src", command: "ls", input: { description: "look" } },
    ],
    [
      "Write",
      { file_path: "/a", content: "x" },
      "file_write",
      { tool: "Write", cwd: "/src", path: "/a", input: { content: "x" } },
    ],
    [
      "apply_patch",
      { input: "*** Begin" },
      "file_write",
      { tool: "apply_patch", cwd: "/src", input: { input: "*** Begin" } },
    ],
    [
      "WebFetch",
      { url: "https://a.example" },
      "web_fetch",
      { tool: "WebFetch", cwd: "/src", url: "https://a.example" },
    ],
    [
      "mcp__mail__send",
      { to: "a" },
      "mcp_tool",
      { server: "mail", tool: "send", cwd: "/src", input: { to: "a" } },
    ],
    ["Bash", { command: ["ls"] }, "tool", { tool: "Bash", cwd: "/src", input: { command: ["ls"] } }],
    ["Agent", { prompt: "go" }, "tool", { tool: "Agent", cwd: "/src", input: { prompt: "go" } }],
  ])("%s %j is %s", (tool, input, kind, params) => {
    expect(actionOf(call(tool, input as JsonObject))).toMatchObject({ kind, params });
  });

  test("with the server known, a tool's name is the server's own, whatever it looks like", () => {
    const { kind, params, title } = actionOf(call("mcp__x__delete", { id: 1 }, { server: "mail" }));
    expect({ kind, params }).toEqual({
      kind: "mcp_tool",
      params: { server: "mail", tool: "mcp__x__delete", cwd: "/src", input: { id: 1 } },
    });
    expect(title).toBe("mail: mcp__x__delete");
  });

  test.each([
    ["ls", "Bash: ls"],
    ["ls\n", "Bash: ls"],
    ["ls\nrm -rf /", "Bash: ls (and 1 more line)"],
    ["ls\r\n\rrm -rf /", "Bash: ls (and 2 more lines)"],
  ])("a title says of %j that there is more", (command, title) => {
    expect(actionOf(call("Bash", { command })).title).toBe(title);
  });

  test("a title that is cut says so, and keeps what there is more", () => {
    const { title } = actionOf(call("Bash", { command: `echo ${"x".repeat(300)}; rm -rf /\nls` }));
    expect(title).toHaveLength(200);
    expect(title).toMatch(/x… \(and 1 more line\)$/);
  });

  test("a long title is cut to what has a canonical form", () => {
    for (const length of [190, 191, 192, 193, 194]) {
      const { title } = actionOf(call("Bash", { command: "x".repeat(length) + "😀".repeat(10) }));
      expect(title.isWellFormed()).toBe(true);
    }
  });

  const names = fc.constantFrom(
    "Bash",
    "Write",
    "Edit",
    "WebFetch",
    "mcp__a__b",
    "Agent",
    "run_shell_command",
  );
  const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string()));
  const inputs = fc.dictionary(
    fc.oneof(
      fc.constantFrom("command", "file_path", "path", "url", "input", "tool", "cwd", "resume"),
      fc.string(),
    ),
    value,
  );

  test("what was approved unchanged is what was called, whatever it was", () => {
    fc.assert(
      fc.property(names, inputs, (tool, input) => {
        const plain = JSON.parse(JSON.stringify(input)) as JsonObject;
        const asked = call(tool, plain);
        expect(approvedInput(asked, actionOf(asked).params)).toEqual(plain);
      }),
    );
  });

  test("what a person changed in the command or its input is changed, and nothing else can be", () => {
    const asked = call("Bash", { command: "ls", description: "look" });
    const { params } = actionOf(asked);
    expect(approvedInput(asked, { ...params, command: "ls -l" })).toEqual({
      command: "ls -l",
      description: "look",
    });
    expect(approvedInput(asked, { ...params, input: { timeout: 5 } })).toEqual({ command: "ls", timeout: 5 });
    expect(approvedInput(asked, { ...params, cwd: "/elsewhere" })).toBeNull();
    expect(approvedInput(asked, { ...params, tool: "Write" })).toBeNull();
    expect(approvedInput(asked, { ...params, more: 1 })).toBeNull();
    expect(approvedInput(asked, { ...params, input: "text" })).toBeNull();
  });

  test("only reading is harmless, and never a server's tool", () => {
    expect(isHarmless(call("Read", {}))).toBe(true);
    expect(isHarmless(call("get_goal", {}))).toBe(true);
    expect(isHarmless(call("Write", {}))).toBe(false);
    expect(isHarmless(call("write_stdin", {}))).toBe(false);
    expect(isHarmless(call("mcp__x__read", {}))).toBe(false);
    expect(isHarmless(call("read", {}, { server: "x" }))).toBe(false);
  });

  test("the same call is the same wherever the shell was", () => {
    expect(isSameCall({ a: { b: [1] }, cwd: "/x" }, { a: { b: [1] } })).toBe(true);
    expect(isSameCall({ a: { b: [1] } }, { a: { b: [2] } })).toBe(false);
    expect(isSameCall({ a: [] }, { a: {} })).toBe(false);
  });
});
