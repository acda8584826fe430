import type { JsonObject } from "../core/json.ts";
import type { PeopleForRules } from "./policy.ts";

/** What a policy is held against; null for what nobody has said. */
export interface Known {
  readonly kinds: ReadonlyMap<string, KnownKind> | null;
  readonly people: PeopleForRules | null;
  /** The services that the configuration has; null where it is not known. */
  readonly services?: ReadonlySet<string> | null;
}

export interface KnownKind {
  /** The JSON Schema of the params; null where there is none. */
  readonly params: JsonObject | null;
  readonly tags: readonly string[];
  /** How long such a request waits where no rule says otherwise. */
  readonly expires_ms: number;
}
