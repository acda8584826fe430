import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import type { Request } from "./request.ts";
import type { Verdict } from "./verdict.ts";

/** What a request's action is, and what a note says about it: all that changes when a person changes the action. */
export interface Version {
  readonly params: JsonObject;
  readonly digest: string;
  readonly action_digest: string;
  readonly title: string;
  readonly next_effect: string;
  /** See `Submission`. */
  readonly not_before?: string;
  /** What the policy said of it; absent where there was no policy. */
  readonly verdict?: Verdict;
}

/** That the action is no longer the one that was asked for. */
export interface Amendment {
  /** What the requester asked for; its idempotency key still means this. */
  readonly asked: Version;
  /** What the note showed until the last change. */
  readonly before: Version;
  /** Null where no person changed anything, and the policy alone sent it back. */
  readonly by: string | null;
  readonly at: string;
  /** Why the policy, having become stricter, asks again; absent where the last change was a person's. */
  readonly sent_back?: string;
  /** SHA-256 (hex) of the note's bytes that carried the change; null when it came by another way. */
  readonly note_sha256: string | null;
}

/** One param that differs; `from` or `to` is missing where the param itself is. */
export interface ParamChange {
  readonly param: string;
  readonly from?: Json;
  readonly to?: Json;
}

/** The params that differ, in the order of the names as they were, new ones behind them. */
export function changesBetween(from: JsonObject, to: JsonObject): ParamChange[] {
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...names].flatMap((param) => {
    const change: ParamChange = {
      param,
      ...(Object.hasOwn(from, param) && { from: from[param] ?? null }),
      ...(Object.hasOwn(to, param) && { to: to[param] ?? null }),
    };
    return same(change.from, change.to) ? [] : [change];
  });
}

/** More than these would not be read. */
const TOLD = 5;
const NAME_CHARACTERS = 40;
const VALUE_CHARACTERS = 60;

/**
 * What differs, one clause each, for people; inside maps down to the value that differs. The text holds foreign names
 * and values as they are: whoever shows it makes it harmless.
 */
export function tellChanges(from: JsonObject, to: JsonObject, where: "in the note" | "now"): string[] {
  const changes = leavesOf(changesBetween(from, to));
  const told = changes.slice(0, TOLD).map(({ param, from, to }) => {
    const name = /^[\w.-]{1,40}$/.test(param) ? `**${param}**` : `“${cut(param, NAME_CHARACTERS)}”`;
    if (from === undefined) return `${name} was not there and is ${shown(to)} ${where}`;
    if (to === undefined) return `${name} was ${shown(from)} and is not there ${where}`;
    const [before, after] = shownPair(JSON.stringify(from), JSON.stringify(to));
    return `${name} was ${before} and is ${after} ${where}`;
  });
  const more = changes.length - TOLD;
  return more > 0 ? [...told, `${more} more differ`] : told;
}

function leavesOf(changes: readonly ParamChange[]): ParamChange[] {
  return changes.flatMap((change) => {
    const { param, from, to } = change;
    if (!isJsonObject(from) || !isJsonObject(to)) return [change];
    return leavesOf(changesBetween(from, to)).map((inner) => ({
      ...inner,
      param: `${param}.${inner.param}`,
    }));
  });
}

function shown(value: Json | undefined): string {
  return cut(JSON.stringify(value), VALUE_CHARACTERS);
}

/** Two long texts from a little before the place where they part: cut at their end they might look the same. */
function shownPair(from: string, to: string): [string, string] {
  let at = 0;
  while (at < from.length && from[at] === to[at]) at += 1;
  const start = Math.max(0, at - VALUE_CHARACTERS / 3);
  const show = (text: string) => {
    if (text.length <= VALUE_CHARACTERS || start === 0) return cut(text, VALUE_CHARACTERS);
    return cut(`…${text.slice(start).toWellFormed()}`, VALUE_CHARACTERS);
  };
  return [show(from), show(to)];
}

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`;
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, i) => same(one, b[i]));
  }
  return isJsonObject(a) && isJsonObject(b) && changesBetween(a, b).length === 0;
}

/** What the request says of its action now. */
export function versionOf({ submission }: Request): Version {
  const { fields, digest, action_digest, title, next_effect, not_before, verdict } = submission;
  return {
    params: fields.params,
    digest,
    action_digest,
    title,
    next_effect,
    ...(not_before !== undefined && { not_before }),
    ...(verdict !== undefined && { verdict }),
  };
}
