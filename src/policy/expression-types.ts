import { Environment } from "@marcbachmann/cel-js";
import type { ParamsType } from "./params-type.ts";

const LIMITS = { maxAstNodes: 300, maxDepth: 24, maxListElements: 200, maxMapEntries: 50 };
/** What every expression is read with. */
export const OPTIONS = { homogeneousAggregateLiterals: true, limits: LIMITS };

const ACTION = { kind: "string", tags: "list<string>", factors: "list<string>" };
const REQUEST = {
  requester: "string",
  on_behalf_of: "dyn",
  key: "dyn",
  created: "google.protobuf.Timestamp",
};

/** Whether the type has what the path names, or does not say that it has not. */
export function reaches(type: ParamsType, [first, ...rest]: readonly string[]): boolean {
  if (first === undefined || type.is !== "map") return true;
  const inner = type.fields.get(first);
  return inner === undefined ? type.open : reaches(inner, rest);
}

const environments = new Map<string, Environment>();

/** The variables with their types; fields that the expression reads and the kind does not describe may be anything. */
export function typed(type: ParamsType, read: readonly (readonly string[])[], risk: boolean): Environment {
  const shape = shapeOf(
    type,
    read.map((path) => path.slice(1)),
  );
  const key = JSON.stringify([shape, risk]);
  const known = environments.get(key);
  if (known !== undefined) return known;
  const environment = new Environment(OPTIONS)
    .registerVariable("action", { schema: risk ? { ...ACTION, risk: "string" } : ACTION })
    .registerVariable("request", { schema: REQUEST })
    .registerVariable("requester", "string")
    .registerVariable("now", "google.protobuf.Timestamp");
  if (typeof shape === "string") environment.registerVariable("params", shape);
  else environment.registerVariable("params", { schema: shape });
  // Rules of one policy share a few shapes; more than this would be many policies.
  if (environments.size > 500) environments.clear();
  environments.set(key, environment);
  return environment;
}

type Shape = string | { [name: string]: Shape };

function shapeOf(type: ParamsType, read: readonly (readonly string[])[]): Shape {
  if (type.is === "any") return "dyn";
  if (type.is === "list") {
    const of = shapeOf(type.of, []);
    return typeof of === "string" && of !== "dyn" && !of.startsWith("list") ? `list<${of}>` : "list";
  }
  if (type.is !== "map") return type.is;
  if (type.fields.size === 0 && type.open) return "map";
  const shape: { [name: string]: Shape } = {};
  for (const [name, inner] of type.fields) {
    shape[name] = shapeOf(
      inner,
      read.filter(([first]) => first === name).map((path) => path.slice(1)),
    );
  }
  for (const [first] of read) if (first !== undefined && !type.fields.has(first)) shape[first] = "dyn";
  return shape;
}
