import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { EXIT } from "../../src/surfaces/cli/exit-codes.ts";
import { countersign, type Program, run } from "./daemon-process.ts";
import { ownLine } from "./kill-person.ts";
import { linesOf, noteAt, REFUSED, type Told, type World } from "./kill-world.ts";

/** A journal's record, read here without the help of the program that wrote it. */
interface Recorded {
  readonly seq: number;
  readonly id: string;
  readonly hash: string;
  readonly event: { readonly type: string };
}

/** All whole records; what a kill left of a last one is passed over. */
export function recordsOf({ places }: World): Recorded[] {
  const folder = join(places.state, "journal");
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jsonl")) : [];
  const lines = names
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1));
  return lines.filter((line) => line.startsWith('{"event":')).map((line) => JSON.parse(line));
}

function typesOf(records: readonly Recorded[], id: string): string[] {
  return records.filter((record) => record.id === id).map(({ event }) => event.type);
}

/** What must hold at the moment of death; also notes which requests were caught in the middle. */
export function checkDeath(world: World): string[] {
  const records = recordsOf(world);
  const witness = linesOf(world, "witness");
  for (const { id } of records) if (typesOf(records, id).at(-1) === "started") world.midway.add(id);
  return [
    ...world.told
      .filter(({ id }) => id !== null && typesOf(records, id)[0] !== "submitted")
      .map(({ role }) => `${role} was acknowledged, and there is no record of it`),
    ...witness
      .filter((id) => !typesOf(records, id).includes("started"))
      .map((id) => `${id} was executed before its start was recorded`),
    ...executedTwice(world),
  ];
}

/** What must hold at any time. */
export function executedTwice(world: World): string[] {
  return twiceIn(linesOf(world, "witness")).map((id) => `${id} was executed twice`);
}

/** What must hold once the daemon has played the story to its end and was stopped. */
export async function checkEnd(world: World): Promise<string[]> {
  const records = recordsOf(world);
  const paths = filesIn(world.vault);
  return [
    ...world.told.flatMap((told) => checkRequest(world, told, records, paths)),
    ...checkWhole(world, records, paths),
    ...(await checkHistory(world, records, paths)),
  ];
}

/** What the product's own check says. */
export async function checkAudit(world: World, program: Program): Promise<string[]> {
  const { exit, out, err } = await countersign(
    program,
    ["audit", "verify", "--vault", world.vault],
    world.env,
  );
  return exit === EXIT.done ? [] : [`audit verify ended with ${exit}: ${out}${err}`];
}

function checkRequest(
  world: World,
  { role, id, decided, written }: Told,
  records: readonly Recorded[],
  paths: readonly string[],
): string[] {
  if (id === null) return [`${role} was never acknowledged`];
  const events = typesOf(records, id).join(" ");
  const times = linesOf(world, "witness").filter((line) => line === id).length;
  const [expected, runs] = expectedOf(world, role, id, decided, times > 0);
  const folder = decided ? "Done" : "Pending_Approval";
  const places = paths.filter((path) => path.includes(id));
  const note = existsSync(noteAt(world, folder, id)) ? readFileSync(noteAt(world, folder, id), "utf8") : "";
  const found: string[] = [];
  if (events !== expected) found.push(`${role} is recorded as ${events}, not ${expected}`);
  if (!runs.includes(times)) found.push(`${role} was executed ${times} times`);
  if (places.join() !== `${folder}/${id}.md`) found.push(`the note of ${role} is at ${places.join(" and ")}`);
  const lines = note.split(ownLine(role)).length - 1;
  if (lines !== (written ? 1 : 0)) found.push(`the person's line about ${role} is there ${lines} times`);
  if (decided && REFUSED.has(role) && !/^reason: (too dear|not now)$/m.test(note))
    found.push(`the reason for ${role} is lost`);
  return found;
}

