import type { Json, JsonObject } from "../../core/json.ts";
import type { Action } from "../sdk/countersign.ts";

/** One call of a tool by an agent, before it is made. */
export interface ToolCall {
  /** As the agent names it. */
  readonly tool: string;
  readonly input: JsonObject;
  readonly cwd: string | null;
  /** The MCP server that has the tool, where that is known; then the tool's name is the server's own. */
  readonly server?: string;
  /** What the server says of the tool, where that is known. */
  readonly hints?: Hints;
}

/** What an MCP server says of a tool: as much to be believed as the server. */
export interface Hints extends JsonObject {
  readonly read_only: boolean;
  readonly destructive: boolean;
  readonly idempotent: boolean;
  readonly open_world: boolean;
}

/** Which tools are which kind, by names as the agents have them, in lower case. */
const TOOLS: Readonly<Record<string, readonly string[]>> = {
  shell: [
    "bash",
    "shell",
    "powershell",
    "run_shell_command",
    "exec_command",
    "local_shell",
    "run_in_terminal",
  ],
  file_write: [
    "write",
    "edit",
    "multiedit",
    "notebookedit",
    "write_file",
    "replace",
    "create",
    "str_replace",
    "strreplace",
    "str_replace_editor",
    "editnotebook",
    "insert",
    "apply_patch",
    "applypatch",
    "patch",
    "delete",
  ],
  web_fetch: ["webfetch", "web_fetch", "fetch"],
};

/** The param that a person and the policy look at first, and the names that agents have for it. */
const SUBJECTS: Readonly<Record<string, { readonly param: string; readonly names: readonly string[] }>> = {
  shell: { param: "command", names: ["command"] },
  file_write: { param: "path", names: ["file_path", "filePath", "path", "notebook_path", "filename"] },
  web_fetch: { param: "url", names: ["url"] },
};

/** Reading files and keeping lists of one's own: nobody needs to be asked about these, and nothing is recorded. */
const HARMLESS: ReadonlySet<string> = new Set([
  "read",
  "read_file",
  "view",
  "glob",
  "grep",
  "rg",
  "ls",
  "list",
  "list_directory",
  "search_file_content",
  "grep_search",
  "todowrite",
  "todoread",
  "write_todos",
  "update_todo",
  "report_intent",
  "read_bash",
  "list_bash",
  "read_agent",
  "list_agents",
  "view_image",
  "update_plan",
  "get_goal",
  "create_goal",
  "update_goal",
  "request_user_input",
]);

const TITLE_LIMIT = 200;

export function isHarmless({ tool, server }: ToolCall): boolean {
  return server === undefined && HARMLESS.has(tool.toLowerCase());
}

/** The call as an action: what the note shows, what the policy judges, and what an approval is bound to. */
export function actionOf(call: ToolCall): Required<Pick<Action, "kind" | "params" | "title">> {
  const { kind, tool, server } = kindOf(call);
  const known = {
    ...(call.cwd !== null && { cwd: call.cwd }),
    ...(call.hints !== undefined && { hints: call.hints }),
  };
  const at = server === undefined ? { tool, ...known } : { server, tool, ...known };
  const subject = subjectOf(kind, call.input);
  if (subject === null) {
    const title = titleOf(server === undefined ? tool : `${server}: ${tool}`);
    return { kind, params: { ...at, input: call.input }, title };
  }
  const { param, name, value } = subject;
  const { [name]: _, ...rest } = call.input;
  const more = Object.keys(rest).length === 0 ? {} : { input: rest };
  return { kind, params: { ...at, [param]: value, ...more }, title: titleOf(`${tool}: ${value.trim()}`) };
}

/** The first line, and that there is more where there is: what comes behind may be what matters. */
export function titleOf(text: string): string {
  const [first = "", ...others] = text.split(/\r\n|[\n\r\u2028\u2029]/);
  const count = others.length;
  const more = count === 0 ? "" : ` (and ${count} more ${count === 1 ? "line" : "lines"})`;
  const room = TITLE_LIMIT - more.length;
  return (first.length <= room ? first + more : `${first.slice(0, room - 1)}…${more}`).toWellFormed();
}

/**
 * The tool's input as it was approved. Null where a person changed what is not the input's, such as the tool itself or
 * the folder: no agent can be made to do that.
 */
export function approvedInput(call: ToolCall, params: JsonObject): JsonObject | null {
  const asked = actionOf(call);
  const subject = subjectOf(asked.kind, call.input);
  // `resume` tells how a deferred call goes on; it is nothing of the call.
  const own = new Set(["input", "resume", ...(subject === null ? [] : [subject.param])]);
  const strange = Object.keys({ ...params, ...asked.params }).some(
    (name) => !own.has(name) && !same(params[name], asked.params[name]),
  );
  const rest = params.input ?? {};
  if (strange || typeof rest !== "object" || Array.isArray(rest)) return null;
  if (subject === null) return rest as JsonObject;
  return { [subject.name]: params[subject.param] ?? "", ...(rest as JsonObject) };
}

/** Whether two actions are the same call, wherever the agent's shell was at the time. */
export function isSameCall(one: JsonObject, other: JsonObject): boolean {
  const { cwd: _, ...first } = one;
  const { cwd: __, ...second } = other;
  return same(first, second);
}

function kindOf({ tool, server, input }: ToolCall): { kind: string; tool: string; server?: string } {
  // Any name is a tool's own, also one of the form that agents give it: another one of that server must not be meant.
  if (server !== undefined) return { kind: "mcp_tool", tool, server };
  const [, inName, rest] = /^mcp__(.+?)__(.+)$/s.exec(tool) ?? [];
  if (inName !== undefined && rest !== undefined) return { kind: "mcp_tool", tool: rest, server: inName };
  const known = Object.entries(TOOLS).find(([, names]) => names.includes(tool.toLowerCase()))?.[0];
  // Without its command a shell call is no shell call that a rule about commands could judge.
  if (known === undefined || (known !== "file_write" && subjectOf(known, input) === null)) {
    return { kind: "tool", tool };
  }
  return { kind: known, tool };
}

function subjectOf(kind: string, input: JsonObject): { param: string; name: string; value: string } | null {
  const subject = SUBJECTS[kind];
  const name = subject?.names.find((one) => typeof input[one] === "string" && input[one] !== "");
  if (subject === undefined || name === undefined) return null;
  return { param: subject.param, name, value: input[name] as string };
}

function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => same((one as JsonObject)[name], (other as JsonObject)[name]));
}
