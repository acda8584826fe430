import { Fault } from "../../core/codes.ts";
import type { Reported } from "../../core/request.ts";
import type { RequestView } from "../../core/view.ts";
import { draftToken } from "../cli/draft-token.ts";
import { dropToken, keptToken } from "../cli/tokens.ts";
import { type Action, createCountersign, type WaitingOptions } from "../sdk/countersign.ts";
import { createLink } from "../sdk/link.ts";

/** How long the daemon may be away before a question is given up; waiting itself goes on for as long as it is asked to. */
const PATIENCE_MS = 3_000;

/** A list has what has just ended as well. */
const OPEN: ReadonlySet<RequestView["status"]> = new Set([
  "pending",
  "approved",
  "executing",
  "outcome_unknown",
]);

export type Outcome = Reported;

export interface Asked {
  readonly request: RequestView;
  /** False when the same was asked for before. */
  readonly created: boolean;
  /** Whether an approval of it could be consumed here: the answer that had the token may have been lost. */
  readonly own: boolean;
}

/** An agent at the daemon's agent socket: it asks, waits, carries out what is its own, and never decides. */
export interface Requester {
  readonly name: string;
  /** Gives what the daemon gives; `unreachable` once it has been away for a while. */
  ask(action: Omit<Action, "requester">): Promise<Asked>;
  /** Rejects with `no_answer` when the time is over, and with the signal's reason when that aborts. */
  wait(id: string, options: WaitingOptions): Promise<RequestView>;
  show(id: string): Promise<RequestView>;
  /** What is open of this requester's, oldest first. */
  open(): Promise<readonly RequestView[]>;
  /** Consumes the approval of an action that the caller executes: the params in the answer are what may be done, once. */
  begin(id: string): Promise<RequestView>;
  /** What proves to a tool that the approval was given and is consumed; only behind `begin`. */
  proof(id: string): Promise<string>;
  report(id: string, outcome: Outcome): Promise<RequestView>;
  withdraw(id: string, reason: string): Promise<RequestView>;
}

export interface RequesterPlaces {
  /** The daemon's socket for agents. */
  readonly socket: string;
  /** Where the tokens of `caller` requests are kept, so that a later process can go on with them. */
  readonly tokens: string;
}

export function createRequester({ socket, tokens }: RequesterPlaces, name: string): Requester {
  const link = createLink({ socket }, PATIENCE_MS);
  const countersign = createCountersign(link, name);
  /** Where a token could not be written down, this process still has it. */
  const held = new Map<string, string>();

  const tokenOf = (id: string) => held.get(id) ?? keptToken(tokens, id);

  function ownToken(id: string): string {
    const token = tokenOf(id);
    if (token !== null) return token;
    const hint = "Only who asked for it first can carry it out.";
    throw new Fault("token_invalid", `There is no token for ${id} here.`, hint);
  }

  return {
    name,

    async ask(action) {
      const draft = draftToken(tokens, { requester: name, ...action });
      const { request, created, token } = await draft.asking(() =>
        countersign.request({ ...action, token: draft.token }),
      );
      try {
        if (token === null) draft.drop();
        else draft.keepFor(request.id);
      } catch {
        held.set(request.id, draft.token);
      }
      return { request, created, own: request.executor === "daemon" || tokenOf(request.id) !== null };
    },

    wait: (id, options) => countersign.wait(id, options),
    show: (id) => countersign.show(id),

    async open() {
      const path = `/v1/requests?requester=${encodeURIComponent(name)}`;
      const { requests } = await link.insist({ method: "GET", path }, true);
      return (requests as unknown as RequestView[]).filter(({ status }) => OPEN.has(status));
    },

    async begin(id) {
      const token = ownToken(id);
      const { grant } = await countersign.grant(id, token);
      return countersign.claim(id, { token, grant });
    },

    async proof(id) {
      return (await countersign.grant(id, ownToken(id))).grant;
    },

    async report(id, outcome) {
      const told = await countersign.complete(id, { token: ownToken(id), ...outcome });
      forget(id);
      return told;
    },

    async withdraw(id, reason) {
      const token = tokenOf(id);
      const told = await countersign.cancel(id, { reason, ...(token !== null && { token }) });
      forget(id);
      return told;
    },
  };

  function forget(id: string): void {
    held.delete(id);
    dropToken(tokens, id);
  }
}

/** A name as requests take it, of what a client calls itself. */
export function requesterName(text: string | undefined, fallback = "agent"): string {
  const name = (text ?? "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9._@+-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 64);
  return name === "" ? fallback : name;
}
