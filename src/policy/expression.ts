import { type ASTNode, Environment, serialize, type TypeCheckResult } from "@marcbachmann/cel-js";
import type { FindingCode } from "../core/codes.ts";
import { comprehensionsIn, type Node, namesIn, nodesOf, pathsOf } from "./expression-tree.ts";
import { OPTIONS, reaches, typed } from "./expression-types.ts";
import type { ParamsType } from "./params-type.ts";
import { type Pattern, readPattern } from "./pattern.ts";

/** What an expression says of one request: yes, no, or in words why it cannot be said. */
export type Answer = boolean | Doubt;

interface Doubt {
  readonly doubt: string;
}

/** An expression that has passed its checks. Never throws, whatever the facts. */
export type Test = (facts: Facts) => Answer;

/** The variables' values, as the expression language has them. */
export type Facts = Readonly<Record<string, unknown>>;

export interface ExpressionProblem {
  readonly code: FindingCode;
  /** The line inside the expression, from 0. */
  readonly line: number;
  readonly message: string;
  readonly hint?: string;
}

/** What an expression may be about: whether `action.risk` is known yet, and each kind's params that it is asked about. */
export interface Scope {
  readonly risk: boolean;
  /** Empty where no kinds are known: then nothing is known of the params. */
  readonly kinds: ReadonlyMap<string, ParamsType>;
}

const LENGTH_LIMIT = 2_000;
/** More text than this is not searched with a pattern, nor split. */
const TEXT_LIMIT = 16_384;
const PARTS_LIMIT = 1_000;
const DOUBT_LIMIT = 200;

/** The standard functions, macros included; whatever else the library has would not be CEL. */
const FUNCTIONS = new Set(
  [
    "contains startsWith endsWith matches size lowerAscii upperAscii trim indexOf lastIndexOf substring split join",
    "has all exists exists_one map filter int uint double string bool dyn type timestamp duration",
    "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds",
    "getMilliseconds",
  ]
    .join(" ")
    .split(" "),
);

const READING = new Environment(OPTIONS);

/** What expressions are run with: nothing is known of the values, so that no shape of params can surprise it. */
const RUNNING = new Environment(OPTIONS)
  .registerVariable("action", "dyn")
  .registerVariable("params", "dyn")
  .registerVariable("request", "dyn")
  .registerVariable("requester", "string")
  .registerVariable("now", "google.protobuf.Timestamp")
  .registerFunction("string.matchesLinear(string): bool", (text: string, pattern: string) =>
    patternOf(pattern).found(bounded(text)),
  )
  .registerFunction("string.splitShort(string): list<string>", (text: string, by: string) => {
    const parts = bounded(text).split(by, PARTS_LIMIT + 1);
    if (parts.length > PARTS_LIMIT) throw new Error(`split gives more than ${PARTS_LIMIT} parts`);
    return parts;
  });

/** The library's own of these cost whatever a hostile text makes them cost. */
const REPLACED: Readonly<Record<string, string>> = { matches: "matchesLinear", split: "splitShort" };

/** Checks an expression and makes it ready to be asked. Never throws. */
export function compile(text: string, scope: Scope): Test | ExpressionProblem {
  const tree = parse(text);
  if (!("root" in tree)) return tree;
  const problem = refuse(tree.root) ?? checkTypes(text, tree.root, scope);
  return problem ?? runnable(text);
}

/** The parts that must all be true, as expressions; the whole one where there is no `&&` on top. */
export function conjunctsOf(text: string): readonly string[] {
  const tree = parse(text);
  if (!("root" in tree)) return [text];
  const parts = (node: Node): Node[] =>
    node.op === "&&" ? (node.args as [Node, Node]).flatMap(parts) : [node];
  // Where a part begins and ends in the text leaves brackets out.
  return parts(tree.root).map((node) => serialize(node as unknown as ASTNode));
}

/** The variables and the paths into them that an expression reads; `action.kind` is `["action", "kind"]`. */
export function readsOf(text: string): readonly (readonly string[])[] {
  const tree = parse(text);
  return "root" in tree ? pathsOf(tree.root) : [];
}

function parse(text: string): { root: Node } | ExpressionProblem {
  if (text.length > LENGTH_LIMIT) {
    return {
      code: "expression_too_costly",
      line: 0,
      message: `the expression has more than ${LENGTH_LIMIT} characters`,
    };
  }
  try {
    return { root: READING.parse(text).ast as unknown as Node };
  } catch (error) {
    const { code, summary } = detailsOf(error);
    const costly = code === "limit_exceeded";
    return {
      code: costly ? "expression_too_costly" : "expression_syntax",
      line: lineIn(text, error),
      message: costly
        ? `the expression is too large (${summary.toLowerCase()})`
        : `the expression cannot be read: ${summary}`,
    };
  }
}

