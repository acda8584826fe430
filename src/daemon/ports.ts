import type { ProblemCode } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Other } from "../core/misled.ts";
import type { Attempt, EffectClass, Request, RequestId } from "../core/request.ts";
import type { Switch, SwitchRecord } from "../core/switch.ts";
import type { Limits } from "../core/timing.ts";
import type { Verdict } from "../core/verdict.ts";

/** One line of the journal: an event of one request, chained to the record before it. */
export interface LedgerRecord {
  /** 1 for the first record ever; no gaps. */
  readonly seq: number;
  readonly id: RequestId;
  /** The request's revision after this event, from 1. */
  readonly revision: number;
  readonly event: Event;
  readonly prev: string;
  readonly hash: string;
}

/** The authority: what was submitted, decided, started and came out. */
export interface Ledger {
  /**
   * Appends events of one request in one durable write and gives the request that they lead to. With `lazy` the write
   * may reach the disk with a later one; only for events that are found out again after a crash.
   * Rejects with `storage_failed` when the disk refused (the ledger takes nothing more then), and with
   * `RevisionConflict` when the request's revision is no longer `expected` (0 for a new request).
   */
  append(
    id: RequestId,
    expected: number,
    events: readonly Event[],
    options?: { lazy?: boolean },
  ): Promise<Request>;
  /** Any request, finished ones included; null when there never was one. */
  read(id: RequestId): Promise<Request | null>;
  /** All requests that are not closed, in order of submission. */
  open(): Promise<readonly Request[]>;
  /** The request that this requester made with this key. */
  findKey(requester: string, key: string): Promise<RequestId | null>;
  /** The newest open request without a key by this requester, on behalf of the same one, for this action. */
  findAsked(requester: string, onBehalfOf: string | null, actionDigest: string): Promise<RequestId | null>;
  /**
   * The newest request by this requester, on behalf of the same one, for this action that a person may have said no to;
   * null where the action was executed since.
   */
  findRefused(requester: string, onBehalfOf: string | null, actionDigest: string): Promise<RequestId | null>;
  /** The request that tries this one again. */
  findRetry(previous: RequestId): Promise<RequestId | null>;
  /** Where the ledger ends now. */
  head(): { readonly seq: number };
  /** The number of the last record from before a time (ms); 0 where all are younger. Costs what is younger, and no more. */
  lastBefore(time: number): Promise<number>;
  /** Records after a sequence number, oldest first, up to now. */
  records(after: number): AsyncIterable<LedgerRecord>;
  /** Calls back with every record once it is durable, in order. */
  follow(listener: (record: LedgerRecord) => void): () => void;
  close(): Promise<void>;
}

/** The folders in which a note is a ballot. */
export type Folder = "pending" | "approved" | "rejected";

/** A file in a decision folder. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
}

/** A request's note, or a copy of it, as it is on disk now; a problem where it is not an ordinary readable file. */
export type NoteFile = Place & ({ readonly bytes: Uint8Array } | { readonly problem: ProblemCode });

/** A name in a decision folder. */
export interface Entry extends Place {
  /** Changes whenever the file does. */
  readonly mark: string;
  /** The request whose note, or copy of it, this is; null for every other file. */
  readonly id: RequestId | null;
}

/** The vault's folders. Nothing in them is ever overwritten. */
export interface Vault {
  /**
   * A request's files in the decision folders: those of its own name, and the copies that editors and sync tools make,
   * known from `scan`, `notice` and `recover`. Empty when there is none.
   */
  read(id: RequestId): readonly NoteFile[];
  /** A file may have come, changed or gone: gives the request that it belongs to, or belonged to, and remembers a copy. */
  notice(place: Place): RequestId | null;
  /** The same, by the id that stands inside, for a file whose name only looks like a request's. */
  noticeInside(place: Place): RequestId | null;
  /** The host that the note there says it belongs to; null when it says none. */
  hostInside(place: Place): string | null;
  /**
   * Looks for files that nobody has told of yet, by name only; true when there is one that belongs to some request.
   * Never misses one that was there at the call: where looking at once is too dear, it is done a little later.
   */
  findNewCopies(): boolean | Promise<boolean>;
  /** False when there is a note of that name already. */
  create(id: RequestId, bytes: Uint8Array): Promise<boolean>;
  /** False when the note's bytes are no longer the expected ones. */
  replace(id: RequestId, place: Place, expected: Uint8Array, bytes: Uint8Array): Promise<boolean>;
  /** Puts the finished note in place and takes the waiting one away; `changed` when that one was saved meanwhile. */
  archive(
    id: RequestId,
    from: (Place & { readonly expected: Uint8Array }) | null,
    final: Uint8Array,
  ): Promise<{ name: string; changed: boolean }>;
  /** Moves a note beside the finished one and gives its name there; null when it changed meanwhile. */
  keepLate(id: RequestId, place: Place, expected: Uint8Array, bytes: Uint8Array): Promise<string | null>;
  /** Takes away a note that says nothing new; false when it changed meanwhile. */
  discard(id: RequestId, place: Place, expected: Uint8Array): Promise<boolean>;
  /** The finished note, by its path below `Done/`. */
  readDone(id: RequestId): { readonly path: string; readonly bytes: Uint8Array } | null;
  /** False when the finished note's bytes are no longer the expected ones. */
  replaceDone(id: RequestId, path: string, expected: Uint8Array, bytes: Uint8Array): Promise<boolean>;
  /** A foreign note in the pending folder; null when it is not there. */
  readForeign(name: string): { readonly bytes: Uint8Array } | { readonly problem: ProblemCode } | null;
  /** Keeps a foreign note's bytes in `Done/` for its request and takes it away; false when it changed meanwhile. */
  adopt(id: RequestId, name: string, expected: Uint8Array): Promise<boolean>;
  /** The foreign note that a request was made from, as it is kept; null when it is not. */
  readOriginal(id: RequestId): Uint8Array | null;
  /** Every name in the decision folders; all copies are known before the first slice comes. */
  scan(): AsyncIterable<readonly Entry[]>;
  /** Where else in the vault notes of these ids are, by their names or by the ids inside. */
  findElsewhere(ids: ReadonlySet<RequestId>): Promise<ReadonlyMap<RequestId, string>>;
  /** Writes a file of the daemon's own; false where something is there that is not `isOwn`, which is left alone. */
  writeOwn(name: string, text: string, isOwn: (there: string) => boolean): Promise<boolean>;
  fileAwayMonths(thisMonth: string): Promise<void>;
  recover(): Promise<void>;
}

