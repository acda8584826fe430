import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import type { Ran } from "../crash/daemon-process.ts";
import { ballotNow, type Told } from "./told.ts";
import { pathsIn, textAt, type World } from "./world.ts";

/** What the product's own check says, but for notes that a person has put elsewhere. */
export function auditedOf({ exit, out, err }: Ran, told: readonly Told[]): string[] {
  if (exit === EXIT.done) return [];
  const astray = told.filter((one) => ballotNow(one).verdict === "nowhere" || wasIn(one, "Done"));
  const said = `${out}${err}`.split("\n").filter((line) => line.startsWith("- "));
  const left = said.filter((line) => !astray.some(({ id }) => line.includes(id)));
  return said.length === 0
    ? [`audit verify ended with ${exit}: ${out}${err}`]
    : left.map((line) => `audit verify says ${line}`);
}

function wasIn({ states }: Told, folder: string): boolean {
  return states.some(({ what }) => what.startsWith("move") && what.includes(` to ${folder}/`));
}

/** What is in a place where nothing but notes and the hands' own leftovers may be. */
export function leftBehind(world: World, told: readonly Told[]): string[] {
  const known = new Set(told.flatMap(({ leftovers }) => [...leftovers]));
  return [
    ...readdirSync(join(world.places.state, "staging")).map(
      (name) => `${name} is left in the staging folder`,
    ),
    ...pathsIn(world.vault)
      .filter((path) => /^(Pending_Approval|Approved|Rejected)\//.test(path) && !known.has(path))
      .filter((path) => !path.endsWith("/Shopping list.md") && !told.some((one) => belongs(one, path)))
      .map((path) => `${path} is nobody's`),
  ];
}

export function belongs({ id, bill }: Told, path: string): boolean {
  const name = basename(path);
  return name.startsWith(id) || name.startsWith(`Bill ${bill}`);
}

/** pino's number for an error. */
const ERROR_LEVEL = 50;

export function errorsIn(log: string): string[] {
  return log.split("\n").filter((line) => {
    const level = /"level":(\d+)/.exec(line)?.[1];
    return level === undefined ? line.trim() !== "" : Number(level) >= ERROR_LEVEL;
  });
}

/** More stories than these nobody reads, nor several of the same kind. */
const TOLD_IN_FULL = 6;

export function report(
  world: World,
  found: readonly [Told, string][],
  recordsOf: (id: string) => readonly { told: string }[],
): string[] {
  const about = new Map<Told, string[]>();
  for (const [one, what] of found) about.set(one, [...(about.get(one) ?? []), what]);
  const kinds = new Set<string>();
  const stories = [...about].map(([one, what]) => {
    const { index, id, states, calls } = one;
    const head = `note ${index}, ${id}: ${[...new Set(what)].join("; ")}`;
    const kind = (what[0] ?? "").replaceAll(/[\d:.TZ-]+/g, "").slice(0, 40);
    if (kinds.size >= TOLD_IN_FULL || kinds.has(kind)) return head;
    kinds.add(kind);
    const acts = states.map(({ began, what: act, ballot }) => ({
      at: began,
      line: `${act} → ${ballot.verdict}`,
    }));
    const asked = calls.map(({ began, verb, taken }) => ({ at: began, line: `${verb} by call: ${taken}` }));
    const lines = [...acts, ...asked]
      .sort((a, b) => a.at - b.at)
      .map(({ at, line }) => `  ${new Date(at).toISOString()} ${line}`);
    const files = pathsIn(world.vault).filter((path) => belongs(one, path));
    return [
      head,
      ...lines,
      "  the journal:",
      ...recordsOf(id).map((record) => `  ${record.told}`),
      "  files:",
      ...files.map((path) => `  ${path}\n${textAt(world, path)?.replaceAll(/^/gm, "    | ")}`),
    ].join("\n");
  });
  return stories.length === 0 ? [] : [...stories, `the dashboard:\n${textAt(world, "Dashboard.md")}`];
}
