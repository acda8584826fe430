import type { JsonObject } from "../core/json.ts";
import { typeOfSchema } from "./params-type.ts";

/** The kinds that there are, with the JSON Schema of their params; null where there is none. */
type Kinds = ReadonlyMap<string, JsonObject | null>;

interface Part {
  readonly title: string;
  /** Kinds that it is about, as globs, and an expression that says the same. */
  readonly kinds: readonly string[] | null;
  /** A param that it reads, with a yes or no about it. */
  readonly reads: { readonly name: string; readonly when: string } | null;
  readonly lines: (match: string | null, when: string | null) => readonly string[];
}

const PAYMENTS = ["payment", "transfer", "withdrawal"];

/** Names of amounts, and how many of that make one of the currency. */
const AMOUNTS: readonly (readonly [string, number])[] = [
  ["amount", 1],
  ["amount_cents", 100],
];

const factor = (level: string, words: string, match: string | null, when: string | null) =>
  compact([
    `  - level: ${level}`,
    `    factor: ${words}`,
    match && `    match: { kind: ${match} }`,
    when && `    when: "${when}"`,
  ]);

const rule = (
  id: string,
  priority: number,
  decision: string,
  reason: string,
  match: string | null,
  when: string | null,
) =>
  compact([
    `  - id: ${id}`,
    `    priority: ${priority}`,
    match && `    match: { kind: ${match} }`,
    when && `    when: "${when}"`,
    `    decision: ${decision}`,
    `    reason: ${reason}`,
  ]);

const asks = (id: string, kinds: readonly string[] | null, reads: Part["reads"], reason: string): Part => ({
  title: id,
  kinds,
  reads,
  lines: (match, when) => rule(id, 100, "require_approval", reason, match, when),
});

const BULK = { name: "bulk", when: "has(params.bulk) && params.bulk == true" };
const PRODUCTION = {
  name: "environment",
  when: "has(params.environment) && params.environment == 'production'",
};

/** Above a thousand the risk is high, above a hundred medium; from five hundred on a person is asked. */
function paymentParts([name, unit]: readonly [string, number]): { factors: Part[]; rules: Part[] } {
  const amount = `params.${name}`;
  const about = (title: string, when: string, lines: Part["lines"]): Part => ({
    title,
    kinds: PAYMENTS,
    reads: { name, when },
    lines,
  });
  return {
    factors: [
      about("high value", `${amount} > ${1_000 * unit}`, (match, when) =>
        factor("high", "High value payment", match, when),
      ),
      about("medium value", `${amount} > ${100 * unit}`, (match, when) =>
        factor("medium", "Medium value payment", match, when),
      ),
    ],
    rules: [
      about("payments-from-500", `${amount} >= ${500 * unit}`, (match, when) =>
        rule(
          "payments-from-500",
          100,
          "require_approval",
          "Payments of 500 or more need a person.",
          match,
          when,
        ),
      ),
      about("payments-below-500", `${amount} >= 0 && ${amount} < ${500 * unit}`, (match, when) =>
        rule("payments-below-500", 0, "allow", "Payments below 500 need nobody.", match, when),
      ),
    ],
  };
}

const FACTORS: readonly Part[] = [
  {
    title: "deletions",
    kinds: ["*delete*"],
    reads: null,
    lines: (match) => factor("high", "Deletes something; data may be lost", match, null),
  },
  {
    title: "production",
    kinds: null,
    reads: PRODUCTION,
    lines: (_, when) => factor("high", "Production environment", null, when),
  },
  {
    title: "bulk",
    kinds: null,
    reads: BULK,
    lines: (_, when) => factor("medium", "Many items at once", null, when),
  },
];

const RULES: readonly Part[] = [
  asks("bulk", null, BULK, "What touches many items at once needs a person."),
  asks("production", null, PRODUCTION, "Changes in production need a person."),
  asks("deletions", ["*delete*"], null, "What deletes something needs a person."),
  asks("keys", ["*api_key*", "*key_create*"], null, "New keys need a person."),
  asks("permissions", ["*permission*"], null, "Changed permissions need a person."),
  asks("databases", ["*database*"], null, "Changes of a database need a person."),
];

/**
 * A policy to begin with: a person is asked about everything but small payments. A rule for what the configuration has
 * no action for would never match, so such rules stand there as comments.
 */
export function renderStarter(kinds: Kinds | null): string {
  const amount = AMOUNTS.find(([name]) => active(PAYMENTS, name, kinds).length > 0) ?? AMOUNTS[1];
  const payments = paymentParts(amount ?? ["amount_cents", 100]);
  return [
    "# What needs a person. `countersign policy check FILE` checks this file, `policy explain` tries it.",
    "# A deny always wins, then the higher priority; what no rule matches gets the default.",
    "default: require_approval",
    "",
    "# What makes an action risky, in words for whoever decides.",
    ...section("risk", [...payments.factors, ...FACTORS], kinds),
    "",
    ...section("rules", [...payments.rules, ...RULES], kinds),
    "",
  ].join("\n");
}

function section(key: string, parts: readonly Part[], kinds: Kinds | null): readonly string[] {
  const written = parts.map((part) => render(part, kinds));
  const isEmpty = written.every((lines) => lines.every((line) => line.startsWith("#")));
  // Lines that are taken out of their comment must be able to stay under the key.
  const none = `${key}: [] # take the [] away for the first one`;
  return [isEmpty ? none : `${key}:`, ...written.flat()];
}

function render({ kinds: globs, reads, lines, title }: Part, kinds: Kinds | null): readonly string[] {
  const fitting = active(globs, reads?.name ?? null, kinds);
  const match = globs === null ? null : list(fitting.length === 0 || globs.some(isGlob) ? globs : fitting);
  if (fitting.length > 0 || kinds === null) return lines(match, reads?.when ?? null);
  const shown = globs === null ? null : list(globs);
  return [
    `# ${title}: no action for this yet`,
    ...lines(shown, reads?.when ?? null).map((line) => `#${line}`),
  ];
}

/** The kinds that the globs match and that may have the param. */
function active(
  globs: readonly string[] | null,
  param: string | null,
  kinds: Kinds | null,
): readonly string[] {
  return [...(kinds ?? [])]
    .filter(([kind, schema]) => fits(globs, kind) && mayHave(schema, param, globs))
    .map(([kind]) => kind);
}

function fits(globs: readonly string[] | null, kind: string): boolean {
  return (
    globs === null ||
    globs.some((glob) => (isGlob(glob) ? kind.includes(glob.replaceAll("*", "")) : glob === kind))
  );
}

/** A rule for some kinds needs the param to be described; one for all asks with has(), so it may be open. */
function mayHave(schema: JsonObject | null, param: string | null, globs: readonly string[] | null): boolean {
  if (param === null) return true;
  const type = typeOfSchema(schema ?? true);
  if (type.is !== "map") return globs === null;
  return type.fields.has(param) || (globs === null && type.open);
}

function isGlob(text: string): boolean {
  return text.includes("*");
}

function list(names: readonly string[]): string {
  return `[${names.map((name) => (isGlob(name) ? `"${name}"` : name)).join(", ")}]`;
}

function compact(lines: readonly (string | null)[]): readonly string[] {
  return lines.filter((line) => line !== null);
}
