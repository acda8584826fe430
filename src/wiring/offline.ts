/** What needs no daemon: reading and checking the record, policies and people. */
import { join, resolve } from "node:path";
import { clock } from "../adapters/clock.ts";
import type { Configuration } from "../adapters/configuration/configuration.ts";
import { loadConfiguration } from "../adapters/configuration/load.ts";
import type { Environment } from "../adapters/environment.ts";
import { isHaltedIn } from "../adapters/halt-switch.ts";
import { locate } from "../adapters/locations.ts";
import { createPolicyReader } from "../adapters/policy-files.ts";
import { openVault } from "../adapters/vault/vault.ts";
import { compareNotes } from "../application/audit.ts";
import { peopleIn } from "../application/in-force.ts";
import { createKnownPeople, type KnownPeople } from "../application/known-people.ts";
import { createPolicies, type Policies } from "../application/policies.ts";
import { Fault } from "../core/codes.ts";
import { NOBODY, type People } from "../core/people.ts";
import type { SwitchRecord } from "../core/switch.ts";
import { diskFiles } from "../ledger/disk-files.ts";
import { readSince } from "../ledger/looking-back.ts";
import { readRecords } from "../ledger/reading.ts";
import { readSwitches, verifySwitches } from "../ledger/switches.ts";
import { verifyJournal } from "../ledger/verify.ts";
import type { AuditRecord, AuditReport, GlobalOptions, OpenThen } from "../surfaces/cli/context.ts";
import { policyKinds, ruleFiles, serviceNames, shadowed } from "./rules.ts";

interface Outside {
  readonly env: Environment;
  readonly cwd: string;
}

/** The journal's records, oldest first; a running daemon is not disturbed. */
export async function* readAudit(options: GlobalOptions, { env, cwd }: Outside): AsyncGenerator<AuditRecord> {
  yield* readRecords(diskFiles(locate(options, env, cwd).state), 0);
}

/** Who halted, resumed and accepted the clock, oldest first. */
export function readAuditSwitches(
  options: GlobalOptions,
  { env, cwd }: Outside,
): Promise<readonly SwitchRecord[]> {
  return readSwitches(locate(options, env, cwd).state);
}

/** What was open at some point before a time (ms), and the records from then on. */
export async function* readAuditSince(
  options: GlobalOptions,
  { env, cwd }: Outside,
  since: number,
): AsyncGenerator<AuditRecord | OpenThen> {
  yield* readSince(diskFiles(locate(options, env, cwd).state), since);
}

/** Checks the journal's chain, and the notes against the journal. */
export async function verifyAudit(options: GlobalOptions, { env, cwd }: Outside): Promise<AuditReport> {
  const places = locate(options, env, cwd);
  const { folders } = await loadConfiguration(places.configuration, env);
  const { records, head, problems } = await verifyJournal({ directory: places.state });
  const chain = problems.map(({ file, line, message }) => `${file}:${line}: ${message}`);
  const vault = openVault({ root: places.vault, folders, staging: [join(places.state, "staging")] });
  const notes = chain.length > 0 ? [] : await compareNotes(readRecords(diskFiles(places.state), 0), vault);
  const switches = await verifySwitches(
    places.state,
    () => isHaltedIn(places.state),
    () => readRecords(diskFiles(places.state), 0),
  );
  const findings = [...chain, ...switches, ...notes];
  return { ok: findings.length === 0, records, head: records === 0 ? null : head.hash, findings };
}

/**
 * Policies from the command line, held against the configuration and its people where there is one. Gives
 * config_invalid, people_missing, people_invalid.
 */
export async function openPolicies(options: GlobalOptions, { env, cwd }: Outside): Promise<Policies> {
  const configuration = await findConfiguration(options, { env, cwd });
  const kinds = configuration && policyKinds(configuration);
  const people = configuration && knownPeople(configuration);
  const services = configuration && serviceNames(configuration);
  return createPolicies({ read: createPolicyReader(cwd), kinds, people, services, now: clock.now });
}

/** What the configuration has in shadow, where there is one. Gives config_invalid. */
export async function kindsInShadow(options: GlobalOptions, outside: Outside): Promise<readonly string[]> {
  const configuration = await findConfiguration(options, outside);
  return configuration === null ? [] : shadowed(configuration);
}

/** People from the command line. Gives config_invalid. */
export async function openKnownPeople(options: GlobalOptions, { env, cwd }: Outside): Promise<KnownPeople> {
  const configuration = await findConfiguration(options, { env, cwd });
  const configured = configuration && ruleFiles(configuration, null).people;
  return createKnownPeople({ configured, read: createPolicyReader(cwd), now: clock.now });
}

function knownPeople(configuration: Configuration): People {
  const { people } = ruleFiles(configuration, null);
  return people === null ? NOBODY : peopleIn(people);
}

/** The configuration that is named, or belongs to the vault; null where there is neither vault nor configuration. */
async function findConfiguration(
  options: GlobalOptions,
  { env, cwd }: Outside,
): Promise<Configuration | null> {
  const named = options.config ?? env.COUNTERSIGN_CONFIG;
  if (named !== undefined) return loadConfiguration(resolve(cwd, named), env);
  try {
    return await loadConfiguration(locate(options, env, cwd).configuration, env);
  } catch (error) {
    const absent =
      error instanceof Fault && (error.code === "vault_missing" || error.code === "config_missing");
    if (absent && options.vault === undefined) return null;
    throw error;
  }
}
