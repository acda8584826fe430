import type { Json, JsonObject } from "../../core/json.ts";
import type { AgentName } from "../hooks/dialects.ts";
import { renderPlugin } from "./opencode-plugin.ts";

/** Where an agent keeps its hooks, and what we put there. */
export interface AgentSettings {
  /** Absolute. */
  readonly file: string;
  /** Its hooks by event, to be merged into a file that is the agent's; or the whole text of a file that is ours. */
  readonly content:
    | { readonly hooks: Readonly<Record<string, JsonObject>>; readonly beside: JsonObject }
    | string;
  /** What else the person has to do or know, in sentences. */
  readonly notes: readonly string[];
}

export interface SetupPlan {
  /** The words that start this program. */
  readonly program: readonly string[];
  readonly vault: string;
  /** Where the daemon keeps its state, where that is not the usual place. */
  readonly state: string | null;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The project's folder, where the hooks are for it alone. */
  readonly project: string | null;
  /** How long the hook waits, where it is not the usual day. */
  readonly timeout: { readonly text: string; readonly ms: number } | null;
  /** Beside the agent's own dialog, in place of before every call; only where the agent has a hook for that. */
  readonly dialog: boolean;
}

/** The agents' own limit stays behind our wait by this much: where it expires, most of them run the tool. */
const BEHIND_MS = 60_000;
const USUAL_LIMIT_S = 86_400;
const STATUS = "Waiting for approval";

/**
 * What is not asked about: it reads, keeps lists, or starts what is asked about by itself. Every other name is gated, so
 * that a tool that comes with a later version of the agent is not let through.
 */
const CLAUDE_TOOLS = allBut(
  "Read LS Glob Grep NotebookRead LSP ToolSearch WebSearch ReadNotifications WaitForMcpServers",
  "ListMcpResourcesTool ListMcpResources ReadMcpResourceTool ReadMcpResource",
  "ReadMcpResourceDirTool ReadMcpResourceDir",
  "TodoRead TodoWrite TaskCreate TaskGet TaskList TaskUpdate SetGoal ProposeGoal ReportFindings",
  "Agent Task ListAgents ListPeers TaskOutput AgentOutput AgentOutputTool TaskStop KillBash KillShell",
  "BashOutput BashOutputTool SubagentHandback StructuredOutput EndConversation",
  "AskUserQuestion SendUserMessage Brief EnterPlanMode ExitPlanMode CronList ScheduleWakeup",
);
const GEMINI_TOOLS = allBut(
  "read_file read_many_files list_directory glob grep_search search_file_content google_web_search",
  "get_internal_docs cli_help list_mcp_resources read_mcp_resource write_todos update_topic complete_task",
  "tracker_add_dependency tracker_create_task tracker_get_task tracker_list_tasks tracker_update_task",
  "tracker_visualize list_background_processes read_background_output invoke_agent codebase_investigator",
  "activate_skill ask_user enter_plan_mode exit_plan_mode",
);
/** Commands and MCP tools have events of their own. */
const CURSOR_TOOLS =
  "^(?:Write|Edit|StrReplace|MultiEdit|EditNotebook|NotebookEdit|ApplyPatch|Delete|WriteShellStdin|Fetch|WebFetch|ComputerUse)$";

function allBut(...names: readonly string[]): string {
  return `^(?!(?:${names.join(" ").replaceAll(" ", "|")})$).+`;
}

