import { formatDuration } from "../core/duration.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { ANYONE, type Requirements } from "../core/verdict.ts";
import { mismatch } from "./assess.ts";
import { type Exact, exact, tellExact } from "./exact.ts";
import type { RollingLimit } from "./policy.ts";
import { both } from "./requirements.ts";

/** A request as far as limits are concerned. */
export interface Counted {
  readonly kind: string;
  readonly params: JsonObject;
  readonly tags: readonly string[];
  readonly requester: string;
  readonly on_behalf_of: string | null;
}

/** One request's share in a limit: what it is added up with, and how much it is; null where that cannot be said. */
export interface Share {
  readonly with: string | null;
  readonly amount: Exact | null;
}

/** What else counts towards a limit now, of what is added up with this; null where that is not known. */
export type Used = (limit: RollingLimit, beside: string) => Exact | null;

/** As if nothing had been asked for before. */
export const NOTHING_USED: Used = () => 0n;

/** What else counts, by the limits' ids; nothing where an id is not there. Null for what is no number from 0. */
export function usedBy(amounts: Readonly<Record<string, unknown>>): Used {
  return ({ id }) => (Object.hasOwn(amounts, id) ? exact(amounts[id]) : 0n);
}

/** How a request stands with a limit that it falls under. */
export interface LimitFound {
  readonly limit: string;
  readonly decision: RollingLimit["decision"];
  readonly exceeded: boolean | "doubt";
  /** In a sentence. */
  readonly told: string;
}

/** A request's share in a limit; null where it does not fall under it. */
export function shareIn(limit: RollingLimit, counted: Counted): Share | null {
  if (mismatch(limit.match, counted) !== null) return null;
  const keys = limit.per.map((path) => plain(valueAt(counted, path)));
  const known = keys.every((key) => key !== null);
  const amount = limit.sum === null ? exact(1) : exact(paramAt(counted.params, limit.sum));
  return { with: known ? JSON.stringify(keys) : null, amount };
}

/** How a request stands with each limit that it falls under. A doubt counts as being over. */
export function standingWith(
  limits: readonly RollingLimit[],
  counted: Counted,
  used: Used,
): readonly LimitFound[] {
  return limits.flatMap((limit): LimitFound[] => {
    const share = shareIn(limit, counted);
    if (share === null) return [];
    const { id, decision } = limit;
    const before = share.with === null ? null : used(limit, share.with);
    if (share.amount === null || before === null) {
      const what =
        share.amount === null
          ? `${limit.sum} cannot be added up`
          : share.with === null
            ? `${limit.per.join(", ")} cannot be read`
            : "what was asked for before is not known yet";
      return [{ limit: id, decision, exceeded: "doubt", told: `${id}: ${what}, so it counts as over.` }];
    }
    const total = before + share.amount;
    const told = `${id}: ${tellExact(total)} of ${tellExact(limit.over)} within ${formatDuration(limit.within_ms)}, ${tellExact(share.amount)} of it for this.`;
    return [{ limit: id, decision, exceeded: total > limit.over, told }];
  });
}

/** What limits make of a verdict: nothing, where none is exceeded. */
export function limited<
  F extends {
    readonly verdict: string;
    readonly rule: string | null;
    readonly joined: readonly string[];
    readonly reason: string;
    readonly requirements: Requirements | null;
    readonly sample: number | null;
  },
>(found: F, limits: readonly RollingLimit[], standing: readonly LimitFound[]): F | (F & Limited) {
  if (found.verdict === "deny") return found;
  const exceeded = standing.filter((one) => one.exceeded !== false);
  const denying = exceeded.find(({ decision }) => decision === "deny");
  if (denying !== undefined) {
    const nothing = { joined: [], requirements: null, constraints: null, sample: null };
    return { ...found, ...nothing, verdict: "deny", rule: denying.limit, reason: reasonOf(denying, limits) };
  }
  if (exceeded.length === 0) return found;
  const asking = exceeded.map(({ limit }) => limit);
  const demands = exceeded.map(({ limit }) => limitOf(limits, limit)?.requirements ?? ANYONE);
  const reasons = exceeded.map((one) => reasonOf(one, limits));
  if (found.verdict === "require_approval") {
    return {
      ...found,
      joined: [...found.joined, ...asking],
      reason: [found.reason, ...reasons].join(" "),
      requirements: [found.requirements ?? ANYONE, ...demands].reduce(both),
    };
  }
  return {
    ...found,
    verdict: "require_approval",
    rule: asking[0] ?? null,
    joined: asking.slice(1),
    reason: reasons.join(" "),
    requirements: demands.reduce(both),
    sample: null,
  };
}

interface Limited {
  readonly verdict: "deny" | "require_approval";
  readonly constraints?: null;
}

function limitOf(limits: readonly RollingLimit[], id: string): RollingLimit | undefined {
  return limits.find((limit) => limit.id === id);
}

function reasonOf({ limit, told }: LimitFound, limits: readonly RollingLimit[]): string {
  const reason = limitOf(limits, limit)?.reason ?? null;
  return reason === null ? `The limit ${told}` : `${reason} (${told.replace(/\.$/, "")})`;
}

function valueAt(counted: Counted, path: string): Json | undefined {
  const [first, ...rest] = path.split(".");
  if (first === "params") return paramAt(counted.params, rest.join("."));
  if (first === "requester") return counted.requester;
  // Nobody is somebody here: those who ask in nobody's name are added up together.
  return first === "on_behalf_of" ? (counted.on_behalf_of ?? "") : counted.kind;
}

function paramAt(params: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = params;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const map = value as JsonObject;
    value = Object.hasOwn(map, name) ? map[name] : undefined;
  }
  return value;
}

/**
 * What two values that a person would take for the same have in common: otherwise "ACME" and " acme" would each have a
 * limit of its own. Null for what is no plain value.
 */
function plain(value: Json | undefined): string | null {
  if (value === undefined || value === null || typeof value === "object") return null;
  if (typeof value !== "string") return String(value);
  return value
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .toLowerCase();
}
