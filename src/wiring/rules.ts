import type { Configuration } from "../adapters/configuration/configuration.ts";
import { createPolicyReader } from "../adapters/policy-files.ts";
import type { InForcePorts } from "../application/in-force.ts";
import type { PolicyKind } from "../application/policies.ts";
import type { JsonObject } from "../core/json.ts";

/** Neither is read from the vault, where agents write. */
export function ruleFiles(
  { policy, people, directory }: Configuration,
  vault: string | null,
): Pick<InForcePorts, "policy" | "people"> {
  const open = (file: string | null) =>
    file === null ? null : { file, read: createPolicyReader(directory, vault) };
  return { policy: open(policy), people: open(people) };
}

/** What a policy is held against, by kind. */
export function policyKinds(configuration: Configuration): ReadonlyMap<string, PolicyKind> {
  return new Map(
    [...configuration.actions].map(([kind, { tags, expires_ms }]) => {
      const check = (params: JsonObject) => configuration.checkParams(kind, params);
      return [kind, { tags, expires_ms, params: configuration.schemaOf(kind), check }];
    }),
  );
}

export function serviceNames({ services }: Configuration): ReadonlySet<string> {
  return new Set(services.map(({ name }) => name));
}

/** The kinds for which nobody is asked. */
export function shadowed({ actions }: Configuration): readonly string[] {
  return [...actions.values()].filter(({ shadow }) => shadow).map(({ kind }) => kind);
}
