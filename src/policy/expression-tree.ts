/** A node of the expression library's tree, as far as it is looked at here. */
export interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly start: number;
  readonly end: number;
  readonly input: string;
  /** What a macro stands for. */
  readonly meta: { readonly alternate?: unknown; readonly macro?: unknown };
}

const COMPREHENSIONS = new Set(["all", "exists", "exists_one", "map", "filter"]);

/** All nodes of an expression, what macros stand for included, each once. */
export function nodesOf(root: Node): readonly Node[] {
  const seen = new Set<object>();
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    if (isNode(value)) open.push(value.args, value.meta.alternate, value.meta.macro);
    else if (Array.isArray(value) || isPlain(value)) open.push(...Object.values(value));
    else continue;
    seen.add(value);
  }
  return [...seen].filter(isNode);
}

/** The functions that are called, by name. */
export function namesIn(root: Node): readonly { name: string; node: Node }[] {
  return nodesOf(root)
    .filter(({ op }) => op === "call" || op === "rcall")
    .map((node) => ({ name: String((node.args as unknown[])[0]), node }));
}

interface Comprehension {
  readonly node: Node;
  /** Whether it is done anew for each element of another. */
  readonly inside: boolean;
  readonly overLiteral: boolean;
}

/** The places where every element of a list is looked at. */
export function comprehensionsIn(root: Node): readonly Comprehension[] {
  const found: Comprehension[] = [];
  const visit = (value: unknown, inside: boolean): void => {
    if (Array.isArray(value)) for (const one of value) visit(one, inside);
    if (!isNode(value)) return;
    const args = value.args as unknown[];
    if (value.op === "rcall" && COMPREHENSIONS.has(String(args[0]))) {
      const range = args[1];
      found.push({ node: value, inside, overLiteral: isNode(range) && range.op === "list" });
      visit(range, inside);
      visit(args[2], true);
    } else visit(args, inside);
  };
  visit(root, false);
  return found;
}

/** The paths that are read, each as far as names go. */
export function pathsOf(root: Node): readonly (readonly string[])[] {
  const inner = new Set<Node>();
  const paths: string[][] = [];
  // Outer nodes come before what they are made of, so the longest path is seen first.
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one);
    if (!isNode(value) || inner.has(value)) return;
    const path = pathOf(value, inner);
    if (path !== null) paths.push(path);
    else visit(value.args);
  };
  visit(root);
  return paths;
}

function pathOf(node: Node, inner: Set<Node>): string[] | null {
  if (node.op === "id") return [String(node.args)];
  if (node.op !== "." && node.op !== "[]") return null;
  const [left, right] = node.args as [Node, unknown];
  const name = node.op === "." ? right : isNode(right) && right.op === "value" ? right.args : null;
  if (typeof name !== "string" || !isNode(left)) return null;
  const before = pathOf(left, inner);
  if (before === null) return null;
  inner.add(left);
  return [...before, name];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "op" in value && "args" in value && "meta" in value;
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
