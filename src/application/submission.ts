import { Fault, type Refusal, refusal } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import { makeId } from "../core/id.ts";
import type { People } from "../core/people.ts";
import type { EffectClass, Request, RequestFields, Submission } from "../core/request.ts";
import { isOpenToAll, type Roster, rosterOf } from "../core/roster.ts";
import { inShadow, withoutPolicy } from "../core/shadow.ts";
import { iso } from "../core/timing.ts";
import type { Verdict } from "../core/verdict.ts";
import { type RequestView, viewOf } from "../core/view.ts";
import { wordingOf } from "../daemon/amending.ts";
import type { Daemon } from "../daemon/daemon.ts";
import type { Clock, KindSettings, Ledger, PolicyPort } from "../daemon/ports.ts";
import { adoptedOf } from "../document/adopted.ts";
import { actionDigest, digestOf } from "../document/digest.ts";
import { fitsNote } from "../document/note.ts";
import type { Caps } from "./caps.ts";
import { checkAttempts, earlierOf, type RetrySettings } from "./retrying.ts";
import { checkInput, type SubmitInput } from "./submit-input.ts";

export interface Submitted {
  readonly request: RequestView;
  /** False when the key had been used for the same action before, or the request joined one that waited. */
  readonly created: boolean;
  /** Whether the same requester's request for the same action waited already: one decision and one outcome are for both. */
  readonly joined: boolean;
  /** Whether `claim` and `complete` are for whoever asked: with the token of this answer, or with the one it has. */
  readonly own: boolean;
  /** Only for `caller` actions, and only in the answer that created them, where the requester brought none of its own. */
  readonly token: string | null;
}

/** One kind of action, as the configuration has it. */
export interface Kind extends KindSettings {
  readonly effect: EffectClass;
  readonly expires_ms: number;
}

export interface SubmissionPorts {
  readonly daemon: Daemon;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly createToken: () => { readonly token: string; readonly sha256: string };
  readonly host: string;
  readonly kind: (kind: string) => Kind | null;
  readonly kinds: readonly string[];
  readonly policy: PolicyPort;
  readonly people: () => People;
  readonly retry: RetrySettings;
  readonly caps: Caps;
}

const DEFAULT_REQUESTER = "agent";

