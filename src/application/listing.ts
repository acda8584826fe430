import { Fault } from "../core/codes.ts";
import type { Request, RequestFields, RequestId, Status } from "../core/request.ts";
import { type RequestView, viewOf } from "../core/view.ts";
import type { Ledger } from "../daemon/ports.ts";

export interface ListFilter {
  readonly status?: Status;
  readonly kind?: string;
  readonly requester?: string;
  /** ISO 8601: only what was asked for at this time or later. */
  readonly since?: string;
  /** Finished requests too. */
  readonly all?: boolean;
  /** So many at a time; without it all that is open, and the last finished ones. */
  readonly limit?: number;
  /** The `next` of the page before; only with `limit`. */
  readonly cursor?: string;
}

export interface Listed {
  /** Oldest first. */
  readonly requests: readonly RequestView[];
  /** What the next page is asked for with; null where there is none. */
  readonly next: string | null;
}

/** How many finished requests a list without pages goes back. */
const RECENT_LIMIT = 1_000;

/** How many records are looked back at for those; twice as many whenever that is not far enough. */
const LOOK_BACK = 10_000;

/** How many records one page looks at: where little fits in a long journal the page is short, and has a `next`. */
const LOOK_LIMIT = 50_000;

/** What may still be open; every other status is only found in the history. */
const OPEN: ReadonlySet<Status> = new Set(["pending", "approved", "executing", "outcome_unknown"]);

/** Lists requests: the open ones from memory, the history from the journal. Gives invalid_request. */
export function createListing(ledger: Ledger): (filter: ListFilter) => Promise<Listed> {
  return async (filter) => {
    const { status, all = false, limit, cursor } = filter;
    const history = status === undefined ? all : !OPEN.has(status);
    if (limit === undefined) {
      const open = await ledger.open();
      const requests = history ? [...(await recentlyFinished()), ...open] : open;
      return { requests: requests.filter((request) => fits(request, filter)).map(viewOf), next: null };
    }
    return history ? pageOfHistory(filter, limit, seqOf(cursor)) : pageOfOpen(filter, limit, cursor);
  };

  /** By id, which begins with the time: a place in that order stays one when requests are closed meanwhile. */
  async function pageOfOpen(filter: ListFilter, limit: number, cursor = ""): Promise<Listed> {
    const left = (await ledger.open())
      .filter((request) => idOf(request) > cursor && fits(request, filter))
      .sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
    const page = left.slice(0, limit);
    const last = page.at(-1);
    const next = left.length > page.length && last !== undefined ? idOf(last) : null;
    return { requests: page.map(viewOf), next };
  }

  async function pageOfHistory(filter: ListFilter, limit: number, after: number): Promise<Listed> {
    const requests: RequestView[] = [];
    let looked = 0;
    for await (const { seq, id, event } of ledger.records(after)) {
      looked += 1;
      // What the submission rules out need not be read.
      if (event.type === "submitted" && wasAskedFor(event.submission.fields, filter)) {
        const request = await ledger.read(id);
        if (request !== null && fits(request, filter)) requests.push(viewOf(request));
      }
      if (requests.length === limit || looked === LOOK_LIMIT) return { requests, next: String(seq) };
    }
    return { requests, next: null };
  }

  async function recentlyFinished(): Promise<Request[]> {
    let ids: readonly RequestId[] = [];
    for (let back = LOOK_BACK; ids.length < RECENT_LIMIT; back *= 2) {
      const after = Math.max(0, ledger.head().seq - back);
      ids = await finishedAfter(after);
      if (after === 0) break;
    }
    const requests = await Promise.all(ids.slice(-RECENT_LIMIT).map((id) => ledger.read(id)));
    return requests.filter((request) => request !== null);
  }

  async function finishedAfter(after: number): Promise<RequestId[]> {
    const ids = new Set<RequestId>();
    for await (const { id, event } of ledger.records(after)) if (event.type === "archived") ids.add(id);
    return [...ids];
  }
}

function fits(request: Request, filter: ListFilter): boolean {
  const { status } = filter;
  return (
    (status === undefined || request.status === status) && wasAskedFor(request.submission.fields, filter)
  );
}

function wasAskedFor(
  fields: RequestFields,
  { kind, requester, since }: Pick<ListFilter, "kind" | "requester" | "since">,
): boolean {
  return (
    (kind === undefined || fields.kind === kind) &&
    (requester === undefined || fields.requester === requester) &&
    (since === undefined || Date.parse(fields.created) >= Date.parse(since))
  );
}

function seqOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new Fault("invalid_request", "The cursor is not one that a page of this list gave.");
}

function idOf({ submission }: Request): RequestId {
  return submission.fields.id;
}
