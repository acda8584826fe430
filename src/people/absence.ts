import { type FindingCode, finding } from "../core/codes.ts";
import type { Absence, Person } from "../core/people.ts";
import type { Sheet } from "../document/fields.ts";
import type { Register } from "./names.ts";
import type { WrittenPerson } from "./read-people.ts";

/** A longer row of stand-ins, each absent, is nobody's intention. */
const STAND_INS_LIMIT = 5;

type Settled = Absence & { readonly line: number };

type Told = (code: FindingCode, line: number, message: string) => void;

type Absences = ReadonlyMap<string, Pick<Person, "absent">>;

export function absenceOf(persons: Absences, name: string, at: number): Absence | null {
  return persons.get(name)?.absent.find(({ from, until }) => from <= at && at < until) ?? null;
}

/** The row of those who stand in for each other at a time, up to the first who is there. */
function rowOf(persons: Absences, name: string, at: number): readonly string[] {
  const row = [name];
  while (row.length <= STAND_INS_LIMIT + 1) {
    const next = absenceOf(persons, row.at(-1) ?? "", at)?.stand_in ?? null;
    if (next === null) break;
    row.push(next);
    if (row.indexOf(next) < row.length - 1) break;
  }
  return row;
}

/** Who, being there, stands in for a person who is absent. */
export function standInOf(persons: Absences, name: string, at: number): string | null {
  const row = rowOf(persons, name, at);
  const last = row.at(-1) ?? name;
  const ends = row.length - 1 <= STAND_INS_LIMIT && absenceOf(persons, last, at) === null;
  return ends && row.length > 1 ? last : null;
}

/** The absences with canonical names; what cannot be is told, with its line. */
export function settleAbsences(
  sheet: Sheet,
  written: readonly WrittenPerson[],
  register: Register,
): Absences {
  const receives = new Map(written.map(({ name, may_receive }) => [name, may_receive]));
  const told: Told = (code, line, message) =>
    void sheet.findings.push(finding(code, { file: sheet.file, line }, message));
  const settled = new Map<string, { readonly absent: readonly Settled[] }>();
  for (const { name, absent } of written) {
    const own = absent.map(({ stand_in, ...rest }) => {
      const owner = stand_in === null ? null : register.ownerOf(stand_in);
      const known = owner?.is === "person" ? owner.name : null;
      if (stand_in !== null && known === null) {
        told("unknown_person", rest.line, `${stand_in}, who should stand in for ${name}, is no person here`);
      } else if (known === name) {
        told("stand_in_impossible", rest.line, `${name} would stand in for ${name}`);
      } else if (known !== null && receives.get(known) === false) {
        told("stand_in_impossible", rest.line, `${known} may not receive what is delegated`);
      }
      return { ...rest, stand_in: known === name ? null : known };
    });
    own.sort((a, b) => a.from - b.from);
    for (const [at, { from, line }] of own.entries()) {
      if (from < (own[at - 1]?.until ?? 0)) told("not_together", line, `two absences of ${name} overlap`);
    }
    settled.set(name, { absent: own });
  }
  checkRows(settled, told);
  return settled;
}

/** If there ever is a circle, or too long a row, there is one when the last of its absences begins. */
function checkRows(settled: ReadonlyMap<string, { readonly absent: readonly Settled[] }>, told: Told): void {
  const circles = new Set<string>();
  const lastBegun = (row: readonly string[], at: number) =>
    row.some((name) => absenceOf(settled, name, at)?.from === at);
  for (const { from, line } of [...settled.values()].flatMap(({ absent }) => absent)) {
    for (const name of settled.keys()) {
      const row = rowOf(settled, name, from);
      if (row.length === 1 || !lastBegun(row, from)) continue;
      const last = row.at(-1) ?? name;
      const circle = row.slice(row.indexOf(last), -1).sort().join(", ");
      if (circle !== "" && !circles.has(circle)) {
        told("circle", line, `those who stand in lead back: ${row.join(", ")}`);
        circles.add(circle);
      } else if (row.length - 1 > STAND_INS_LIMIT) {
        const message = `more than ${STAND_INS_LIMIT} would stand in for each other: ${row.join(", ")}`;
        told("stand_in_impossible", line, message);
      }
    }
  }
}
