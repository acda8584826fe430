import { Fault } from "../core/codes.ts";
import { NOBODY, type People } from "../core/people.ts";
import type { Clock } from "../daemon/ports.ts";
import { loadPeople } from "../people/load.ts";
import type { KnownKind } from "../policy/known.ts";
import type { FoundText, ReadText } from "../policy/layers.ts";
import { loadPolicy } from "../policy/load.ts";
import type { Policy } from "../policy/policy.ts";
import type { PolicyText } from "../policy/snapshot.ts";
import { invalid } from "./policies.ts";

/** A file, and how it and what it names are read. */
export interface RuleFile {
  readonly file: string;
  readonly read: ReadText;
}

type About = "policy" | "people";

export interface InForcePorts {
  /** Null where there is none. */
  readonly policy: RuleFile | null;
  readonly people: RuleFile | null;
  readonly kinds: ReadonlyMap<string, KnownKind>;
  /** Names of the services that may be asked. */
  readonly services: ReadonlySet<string>;
  readonly clock: Clock;
  /** Keeps the texts of a policy's snapshot for whoever audits; durable once it returns. */
  readonly keep: (snapshot: string, texts: readonly PolicyText[]) => void;
  /** Told why a changed file is not taken, in a sentence; null once all is well again. */
  readonly onTrouble: (about: About, text: string | null) => void;
  /** Another policy, or other people, are in force. */
  readonly onChange: (about: About, snapshot: string) => void;
}

export interface InForce {
  /** Null where there is none. */
  policy(): Policy | null;
  /** Nobody where there is no file of them. */
  people(): People;
  stop(): void;
}

/** A changed file is in force within about this time. */
const POLL_MS = 1_000;

const NOT_TAKEN: Readonly<Record<About, string>> = {
  policy: "The changed policy is not taken, and the last good one stays in force: ",
  people: "The changed people are not taken, and the last good ones stay in force: ",
};

/**
 * The policy and the people that the daemon obeys. Changed ones come into force by themselves, as long as they fit
 * together; one that is broken never does, and the last good one stays.
 * Gives policy_missing, policy_invalid, people_missing and people_invalid.
 */
export function openInForce(ports: InForcePorts): InForce {
  let looked = lookAt(ports);
  let people = peopleOf(looked);
  let rules = policyOf(ports, looked, people);
  const troubles: Record<About, string | null> = { policy: null, people: null };
  let cancel = () => {};
  if (ports.policy !== null || ports.people !== null) wait();

  function wait(): void {
    cancel = ports.clock.after(POLL_MS, () => {
      if (looked.policy?.hasChanged() || looked.people?.hasChanged()) reload();
      wait();
    });
  }

  function reload(): void {
    looked = lookAt(ports);
    const before = snapshotsOf(people, rules);
    const next = choose();
    ({ people, rules } = next);
    const after = snapshotsOf(people, rules);
    for (const about of ["people", "policy"] as const) {
      const snapshot = after[about];
      if (snapshot !== null && snapshot !== before[about]) ports.onChange(about, snapshot);
      const problem = next.problems[about];
      const text = problem === null ? null : NOT_TAKEN[about] + problem;
      if (text !== troubles[about]) ports.onTrouble(about, text);
      troubles[about] = text;
    }
  }

  function choose(): { people: People; rules: Rules; problems: Record<About, string | null> } {
    const found = attempt(() => peopleOf(looked));
    const both = "is" in found ? attempt(() => policyOf(ports, looked, found.is)) : found;
    // Each that fits what is in force of the other is taken alone; people first, so that who is taken out is out.
    const others = "is" in found ? attempt(() => policyOf(ports, rules, found.is)) : found;
    if ("is" in found && "is" in both) {
      return { people: found.is, rules: both.is, problems: { people: null, policy: null } };
    }
    if ("is" in found && "is" in others) {
      return { people: found.is, rules: others.is, problems: { people: null, policy: problemOf(both) } };
    }
    const alone = attempt(() => policyOf(ports, looked, people));
    if ("is" in alone) {
      return { people, rules: alone.is, problems: { people: problemOf(both), policy: null } };
    }
    return { people, rules, problems: { people: problemOf(others), policy: problemOf(alone) } };
  }

  return { policy: () => rules.loaded, people: () => people, stop: () => cancel() };
}

/** The files as they were at one moment: every text is read from the disk once. */
interface Look {
  readonly policy: Kept | null;
  readonly people: Kept | null;
}

/** A policy, and the files that it was made of. */
interface Rules extends Pick<Look, "policy"> {
  readonly loaded: Policy | null;
}

interface Kept extends RuleFile {
  /** Whether the disk now says anything else than what was read. */
  hasChanged(): boolean;
}

function lookAt({ policy, people }: InForcePorts): Look {
  return { policy: policy && keepReads(policy), people: people && keepReads(people) };
}

function keepReads({ file, read }: RuleFile): Kept {
  const reads = new Map<string, { name: string; from: string | null; found: ReturnType<ReadText> }>();
  return {
    file,
    read(name, from) {
      const key = JSON.stringify([name, from]);
      const { found } = reads.get(key) ?? { found: read(name, from) };
      reads.set(key, { name, from, found });
      return found;
    },
    hasChanged: () =>
      [...reads.values()].some(({ name, from, found }) => told(read(name, from)) !== told(found)),
  };
}

function told(found: FoundText | { readonly because: string }): string {
  return JSON.stringify("because" in found ? [found.because] : [found.id, found.name, found.text]);
}

function peopleOf({ people }: Look): People {
  return people === null ? NOBODY : peopleIn(people);
}

/** Gives people_missing and people_invalid. */
export function peopleIn({ file, read }: RuleFile): People {
  const own = read(file, null);
  if ("because" in own) {
    throw new Fault("people_missing", `The people in ${file} cannot be read: ${own.because}.`);
  }
  const { people, findings } = loadPeople(own.name, own.text);
  if (people === null) throw invalid("people_invalid", findings);
  return people;
}

function policyOf(
  { kinds, services, keep }: InForcePorts,
  { policy }: Pick<Look, "policy">,
  people: People,
): Rules {
  if (policy === null) return { policy, loaded: null };
  const texts = new Map<string, string>();
  const noting: ReadText = (name, from) => {
    const found = policy.read(name, from);
    if ("text" in found) texts.set(found.name, found.text);
    return found;
  };
  const own = noting(policy.file, null);
  if ("because" in own) {
    throw new Fault("policy_missing", `The policy ${policy.file} cannot be read: ${own.because}.`);
  }
  const { policy: loaded, findings } = loadPolicy(policy.file, noting, { kinds, people, services });
  if (loaded === null) {
    throw invalid(
      "policy_invalid",
      findings.filter(({ warning }) => !warning),
    );
  }
  keep(
    loaded.snapshot,
    loaded.files.map((name) => ({ name, text: texts.get(name) ?? "" })),
  );
  return { policy, loaded };
}

function snapshotsOf(people: People, { loaded }: Rules): Record<About, string | null> {
  return { people: people.snapshot, policy: loaded?.snapshot ?? null };
}

function attempt<T>(load: () => T): { readonly is: T } | { readonly problem: string } {
  try {
    return { is: load() };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { problem: `${error.message} ${error.hint}` };
  }
}

function problemOf(tried: { readonly is: unknown } | { readonly problem: string }): string | null {
  return "problem" in tried ? tried.problem : null;
}
