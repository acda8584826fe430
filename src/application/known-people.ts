import { Fault, type Finding } from "../core/codes.ts";
import { loadPeople } from "../people/load.ts";
import { isOpen } from "../people/working-time.ts";
import type { ReadText } from "../policy/layers.ts";
import { peopleIn, type RuleFile } from "./in-force.ts";

interface KnownPeoplePorts {
  /** The configuration's people; null where it names none, or is not there. */
  readonly configured: RuleFile | null;
  readonly read: ReadText;
  readonly now: () => number;
}

interface PeopleReport {
  readonly ok: boolean;
  readonly file: string;
  readonly snapshot: string | null;
  readonly persons: number;
  readonly groups: number;
  readonly findings: readonly Finding[];
}

/** Who there is at a time; in ISO 8601, UTC. */
export interface Attendance {
  readonly at: string;
  readonly persons: readonly {
    readonly name: string;
    readonly absent_until: string | null;
    /** Who is there instead. */
    readonly stand_in: string | null;
    /** Whether it is within this person's hours; null for somebody without. */
    readonly working: boolean | null;
  }[];
  /** Of a rota those on duty. */
  readonly groups: readonly { readonly name: string; readonly members: readonly string[] }[];
}

/** People from the command line. */
export interface KnownPeople {
  /** A file, or the configuration's. Gives people_missing. */
  check(file: string | null): PeopleReport;
  /** The configuration's people at a time, now unless it is given. Gives people_missing and people_invalid. */
  show(at: number | null): Attendance;
}

export function createKnownPeople({ configured, read, now }: KnownPeoplePorts): KnownPeople {
  const known = (): RuleFile => {
    if (configured !== null) return configured;
    const hint = "Add `people: ./people.yaml` to countersign.yaml, or name a file.";
    throw new Fault("people_missing", "The configuration names no people.", hint);
  };
  return {
    check(named) {
      const { file, read: open } = named === null ? known() : { file: named, read };
      const own = open(file, null);
      if ("because" in own) throw new Fault("people_missing", `${file} cannot be read: ${own.because}.`);
      const { people, findings } = loadPeople(own.name, own.text);
      return {
        ok: people !== null,
        file,
        snapshot: people?.snapshot ?? null,
        persons: people?.persons.length ?? 0,
        groups: people?.groups.length ?? 0,
        findings,
      };
    },
    show(given) {
      const people = peopleIn(known());
      const at = given ?? now();
      return {
        at: new Date(at).toISOString(),
        persons: people.persons.map(({ name, absent, hours }) => {
          const away = absent.find(({ from, until }) => from <= at && at < until);
          return {
            name,
            absent_until: away === undefined ? null : new Date(away.until).toISOString(),
            stand_in: people.standIn(name, at),
            working: hours === null ? null : isOpen(at, hours),
          };
        }),
        groups: people.groups.map((name) => ({ name, members: people.members(name, at) ?? [] })),
      };
    },
  };
}
