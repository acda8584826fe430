import { type Finding, finding } from "../core/codes.ts";
import { formatDuration } from "../core/duration.ts";
import type { ApproverGroup, Requirements } from "../core/verdict.ts";
import { conjunctsOf, readsOf } from "./expression.ts";
import { anyMatches, type Glob } from "./glob.ts";
import type { Known } from "./known.ts";
import type { Layer } from "./layers.ts";
import { DEFAULTS, inOrder, type PeopleForRules, RISKS } from "./policy.ts";
import { answer, kindsFor } from "./reach.ts";
import type { WrittenRule } from "./read-policy.ts";
import { tellWait } from "./working.ts";

/** A rule, or a limit that may ask for a person. */
type Asking = Pick<WrittenRule, "id" | "place" | "match" | "lineOf">;

/** What only shows when all files are together, and what they are held against. */
export function checkWhole(layers: readonly Layer[], known: Known): readonly Finding[] {
  const rules = layers.flatMap(({ file }) => file.rules);
  const limits = layers.flatMap(({ file }) => file.limits);
  return [
    ...findDuplicates([...rules, ...limits]),
    ...limits.flatMap((limit) => checkRequirements(limit, limit.requirements, known)),
    ...rules.flatMap((rule) =>
      rule.requirements === null ? [] : checkRequirements(rule, rule.requirements, known),
    ),
    ...findShadowed(rules, known),
    ...layers.flatMap((layer) => findWeakened(layer, layers)),
  ];
}

function findDuplicates(rules: readonly Asking[]): readonly Finding[] {
  const seen = new Map<string, Asking>();
  return rules.flatMap((rule) => {
    const other = seen.get(rule.id);
    if (other === undefined) {
      seen.set(rule.id, rule);
      return [];
    }
    const where = `${other.place.file}:${other.place.line}`;
    return [finding("duplicate_id", rule.place, `${rule.id} is the id of the rule at ${where} already`)];
  });
}

function checkRequirements(rule: Asking, asked: Requirements, known: Known): readonly Finding[] {
  const { people } = known;
  const at = (key: string) => ({ file: rule.place.file, line: rule.lineOf(key) });
  const found: Finding[] = [
    ...checkServices(
      rule,
      asked.approvers.filter(({ kind }) => kind === "service"),
      known,
    ),
  ];
  const groups = asked.approvers.filter(({ kind }) => kind !== "service");
  if (people !== null) {
    for (const name of groups.flatMap(({ of }) => of ?? [])) {
      if (people.knows(name)) continue;
      found.push(finding("unknown_person", at("approvers"), `${rule.id} names ${name}`));
    }
    const impossible = impossibleGroups(groups, people);
    if (impossible !== null) {
      const key = asked.approvers.length === 1 ? "quorum" : "approvers";
      found.push(finding("quorum_impossible", at(key), `${rule.id} asks for ${impossible}`));
    }
  }
  const { cool_off_ms, execute_by_ms } = asked;
  if (cool_off_ms !== null && execute_by_ms !== null && cool_off_ms >= execute_by_ms) {
    const message = `${rule.id} has to start within ${formatDuration(execute_by_ms)}, and cools off for ${formatDuration(cool_off_ms)}`;
    const hint = "Give it longer to start than to be taken back.";
    found.push(finding("not_together", at("execute_by"), message, hint));
  }
  const total = groups.reduce((sum, { quorum }) => sum + quorum, 0);
  if (total > 1 && asked.min_assurance === "edit") {
    const message = `${rule.id} asks for ${total} approvals, and one hand could give them all`;
    found.push(finding("one_hand", at("approvers"), message));
  }
  found.push(...checkHours(rule, asked, known));
  for (const [level, { after_ms, to }] of asked.escalate.entries()) {
    const nobody = people !== null && people.atOnce(to) === 0;
    const unknown = people === null ? [] : to.filter((name) => !people.knows(name));
    if (nobody || unknown.length > 0) {
      const who =
        unknown.length > 0 ? `${unknown.join(", ")}, whom nobody knows` : `${to.join(", ")}: nobody`;
      found.push(finding("escalation_nowhere", at("escalate"), `${rule.id} escalates to ${who}`));
    }
    const expires = expiryOf(rule, asked, known);
    const [span, whole] = [asked.working?.escalate[level] ?? null, asked.working?.expires ?? null];
    if (expires !== null && span?.is === whole?.is && after_ms >= expires) {
      const message = `${rule.id} escalates after ${tellWait(after_ms, span)} and expires after ${tellWait(expires, whole)}`;
      found.push(finding("escalation_nowhere", at("escalate"), message));
    }
  }
  return found;
}

/** Working time is nothing without hours. */
function checkHours(rule: Asking, { working }: Requirements, { people }: Known): readonly Finding[] {
  if (working === undefined || people === null) return [];
  const place = { file: rule.place.file, line: rule.lineOf(working.hours === null ? "expires" : "hours") };
  const { hoursNames } = people;
  const known = hoursNames.join(", ") || "none";
  if (working.hours === null) {
    if (hoursNames.length === 1) return [];
    return [
      finding(
        "unknown_hours",
        place,
        `${rule.id} tells working time and names no hours; there are: ${known}`,
      ),
    ];
  }
  if (hoursNames.includes(working.hours)) return [];
  return [finding("unknown_hours", place, `${rule.id} has the hours ${working.hours}; there are: ${known}`)];
}

