import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../../core/codes.ts";
import type { HeldCalls } from "../agent/held-calls.ts";
import type { Outcome, Requester } from "../agent/requester.ts";
import { type Calls, createCalls } from "./calls.ts";
import { type Catalogue, createCatalogue, type OfferedTool } from "./catalogue.ts";
import { openPins } from "./pins.ts";
import { createSubscriptions, type Subscriptions } from "./subscriptions.ts";
import { checkServerName, type Notice, openUpstream, type Upstream, type UpstreamSpec } from "./upstream.ts";

export interface GatewayOptions {
  readonly version: string;
  readonly upstreams: readonly UpstreamSpec[];
  readonly held: HeldCalls;
  /** An agent at the daemon's socket, by its name. */
  readonly requester: (name: string) => Requester;
  /** The directory for how tools were described when they were accepted. */
  readonly pins: string;
  /** How long a call waits at most; null: what the client is known to allow. */
  readonly limit_ms: number | null;
  readonly heartbeat_ms?: number;
  /** How long a server may take to say what tools it has, and agents wait at the start. */
  readonly patience_ms?: number;
  readonly onError: (error: Error) => void;
}

/** A server behind the gateway, its tools, and what agents want to be told of. */
export interface Place {
  readonly upstream: Upstream;
  readonly catalogue: Catalogue;
  readonly subscriptions: Subscriptions;
}

/** MCP servers behind the policy: what all agents of this process share. */
export interface Gateway {
  readonly options: GatewayOptions;
  /**
   * Connects to the servers, so that it is known what they have; one that cannot be reached now is tried again by the
   * next question. Gives pins_damaged, and usage where a program is not there.
   */
  open(): Promise<void>;
  readonly places: readonly Place[];
  readonly calls: Calls;
  requester(name: string): Requester;
  /** What the servers tell by themselves; the function given ends it. */
  follow(tell: (notice: Notice, from: Upstream) => void): () => void;
  /** Once no agent is there any more: resolves when no call is being made and every outcome is recorded. */
  settled(): Promise<void>;
  /** Once no agent is there any more: ends the servers. Of calls that are being made the outcome is recorded as unknown. */
  close(): Promise<void>;
}

/** How long an outcome is told again to a daemon that is away. */
const INSIST_MS = 120_000;
const AGAIN_MS = 1_000;
/** Before the clients that are known give up on a server that they have started. */
const OPEN_MS = 25_000;

/** What does not mend itself until the next question, so that the operator is told at the start. */
const NOT_BY_ITSELF: ReadonlySet<string> = new Set(["pins_damaged", "usage"]);

/** Gives usage for names that cannot stand beside each other, and pins_damaged. */
export function createGateway(options: GatewayOptions): Gateway {
  const followers = new Set<(notice: Notice, from: Upstream) => void>();
  const places: Place[] = options.upstreams.map((spec) => placeFor(spec));
  const requesters = new Map<string, Requester>();
  const reporting = new Set<Promise<void>>();
  const ended = new AbortController();

  function placeFor(spec: UpstreamSpec): Place {
    checkServerName(spec.name);
    const { version, onError } = options;
    const tell = (notice: Notice) => {
      if (notice.type === "tools") place.catalogue.forget();
      for (const follower of followers) follower(notice, place.upstream);
    };
    const upstream = openUpstream(
      spec,
      version,
      {
        tell,
        connected: (client) => void place.subscriptions.renew(client),
        disconnected: () => place.subscriptions.cut(),
        onError,
      },
      options.patience_ms,
    );
    const pins = openPins(options.pins, upstream.key);
    // Before anything is served, whether or not the server can be reached.
    pins.read();
    const place: Place = {
      upstream,
      catalogue: createCatalogue(upstream, pins, onError, options.patience_ms),
      subscriptions: createSubscriptions({
        use: upstream.use,
        tell: (uri) => tell({ type: "updated", uri }),
      }),
    };
    return place;
  }

  const calls = createCalls({
    held: options.held,
    async find(server, tool) {
      const place = places.find(({ upstream }) => upstream.name === server);
      return (await place?.catalogue.find(tool)) ?? null;
    },
    accept(tool: OfferedTool) {
      places.find(({ upstream }) => upstream === tool.upstream)?.catalogue.accept(tool);
      for (const follower of followers) follower({ type: "tools" }, tool.upstream);
    },
    async report(requester, id, outcome) {
      try {
        await requester.report(id, outcome);
      } catch (error) {
        // The agent is not held up by that: what cannot be recorded now is told again.
        const again = insist(requester, id, outcome, error).finally(() => reporting.delete(again));
        reporting.add(again);
      }
    },
  });

  async function insist(requester: Requester, id: string, outcome: Outcome, first: unknown): Promise<void> {
    const end = performance.now() + INSIST_MS;
    for (let last = first; ; ) {
      const isAway = last instanceof Fault && ["unreachable", "busy"].includes(last.code);
      if (!isAway || performance.now() > end) {
        const why = last instanceof Error ? last.message : String(last);
        options.onError(new Error(`What came of ${id} could not be recorded: ${why}`));
        return;
      }
      await delay(AGAIN_MS, undefined, { signal: ended.signal }).catch(() => {});
      if (ended.signal.aborted) return;
      try {
        await requester.report(id, outcome);
        return;
      } catch (error) {
        last = error;
      }
    }
  }

  const names = places.map(({ upstream }) => upstream.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new Fault("usage", `Two MCP servers are called ${twice}.`);
  return {
    options,
    places,
    calls,

    async open() {
      // Who has not answered by then is waited for by the first question: agents give up on a gateway that says nothing.
      const late = delay(options.patience_ms ?? OPEN_MS, undefined, { ref: false });
      const opened = Promise.all(
        places.map(async ({ catalogue, upstream }) => {
          try {
            await catalogue.list();
          } catch (error) {
            if (error instanceof Fault && NOT_BY_ITSELF.has(error.code)) throw error;
            const why = error instanceof Error ? error.message : String(error);
            options.onError(new Error(`${upstream.name}: ${why}`));
          }
        }),
      );
      await Promise.race([opened, late]);
    },

    requester(name) {
      const requester = requesters.get(name) ?? options.requester(name);
      requesters.set(name, requester);
      return requester;
    },

    follow(tell) {
      followers.add(tell);
      return () => followers.delete(tell);
    },

    async settled() {
      await calls.idle();
      await calls.carrying.settled();
      await Promise.all(reporting);
    },

    async close() {
      calls.carrying.stop();
      await Promise.all([calls.idle(), calls.carrying.settled()]);
      ended.abort();
      for (const { subscriptions } of places) subscriptions.close();
      await Promise.all(places.map(({ upstream }) => upstream.close()));
    },
  };
}
