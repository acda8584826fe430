import type { CallToolResult } from "@modelcontextprotocol/server";
import { underWay } from "./answer.ts";

/** A call that is being made, or has been made and is not told yet. */
export interface Running {
  readonly id: string;
  /** The same for the same call of the same requester. */
  readonly slot: string;
  /** Whether nobody had to be asked: then it is as much the agent's as a call without a gateway would be. */
  readonly free: boolean;
  readonly result: Promise<CallToolResult>;
  readonly stop: AbortController;
  watched: number;
  /** Since when there is a result, by `performance.now()`; null while there is none. */
  over_at: number | null;
}

/** One agent's call, as it waits. */
interface Waiting {
  /** Until when it can be answered, by `performance.now()`. */
  readonly end: number;
  readonly signal: AbortSignal;
  /** Whether its tool promises structured content. */
  readonly structured: boolean;
}

/** The calls that this process makes: whoever asks the same attaches to them, and is told once what came of it. */
export interface Carrying {
  start(
    call: Pick<Running, "id" | "slot" | "free">,
    make: (signal: AbortSignal) => Promise<CallToolResult>,
  ): Running;
  /** What the same call attaches to. */
  attachable(slot: string): Running | undefined;
  byId(id: string): Running | undefined;
  /** Whether it was ever begun here: however often an approval seems to be ours, the call is made once. */
  hasBegun(id: string): boolean;
  /** Calls back as soon as this is begun here; the function given takes that back. */
  whenStarted(id: string, tell: (running: Running) => void): () => void;
  /** Waits for the result as long as the agent can; for longer it is kept. */
  watch(running: Running, waiting: Waiting): Promise<CallToolResult>;
  /** Resolves when nothing is being made. */
  settled(): Promise<void>;
  /** Leaves what is being made to itself. */
  stop(): void;
}

/** More than agents leave behind; beyond it the oldest result is no longer kept. */
const KEPT = 100;
/** Who comes back for a result does so soon; later the same call means the same deed once more. */
const KEPT_MS = 10 * 60_000;
const REMEMBERED = 10_000;
const LONGEST_TIMER_MS = 2_147_483_647;

export function createCarrying(): Carrying {
  const running = new Map<string, Running>();
  const making = new Set<Promise<unknown>>();
  const begun = new Set<string>();
  const onStarted = new Map<string, Set<(running: Running) => void>>();

  function forget(one: Running): void {
    if (running.get(one.id) === one) running.delete(one.id);
  }

  function ended(one: Running): void {
    one.over_at = performance.now();
    // Nobody is left who could be told of what an agent itself has stopped.
    if (one.watched > 0 || one.stop.signal.aborted) forget(one);
    const kept = [...running.values()].filter(({ over_at }) => over_at !== null);
    for (const old of kept.slice(0, Math.max(0, kept.length - KEPT))) forget(old);
  }

  return {
    start({ id, slot, free }, make) {
      begun.add(id);
      for (const old of begun) {
        if (begun.size <= REMEMBERED) break;
        begun.delete(old);
      }
      const stop = new AbortController();
      const result = make(stop.signal);
      const one: Running = { id, slot, free, result, stop, watched: 0, over_at: null };
      running.set(id, one);
      const end = result.then(
        () => ended(one),
        () => ended(one),
      );
      making.add(end);
      void end.then(() => making.delete(end));
      for (const tell of onStarted.get(id) ?? []) tell(one);
      return one;
    },

    attachable(slot) {
      const now = performance.now();
      for (const one of running.values()) if (now - (one.over_at ?? now) > KEPT_MS) forget(one);
      return [...running.values()].find(
        (one) => one.slot === slot && !one.stop.signal.aborted && (!one.free || one.watched === 0),
      );
    },

    byId: (id) => running.get(id),
    hasBegun: (id) => begun.has(id),

    whenStarted(id, tell) {
      const listeners = onStarted.get(id) ?? new Set();
      onStarted.set(id, listeners.add(tell));
      return () => {
        listeners.delete(tell);
        if (listeners.size === 0) onStarted.delete(id);
      };
    },

    async watch(one, { end, signal, structured }) {
      one.watched += 1;
      try {
        const answer = await within(one.result, end, signal);
        if (answer === "late") return underWay(one.id, structured);
        forget(one);
        return answer;
      } catch (error) {
        if (!signal.aborted) forget(one);
        throw error;
      } finally {
        one.watched -= 1;
        if (signal.aborted && one.free && one.watched === 0 && one.over_at === null) {
          one.stop.abort(new Error("the agent cancelled it"));
          forget(one);
        }
      }
    },

    async settled() {
      while (making.size > 0) await Promise.all(making);
    },

    stop() {
      for (const one of running.values()) one.stop.abort(new Error("the gateway was stopped"));
    },
  };
}

/** Rejects with the signal's reason when that aborts. */
function within<T>(work: Promise<T>, end: number, signal: AbortSignal): Promise<T | "late"> {
  return new Promise((resolve, reject) => {
    const settle = (how: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      how();
    };
    const onAbort = () => settle(() => reject(signal.reason));
    const left = Math.max(0, Math.min(end - performance.now(), LONGEST_TIMER_MS));
    const timer = setTimeout(() => settle(() => resolve("late")), left);
    signal.addEventListener("abort", onAbort);
    work.then(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    );
    if (signal.aborted) onAbort();
  });
}
