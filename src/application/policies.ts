import { Fault, type Finding } from "../core/codes.ts";
import type { Event } from "../core/event.ts";
import type { JsonObject } from "../core/json.ts";
import type { RequestId } from "../core/request.ts";
import { type CaseResult, readCases, runCase } from "../policy/cases.ts";
import { importAgt } from "../policy/import-agt.ts";
import { importCordum } from "../policy/import-cordum.ts";
import type { Dialect, Imported } from "../policy/imported.ts";
import { drawn, type Judgement, judge } from "../policy/judge.ts";
import type { KnownKind } from "../policy/known.ts";
import type { ReadText } from "../policy/layers.ts";
import { usedBy } from "../policy/limits.ts";
import { type Loaded, loadPolicy } from "../policy/load.ts";
import type { PeopleForRules, Policy, Risk, Subject } from "../policy/policy.ts";
import { renderStarter } from "../policy/starter.ts";
import { createUsage } from "../policy/usage.ts";

/** A kind of action as far as a policy is concerned. */
export interface PolicyKind extends KnownKind {
  /** What is wrong with params, in plain words; empty when nothing is. */
  readonly check: (params: JsonObject) => readonly string[];
}

interface PolicyPorts {
  readonly read: ReadText;
  /** The configuration's actions; null where there is no configuration. */
  readonly kinds: ReadonlyMap<string, PolicyKind> | null;
  /** The configuration's people; null where there is no configuration. */
  readonly people: PeopleForRules | null;
  /** Names of the configuration's services; null where there is no configuration. */
  readonly services: ReadonlySet<string> | null;
  readonly now: () => number;
}

interface PolicyReport {
  readonly ok: boolean;
  readonly snapshot: string | null;
  readonly files: readonly string[];
  readonly rules: number;
  /** Whether the configuration's actions were known; without them less can be found. */
  readonly configured: boolean;
  readonly findings: readonly Finding[];
}

/** What `explain` is asked about. */
interface Asked {
  readonly kind: string;
  readonly params: JsonObject;
  readonly requester: string;
  readonly on_behalf_of: string | null;
  readonly key: string | null;
  readonly tags: readonly string[];
  readonly risk: Risk | null;
  readonly now: number | null;
  readonly digest: string | null;
  /** What counts towards limits besides, by their ids. */
  readonly used: Readonly<Record<string, number>>;
}

/** What today's rules say of a request that was made before. */
export interface Recorded {
  readonly id: string;
  readonly kind: string;
  readonly requester: string;
  readonly judgement: Judgement;
}

/** The policy from the command line: checked, explained and tried out. Nothing of it is enforced by these. */
export interface Policies {
  /** Gives policy_missing. */
  check(file: string): PolicyReport;
  /** Gives policy_missing, policy_invalid, unknown_kind, invalid_params. */
  explain(file: string, asked: Asked): Judgement;
  /** Gives policy_invalid, policy_missing. */
  test(file: string, cases: string): readonly CaseResult[];
  /** What was asked for before counts towards the limits as it did then. */
  replay(file: string, records: AsyncIterable<{ id: RequestId; event: Event }>): AsyncIterable<Recorded>;
  /** Another system's policy in our form, or what has none. Gives policy_missing. */
  import(dialect: Dialect, file: string): Imported;
  /** A policy to begin with, for the configuration's actions. */
  starter(): string;
}

export function createPolicies({ read, kinds, people, services, now }: PolicyPorts): Policies {
  const load = (file: string): Loaded => {
    const own = read(file, null);
    if ("because" in own) throw new Fault("policy_missing", `${file} cannot be read: ${own.because}.`);
    return loadPolicy(file, read, { kinds, people, services });
  };
  const open = (file: string): Policy => {
    const { policy, findings } = load(file);
    if (policy === null)
      throw invalid(
        "policy_invalid",
        findings.filter(({ warning }) => !warning),
      );
    return policy;
  };
  const tagsOf = (kind: string) => kinds?.get(kind)?.tags ?? [];

  return {
    check(file) {
      const { policy, findings } = load(file);
      return {
        ok: policy !== null,
        snapshot: policy?.snapshot ?? null,
        files: policy?.files ?? [],
        rules: policy?.rules.length ?? 0,
        configured: kinds !== null,
        findings,
      };
    },
    explain(file, asked) {
      const policy = open(file);
      const kind = kinds?.get(asked.kind);
      if (kinds !== null && kind === undefined) {
        throw new Fault("unknown_kind", `The configuration has no action ${asked.kind}.`);
      }
      const wrong = kind?.check(asked.params) ?? [];
      if (wrong.length > 0) {
        throw new Fault("invalid_params", `The params do not fit ${asked.kind}: ${wrong.join("; ")}.`);
      }
      const at = asked.now ?? now();
      const { tags, risk, digest, used, ...rest } = asked;
      const subject = {
        ...rest,
        tags: [...tagsOf(asked.kind), ...tags],
        created: at,
        now: at,
        ...(risk !== null && { risk }),
      };
      const judgement = judge(policy, subject, usedBy(used));
      return digest === null ? judgement : drawn(judgement, digest);
    },
    test(file, name) {
      const policy = open(file);
      const text = read(name, null);
      if ("because" in text) throw new Fault("policy_missing", `${name} cannot be read: ${text.because}.`);
      const { cases, findings } = readCases(name, text.text, now());
      if (findings.length > 0)
        throw invalid(
          "policy_invalid",
          findings.filter(({ warning }) => !warning),
        );
      return cases.map((one) => {
        const kind = kinds?.get(one.subject.kind);
        const wrong =
          kinds !== null && kind === undefined
            ? [`there is no action ${one.subject.kind}`]
            : (kind?.check(one.subject.params) ?? []);
        const result = runCase(policy, one, tagsOf(one.subject.kind));
        if (wrong.length === 0) return result;
        return { ...result, ok: false, found: `refused before any rule: ${wrong.join("; ")}` };
      });
    },
    import(dialect, file) {
      const found = read(file, null);
      if ("because" in found) throw new Fault("policy_missing", `${file} cannot be read: ${found.because}.`);
      return (dialect === "agt" ? importAgt : importCordum)(found.name, found.text);
    },
    starter: () => renderStarter(kinds && new Map([...kinds].map(([kind, { params }]) => [kind, params]))),
    async *replay(file, records) {
      const policy = open(file);
      const usage = createUsage(policy.limits);
      for await (const { id, event } of records) {
        if (event.type !== "submitted") {
          usage.take(id, event);
          continue;
        }
        const { fields, digest } = event.submission;
        const created = Date.parse(fields.created);
        const subject: Subject = {
          kind: fields.kind,
          params: fields.params,
          tags: tagsOf(fields.kind),
          requester: fields.requester,
          on_behalf_of: fields.on_behalf_of,
          key: fields.key,
          created,
          now: created,
        };
        const judgement = drawn(judge(policy, subject, usage.besides(id, created)), digest);
        usage.hold(id, subject);
        yield { id: fields.id, kind: fields.kind, requester: fields.requester, judgement };
      }
    },
  };
}

/** All that keeps a file from being used, by its first place. */
export function invalid(code: "policy_invalid" | "people_invalid", wrong: readonly Finding[]): Fault {
  const [first] = wrong;
  if (first === undefined) return new Fault(code);
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : "";
  return new Fault(
    code,
    `${first.file}:${first.line}: ${first.message}${more}.`,
    wrong.length === 1 ? first.hint : undefined,
  );
}