export function settingsOf(agent: AgentName, plan: SetupPlan): AgentSettings {
  const { program, vault, state, timeout, dialog } = plan;
  const words = [
    ...program,
    "hook",
    agent,
    "--vault",
    vault,
    ...(state === null ? [] : ["--state", state]),
    ...(timeout === null ? [] : ["--timeout", timeout.text]),
  ];
  const [command = "", ...args] = words;
  const shell = words.map(quoted).join(" ");
  const limit_s = timeout === null ? USUAL_LIMIT_S : Math.ceil((timeout.ms + BEHIND_MS) / 1_000);
  const place = placeOf(agent, plan);
  switch (agent) {
    case "claude-code": {
      const ours = { type: "command", command, args };
      const after = { hooks: [{ ...ours, timeout: 30 }] };
      return {
        file: place,
        content: {
          beside: {},
          hooks: {
            ...(dialog
              ? {
                  // A hook that fails leaves the person with the dialog.
                  PermissionRequest: {
                    matcher: CLAUDE_TOOLS,
                    hooks: [{ ...ours, timeout: limit_s, statusMessage: STATUS }],
                  },
                  Stop: after,
                }
              : {
                  PreToolUse: {
                    matcher: CLAUDE_TOOLS,
                    hooks: [{ ...ours, timeout: limit_s, onFailure: "block", statusMessage: STATUS }],
                  },
                }),
            PostToolUse: { matcher: CLAUDE_TOOLS, ...after },
            PostToolUseFailure: { matcher: CLAUDE_TOOLS, ...after },
            SessionEnd: { hooks: [{ ...ours, timeout: 10 }] },
          },
        },
        notes: [
          ...(dialog
            ? [
                "Only what Claude Code would ask about in its own dialog becomes a note: the rest it lets run.",
              ]
            : []),
          "`claude --bare`, `--safe-mode` and `disableAllHooks` switch hooks off: then nothing is gated.",
        ],
      };
    }
    case "codex": {
      const hook = { type: "command", command: shell };
      return {
        file: place,
        content: {
          beside: {},
          hooks: {
            PreToolUse: { matcher: "*", hooks: [{ ...hook, timeout: limit_s, statusMessage: STATUS }] },
            PermissionRequest: {
              matcher: "*",
              hooks: [{ ...hook, timeout: limit_s, statusMessage: STATUS }],
            },
            PostToolUse: { matcher: "*", hooks: [{ ...hook, timeout: 30 }] },
          },
        },
        notes: [
          "Codex skips hooks that are not trusted: start it, and trust them under /hooks.",
          "Codex asks no hook about what it types into a program that still runs: do not approve a shell or an interpreter that waits for input.",
        ],
      };
    }
    case "gemini": {
      const hook = { type: "command", name: "countersign", command: shell };
      return {
        file: place,
        content: {
          beside: {},
          hooks: {
            BeforeTool: { matcher: GEMINI_TOOLS, hooks: [{ ...hook, timeout: limit_s * 1_000 }] },
            AfterTool: { matcher: GEMINI_TOOLS, hooks: [{ ...hook, timeout: 30_000 }] },
            SessionEnd: { matcher: "*", hooks: [{ ...hook, timeout: 10_000 }] },
          },
        },
        notes: [
          "Gemini asks by its own rules as well: `--approval-mode yolo`, or a rule that allows these tools, leaves it to the hook.",
        ],
      };
    }
    case "cursor": {
      const gate = { command: shell, timeout: limit_s, failClosed: true };
      const after = { command: shell, timeout: 30 };
      return {
        file: place,
        content: {
          beside: { version: 1 },
          hooks: {
            beforeShellExecution: gate,
            beforeMCPExecution: gate,
            preToolUse: { ...gate, matcher: CURSOR_TOOLS },
            afterShellExecution: after,
            afterMCPExecution: after,
            postToolUse: { ...after, matcher: CURSOR_TOOLS },
          },
        },
        notes: [
          "Cursor lets no hook change a command: an approval with changes is told to the agent as a no.",
        ],
      };
    }
    case "copilot": {
      const hook = { type: "command", exec: command, args };
      const text = {
        version: 1,
        hooks: {
          preToolUse: [{ ...hook, timeoutSec: limit_s }],
          postToolUse: [{ ...hook, timeoutSec: 30 }],
          sessionEnd: [{ ...hook, timeoutSec: 10 }],
        },
      };
      return {
        file: place,
        content: `${JSON.stringify(text, null, 2)}\n`,
        notes: ["Copilot runs the tool when a hook takes longer than `timeoutSec`: do not lower it."],
      };
    }
    case "opencode":
      return {
        file: place,
        content: renderPlugin(words),
        notes: ["The plug-in gates every tool but those that only read."],
      };
  }
}

function placeOf(agent: AgentName, { home, env, project }: SetupPlan): string {
  const config = env.XDG_CONFIG_HOME ?? `${home}/.config`;
  switch (agent) {
    case "claude-code":
      return `${project === null ? (env.CLAUDE_CONFIG_DIR ?? `${home}/.claude`) : `${project}/.claude`}/settings.json`;
    case "codex":
      return `${project === null ? (env.CODEX_HOME ?? `${home}/.codex`) : `${project}/.codex`}/hooks.json`;
    case "gemini":
      return `${project ?? home}/.gemini/settings.json`;
    case "cursor":
      return `${project ?? home}/.cursor/hooks.json`;
    case "copilot":
      return project === null
        ? `${env.COPILOT_HOME ?? `${home}/.copilot`}/hooks/countersign.json`
        : `${project}/.github/hooks/countersign.json`;
    case "opencode":
      return `${project === null ? `${config}/opencode` : `${project}/.opencode`}/plugin/countersign.js`;
  }
}

/** Whether an entry, or a whole file, holds what we wrote, at whatever time and with whichever options. */
export function isOurs(entry: Json, agent: AgentName): boolean {
  const text = typeof entry === "string" ? entry : JSON.stringify(entry);
  return text.includes(`"hook","${agent}","--vault"`) || text.includes(` hook ${agent} --vault `);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
