import { Fault, type Problem, problem, type Refusal } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import { isFinal, type Request, type RequestId } from "../core/request.ts";
import { iso } from "../core/timing.ts";
import { sha256 } from "../document/digest.ts";
import { type AdoptionSettings, type Asked, mapNote } from "../document/foreign/mapping.ts";
import { readForeign } from "../document/foreign/note.ts";
import type { Desk } from "./desk.ts";
import type { Clock, Entry, KindSettings, Ledger, Log, Vault } from "./ports.ts";

/** Agents write a note in pieces, and sync tools bring it in pieces: only one that has been let alone is read. */
const QUIET_MS = 2_000;
/** A deadline nearer than this is over. */
const SOON_MS = 1_000;
const TITLE_CHARACTERS = 200;

export interface AdoptionPorts {
  readonly settings: AdoptionSettings;
  readonly vault: Vault;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly desk: Desk;
  readonly log: Log;
  /** Null when the configuration does not have this kind. */
  readonly kind: (kind: string) => KindSettings | null;
  /** Whether the vault's repository is in the middle of a merge or rebase. */
  readonly merging: () => boolean;
  /** Durable once it resolves; rejects with a `Fault` when it is no request that can be made. */
  readonly submit: (input: {
    readonly kind: string;
    readonly params: Asked["params"];
    readonly requester: string;
    readonly key: string;
    readonly title?: string;
    readonly expires_in_ms?: number;
    readonly adopted: { readonly name: string; readonly bytes: Uint8Array };
  }) => Promise<{ readonly request: { readonly id: RequestId } }>;
  /** Records an event about a request, if its state allows it. */
  readonly ask: (id: RequestId, propose: (request: Request) => Event | Refusal) => Promise<unknown>;
  /** Sees to it that the vault is looked through within so many ms. */
  readonly lookWithin: (ms: number) => void;
}

/** What is known of a foreign file as it is now. */
interface Known {
  readonly mark: string;
  /** Since when it has been let alone. */
  readonly since: number;
  /** What became of it: null until it was read. */
  readonly verdict: "own" | readonly Problem[] | null;
  /** Whether the same may be taken later. */
  readonly again?: boolean;
}

/**
 * Makes requests of the notes that other programs put into the pending folder. Nothing in such a note decides. One that
 * cannot be made into a request is reported and left alone, until it changes.
 */