/** What is valid CEL and is not taken all the same. */
function refuse(root: Node): ExpressionProblem | null {
  const at = (node: Node) => lineAt(node.input, node.start);
  for (const { name, node } of namesIn(root)) {
    if (!FUNCTIONS.has(name)) {
      return {
        code: "expression_unknown",
        line: at(node),
        message: `there is no function ${name}`,
        hint: `There are: ${[...FUNCTIONS].join(", ")}.`,
      };
    }
    if (name !== "matches") continue;
    const pattern = (node.args as unknown[])[2] as readonly Node[];
    const literal = pattern[0]?.op === "value" ? (pattern[0].args as unknown) : null;
    if (typeof literal !== "string") {
      return { code: "pattern_refused", line: at(node), message: "matches takes a pattern in quotes" };
    }
    const read = readPattern(literal);
    if (typeof read === "string") {
      return { code: "pattern_refused", line: at(node), message: `the pattern is not taken: ${read}` };
    }
  }
  for (const node of nodesOf(root)) {
    if (node.op === "id" && (node.args === "google" || node.args === "cel")) {
      return {
        code: "expression_unknown",
        line: at(node),
        message: `there is no variable ${String(node.args)}`,
      };
    }
  }
  const nested = comprehensionsIn(root).find(({ inside, overLiteral }) => inside && !overLiteral);
  if (nested === undefined) return null;
  return {
    code: "expression_too_costly",
    line: at(nested.node),
    message: "one list is gone through for every element of another",
    hint: "Go through a list written out in the expression, or through one list after the other.",
  };
}

function checkTypes(text: string, root: Node, { risk, kinds }: Scope): ExpressionProblem | null {
  const read = pathsOf(root).filter(([first]) => first === "params");
  const known: readonly [string | null, ParamsType][] =
    kinds.size === 0 ? [[null, { is: "any" }]] : [...kinds];
  for (const path of read) {
    // What some kinds have and others do not is asked for with has().
    if (known.some(([, type]) => reaches(type, path.slice(1)))) continue;
    const fields = known.flatMap(([, type]) => (type.is === "map" ? [...type.fields.keys()] : []));
    return {
      code: "expression_unknown",
      line: lineAt(text, Math.max(0, text.indexOf(path.at(-1) ?? ""))),
      message: `${[...kinds.keys()].join(", ")} has no ${path.join(".")}`,
      ...(fields.length > 0 && { hint: `There are: ${[...new Set(fields)].join(", ")}.` }),
    };
  }
  for (const [kind, type] of known) {
    const problem = checkWith(text, typed(type, read, risk), kind);
    if (problem !== null) return problem;
  }
  return null;
}

function checkWith(text: string, environment: Environment, kind: string | null): ExpressionProblem | null {
  const result: TypeCheckResult = environment.check(text);
  const forKind = kind === null ? "" : ` (for ${kind})`;
  if (result.valid) {
    if (result.type === "bool" || result.type?.startsWith("dyn")) return null;
    return {
      code: "expression_type",
      line: 0,
      message: `the expression gives ${result.type}, not true or false`,
    };
  }
  const { code, summary } = detailsOf(result.error);
  const unknown = code === "unknown_variable" || code === "no_such_key";
  const hint = "The variables are action, params, request, requester and now.";
  return {
    code: unknown ? "expression_unknown" : "expression_type",
    line: lineIn(text, result.error),
    message: `the expression does not fit${forKind}: ${summary}`,
    ...(code === "unknown_variable" && { hint }),
  };
}

function runnable(text: string): Test | ExpressionProblem {
  const program = RUNNING.parse(text);
  for (const node of nodesOf(program.ast as unknown as Node)) {
    if (node.op !== "rcall" && node.op !== "call") continue;
    const args = node.args as [string, ...unknown[]];
    args[0] = REPLACED[args[0]] ?? args[0];
  }
  const checked = program.check();
  if (!checked.valid) {
    const { summary } = detailsOf(checked.error);
    return { code: "expression_type", line: lineIn(text, checked.error), message: summary };
  }
  return (facts) => {
    try {
      const value: unknown = program(facts as Record<string, unknown>);
      if (typeof value === "boolean") return value;
      return { doubt: "the expression gives neither true nor false" };
    } catch (error) {
      // It can quote the params.
      return { doubt: detailsOf(error).summary.slice(0, DOUBT_LIMIT) };
    }
  };
}

const patterns = new Map<string, Pattern>();

function patternOf(text: string): Pattern {
  const known = patterns.get(text);
  if (known !== undefined) return known;
  const read = readPattern(text);
  if (typeof read === "string") throw new Error(read);
  patterns.set(text, read);
  return read;
}

function bounded(text: string): string {
  if (text.length <= TEXT_LIMIT) return text;
  throw new Error(`a text has more than ${TEXT_LIMIT} characters`);
}

function detailsOf(error: unknown): { code: string; summary: string } {
  const found = error as { code?: unknown; summary?: unknown; message?: unknown };
  return {
    code: typeof found?.code === "string" ? found.code : "",
    summary: String(found?.summary ?? found?.message ?? error).split("\n")[0] ?? "",
  };
}

function lineIn(text: string, error: unknown): number {
  const start = (error as { range?: { start?: number } })?.range?.start;
  return typeof start === "number" ? lineAt(text, start) : 0;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length - 1;
}
