import { type Finding, finding } from "../core/codes.ts";
import type { Known } from "./known.ts";
import type { ParamsType } from "./params-type.ts";
import { kindsFor } from "./reach.ts";
import type { WrittenLimit } from "./read-limits.ts";

/** The params that a limit reads and no kind has, or that cannot be what the limit takes them for. */
export function checkPaths(
  limit: WrittenLimit,
  known: Known,
  params: ReadonlyMap<string, ParamsType>,
): readonly Finding[] {
  const kinds = kindsFor(limit.match, known) ?? [];
  const types = kinds.flatMap((kind) => params.get(kind) ?? []);
  if (types.length === 0) return [];
  const { sum, per, place, id } = limit;
  const at = (key: string) => ({ file: place.file, line: limit.lineOf(key) });
  const found: Finding[] = [];
  const paths = [
    ...(sum === null ? [] : [["sum", sum] as const]),
    ...per.flatMap((path) => (path.startsWith("params.") ? [["per", path.slice(7)] as const] : [])),
  ];
  for (const [key, path] of paths) {
    const there = types.flatMap((type) => typeAt(type, path.split(".")) ?? []);
    if (there.length === 0) {
      const message = `${id} reads params.${path}, which ${kinds.join(", ")} does not have`;
      found.push(finding("expression_unknown", at(key), message, "Compare it with `params:` of the action."));
    } else if (there.every(({ is }) => !FITS[key].has(is))) {
      const message = `params.${path} is no ${key === "sum" ? "number" : "plain value"}, so ${id} could never tell`;
      found.push(finding("expression_type", at(key), message, "Name another param."));
    }
  }
  return found;
}

const FITS: Readonly<Record<"sum" | "per", ReadonlySet<ParamsType["is"]>>> = {
  sum: new Set(["int", "double", "any"]),
  per: new Set(["string", "int", "double", "bool", "any"]),
};

/** Null where there is surely nothing. */
function typeAt(type: ParamsType, [name, ...rest]: readonly string[]): ParamsType | null {
  if (name === undefined) return type;
  if (type.is === "any") return type;
  if (type.is !== "map") return null;
  const inner = type.fields.get(name);
  if (inner !== undefined) return typeAt(inner, rest);
  return type.open && type.fields.size === 0 ? { is: "any" } : null;
}