/** The exact events of a request, and how often its action may have been carried out. */
function expectedOf(
  world: World,
  role: Told["role"],
  id: string,
  decided: boolean,
  happened: boolean,
): [string, readonly number[]] {
  if (!decided) return ["submitted", [0]];
  if (REFUSED.has(role)) return ["submitted rejected settled archived", [0]];
  if (!world.midway.has(id)) return ["submitted approved started executed archived", [1]];
  const resolved = happened ? "resolved_happened" : "resolved_did_not";
  return [`submitted approved started outcome_lost ${resolved} archived`, [0, 1]];
}

function checkWhole(world: World, records: readonly Recorded[], paths: readonly string[]): string[] {
  const ids = new Set(records.map(({ id }) => id));
  const own = ["Approvals.base", "Dashboard.md", "Handbook.md"];
  const notes = new Set(
    [...ids].flatMap((id) => ["Pending_Approval", "Done"].map((name) => `${name}/${id}.md`)),
  );
  const staging = join(world.places.state, "staging");
  return [
    ...(ids.size === world.told.length ? [] : [`there are ${ids.size} requests of ${world.told.length}`]),
    ...twiceIn(records.map(({ seq }) => String(seq))).map((seq) => `record ${seq} is there twice`),
    ...executedTwice(world),
    ...paths
      .filter((path) => !own.includes(path) && !notes.has(path))
      .map((path) => `${path} is left in the vault`),
    ...readdirSync(staging).map((name) => `${name} is left in the staging folder`),
  ];
}

/** Git's own tools say what the history holds. */
async function checkHistory(
  world: World,
  records: readonly Recorded[],
  paths: readonly string[],
): Promise<string[]> {
  const git = (...words: string[]) => run("git", ["-C", world.vault, ...words], world.env);
  const trailers = ["Request-Id", "Event", "Audit-Head"].map(
    (key) => `%(trailers:key=${key},valueonly,separator=%x2C)`,
  );
  const log = await git("log", "--reverse", `--format=${trailers.join(";")}`);
  const told = log.out
    .trimEnd()
    .split("\n")
    .flatMap((line) => {
      const [ids = [], events = [], heads = []] = line.split(";").map((part) => part.split(","));
      return heads.map((head, i) => `${head} ${events[i]} ${ids[i]}`);
    });
  const recorded = records.map(({ seq, hash, event, id }) => `${seq} ${hash} ${event.type} ${id}`);
  const fsck = await git("fsck", "--strict", "--no-dangling", "--no-progress");
  const status = await git("status", "--porcelain");
  const staged = status.out.split("\n").filter((line) => line !== "" && !/^[ ?]/.test(line));
  const tracked = (await git("ls-tree", "-r", "--name-only", "HEAD")).out.trimEnd().split("\n");
  const debris = readdirSync(join(world.vault, ".git")).filter((name) =>
    /\.lock$|^fast_import_crash/.test(name),
  );
  return [
    ...recorded.filter((one) => !told.includes(one)).map((one) => `not in the history: ${one}`),
    ...twiceIn(told).map((one) => `twice in the history: ${one}`),
    ...told.filter((one) => !recorded.includes(one)).map((one) => `only in the history: ${one}`),
    ...(told.join() === recorded.join() ? [] : ["the history is not in the journal's order"]),
    ...(fsck.exit === 0 && fsck.out === "" ? [] : [`git fsck says ${fsck.exit}: ${fsck.out}${fsck.err}`]),
    ...staged.map((line) => `left in the person's index: ${line}`),
    ...tracked.filter((path) => !paths.includes(path)).map((path) => `the history still has ${path}`),
    ...paths
      .filter((path) => path.includes("/") && !tracked.includes(path))
      .map((path) => `the history does not have ${path}`),
    ...debris.map((name) => `.git/${name} is left behind`),
  ];
}

/** Everything in the vault but git's own, by path below its root. */
function filesIn(vault: string): string[] {
  return readdirSync(vault, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(vault, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith(".git/"))
    .sort();
}

function twiceIn(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}
