import { isAlias, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";

export type Path = readonly (string | number)[];

/** A YAML text's value, and where each part of it stands. Lines count from 1. */
export interface PlainYaml {
  readonly value: unknown;
  /** The line of the key at the path's end; of the nearest part above it where that is not there. */
  lineOf(path: Path): number;
  /** The line on which the text at the path begins: below the key for a block of text. */
  textLineOf(path: Path): number;
  /** The value at the path, null where there is none. */
  at(path: Path): unknown;
}

/** Why a text is not plain YAML, in plain words. */
export interface NotPlain {
  readonly line: number;
  readonly found: string;
  readonly expected: string;
}

/** Reads YAML strictly: YAML 1.2 core, unique keys, no anchors, aliases, tags or directives. Never throws. */
export function readPlainYaml(text: string): PlainYaml | NotPlain {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    uniqueKeys: true,
    lineCounter: lines,
    prettyErrors: false,
    // "silent" would also keep quiet about a second document.
    logLevel: "error",
  });
  const broken = [...document.errors, ...document.warnings][0];
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    const found = `this is not plain YAML (${sentence(broken.message)})`;
    return { line, found, expected: "lines of `name: value`" };
  }
  const feature = firstFeature(document.contents);
  if (feature !== null || /^%/m.test(text)) {
    const line = feature === null ? 1 : lines.linePos(feature.range?.[0] ?? 0).line;
    return {
      line,
      found: "anchors, aliases, tags and directives are not read",
      expected: "a plain value",
    };
  }
  const value: unknown = document.toJS();
  return {
    value,
    lineOf: (path) => lines.linePos(offsetOf(document.contents, path)).line,
    textLineOf(path) {
      const node = document.getIn(path, true);
      if (!isScalar(node)) return lines.linePos(offsetOf(document.contents, path)).line;
      const header = lines.linePos(node.range?.[0] ?? 0).line;
      return node.type?.startsWith("BLOCK_") ? header + 1 : header;
    },
    at: (path) => valueAt(value, path),
  };
}

function firstFeature(contents: Node | null): Node | null {
  let found: Node | null = null;
  visit(contents, (_, node) => {
    if (!isNode(node)) return undefined;
    const anchored = "anchor" in node && node.anchor !== undefined;
    if (!isAlias(node) && !anchored && node.tag === undefined) return undefined;
    found = node;
    return visit.BREAK;
  });
  return found;
}

function offsetOf(contents: Node | null, path: Path): number {
  let node: unknown = contents;
  let offset = contents?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((one) => isScalar(one.key) && String(one.key.value) === String(step));
      if (pair === undefined) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isNode(node) && "items" in node && Array.isArray(node.items)) {
      node = node.items[Number(step)];
      if (isPair(node) || !isNode(node)) return offset;
      offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

function valueAt(value: unknown, path: Path): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, step)) return null;
    inner = (inner as Record<string | number, unknown>)[step];
  }
  return inner;
}

function sentence(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/[.\s]+$/, "");
}
