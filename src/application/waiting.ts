import { isReportable, type Request, type RequestId } from "../core/request.ts";
import { opensAt } from "../core/timing.ts";
import { type RequestView, viewOf } from "../core/view.ts";
import type { Daemon } from "../daemon/daemon.ts";
import type { Clock } from "../daemon/ports.ts";

interface WaitingPorts {
  readonly daemon: Pick<Daemon, "onReport">;
  readonly clock: Clock;
  /** Rejects with not_found. */
  readonly known: (id: RequestId) => Promise<Request>;
}

/** Timers far away are set again on the way. */
const DAY_MS = 86_400_000;

/** Lets any number wait for news of a request, in memory only; see `Application.wait` for what it promises. */
export function createWaiting({ daemon, clock, known }: WaitingPorts) {
  const waiters = new Map<RequestId, Set<(request: Request) => void>>();
  const viewFor = createViews();
  daemon.onReport((request) => {
    for (const wake of waiters.get(request.submission.fields.id) ?? []) wake(request);
  });

  return async (
    id: RequestId,
    timeout_ms: number,
    signal: AbortSignal,
    until?: "outcome",
  ): Promise<RequestView> => {
    if (signal.aborted || timeout_ms <= 0) return viewFor(await known(id));
    const told = await new Promise<Request | null>((resolve) => {
      let cancelOpening = () => {};
      const end = (request: Request | null) => {
        cancel();
        cancelOpening();
        signal.removeEventListener("abort", give_up);
        mine.delete(wake);
        if (mine.size === 0) waiters.delete(id);
        resolve(request);
      };
      const wake = (request: Request) => {
        if (hasNews(request, until, clock.now())) return end(request);
        // What cannot be claimed yet is no news, and nothing else will tell when it is.
        const rest = request.status === "approved" ? opensAt(request) - clock.now() : 0;
        cancelOpening();
        if (rest > 0 && Number.isFinite(rest)) cancelOpening = clock.after(Math.min(rest, DAY_MS), look);
      };
      const look = () => void known(id).then(wake, give_up);
      const give_up = () => end(null);
      const cancel = clock.after(timeout_ms, give_up);
      const mine = waiters.get(id) ?? new Set();
      waiters.set(id, mine.add(wake));
      signal.addEventListener("abort", give_up);
      // Looked up only now that we would be told, so that nothing can happen unseen in between.
      look();
    });
    return viewFor(told ?? (await known(id)));
  };
}

/** One view for all who are told of the same state of a request, so that whoever writes it out can do so once. */
function createViews(): (request: Request) => RequestView {
  const made = new WeakMap<Request, RequestView>();
  return (request) => {
    const view = made.get(request) ?? viewOf(request);
    made.set(request, view);
    return view;
  };
}

/** Whether a waiter has something to be told now. */
function hasNews(request: Request, until: "outcome" | undefined, now: number): boolean {
  if (isReportable(request) || request.status === "outcome_unknown") return true;
  if (until !== undefined || request.status !== "approved") return false;
  return request.lapses !== null && now >= opensAt(request);
}
