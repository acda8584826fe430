import type { CallToolResult } from "@modelcontextprotocol/server";
import { Fault } from "../../core/codes.ts";
import type { JsonObject } from "../../core/json.ts";
import type { RequestView } from "../../core/view.ts";
import { actionDigest } from "../../document/digest.ts";
import { parseStrictJson } from "../../document/json.ts";
import type { Held, HeldCalls } from "../agent/held-calls.ts";
import type { Requester } from "../agent/requester.ts";
import { actionOf } from "../agent/tool-call.ts";
import type { Action } from "../sdk/countersign.ts";
import { failing, failure, pending, recorded, refusal, underWay } from "./answer.ts";
import { type Carrying, createCarrying, type Running } from "./carrying.ts";
import type { OfferedTool } from "./catalogue.ts";
import { changesOf } from "./definition.ts";
import { type ForwardingPorts, forward } from "./forwarding.ts";
import type { ProgressLine } from "./progress.ts";
import { createTurns } from "./turns.ts";

/** One call of a tool, by one agent. */
interface Call {
  readonly requester: Requester;
  readonly input: JsonObject;
  /** By `performance.now()`. */
  readonly end: number;
  readonly signal: AbortSignal;
  readonly progress: ProgressLine | null;
  /** What the call waits for, as it becomes known; `now` where it should be said at once. */
  readonly waitsFor: (message: string, now: boolean) => void;
}

export interface CallPorts extends ForwardingPorts {
  readonly held: HeldCalls;
  /** Takes over how a tool is described now, and tells the agents. */
  readonly accept: (tool: OfferedTool) => void;
}

export interface Calls {
  /**
   * Puts a call before the policy and, where it says so, a person; then makes it as it was recorded, or says why not.
   * Never rejects for anything of ours; the server's own errors, and the signal's reason, come through.
   */
  call(find: () => Promise<OfferedTool>, call: Call): Promise<CallToolResult>;
  readonly carrying: Carrying;
  /** Resolves when no agent waits for anything any more. */
  idle(): Promise<void>;
}

/** Longer than names are; titles have a limit. */
const NAME_SHOWN = 200;