function checkServices(
  rule: Asking,
  groups: readonly ApproverGroup[],
  { services = null }: Known,
): readonly Finding[] {
  const place = { file: rule.place.file, line: rule.lineOf("approvers") };
  return groups.flatMap(({ of, quorum }) => {
    const names = new Set(of);
    const unknown = services === null ? [] : [...names].filter((name) => !services.has(name));
    return [
      ...unknown.map((name) => finding("unknown_service", place, `${rule.id} names the service ${name}`)),
      ...(quorum > names.size
        ? [finding("quorum_impossible", place, `${rule.id} asks for ${quorum} of ${names.size} services`)]
        : []),
    ];
  });
}

/** The longest that such a request can wait; null where that is not known. */
function expiryOf(rule: Asking, { expires_ms }: Requirements, known: Known): number | null {
  if (expires_ms !== null) return expires_ms;
  const waits = (kindsFor(rule.match, known) ?? []).map((kind) => known.kinds?.get(kind)?.expires_ms ?? 0);
  return waits.length === 0 ? null : Math.max(...waits);
}

/**
 * Which of the groups together can never have their quorums, in words: every choice of groups needs as many distinct
 * persons as their quorums ask for.
 */
function impossibleGroups(groups: readonly ApproverGroup[], people: PeopleForRules): string | null {
  const known = groups.filter(({ of }) => of !== null).slice(0, 12);
  for (let choice = 1; choice < 2 ** known.length; choice += 1) {
    const chosen = known.filter((_, at) => (choice >> at) % 2 === 1);
    const names = chosen.flatMap(({ of }) => of ?? []);
    // A name that nobody has is told as such.
    const there = people.atOnce(names) + names.filter((name) => !people.knows(name)).length;
    const needed = chosen.reduce((sum, { quorum }) => sum + quorum, 0);
    if (needed > there) return `${needed} of ${names.join(", ")}, who are ${there}`;
  }
  return null;
}

/** A rule without conditions that comes before, and matches all that this one matches. Doubt cannot arise in those. */
function findShadowed(rules: readonly WrittenRule[], known: Known): readonly Finding[] {
  const tried = inOrder(rules);
  // A deny is tried before everything else, whatever its priority.
  const order = [
    ...tried.filter(({ decision }) => decision === "deny"),
    ...tried.filter(({ decision }) => decision !== "deny"),
  ];
  const certain: WrittenRule[] = [];
  const found: Finding[] = [];
  for (const rule of order) {
    const before = certain.find((other) => covers(other, rule, known));
    if (before !== undefined) {
      found.push(
        finding("shadowed", rule.place, `${rule.id} never decides, because ${before.id} always does`),
      );
    }
    if (rule.when === null || rule.when.text === "true") certain.push(rule);
  }
  return found;
}

function covers({ match: wide }: WrittenRule, { match: narrow }: WrittenRule, known: Known): boolean {
  const kinds = kindsFor(narrow, known);
  const all = kindsFor(wide, known);
  const byKind =
    kinds !== null && all !== null
      ? kinds.length > 0 && kinds.every((kind) => all.includes(kind))
      : isWithin(narrow.kind, wide.kind) && isWithin(narrow.tags, wide.tags);
  return byKind && isWithin(narrow.requester, wide.requester) && isWithin(narrow.risk, wide.risk);
}

/** Whether all that the first can match is surely matched by the second. */
function isWithin(narrow: readonly Glob[] | null, wide: readonly Glob[] | null): boolean {
  if (wide === null || wide.some(({ text }) => text === "*")) return true;
  if (narrow === null) return false;
  return narrow.every(({ text }) =>
    wide.some((one) => one.text === text || (!/[*?]/.test(text) && one.matches(text))),
  );
}

/** A deny, once given, stands: whoever extends a policy can add to it only. */
function findWeakened(child: Layer, layers: readonly Layer[]): readonly Finding[] {
  const parents = layers.filter(({ id }) => child.above.has(id));
  const found: Finding[] = [];
  const own = child.file.default;
  for (const parent of parents) {
    const theirs = parent.file.default;
    if (own !== null && theirs !== null && DEFAULTS.indexOf(own) < DEFAULTS.indexOf(theirs)) {
      const place = { file: child.name, line: 1 };
      const message = `the default ${own} is looser than ${theirs} in ${parent.name}`;
      found.push(finding("weakens_parent", place, message));
    }
    if (child.file.factors.length === 0) continue;
    const first = child.file.factors[0]?.place ?? { file: child.name, line: 1 };
    for (const rule of parent.file.rules) {
      if (rule.decision !== "deny" || risesWithRisk(rule)) continue;
      const message = `more risk factors would take actions out of ${rule.id}, a deny of ${parent.name}`;
      const hint = "Let that deny hold for every higher risk too, or put the risk factors into its file.";
      found.push(finding("weakens_parent", first, message, hint));
    }
  }
  return found;
}

/** Whether a rule that matches an action would also match it at a higher risk. */
function risesWithRisk({ match, when }: WrittenRule): boolean {
  const rises = (holds: readonly boolean[]) => holds.every((one, at) => at === 0 || one || !holds[at - 1]);
  if (!rises(RISKS.map((level) => anyMatches(match.risk, level)))) return false;
  if (when === null) return true;
  return conjunctsOf(when.text).every((text) => {
    const reads = readsOf(text).filter(([variable]) => variable === "action");
    if (reads.some(([, field]) => field === undefined || field === "factors")) return false;
    if (!reads.some(([, field]) => field === "risk")) return true;
    if (readsOf(text).some(([variable, field]) => variable !== "action" || field !== "risk")) return false;
    return rises(RISKS.map((level) => answer(text, new Map([["risk", level]])) === true));
  });
}
