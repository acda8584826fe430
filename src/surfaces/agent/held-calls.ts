import { Fault } from "../../core/codes.ts";
import type { RequestView } from "../../core/view.ts";
import { actionDigest } from "../../document/digest.ts";
import type { Action } from "../sdk/countersign.ts";
import type { Requester } from "./requester.ts";

/** More than an agent has open at a time; beyond it the oldest is no longer remembered here. */
const REMEMBERED = 10_000;

/** A request whose outcome its agent has not been told yet. */
interface Open {
  readonly id: string;
  /** As it was when we last asked. */
  readonly view: RequestView;
  readonly slot: string;
  readonly requester: Requester;
  waiting: number;
  leaving: NodeJS.Timeout | null;
}

export interface Holding {
  /** How long to wait; then the request is answered as it stands. */
  readonly limit_ms: number;
  /** Aborts when the agent cancels the call or goes away. */
  readonly signal: AbortSignal;
  /** Never withdrawn because its agent went away: a key that the agent chose promises that asking again finds it. */
  readonly lasting?: boolean;
  /** Told as soon as it is known what is waited for. */
  readonly onHeld?: (request: RequestView) => void;
}

export interface Held {
  readonly request: RequestView;
  /** Whether the approval was consumed for this call: the action is its caller's to carry out, now, once. */
  readonly begun: boolean;
}

/**
 * Calls that are held while a person decides. The same call again attaches to the request that is open for it, or is told
 * once what came of it meanwhile; a call that is cancelled, or whose agent goes away, withdraws its request after a grace,
 * unless by then the same was asked again.
 */
export interface HeldCalls {
  /** Asks, or attaches, and waits; where the caller executes, an approval is consumed on the way out. */
  hold(requester: Requester, action: Omit<Action, "requester">, holding: Holding): Promise<Held>;
  /** Waits for a request by its id, with the same promises. */
  holdById(requester: Requester, id: string, holding: Holding): Promise<Held>;
  /** Resolves when no withdrawal is due any more. */
  left(): Promise<void>;
  /** Withdraws at once what would be withdrawn after the grace. */
  close(): Promise<void>;
}

export function createHeldCalls(grace_ms: number): HeldCalls {
  const bySlot = new Map<string, Promise<Open>>();
  const byId = new Map<string, Open>();
  const leaving = new Set<Open>();
  /** Calls that have not ended yet: only their end tells whether they leave something behind. */
  let attended = 0;
  const onLeft = new Set<() => void>();

  async function enter(slot: string, requester: Requester, action: Omit<Action, "requester">): Promise<Open> {
    const { request: view } = await requester.ask(action);
    const open: Open = { id: view.id, view, slot, requester, waiting: 0, leaving: null };
    byId.set(view.id, open);
    const oldest = byId.size > REMEMBERED ? byId.values().next().value : undefined;
    if (oldest !== undefined) forget(oldest);
    return open;
  }

  async function attend(open: Open, { limit_ms, signal, lasting, onHeld }: Holding): Promise<Held> {
    open.waiting += 1;
    attended += 1;
    stay(open);
    try {
      onHeld?.(open.view);
      const told = await answerFor(open.requester, open.id, limit_ms, signal);
      if (!WAITS.has(told.request.status)) forget(open);
      return told;
    } finally {
      open.waiting -= 1;
      if (signal.aborted && !lasting && open.waiting === 0 && byId.get(open.id) === open) leave(open);
      attended -= 1;
      tellLeft();
    }
  }

  function stay(open: Open): void {
    if (open.leaving !== null) clearTimeout(open.leaving);
    open.leaving = null;
    leaving.delete(open);
  }

  function leave(open: Open): void {
    leaving.add(open);
    // Where that cannot be done the request expires by itself: nobody is left who could be told.
    open.leaving = setTimeout(() => void withdraw(open).catch(() => {}), grace_ms);
  }

  async function withdraw(open: Open): Promise<void> {
    if (open.leaving !== null) clearTimeout(open.leaving);
    open.leaving = null;
    forget(open);
    try {
      const { asked } = await open.requester.show(open.id);
      // Who asked for the same in the meantime, through another process, waits for it.
      if (asked === open.view.asked) await open.requester.withdraw(open.id, "its agent went away");
    } catch (error) {
      // It is decided, or begun, or the daemon is away: then it expires by itself.
      if (!(error instanceof Fault)) throw error;
    } finally {
      leaving.delete(open);
      tellLeft();
    }
  }

  function tellLeft(): void {
    if (attended > 0 || leaving.size > 0) return;
    for (const tell of onLeft) tell();
    onLeft.clear();
  }

  function forget(open: Open): void {
    if (byId.get(open.id) === open) byId.delete(open.id);
    bySlot.delete(open.slot);
  }

  return {
    async hold(requester, action, holding) {
      const slot = slotOf(requester, action);
      const known = bySlot.get(slot);
      const entering = known ?? enter(slot, requester, action);
      if (known === undefined) {
        bySlot.set(slot, entering);
        entering.catch(() => bySlot.delete(slot));
      }
      return attend(await entering, holding);
    },

    async holdById(requester, id, holding) {
      const open = byId.get(id);
      if (open !== undefined) return attend(open, holding);
      holding.onHeld?.(await requester.show(id));
      return answerFor(requester, id, holding.limit_ms, holding.signal);
    },

    left() {
      return new Promise((resolve) => {
        onLeft.add(resolve);
        tellLeft();
      });
    },

    async close() {
      await Promise.allSettled([...leaving].map(withdraw));
    },
  };
}

/** The same call of the same requester. */
function slotOf(
  { name }: Requester,
  { kind, params = {}, key, title, previous, on_behalf_of }: Omit<Action, "requester">,
) {
  const asked = key === undefined ? [on_behalf_of ?? null, title ?? null, previous ?? null] : key;
  return JSON.stringify([name, actionDigest(kind, params), asked]);
}

const WAITS: ReadonlySet<RequestView["status"]> = new Set(["pending", "approved"]);

/** It is not what it was a moment ago. */
const MOVED_ON: ReadonlySet<Fault["code"]> = new Set(["not_approved", "already_started", "already_final"]);

/** Waits, and consumes the approval where the caller executes. */
async function answerFor(
  requester: Requester,
  id: string,
  limit_ms: number,
  signal: AbortSignal,
): Promise<Held> {
  const end = performance.now() + limit_ms;
  for (;;) {
    let news: RequestView;
    try {
      news = await requester.wait(id, { timeout_ms: Math.max(0, end - performance.now()), signal });
    } catch (error) {
      if (!(error instanceof Fault && error.code === "no_answer")) throw error;
      return { request: await requester.show(id), begun: false };
    }
    if (news.status !== "approved") return { request: news, begun: false };
    signal.throwIfAborted();
    try {
      const request = await requester.begin(id);
      return { request, begun: request.status === "executing" };
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // Another process has begun it, and may be done with it and its token: then what came of it is told here as well.
      if (error.code === "token_invalid" && (await requester.show(id)).status !== "approved") continue;
      // Taken back, begun by somebody else or asked again: what it is now is waited for. The daemon may be restarting.
      const isOver = performance.now() >= end;
      if (isOver && MOVED_ON.has(error.code)) return { request: await requester.show(id), begun: false };
      if (isOver || !(MOVED_ON.has(error.code) || error.code === "unreachable")) throw error;
    }
  }
}
