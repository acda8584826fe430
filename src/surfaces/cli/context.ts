import type { KnownPeople } from "../../application/known-people.ts";
import type { Policies } from "../../application/policies.ts";
import type { Event } from "../../core/event.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { Request } from "../../core/request.ts";
import type { SwitchRecord } from "../../core/switch.ts";
import type { Client } from "../client/connection.ts";
import type { GatewayDoor } from "../gateway/over-http.ts";
import type { UpstreamSpec } from "../gateway/upstream.ts";

/** The terminal, or whatever stands in for it. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** All of standard input, as text. */
  readInput(): Promise<string>;
  /** One JSON document from standard input, as soon as it is whole: not every program closes its end. */
  readDocument(): Promise<string>;
  /** The terminal's width; null when standard output is not one. */
  readonly columns: number | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The options that every command takes. */
export interface GlobalOptions {
  readonly vault?: string;
  readonly config?: string;
  readonly state?: string;
  readonly json?: boolean;
}

/** Where the daemon's sockets and the command line's own files are. */
export interface CliLocations {
  readonly vault: string;
  readonly sockets: { readonly agent: string; readonly reviewer: string };
  readonly tokens: string;
  readonly pins: string;
}

/** What `start` tells once the daemon serves. */
export interface StartedDaemon {
  readonly vault: string;
  readonly configuration: string;
  readonly state: string;
  readonly sockets: { readonly agent: string; readonly reviewer: string };
  /** The kinds for which nobody is asked. */
  readonly shadow: readonly string[];
  readonly warnings: readonly string[];
  /** Resolves when the daemon has ended cleanly; rejects with what made it stop. */
  readonly finished: Promise<void>;
}

/** What `init` made and found; absolute paths, folders with a slash behind them. */
interface InitReport {
  readonly vault: string;
  readonly configuration: string;
  readonly made: readonly string[];
  readonly kept: readonly string[];
}

/** One record of the journal, as `audit log` shows it. */
export interface AuditRecord {
  readonly seq: number;
  readonly id: string;
  readonly revision: number;
  readonly event: Event;
  readonly prev: string;
  readonly hash: string;
}

/** A request that was open where records begin, as it was then. */
export interface OpenThen {
  readonly id: string;
  readonly request: Request;
}

export interface AuditReport {
  readonly ok: boolean;
  readonly records: number;
  /** The last record's hash; null for an empty journal. */
  readonly head: string | null;
  /** What does not agree, in sentences for the operator. */
  readonly findings: readonly string[];
}

/** Which gateway of the configuration is wanted. */
interface GatewayWanted {
  /** Of the upstreams; none for all of them. */
  readonly names: readonly string[];
  readonly http: boolean;
}

export interface GatewaySetup {
  readonly upstreams: readonly UpstreamSpec[];
  /** Null where it is not served over HTTP. */
  readonly http: GatewayDoor | null;
  readonly warnings: readonly string[];
}

/** What the command line needs and must not load itself: each is fetched only by the command that calls it. */
export interface Deps {
  readonly version: string;
  /** Gives vault_missing, state_unsafe, config_invalid. */
  locate(options: GlobalOptions): Promise<CliLocations>;
  init(options: GlobalOptions & { readonly obsidian?: boolean }): Promise<InitReport>;
  /** Resolves once the daemon serves. */
  start(options: GlobalOptions): Promise<StartedDaemon>;
  /** The journal's records, oldest first. Gives journal_damaged. */
  readAudit(options: GlobalOptions): AsyncIterable<AuditRecord>;
  /** Who halted, resumed and accepted the clock, oldest first. Gives journal_damaged. */
  readSwitches(options: GlobalOptions): Promise<readonly SwitchRecord[]>;
  /** What was open at some point before a time (ms), then every record from that point on. Gives journal_damaged. */
  readAuditSince(options: GlobalOptions, since: number): AsyncIterable<AuditRecord | OpenThen>;
  verifyAudit(options: GlobalOptions): Promise<AuditReport>;
  /** Policies, held against the configuration where there is one. Gives config_missing, config_invalid. */
  openPolicies(options: GlobalOptions): Promise<Policies>;
  /** The configuration's people. Gives config_missing, config_invalid. */
  openPeople(options: GlobalOptions): Promise<KnownPeople>;
  /** What the configuration says of the gateway, with the secrets that it needs. Gives config_missing, config_invalid, usage. */
  readGateway(options: GlobalOptions, wanted: GatewayWanted): Promise<GatewaySetup>;
  /** The words that start this program. */
  program(): readonly string[];
  /** Adds what agents' tools need to the configuration, where it is missing. Gives config_missing, config_invalid. */
  addToolActions(
    options: GlobalOptions,
  ): Promise<{ readonly file: string; readonly actions: readonly string[] }>;
  /** Where the configuration's own actions refuse what agents' tools are asked about with; sentences. */
  toolActionGaps(options: GlobalOptions): Promise<readonly string[]>;
  /** Resolves when the operator, or whoever started this, wants it to end. */
  stopped(): Promise<void>;
  /** What the grant says. Gives grant_invalid, grant_expired, grant_shadow. */
  verifyGrant(
    grant: string,
    key: JsonObject,
    expected: { digest: string | null; shadow: boolean },
  ): Promise<JsonObject>;
  /** The kinds that the configuration has in shadow. Gives config_invalid. */
  kindsInShadow(options: GlobalOptions): Promise<readonly string[]>;
}

/** What a command works with. */
export interface Context {
  readonly io: Io;
  readonly env: Environment;
  readonly deps: Deps;
  readonly options: GlobalOptions;
  locations(): Promise<CliLocations>;
  client(): Promise<Client>;
  /** One JSON document with `--json`, the text otherwise; both end with a newline. */
  print(json: Json, text: string): void;
  /** Progress and hints, for people. */
  tell(text: string): void;
}

/** Runs a command's work with its context; the number is the exit code. */
export type Run = (work: (context: Context) => Promise<number>) => Promise<void>;