/** Checks, digests and records a request; see `Application.submit` for what it promises. */
export function createSubmission(ports: SubmissionPorts): (input: SubmitInput) => Promise<Submitted> {
  const underWay = new Map<string, Promise<Submitted>>();

  return (input) => {
    checkInput(input, ports.clock.now());
    const kind = ports.kind(input.kind);
    if (kind === null) throw unknownKind(input.kind, ports.kinds);
    const { requester = DEFAULT_REQUESTER, on_behalf_of = null, key } = input;
    const digest = actionDigest(input.kind, input.params);
    // Two submissions of the same at the same moment must not both find that there is none.
    const slots = [key === undefined ? [requester, on_behalf_of, digest] : [requester, key]];
    if (input.previous !== undefined) slots.push([input.previous]);
    return inTurn(
      slots.map((slot) => JSON.stringify(slot)),
      () => (key === undefined ? joinOrCreate : once)(input, kind, digest),
    );
  };

  /** Waits for those that have been given any of these slots before. */
  function inTurn(slots: readonly string[], take: () => Promise<Submitted>): Promise<Submitted> {
    const before = slots.flatMap((slot) => underWay.get(slot) ?? []);
    const turn = before.length === 0 ? take() : Promise.allSettled(before).then(take);
    for (const slot of slots) underWay.set(slot, turn);
    const done = () => {
      for (const slot of slots) if (underWay.get(slot) === turn) underWay.delete(slot);
    };
    turn.then(done, done);
    return turn;
  }

  async function joinOrCreate(input: SubmitInput, kind: Kind, digest: string): Promise<Submitted> {
    checkParams(input, kind);
    const { requester = DEFAULT_REQUESTER, on_behalf_of = null } = input;
    const open = await ports.ledger.findAsked(requester, on_behalf_of, digest);
    const known = open === null ? null : await ports.ledger.read(open);
    // Nobody asks for it a second time: the answer to the first was lost.
    if (known !== null && isOwn(known, input) && isAtSameTime(known, input)) return knownTo(input, known);
    const asked =
      open === null ? null : await ports.daemon.ask(open, (known) => askAgain(known, kind, input));
    if (asked === null || "code" in asked) return create(input, kind, digest);
    return { ...knownTo(input, asked), joined: true };
  }

  /** Whether it still waits for its start is for the core to say: a request that does not is not joined. */
  function askAgain(request: Request, { handler }: Kind, input: SubmitInput): Event | Refusal {
    const { submission } = request;
    // To be done at another time is another thing.
    if (!isAtSameTime(request, input)) return refusal("not_pending");
    // What the configuration has since given to somebody else to execute could never be carried out as it was asked.
    if (submission.caller !== (handler === null)) return refusal("not_pending");
    return { type: "joined", at: iso(ports.clock.now()) };
  }

  async function once(input: SubmitInput, kind: Kind, asked: string): Promise<Submitted> {
    const known = await ports.ledger.findKey(input.requester ?? DEFAULT_REQUESTER, input.key ?? "");
    if (known === null) {
      checkParams(input, kind);
      return create(input, kind, asked);
    }
    const request = await ports.ledger.read(known);
    if (request === null) throw new Error(`the key's request ${known} is not in the ledger`);
    const { action_digest } = request.amendment?.asked ?? request.submission;
    if (action_digest !== asked) {
      throw new Fault(
        "key_reused",
        `The key was used for request ${known} with the action ${action_digest}; this action is ${asked}.`,
      );
    }
    if (input.not_before !== undefined && !isAtSameTime(request, input)) {
      const other = request.submission.not_before ?? "no not_before";
      throw new Fault("key_reused", `The key was used for request ${known} with ${other}.`);
    }
    return knownTo(input, request);
  }

  async function create(input: SubmitInput, kind: Kind, digest: string): Promise<Submitted> {
    const earlier = await earlierFor(input, digest);
    const now = ports.clock.now();
    const id = makeId(now, input.kind, ports.random);
    const asked: RequestFields = {
      version: 1,
      id,
      host: ports.host,
      requester: input.requester ?? DEFAULT_REQUESTER,
      on_behalf_of: input.on_behalf_of ?? null,
      kind: input.kind,
      params: input.params,
      effect: kind.effect,
      key: input.key ?? null,
      policy: null,
      rule: null,
      created: seconds(Math.floor(now / 1000)),
      // Rounded up, so that nobody gets less time than was asked for.
      expires: seconds(Math.ceil((now + (input.expires_in_ms ?? kind.expires_ms)) / 1000)),
    };
    const { fields, verdict, question } = judged(asked, kind, now, input.expires_in_ms);
    const isAsked = verdict === null || verdict.says === "require_approval";
    const caller = kind.handler === null ? tokenFor(input) : null;
    const { title, next_effect } = wordingOf(input.kind, input.params, kind);
    const submission: Submission = {
      fields,
      digest: digestOf(fields),
      action_digest: digest,
      title: input.title ?? title,
      next_effect,
      caller: caller !== null,
      token_sha256: caller?.sha256 ?? null,
      ...scheduled(input),
      ...(verdict !== null && { verdict, ...rosterFor(fields, verdict, now) }),
      ...(input.adopted && { adopted: adoptedOf(id, input.adopted) }),
      ...earlier,
      max_attempts: verdict?.max_attempts ?? ports.retry.max_attempts,
    };
    if (isAsked) checkAttempts(submission);
    if (!fitsNote({ params: input.params, next_effect })) {
      const hint = "Put long content into a file and pass its path and SHA-256.";
      throw new Fault("invalid_params", "The params are too large for a note that a person can read.", hint);
    }
    const event = { type: "submitted", at: iso(now), submission } as const;
    const leave = isAsked ? ports.caps.admit(id, fields.requester) : () => {};
    const release = ports.policy.hold(question);
    const request = await ports.daemon.submit(event, input.adopted?.bytes).catch((error) => {
      leave();
      release();
      throw error;
    });
    const token = caller?.token ?? null;
    return { request: viewOf(request), created: true, joined: false, own: caller !== null, token };
  }

  function tokenFor({ token_sha256 }: SubmitInput): { token: string | null; sha256: string } {
    return token_sha256 === undefined ? ports.createToken() : { token: null, sha256: token_sha256 };
  }

  function earlierFor(input: SubmitInput, action_digest: string) {
    const { kind, params, requester = DEFAULT_REQUESTER, on_behalf_of = null, previous = null } = input;
    const asked = { requester, on_behalf_of, kind, params, action_digest, previous };
    return earlierOf(ports.ledger, asked, ports.clock.now(), ports.retry);
  }

  /** Who may decide; nothing where anyone may, or nobody is asked. */
  function rosterFor(fields: RequestFields, { says, approvers }: Verdict, at: number): { roster?: Roster } {
    const { requester, on_behalf_of } = fields;
    const asked = { approvers, requester, on_behalf_of, delegations: [], escalated_to: [], at };
    const roster = rosterOf(asked, ports.people());
    return says !== "require_approval" || isOpenToAll(roster) ? {} : { roster };
  }

  /** The request with what the policy says of it: rule and policy are part of what is asked, and so is the deadline. */
  function judged(asked: RequestFields, kind: Kind, now: number, expires_in_ms = Infinity) {
    const { params, requester, on_behalf_of, key, created, expires } = asked;
    const question = {
      id: asked.id,
      kind: asked.kind,
      params,
      requester,
      on_behalf_of,
      key,
      action_tags: kind.tags,
      editable: kind.editable,
      created: Date.parse(created),
    };
    let fields = asked;
    const said = ports.policy.judge(question, ({ policy, rule, expires_ms }) => {
      const due = expires_ms === null ? null : now + Math.min(expires_ms, expires_in_ms);
      fields = { ...asked, policy, rule, expires: due === null ? expires : seconds(Math.ceil(due / 1_000)) };
      return digestOf(fields);
    });
    const verdict = kind.shadow ? inShadow(said ?? withoutPolicy(question)) : said;
    return { fields, verdict, question };
  }
}

