import type { JsonObject } from "../../core/json.ts";
import type { EffectClass } from "../../core/request.ts";
import type { AdoptionSettings } from "../../document/foreign/mapping.ts";
import type { ChannelSettings } from "./channels.ts";
import type { ExecutorSettings } from "./executor.ts";
import type { ServiceSettings } from "./services.ts";

/** `countersign.yaml` as the rest of the program sees it: checked, with every default filled in, paths absolute. */
export interface Configuration {
  readonly file: string;
  /** Where relative paths start, and the working directory of `run` programs. */
  readonly directory: string;
  readonly actions: ReadonlyMap<string, ActionSettings>;
  /** How long a typed statement, and a tick, must stand unchanged before it acts. */
  readonly settle_ms: number;
  readonly settle_ticks_ms: number;
  readonly git: "auto" | "vault" | "separate" | "off";
  readonly folders: Folders;
  /** What becomes of notes that other programs put into the pending folder; null where they are left alone. */
  readonly adopt: AdoptionSettings | null;
  /** Who is told what happens, and how. */
  readonly notify: readonly ChannelSettings[];
  /** Programs that rules may name as approvers. */
  readonly services: readonly ServiceSettings[];
  /** How much one requester may ask for; null for as much as it likes. */
  readonly caps: { readonly open: number | null; readonly per_hour: number | null };
  /** How often, and how soon after a no, the same may be asked for again. */
  readonly retry: { readonly cool_down_ms: number; readonly max_attempts: number };
  /** The policy's file, absolute; null where there is none. */
  readonly policy: string | null;
  /** The file of people, absolute; null where there is none. */
  readonly people: string | null;
  /** What is served over TCP; null where nothing is. */
  readonly http: HttpSettings | null;
  /** Where figures are served without a token, on this machine alone; null where they are not. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** The log's file; null for standard error. */
  readonly log: string | null;
  readonly host: string;
  /** What is allowed and probably not meant; sentences for the operator. */
  readonly warnings: readonly string[];
  /** What is wrong with these params, in plain words with the path; empty when nothing is. Unknown kinds throw. */
  checkParams(kind: string, params: JsonObject): readonly string[];
  /** The JSON Schema of the kind's params; null where it has none. */
  schemaOf(kind: string): JsonObject | null;
}

export interface HttpSettings {
  /** An IP address. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Further names under which clients address the server. */
  readonly hosts: readonly string[];
  /** Who may do what, by the SHA-256 (hex) of a bearer token. */
  readonly tokens: readonly {
    readonly role: "agent" | "reviewer" | "operator" | "reader";
    readonly name: string;
    readonly sha256: string;
  }[];
}

export interface Folders {
  readonly pending: string;
  readonly done: string;
  readonly approved: string;
  readonly rejected: string;
}

export interface ActionSettings {
  readonly kind: string;
  /** What carries it out, or the caller itself with a grant. */
  readonly executor: ExecutorSettings;
  readonly effect: EffectClass;
  /** Whether nobody is asked for it, and what the rules say is only recorded. */
  readonly shadow: boolean;
  readonly tags: readonly string[];
  /** The params that a person may change before approving. */
  readonly editable: readonly string[];
  readonly title: string | null;
  readonly next_effect: string | null;
  /** How long an execution may take; for `caller` how long the grant is good for. */
  readonly timeout_ms: number;
  /** How long a request waits for a decision. */
  readonly expires_ms: number;
  /** How long after it may start an approved request has to be started. */
  readonly execute_by_ms: number;
}
