import { Fault, type Finding } from "./core/codes.ts";
import { ANYONE, type Verdict } from "./core/verdict.ts";
import type { Clock, PolicyPort, Question } from "./daemon/ports.ts";
import { invalidPolicy } from "./policies.ts";
import { drawn, type Judgement, judge } from "./policy/judge.ts";
import { type FoundText, type KnownKind, loadPolicy, type ReadText } from "./policy/load.ts";
import type { Policy } from "./policy/policy.ts";
import type { PolicyText } from "./policy/snapshot.ts";
import { notSupported } from "./policy/supported.ts";

export interface InForcePorts {
  readonly file: string;
  readonly read: ReadText;
  readonly kinds: ReadonlyMap<string, KnownKind>;
  readonly clock: Clock;
  /** Keeps the texts of a snapshot for whoever audits; durable once it returns. */
  readonly keep: (snapshot: string, texts: readonly PolicyText[]) => void;
  /** Told why a changed policy is not taken, in a sentence; null once all is well again. */
  readonly onTrouble: (text: string | null) => void;
  /** Another policy is in force. */
  readonly onChange: (snapshot: string) => void;
}

/** A changed policy is in force within about this time. */
const POLL_MS = 1_000;

/** What was read, by the name and the file that names it: reading it all again tells whether anything has changed. */
type Reads = ReadonlyMap<
  string,
  { readonly name: string; readonly from: string | null; readonly told: string }
>;

/**
 * The policy that the daemon obeys. A changed one comes into force by itself; one that is broken, or asks for what the
 * daemon cannot see to, never does, and the last good one stays. Gives policy_missing and policy_invalid.
 */
export function openPolicy(ports: InForcePorts): PolicyPort & { stop(): void } {
  let { policy, reads } = load(ports);
  let trouble: string | null = null;
  let cancel = ports.clock.after(POLL_MS, poll);

  function poll(): void {
    if (hasChanged(reads, ports.read)) reload();
    cancel = ports.clock.after(POLL_MS, poll);
  }

  function reload(): void {
    const tried = attempt(ports);
    reads = tried.reads;
    const problem = "problem" in tried ? tried.problem : null;
    if ("policy" in tried && tried.policy.snapshot !== policy.snapshot) {
      policy = tried.policy;
      ports.onChange(policy.snapshot);
    }
    const told =
      problem === null
        ? null
        : `The changed policy is not taken, and the last good one stays in force: ${problem}`;
    if (told !== trouble) ports.onTrouble(told);
    trouble = told;
  }

  return {
    judge(question, digestOf) {
      const { action_tags, editable: _, ...asked } = question;
      const found = judge(policy, { ...asked, tags: action_tags, now: ports.clock.now() });
      const { policy: snapshot, rule, requirements } = found;
      const expires_ms = requirements?.expires_ms ?? null;
      const final = drawn(found, digestOf({ policy: snapshot, rule, expires_ms }));
      return verdictOf(final, expires_ms, question);
    },
    stop: () => cancel(),
  };
}

function verdictOf(found: Judgement, expires_ms: number | null, question: Question): Verdict {
  const { verdict, policy, rule, reason, risk, requirements } = found;
  return {
    ...(requirements ?? ANYONE),
    // A verdict that the daemon cannot see to is not loaded; were it ever given, it would be a no.
    says: verdict === "allow_with_constraints" ? "deny" : verdict,
    policy,
    rule,
    reason,
    risk: risk.level,
    factors: risk.factors,
    action_tags: question.action_tags,
    editable: requirements?.editable ?? question.editable,
    expires_ms,
    constraints: found.constraints,
  };
}

function attempt(ports: InForcePorts): { reads: Reads } & ({ policy: Policy } | { problem: string }) {
  const reads = new Map<string, { name: string; from: string | null; told: string }>();
  try {
    return { reads, policy: take(ports, reads) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { reads, problem: `${error.message} ${error.hint}` };
  }
}

function load(ports: InForcePorts): { policy: Policy; reads: Reads } {
  const reads = new Map<string, { name: string; from: string | null; told: string }>();
  return { policy: take(ports, reads), reads };
}

function take(
  { file, read, kinds, keep }: InForcePorts,
  reads: Map<string, { name: string; from: string | null; told: string }>,
): Policy {
  const texts = new Map<string, string>();
  const noting: ReadText = (name, from) => {
    const found = read(name, from);
    reads.set(JSON.stringify([name, from]), { name, from, told: told(found) });
    if ("text" in found) texts.set(found.name, found.text);
    return found;
  };
  const own = noting(file, null);
  if ("because" in own)
    throw new Fault("policy_missing", `The policy ${file} cannot be read: ${own.because}.`);
  const { policy, findings } = loadPolicy(file, noting, { kinds, people: null });
  const wrong: readonly Finding[] = policy === null ? findings : notSupported(policy);
  if (policy === null || wrong.length > 0) throw invalidPolicy(wrong);
  keep(
    policy.snapshot,
    policy.files.map((name) => ({ name, text: texts.get(name) ?? "" })),
  );
  return policy;
}

function hasChanged(reads: Reads, read: ReadText): boolean {
  return [...reads.values()].some(({ name, from, told: before }) => told(read(name, from)) !== before);
}

function told(found: FoundText | { readonly because: string }): string {
  return JSON.stringify("because" in found ? [found.because] : [found.id, found.name, found.text]);
}
