import { isClosed, type Request, type RequestId, type Submission } from "../core/request.ts";

/** An open request, and where in the newest segment its lines are: its checkpoint state, then its records. */
interface Open {
  request: Request;
  lines: number[];
}

/**
 * What memory holds: the open requests, and of finished ones only where the newest segment has them. It grows with what
 * is open and with one segment, never with what was ever done.
 */
export class Standing {
  readonly #open = new Map<RequestId, Open>();
  readonly #leads = new Map<string, RequestId>();
  /** The newest open request without a key, by who asked for what. */
  readonly #asked = new Map<string, RequestId>();
  #tail: Tail;

  constructor(segment: number) {
    this.#tail = new Tail(segment);
  }

  get tail(): Tail {
    return this.#tail;
  }

  get size(): number {
    return this.#open.size;
  }

  request(id: RequestId): Request | null {
    return this.#open.get(id)?.request ?? null;
  }

  /** In order of submission. */
  requests(): Request[] {
    return Array.from(this.#open.values(), ({ request }) => request);
  }

  idOfLead(lead: string): RequestId | null {
    return this.#leads.get(lead) ?? null;
  }

  idOfAsked(asked: string): RequestId | null {
    return this.#asked.get(asked) ?? null;
  }

  /** Takes a state out of a checkpoint, or the one that a record led to, with the line that says so. */
  put(id: RequestId, request: Request, line: number): void {
    const known = this.#open.get(id);
    const lines = known?.lines ?? [];
    lines.push(line);
    if (isClosed(request)) {
      // A finished request that something was said to again: an older segment has its leads.
      if (known !== undefined) this.#forget(id, known);
      this.#tail.close(id, lines, known === undefined ? [] : leadsOf(request));
      return;
    }
    for (const lead of leadsOf(request)) this.#leads.set(lead, id);
    if (known !== undefined) {
      known.request = request;
      return;
    }
    this.#open.set(id, { request, lines });
    if (request.submission.fields.key === null) this.#asked.set(askedText(request), id);
  }

  /** A later line of a checkpoint replaces the earlier one about the same request. */
  restate(id: RequestId, request: Request | null, line: number): void {
    const known = this.#open.get(id);
    if (known !== undefined) known.lines = [];
    if (request !== null) this.put(id, request, line);
    else if (known !== undefined) this.#forget(id, known);
  }

  /** Begins a segment: what is open now stands in its checkpoint. Gives what the sealed segment finished. */
  beginSegment(segment: number, lines: ReadonlyMap<RequestId, number>): Tail {
    const sealed = this.#tail;
    this.#tail = new Tail(segment);
    for (const [id, open] of this.#open) {
      const line = lines.get(id);
      if (line === undefined) throw new Error(`the checkpoint lacks request ${id}`);
      open.lines = [line];
    }
    return sealed;
  }

  #forget(id: RequestId, { request }: Open): void {
    this.#open.delete(id);
    for (const lead of leadsOf(request)) if (this.#leads.get(lead) === id) this.#leads.delete(lead);
    if (this.#asked.get(askedText(request)) === id) this.#asked.delete(askedText(request));
  }
}

/** Where one segment holds the lines about requests that were finished by its end. */
export class Tail {
  readonly segment: number;
  readonly lines = new Map<RequestId, number[]>();
  /** What its finished requests can be found by, besides their ids; see `leadsOf`. */
  readonly leads = new Map<string, RequestId>();

  constructor(segment: number) {
    this.segment = segment;
  }

  close(id: RequestId, lines: readonly number[], leads: readonly string[]): void {
    const known = this.lines.get(id);
    if (known === undefined) this.lines.set(id, [...lines]);
    else known.push(...lines);
    for (const lead of leads) this.leads.set(lead, id);
  }
}

/** A requester's key as one text: two requesters may use the same key. */
export function keyText(requester: string, key: string): string {
  return JSON.stringify([requester, key]);
}

/** What came last of what somebody asked for, a person's no or its execution, as one text: the same may be asked for again. */
export function answeredText(requester: string, onBehalfOf: string | null, actionDigest: string): string {
  // What it is called by in the indexes that are written already, from when it stood for a no alone.
  return JSON.stringify(["refused", requester, onBehalfOf, actionDigest]);
}

/** The next attempt behind a request, as one text. */
export function retryText(previous: RequestId): string {
  return JSON.stringify(["retry", previous, null]);
}

/** What a request can be found by, besides its id: its key, its place behind another one, and what came of its action. */
function leadsOf(request: Request): readonly string[] {
  const { submission, amendment, status } = request;
  const answered = status === "rejected" || status === "changes_requested" || status === "executed";
  return submissionLeads(submission, answered ? (amendment?.asked ?? submission).action_digest : null);
}

/** The same for what a line of the journal says; `answered` is the digest of an action that was answered, or might be. */
export function submissionLeads(
  { fields, previous }: Submission,
  answered: string | null,
): readonly string[] {
  const { requester, on_behalf_of, key } = fields;
  return [
    ...(key === null ? [] : [keyText(requester, key)]),
    ...(previous === undefined ? [] : [retryText(previous.id)]),
    ...(answered === null ? [] : [answeredText(requester, on_behalf_of, answered)]),
  ];
}

/** Who asked for what, as one text: whatever a person made of it since. */
function askedText({ submission, amendment }: Request): string {
  const { requester, on_behalf_of } = submission.fields;
  return askText(requester, on_behalf_of, (amendment?.asked ?? submission).action_digest);
}

export function askText(requester: string, onBehalfOf: string | null, actionDigest: string): string {
  return JSON.stringify([requester, onBehalfOf, actionDigest]);
}