/** As it is recorded and shown: to the second, and rather later than earlier. */
function scheduled({ not_before }: SubmitInput): Pick<Submission, "not_before"> {
  return not_before === undefined ? {} : { not_before: seconds(Math.ceil(not_before / 1_000)) };
}

function isAtSameTime({ submission }: Request, input: SubmitInput): boolean {
  return submission.not_before === scheduled(input).not_before;
}

/** A name is only a claim; that the token is the same is proof that it is the same one who asks. */
function isOwn({ submission }: Request, { token_sha256 }: SubmitInput): boolean {
  return submission.token_sha256 !== null && submission.token_sha256 === token_sha256;
}

function knownTo(input: SubmitInput, request: Request): Submitted {
  return { request: viewOf(request), created: false, joined: false, own: isOwn(request, input), token: null };
}

function checkParams({ kind: name, params }: SubmitInput, kind: Kind): void {
  const wrong = kind.checkParams(params);
  if (wrong.length > 0)
    throw new Fault("invalid_params", `The params do not fit ${name}: ${wrong.join("; ")}.`);
}

function unknownKind(kind: string, kinds: readonly string[]): Fault {
  const near =
    kinds.length === 0 ? "The configuration has no actions yet." : `There are: ${kinds.join(", ")}.`;
  return new Fault("unknown_kind", `The configuration has no action “${kind.slice(0, 60)}”.`, near);
}

/** Whole seconds since the epoch as notes show them: ISO 8601 in UTC, without a fraction. */
function seconds(whole: number): string {
  return iso(whole * 1000).replace(".000Z", "Z");
}
