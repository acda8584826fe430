import { SdkError, SdkErrorCode, type Tool } from "@modelcontextprotocol/client";
import { Fault } from "../../core/codes.ts";
import { jsonDigest } from "../../document/digest.ts";
import type { Hints } from "../agent/tool-call.ts";
import { type Definition, definitionOf, hintsOf, shownAs, stricterHints } from "./definition.ts";
import type { Pins } from "./pins.ts";
import type { Upstream } from "./upstream.ts";

/** A tool of a server, as the gateway offers it. */
export interface OfferedTool {
  readonly upstream: Upstream;
  /** As its server calls it. */
  readonly name: string;
  /** As agents are shown it: as it was accepted, however it is described now. */
  readonly shown: Tool;
  readonly accepted: Definition;
  readonly current: Definition;
  readonly hints: Hints;
  /** Whether its description still has to be accepted. */
  readonly changed: boolean;
}

/** The tools of one server, held against what was accepted of them. */
export interface Catalogue {
  /** Asks the server. Gives upstream_unreachable, pins_damaged. */
  list(): Promise<{ readonly tools: readonly OfferedTool[]; readonly rest: Record<string, unknown> }>;
  /** As the server listed it last; null where it has no such tool. */
  find(name: string): Promise<OfferedTool | null>;
  /** Takes over how a tool is described now. Gives pins_damaged. */
  accept(tool: OfferedTool): void;
  /** What was listed is not what is there now. */
  forget(): void;
}

/** Shorter than clients wait for what there is to call: one server that is silent must not hide the others' tools. */
const LIST_MS = 20_000;

export function createCatalogue(
  upstream: Upstream,
  pins: Pins,
  onError: (error: Error) => void,
  list_ms = LIST_MS,
): Catalogue {
  let listed: { readonly generation: number; readonly tools: readonly Tool[] } | null = null;

  function ask() {
    return upstream.use(async (client) => {
      const { generation } = upstream;
      if (client.getServerCapabilities()?.tools === undefined) return { tools: [], rest: {} };
      const options = { cacheMode: "bypass", timeout: list_ms } as const;
      const { tools, ...rest } = await client.listTools(undefined, options).catch((cause: unknown) => {
        const isSilent = cause instanceof SdkError && cause.code === SdkErrorCode.RequestTimeout;
        if (!isSilent) throw cause;
        const message = `${upstream.name} does not say what tools it has.`;
        throw new Fault("upstream_unreachable", message, undefined, { cause });
      });
      listed = { generation, tools };
      return { tools, rest };
    });
  }

  /** What is seen for the first time is accepted as it is. */
  function compare(tools: readonly Tool[]): readonly OfferedTool[] {
    const described = tools.flatMap((tool) => {
      const current = definitionIn(tool);
      return current === null ? [] : [{ tool, current }];
    });
    const pinned = pins.see(described.map(({ current }) => current));
    return described.map(({ tool, current }) => offered(tool, current, pinned.get(tool.name) ?? current));
  }

  function offered(tool: Tool, current: Definition, accepted: Definition): OfferedTool {
    const changed = jsonDigest(accepted) !== jsonDigest(current);
    return {
      upstream,
      name: tool.name,
      shown: changed ? shownAs(tool, accepted) : tool,
      accepted,
      current,
      hints: stricterHints(hintsOf(accepted), hintsOf(current)),
      changed,
    };
  }

  function definitionIn(tool: Tool): Definition | null {
    try {
      return definitionOf(tool);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      onError(new Error(`The tool ${tool.name} of ${upstream.name} is left out: ${error.message}`));
      return null;
    }
  }

  return {
    async list() {
      const { tools, rest } = await ask();
      return { tools: compare(tools), rest };
    },

    async find(name) {
      const known = upstream.isConnected && listed?.generation === upstream.generation ? listed.tools : [];
      const has = (one: Tool) => one.name === name;
      const tool = known.find(has) ?? (await ask()).tools.find(has);
      return tool === undefined ? null : (compare([tool])[0] ?? null);
    },

    accept: ({ current }) => pins.accept(current),

    forget() {
      listed = null;
    },
  };
}
