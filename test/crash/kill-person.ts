import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { noteAt, type Role, type Told, toldOf, type World } from "./kill-world.ts";

export const ownLine = (role: Role) => `Mine about ${role}, and it stays.`;

/** The person's line under the notes, and a change above. */
function written(text: string, role: Role, change: (text: string) => string): string {
  const line = ownLine(role);
  return `${change(text)}${text.includes(line) ? "" : `\n${line}\n`}`;
}

const tick = (box: string) => (text: string) => text.replace(`- [ ] ${box}`, `- [x] ${box}`);
const type = (decision: string, reason: string) => (text: string) =>
  text.replace("decision:", `decision: ${decision}`).replace("reason:", `reason: ${reason}`);

/** Saves as Obsidian does: the same file, cut to nothing and written anew. */
function saveInPlace(path: string, text: string): void {
  writeFileSync(path, text);
}

/** Saves as vim and others do: a new file in place of the old one. */
function saveByRename(path: string, text: string): void {
  writeFileSync(`${path}~`, text);
  renameSync(`${path}~`, path);
}

type Save = typeof saveInPlace;

/** The person's edit of a waiting note; nothing where there is none. */
function edit(world: World, told: Told, save: Save, change: (text: string) => string): boolean {
  const path = told.id === null ? null : noteAt(world, "Pending_Approval", told.id);
  if (path === null || !existsSync(path)) return false;
  save(path, written(readFileSync(path, "utf8"), told.role, change));
  told.written = true;
  return true;
}

/** How each decision is made; false when there was no note to make it in. */
const DECIDE: Readonly<Record<Exclude<Role, "idle">, (world: World, told: Told) => boolean>> = {
  ticked: (world, told) => edit(world, told, saveInPlace, tick("Approve")),
  slow: (world, told) => edit(world, told, saveByRename, tick("Approve")),
  typed: (world, told) => edit(world, told, saveByRename, type("approved", "agreed")),
  refused: (world, told) => edit(world, told, saveInPlace, type("rejected", "too dear")),
  ticked_while_down: (world, told) => edit(world, told, saveInPlace, tick("Approve")),
  refused_while_down: (world, told) => edit(world, told, saveByRename, type("rejected", "not now")),
  dragged(world, told) {
    if (!edit(world, told, saveInPlace, (text) => text) || told.id === null) return false;
    renameSync(noteAt(world, "Pending_Approval", told.id), noteAt(world, "Approved", told.id));
    return true;
  },
};

/** Makes the decision, unless it is made; nothing where there is no note yet. */
export function decide(world: World, role: Exclude<Role, "idle">): void {
  const told = toldOf(world, role);
  if (!told.decided) told.decided = DECIDE[role](world, told);
}

/** What the person does to notes while no daemon runs. */
export function editWhileDown(world: World): void {
  decide(world, "ticked_while_down");
  decide(world, "refused_while_down");
}

/** The person writes below the notes of a request that they do not decide. */
export function leaveLine(world: World, role: Role): void {
  edit(world, toldOf(world, role), saveInPlace, (text) => text);
}

/** The person answers what became of an action whose end was not seen. */
export function answerUnknown(path: string, happened: boolean): void {
  saveInPlace(path, tick(happened ? "It happened" : "It did not happen")(readFileSync(path, "utf8")));
}