/** The daemon's clock: wall time in ms, and waking up later. */
export interface Clock {
  now(): number;
  /** Calls back once, after about so many ms; the result takes it back. */
  after(ms: number, wake: () => void): () => void;
}

/** What a handler is given: the stored action, never text read back from a note. */
export interface Job {
  readonly id: RequestId;
  readonly digest: string;
  readonly kind: string;
  readonly params: JsonObject;
  readonly attempt: Attempt;
  readonly effect: EffectClass;
  readonly approved_by: readonly string[];
}

export type Outcome =
  | { readonly status: "executed"; readonly result: Json }
  | { readonly status: "failed"; readonly error: string }
  /** What came of it cannot be known. */
  | { readonly status: "unknown"; readonly cause: string };

/**
 * Carries out one kind of action. A rejection is an `unknown` outcome: it may have happened. Before another attempt inside
 * the same execution it must ask `again`.
 */
type Handler = (job: Job, again: Again) => Promise<Outcome>;

/** Records the attempt of that number, and what came of the one before; false where there must be none. Never rejects. */
type Again = (number: number, because: string) => Promise<boolean>;

/** What the policy is asked about. */
export interface Question {
  readonly id: RequestId;
  readonly kind: string;
  readonly params: JsonObject;
  readonly action_tags: readonly string[];
  readonly editable: readonly string[];
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly key: string | null;
  /** In ms since the epoch. */
  readonly created: number;
}

/** The policy in force. */
export interface PolicyPort {
  /**
   * What it says now; null where there is no policy. `digestOf` gives the request's digest once rule, policy and the
   * rule's time for a decision are known: by it the share of otherwise allowed ones is drawn that goes to a person.
   */
  judge(question: Question, digestOf: (found: Found) => string): Verdict | null;
  /**
   * Counts a request towards the policy's limits from now on, before it is recorded: another one may be judged meanwhile.
   * Gives what takes it back, for one that is not recorded after all.
   */
  hold(question: Question): () => void;
}

type Found = Pick<Verdict, "policy" | "rule" | "expires_ms">;

/** What one kind of action needs of the daemon, from the configuration. */
export interface KindSettings {
  /** Null for `caller` actions. */
  readonly handler: Handler | null;
  /** How long an approved request may wait for its start. */
  readonly limits: Limits;
  /** The params that a person may change. */
  readonly editable: readonly string[];
  /** What is wrong with params, in plain words; empty when nothing is. */
  readonly checkParams: (params: JsonObject) => readonly string[];
  /** What rules can match on. */
  readonly tags: readonly string[];
  /** Whether nobody is asked for it, and what the rules say is only recorded: the operator's switch, and nobody else's. */
  readonly shadow: boolean;
  /** The default title, and what the note says under "What happens if you approve", with `{name}` for params. */
  readonly title: string | null;
  readonly next_effect: string | null;
}

/** The audit trail in git; off the path from decision to execution. */
export interface Chronicle {
  /** What a coming event changes in the vault, by path below its root; null bytes where a file goes away. */
  keep(id: RequestId, revision: number, changes: readonly Change[]): void;
}

export interface Change {
  readonly path: string;
  readonly bytes: Uint8Array | null;
}

/** Whether the clock on the wall can be trusted. */
export interface ClockGuard {
  isFrozen(): boolean;
  /** What is wrong, in a sentence; null where nothing is. */
  notice(): string | null;
  /** An operator says that it is right; `seq` is the journal's last record's. Durable once it returns. */
  accept(seq: number): void;
}

/** What is remembered over restarts of notes that show something else than what was asked for. */
export interface OtherTexts {
  /** Null where there is nothing; what cannot be read counts as an approval of something else. */
  read(id: RequestId): Other | null;
  /** Durable once it returns, where an approval was seen; throws when the disk does not let it. */
  keep(id: RequestId, other: Other | null): void;
}

/** Stops and restarts all executions; survives restarts. */
export interface HaltSwitch {
  isHalted(): boolean;
  set(halted: boolean, by: string): Promise<void>;
}

/** Who halted, resumed and accepted the clock. */
export interface SwitchLog {
  /** Durable once it resolves. Rejects with `storage_failed`. */
  record(what: Switch, by: string): Promise<void>;
  /** All that were recorded, oldest first. Rejects with `journal_damaged`. */
  read(): Promise<readonly SwitchRecord[]>;
}

export interface Log {
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}
