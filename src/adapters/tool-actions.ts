import { chmod, copyFile, readFile, rename, stat, writeFile } from "node:fs/promises";
import { parse, parseDocument } from "yaml";
import { Fault } from "../core/codes.ts";

/** What coding agents do by themselves, as the actions that their hooks ask for. */
export const TOOL_ACTIONS = `  # What coding agents do with their own tools (countersign setup claude-code, codex, gemini …): each call waits for a
  # person, who may change what is editable, and the agent carries it out. Rules of the policy can let harmless ones pass.
  shell:
    caller: true
    timeout: 1h
    tags: [agent_tool]
    editable: [command]
    next_effect: the agent runs this command
    params:
      type: object
      additionalProperties: false
      properties:
        tool: { type: string }
        cwd: { type: string }
        command: { type: string }
        argv: { type: array, items: { type: string } }
        input: { type: object }
        resume: { type: string }
  file_write:
    caller: true
    timeout: 1h
    tags: [agent_tool]
    editable: [input]
    next_effect: the agent writes this file
    params:
      type: object
      additionalProperties: false
      properties:
        tool: { type: string }
        cwd: { type: string }
        path: { type: string }
        input: { type: object }
        resume: { type: string }
  web_fetch:
    caller: true
    timeout: 1h
    tags: [agent_tool]
    next_effect: the agent fetches this page
    params:
      type: object
      additionalProperties: false
      properties:
        url: { type: string }
        tool: { type: string }
        cwd: { type: string }
        input: { type: object }
        resume: { type: string }
  mcp_tool:
    caller: true
    timeout: 1h
    tags: [agent_tool]
    editable: [input]
    next_effect: the agent calls this tool of an MCP server
    params:
      type: object
      additionalProperties: false
      properties:
        server: { type: string }
        tool: { type: string }
        cwd: { type: string }
        input: { type: object }
        resume: { type: string }
        hints: # what the server says of the tool, where the gateway asks
          type: object
          additionalProperties: false
          required: [read_only, destructive, idempotent, open_world]
          properties:
            read_only: { type: boolean }
            destructive: { type: boolean }
            idempotent: { type: boolean }
            open_world: { type: boolean }
  mcp_tool_definition: # asked by the gateway where a tool is described in another way than before
    caller: true
    timeout: 1h
    tags: [agent_tool]
    next_effect: agents may use this tool as it is described now
    params:
      type: object
      additionalProperties: false
      required: [server, tool, changed, sha256]
      properties:
        server: { type: string }
        tool: { type: string }
        changed: { type: object }
        sha256: { type: string }
  tool:
    caller: true
    timeout: 1h
    tags: [agent_tool]
    editable: [input]
    next_effect: the agent calls this tool
    params:
      type: object
      additionalProperties: false
      properties:
        tool: { type: string }
        cwd: { type: string }
        input: { type: object }
        resume: { type: string }
`;

/** Adds those of the actions that the file does not have, keeping its comments, and gives their names. Gives config_missing. */
export async function addToolActions(file: string): Promise<readonly string[]> {
  const text = await readConfiguration(file);
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new Fault("config_invalid", `${file} cannot be read as YAML.`);
  const added = Object.entries(wantedActions()).filter(([kind]) => !document.hasIn(["actions", kind]));
  if (added.length === 0) return [];
  for (const [kind, action] of added) document.setIn(["actions", kind], document.createNode(action));
  await copyFile(file, `${file}.before-setup`);
  const beside = `${file}.${process.pid}.tmp`;
  await writeFile(beside, document.toString({ lineWidth: 0 }), { mode: 0o600 });
  await chmod(beside, (await stat(file)).mode & 0o777);
  await rename(beside, file);
  return added.map(([kind]) => kind);
}

/** Which of the file's actions refuse what agents' tools are asked about with, in sentences; none without a file. */
export async function toolActionGaps(file: string): Promise<readonly string[]> {
  const text = await readConfiguration(file).catch(() => "");
  const { actions } = (parseDocument(text).toJS() ?? {}) as { actions?: Record<string, Partial<Shaped>> };
  return Object.entries(wantedActions()).flatMap(([kind, { params }]) => {
    const known = actions?.[kind]?.params;
    if (known?.additionalProperties !== false) return [];
    const lacking = Object.entries(params.properties).filter(([name]) => !(name in (known.properties ?? {})));
    if (lacking.length === 0) return [];
    const lines = lacking.map(([name, { type }]) => `${name}: { type: ${type} }`).join(", ");
    return `${file}: ${kind} refuses calls that come with what it does not know; its params.properties lack ${lines}.`;
  });
}

interface Shaped {
  readonly params: {
    readonly additionalProperties?: unknown;
    readonly properties: Readonly<Record<string, { readonly type: string }>>;
  };
}

function wantedActions(): Readonly<Record<string, Shaped>> {
  return (parse(`actions:\n${TOOL_ACTIONS}`) as { actions: Record<string, Shaped> }).actions;
}

async function readConfiguration(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new Fault("config_missing", `There is no configuration at ${file}.`, undefined, { cause });
  }
}
