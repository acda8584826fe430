import type { Json } from "../../core/json.ts";
import type { Conversion } from "../../document/foreign/conversion.ts";
import type { AdoptionSettings, From, Mapping } from "../../document/foreign/mapping.ts";
import { PRESET_NAMES, PRESETS, type PresetName } from "../../document/foreign/presets.ts";
import type { Path } from "../../document/plain-yaml.ts";
import type { ActionSettings } from "./configuration.ts";
import { invalid, type Source } from "./source.ts";

/** `adopt:` once the schema has passed. */
export type RawAdopt =
  | boolean
  | {
      readonly requester?: string;
      readonly presets?: readonly PresetName[];
      readonly mappings?: readonly RawMapping[];
    };

interface RawMapping {
  readonly when: Readonly<Record<string, Names>>;
  readonly kind: string | { readonly from: Names };
  readonly params?: Readonly<Record<string, RawParam>>;
  readonly params_from?: Names;
  readonly title?: { readonly from: Names };
  readonly expires?: { readonly from: Names };
  readonly requester?: { readonly from: Names };
}

interface RawParam {
  readonly from?: Names;
  readonly as?: Conversion;
  readonly optional?: boolean;
  readonly const?: Json;
}

type Names = string | readonly string[];

/** Who asks where a note names nobody. */
const REQUESTER = "vault";

/** What becomes of foreign notes; null where they are left alone. Throws `config_invalid`. */
export function adoptionOf(
  source: Source,
  raw: RawAdopt | undefined,
  actions: ReadonlyMap<string, ActionSettings>,
): AdoptionSettings | null {
  if (raw === undefined || raw === false) return null;
  const { requester = REQUESTER, presets = PRESET_NAMES, mappings = [] } = raw === true ? {} : raw;
  const own = mappings.map((mapping, at) => mappingOf(source, ["adopt", "mappings", at], mapping, actions));
  // In the presets' own order, whatever the configuration's: the more particular ones come first.
  const common = PRESET_NAMES.filter((name) => presets.includes(name)).flatMap((name) => PRESETS[name]);
  return { requester, mappings: [...own, ...common] };
}

function mappingOf(
  source: Source,
  path: Path,
  raw: RawMapping,
  actions: ReadonlyMap<string, ActionSettings>,
): Mapping {
  const wrong = (at: Path, found: string, expected: string, example: string) =>
    invalid(source.file, source.lineOf(at), `${at.join(".")} ${found}`, expected, example);
  if (typeof raw.kind === "string") {
    const action = actions.get(raw.kind);
    const known = [...actions.keys()].join(", ");
    if (action === undefined) {
      throw wrong([...path, "kind"], `is "${raw.kind}"`, `one of ${known}`, "kind: payment");
    }
    if (action.executor.by === "caller") {
      const expected = "an action with `run:`, since nobody behind a note could take the grant";
      throw wrong(
        [...path, "kind"],
        `is "${raw.kind}", an action of its caller's`,
        expected,
        "kind: payment",
      );
    }
  }
  if ((raw.params === undefined) === (raw.params_from === undefined)) {
    const found = raw.params === undefined ? "has no params" : "has both params and params_from";
    throw wrong(
      path,
      found,
      "exactly one of `params:` and `params_from:`",
      "params: { payee: { from: recipient } }",
    );
  }
  for (const [name, param] of Object.entries(raw.params ?? {})) {
    const constant = "const" in param;
    if (constant !== (param.from === undefined) || (constant && Object.keys(param).length > 1)) {
      const at = [...path, "params", name];
      throw wrong(at, "is not clear", "either `from:` or `const:` alone", "currency: { const: EUR }");
    }
  }
  return {
    name: `mapping ${Number(path.at(-1)) + 1}`,
    when: Object.entries(raw.when).map(([name, is]) => ({ name, is: listOf(is) })),
    kind: typeof raw.kind === "string" ? { first: [raw.kind] } : { from: listOf(raw.kind.from) },
    params:
      raw.params_from === undefined
        ? {
            each: Object.fromEntries(
              Object.entries(raw.params ?? {}).map(([name, param]) => [name, paramOf(param)]),
            ),
          }
        : { whole: listOf(raw.params_from) },
    title: listOf(raw.title?.from),
    expires: listOf(raw.expires?.from),
    requester: listOf(raw.requester?.from),
  };
}

function paramOf(param: RawParam): From | { const: Json } {
  if (param.const !== undefined) return { const: param.const };
  return { from: listOf(param.from), as: param.as ?? "text", optional: param.optional ?? false };
}

function listOf(names: Names | undefined): readonly string[] {
  return names === undefined ? [] : typeof names === "string" ? [names] : names;
}