export function createAdoption(ports: AdoptionPorts) {
  const { vault, ledger, clock, desk, log } = ports;
  const known = new Map<string, Known>();

  /** Looks at all foreign files that there are; gives the names of those that are nothing to adopt. */
  async function consider(strangers: readonly Entry[]): Promise<readonly string[]> {
    const foreign = strangers.filter(({ folder }) => folder === "pending");
    const there = new Set(foreign.map(({ name }) => name));
    for (const name of known.keys()) if (!there.has(name)) known.delete(name);
    for (const entry of foreign) {
      // One that fails, such as on a full disk, is tried again at the next look, and keeps no other waiting.
      await lookAt(entry).catch((error) => {
        if (error instanceof Fault && error.code === "storage_failed") throw error;
        log.error({ err: error, note: entry.name }, "a foreign note could not be adopted; it is tried again");
      });
    }
    const left = [...known].filter(([, { verdict }]) => verdict === "own").map(([name]) => name);
    desk.setUnadopted(
      [...known]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, { verdict }]) =>
          verdict === null || verdict === "own" ? [] : [{ name, problems: verdict }],
        ),
    );
    return [...strangers.filter((entry) => !foreign.includes(entry)).map(({ name }) => name), ...left];
  }

  async function lookAt({ name, mark }: Entry): Promise<void> {
    const before = known.get(name);
    if (before?.mark !== mark) {
      known.set(name, { mark, since: clock.now(), verdict: null });
      ports.lookWithin(QUIET_MS);
      return;
    }
    if (before.verdict !== null && before.again !== true) return;
    const rest = before.since + QUIET_MS - clock.now();
    if (rest > 0) ports.lookWithin(rest);
    else if (!ports.merging()) await judge(name, before);
  }

  async function judge(name: string, before: Known): Promise<void> {
    const found = await adopt(name);
    const verdict = typeof found === "object" && "later" in found ? found.later : found;
    if (verdict === "adopted") known.delete(name);
    else if (verdict !== "changed") known.set(name, { ...before, verdict, again: verdict !== found });
    if (typeof verdict === "string" || before.verdict !== null) return;
    for (const { code, line, message } of verdict) log.warn({ note: name, code, line }, message);
  }

  async function adopt(name: string): Promise<"own" | Made> {
    const found = vault.readForeign(name);
    if (found === null) return "changed";
    if ("problem" in found) return [problem(found.problem)];
    const { bytes } = found;
    const hash = sha256(bytes);
    // First of all, so that a crash behind the record makes no second request, whatever the configuration says now.
    const open = (await ledger.open()).filter(({ submission }) => submission.adopted?.sha256 === hash);
    const same = open.find(({ submission }) => submission.adopted?.name === name);
    if (same !== undefined) return takeAway(same, name, bytes);
    const reading = readForeign(bytes);
    if (!reading.ok) return reading.own ? "own" : reading.problems;
    const twin = open[0]?.submission.fields.id;
    if (twin !== undefined || isSyncCopy(name)) return [copyOf(twin)];

    const mapped = mapNote(reading.note, ports.settings, executorOf);
    if (!mapped.ok) return mapped.problems;
    const { asked } = mapped;
    const key = `adopted ${sha256(`${name}\0${hash}`)}`;
    const finished = await ledger.findKey(asked.requester, key);
    const request = finished === null ? null : await ledger.read(finished);
    if (request !== null) return takeAway(request, name, bytes);
    return make(asked, key, name, bytes);
  }

  async function make(asked: Asked, key: string, name: string, bytes: Uint8Array): Promise<Made> {
    const { kind, params, requester, title, expires } = asked;
    const rest = expires === null ? null : expires - clock.now();
    if (rest !== null && rest < SOON_MS) return [problem("foreign_expired")];
    try {
      const { request } = await ports.submit({
        kind,
        params,
        requester,
        key,
        ...(title !== null && { title: [...title].slice(0, TITLE_CHARACTERS).join("") }),
        ...(rest !== null && { expires_in_ms: rest }),
        adopted: { name, bytes },
      });
      return (await vault.adopt(request.id, name, bytes)) ? "adopted" : "changed";
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (LATER.has(error.code)) return { later: [problem("foreign_too_soon", null, error.message)] };
      if (!REFUSED.has(error.code)) throw error;
      return [problem("foreign_refused", null, error.message)];
    }
  }

  /** The note of a request that is there already: a crash came between, or a sync tool brought it back. */
  async function takeAway(request: Request, name: string, bytes: Uint8Array): Promise<"adopted" | "changed"> {
    const { id } = request.submission.fields;
    const cameBack = vault.readOriginal(id) !== null;
    if (!(await vault.adopt(id, name, bytes))) return "changed";
    if (!cameBack || !isFinal(request)) return "adopted";
    const detail = `the note ${name} came back after the request was ${request.status}; it is kept as ${id}-original.md`;
    const at = iso(clock.now());
    await ports.ask(id, () => ({ type: "refused", at, code: "already_final", by: null, detail }));
    return "adopted";
  }

  function executorOf(kind: string): "daemon" | "caller" | null {
    const settings = ports.kind(kind);
    if (settings === null) return null;
    return settings.handler === null ? "caller" : "daemon";
  }

  return consider;
}

/** What becomes of a foreign note; `later` where the same may be taken another time. */
type Made = "adopted" | "changed" | readonly Problem[] | { readonly later: readonly Problem[] };

/** What a submission says that is refused now, and may be taken at another look. */
const LATER: ReadonlySet<Fault["code"]> = new Set(["asked_too_soon", "too_many_attempts", "over_limit"]);

/** What a submission says about its input; everything else is no fault of the note's. */
const REFUSED: ReadonlySet<Fault["code"]> = new Set(["invalid_params", "invalid_request", "unknown_kind"]);

function isSyncCopy(name: string): boolean {
  return /\.sync-conflict-|conflicted copy/i.test(name);
}

function copyOf(id: RequestId | undefined): Problem {
  const message =
    id === undefined
      ? "A sync tool made this file as a conflicting copy of another note."
      : `The same text is the request ${id} already, from a note of another name.`;
  return problem("foreign_copy", null, message);
}