export function createCalls(ports: CallPorts): Calls {
  const carrying = createCarrying();
  const turns = createTurns();
  const open = new Set<Promise<unknown>>();

  async function gated(find: () => Promise<OfferedTool>, call: Call): Promise<CallToolResult> {
    let tool = await find();
    while (tool.changed) {
      const no = await accepted(tool, call);
      if (no !== null) return no;
      tool = await find();
    }
    const action = actionFor(tool, call.input);
    const slot = JSON.stringify([call.requester.name, actionDigest(action.kind, action.params)]);
    const structured = tool.shown.outputSchema !== undefined;
    const waiting = { end: call.end, signal: call.signal, structured };
    const release = await turns.take(slot);
    try {
      const known = carrying.attachable(slot);
      if (known !== undefined) return await carrying.watch(known, waiting);
      const came = await ask(action, call, release);
      if ("slot" in came) return await carrying.watch(came, waiting);
      const { request, begun } = came;
      if (begun) {
        const running = carrying.byId(request.id);
        if (running === undefined && carrying.hasBegun(request.id)) return underWay(request.id, structured);
        const watched = running ?? start(slot, request, call);
        release();
        return await carrying.watch(watched, waiting);
      }
      if (request.status === "executed") return recorded(request, structured);
      if (request.status === "executing") return underWay(request.id, structured);
      return isOpen(request) ? pending(request, structured) : refusal(request);
    } finally {
      release();
    }
  }

  /** Null once the tool may be used as it is described now. */
  async function accepted(tool: OfferedTool, call: Call): Promise<CallToolResult | null> {
    const server = tool.upstream.name;
    const { sha256, changed } = changesOf(tool.accepted, tool.current);
    const action = {
      kind: "mcp_tool_definition",
      params: { server, tool: tool.name, changed, sha256 },
      title: `${server}: ${tool.name.slice(0, NAME_SHOWN).toWellFormed()} is described in another way than before`,
    };
    const came = await ask(action, call, () => {});
    if ("slot" in came) throw new Error("unreachable: a description is not carried out by anybody else");
    const { request, begun } = came;
    if (begun) {
      const { params } = request;
      const isThis = params.server === server && params.tool === tool.name && params.sha256 === sha256;
      if (!isThis) {
        await ports.report(call.requester, request.id, { failed: "This is not what has changed." });
        return failing(`${request.id} was approved for another description than the tool has.`);
      }
      try {
        ports.accept(tool);
      } catch (error) {
        await ports.report(call.requester, request.id, { failed: "It could not be written down." });
        throw error;
      }
      await ports.report(call.requester, request.id, { result: { accepted: sha256 } });
      return null;
    }
    if (request.status === "executed") return null;
    return isOpen(request) ? pending(request, tool.shown.outputSchema !== undefined) : refusal(request);
  }

  /** Asks, and waits until it is known what may be done; or until another call has begun what both have asked for. */
  async function ask(
    action: Omit<Action, "requester">,
    { requester, signal, end, waitsFor }: Call,
    release: () => void,
  ): Promise<Held | Running> {
    const broken = new AbortController();
    let taken: Running | null = null;
    let leave = () => {};
    try {
      return await ports.held.hold(requester, action, {
        limit_ms: Math.max(0, end - performance.now()),
        signal: AbortSignal.any([signal, broken.signal]),
        onHeld(request) {
          if (request.executor === "daemon") {
            requester.withdraw(request.id, "it cannot be carried out by the gateway").catch(() => {});
            const hint = `Give the action ${request.kind} \`caller: true\` in countersign.yaml.`;
            broken.abort(new Fault("not_caller", undefined, hint));
          }
          leave = carrying.whenStarted(request.id, (running) => {
            taken = running;
            broken.abort(new Error("another call has begun it"));
          });
          if (!needsNobody(request)) {
            // The same call may attach to it from now on.
            release();
            waitsFor(`${request.id} waits for a person: ${request.title}`, true);
          }
        },
      });
    } catch (error) {
      if (taken !== null) return taken;
      throw error;
    } finally {
      leave();
    }
  }

  function start(slot: string, request: RequestView, call: Call): Running {
    const { requester, progress } = call;
    call.waitsFor(`${request.id} is being carried out.`, false);
    return carrying.start({ id: request.id, slot, free: request.decision === null }, (signal) =>
      forward({ request, requester, progress }, ports, signal),
    );
  }

  async function answered(find: () => Promise<OfferedTool>, call: Call): Promise<CallToolResult> {
    try {
      return await gated(find, call);
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof Fault) return failure(error, hintFor(error));
      throw error;
    }
  }

  return {
    carrying,
    call(find, call) {
      const answer = answered(find, call);
      open.add(answer);
      const done = () => void open.delete(answer);
      answer.then(done, done);
      return answer;
    },
    async idle() {
      await Promise.allSettled(open);
    },
  };
}

function actionFor({ upstream, name, hints }: OfferedTool, given: JsonObject) {
  const input = parseStrictJson(JSON.stringify(given)) as JsonObject;
  return actionOf({ tool: name, server: upstream.name, input, cwd: null, hints });
}

function needsNobody({ verdict }: RequestView): boolean {
  return verdict !== null && verdict.says !== "require_approval";
}

function isOpen({ status }: RequestView): boolean {
  return status === "pending" || status === "approved";
}

function hintFor({ code, hint }: Fault): string | undefined {
  if (code === "invalid_params" && hint === new Fault(code).hint) {
    return `${hint} \`countersign doctor\` names what agents' tools lack there.`;
  }
  if (code !== "unknown_kind") return undefined;
  return "`countersign setup claude-code --write` (or another agent's name) adds the actions of agents' tools to countersign.yaml.";
}
