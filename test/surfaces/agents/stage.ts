import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventType } from "../../../src/core/event.ts";
import type { EventView } from "../../../src/core/event-view.ts";
import type { RequestView } from "../../../src/core/view.ts";
import {
  buildProgram,
  call,
  countersign,
  type DaemonProcess,
  launch,
  type Program,
  type Ran,
} from "../../crash/daemon-process.ts";

const SETTINGS = `
git: off
settle: 0s
actions:
`;
const ACTIONS = `  pay:
    run: [sh, -c, "cat >/dev/null; echo '{\\"paid\\": true}'"]
    params: { type: object, properties: { cents: { type: integer } }, additionalProperties: false }
  shell: { caller: true, editable: [command, argv] }
  file_write: { caller: true, editable: [input] }
  mcp_tool: { caller: true, editable: [input] }
  tool: { caller: true }
`;

const OPEN: ReadonlySet<string> = new Set(["pending", "approved", "executing", "outcome_unknown"]);

/** A real daemon, the program as it is shipped, and a person who decides at its other socket. */
export interface AgentStage {
  readonly program: Program;
  readonly place: string;
  readonly vault: string;
  readonly env: NodeJS.ProcessEnv;
  agentSocket(): string;
  /** The daemon's state directory, once it has been started. */
  state(): string;
  /** Where the daemon serves TCP, if its configuration says so. */
  port(): Promise<number>;
  cs(...words: string[]): Promise<Ran>;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** The next request to which this happens, counted from the last one that was told. */
  next(event: EventType): Promise<EventView>;
  /** The next request that a person is asked about. */
  asked(): Promise<EventView>;
  show(id: string): Promise<RequestView>;
  open(): Promise<readonly RequestView[]>;
  say(
    id: string,
    verb: "approve" | "reject" | "request_changes",
    more?: { reviewer?: string; reason?: string; set?: object },
  ): Promise<void>;
  remove(): Promise<void>;
}

export async function openAgentStage(policy?: string, actions = ACTIONS): Promise<AgentStage> {
  const configuration = `${SETTINGS}${actions}`;
  const program = buildProgram();
  const place = mkdtempSync(join(tmpdir(), "cs-agents-"));
  const vault = join(place, "vault");
  const config = join(place, "countersign.yaml");
  mkdirSync(join(vault, "Pending_Approval"), { recursive: true });
  writeFileSync(config, policy === undefined ? configuration : `${configuration}policy: ./policy.yaml\n`);
  if (policy !== undefined) writeFileSync(join(place, "policy.yaml"), policy);
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: place,
    USER: "agent",
    COUNTERSIGN_VAULT: vault,
    COUNTERSIGN_CONFIG: config,
    NODE_COMPILE_CACHE: program.compiled,
  };
  let daemon: DaemonProcess;
  let sockets = { agent: "", reviewer: "" };
  let state = "";
  let seen = 0;

  async function reviewer(method: string, path: string, body?: object) {
    const answer = await call(sockets.reviewer, method, path, body);
    if (answer === null || answer.status >= 400) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer.body;
  }

  const stage: AgentStage = {
    program,
    place,
    vault,
    env,
    agentSocket: () => sockets.agent,
    state: () => state,
    port: async () => Number((await daemon.logged(/"port":(\d+)/))[1]),
    cs: (...words) => countersign(program, words, env),

    async start() {
      daemon = launch(program, vault, env);
      if (!(await daemon.ready)) throw new Error(daemon.log());
      ({ sockets, state } = JSON.parse(daemon.said()) as { sockets: typeof sockets; state: string });
    },

    async stop(signal = "SIGTERM") {
      daemon.signal(signal);
      await daemon.ended;
    },

    next(event) {
      return new Promise((resolve, reject) => {
        const path = `/v1/events?after=${seen}`;
        const asked = httpRequest({ socketPath: sockets.reviewer, path, agent: false }, (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (part) => {
            text += part;
            for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
              const line = text.slice(0, end);
              text = text.slice(end + 1);
              if (!line.startsWith("data:")) continue;
              const told = JSON.parse(line.slice(5)) as EventView;
              if (told.event !== event || told.seq <= seen) continue;
              seen = told.seq;
              resolve(told);
              asked.destroy();
              return;
            }
          });
          answer.on("close", () => reject(new Error(`the events ended without ${event}`)));
          answer.on("error", () => {});
        });
        asked.on("error", reject);
        asked.end();
      });
    },

    async asked() {
      for (;;) {
        const told = await stage.next("submitted");
        const { verdict } = await stage.show(told.id);
        if (verdict === null || verdict.says === "require_approval") return told;
      }
    },

    show: async (id) => (await reviewer("GET", `/v1/requests/${id}`)) as unknown as RequestView,
    async open() {
      const { requests } = await reviewer("GET", "/v1/requests");
      // What has just ended is listed until its note is put away.
      return (requests as RequestView[]).filter(({ status }) => OPEN.has(status));
    },

    async say(id, verb, more = {}) {
      await reviewer("POST", `/v1/requests/${id}/decide`, { verb, reviewer: "anna", via: "cli", ...more });
    },

    async remove() {
      daemon?.signal("SIGTERM");
      await daemon?.ended;
      program.remove();
      rmSync(place, { recursive: true, force: true });
    },
  };
  return stage;
}
