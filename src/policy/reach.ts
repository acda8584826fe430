import { type Finding, finding } from "../core/codes.ts";
import { compile, conjunctsOf, readsOf } from "./expression.ts";
import { anyMatches } from "./glob.ts";
import type { Known } from "./known.ts";
import { type Match, type Place, RISKS, type Risk } from "./policy.ts";
import type { WrittenExpression } from "./read-policy.ts";

interface Written {
  readonly place: Place;
  readonly id?: string;
  readonly match: Match;
  readonly when: WrittenExpression | null;
}

/** The kinds that can match; null where no kinds are known. */
export function kindsFor(match: Match, { kinds }: Known): readonly string[] | null {
  if (kinds === null) return null;
  return [...kinds]
    .filter(([kind, { tags }]) => anyMatches(match.kind, kind) && anyTag(match, tags))
    .map(([kind]) => kind);
}

/** Whether any of the tags is one that is asked for. */
export function anyTag({ tags: globs }: Match, tags: readonly string[]): boolean {
  return globs === null || tags.some((tag) => anyMatches(globs, tag));
}

/** Why a rule or a risk factor can never match, as far as it can be told without a request. */
export function findUnreachable(
  { place, match, when, id }: Written,
  known: Known,
  factors: readonly { readonly level: Risk }[],
): readonly Finding[] {
  const never = (message: string, at: Place = place) =>
    finding("never_matches", at, `${id ?? "the risk factor"} can never match: ${message}`);
  const found: Finding[] = [];
  const kinds = kindsFor(match, known);
  if (kinds?.length === 0) found.push(never(whyNoKind(match, known)));
  const wanted = RISKS.filter((level) => anyMatches(match.risk, level));
  const reachable = new Set<Risk>(["low", ...factors.map(({ level }) => level)]);
  if (wanted.length > 0 && !wanted.some((level) => reachable.has(level))) {
    found.push(never(`no risk factor makes the risk ${wanted.join(" or ")}`));
  }
  if (when === null || found.length > 0) return found;
  const parts = conjunctsOf(when.text).map((text) => ({ text, reads: readsOf(text) }));
  for (const { text, reads } of parts) {
    if (reads.length > 0 || answer(text, new Map()) === true) continue;
    return [never(`${text} is never true`, when)];
  }
  const fixed = parts.filter(({ reads }) => reads.length > 0 && reads.every(isAboutKind));
  const open = kinds?.filter((kind) =>
    fixed.every(({ text }) => answer(text, factsOf(kind, known.kinds?.get(kind)?.tags ?? [])) !== false),
  );
  if (open?.length === 0) found.push(never("when and match contradict each other", when));
  return found;
}

function whyNoKind({ kind, tags }: Match, { kinds }: Known): string {
  const names = [...(kinds?.keys() ?? [])];
  if (!names.some((name) => anyMatches(kind, name))) {
    return `the configuration has no action ${kind?.map(({ text }) => text).join(" or ")}`;
  }
  return `no such action has the tag ${tags?.map(({ text }) => text).join(" or ")}`;
}

/** What is the same for every request of a kind. */
function isAboutKind([variable, field]: readonly string[]): boolean {
  return variable === "action" && (field === "kind" || field === "tags");
}

function factsOf(kind: string, tags: readonly string[]): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ["kind", kind],
    ["tags", tags],
  ]);
}

/** What a part of an expression gives for these facts about the action; null where that cannot be said. */
export function answer(text: string, action: ReadonlyMap<string, unknown>): boolean | null {
  const test = compile(text, { risk: true, kinds: new Map() });
  if (typeof test !== "function") return null;
  const given = test({ action });
  return typeof given === "boolean" ? given : null;
}
