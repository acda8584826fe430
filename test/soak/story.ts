import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Chance } from "./chance.ts";
import { type Hands, WAYS } from "./hands.ts";
import {
  addLine,
  breakProperties,
  type Edit,
  editAction,
  mendProperties,
  rewriteProperties,
  setBox,
  setProperty,
  silence,
  toCrlf,
  undoAction,
} from "./page.ts";
import type { Told } from "./told.ts";

/** What a story needs of the world it plays in. */
export interface Stage {
  readonly hands: Hands;
  readonly chance: Chance;
  readonly told: Told;
  /** False when every hand has to stop. */
  goesOn(): boolean;
  ask(verb: "approve" | "reject" | "cancel"): Promise<void>;
}

type Act = (stage: Stage) => Promise<void> | void;

const PAUSES_MS = [
  [0, 30],
  [0, 300],
  [300, 900],
  [600, 2_500],
] as const;

/** One note's story: some things that happen to it, and more often than not a clear end. */
export async function play(stage: Stage, length: number): Promise<void> {
  const { chance } = stage;
  const acts = Array.from({ length: 2 + chance.below(length) }, () => chance.of(ACTS));
  const end = chance.of(ENDS);
  for (const act of [...acts, end]) {
    const [least, most] = chance.of(PAUSES_MS);
    await delay(chance.between(least, most));
    if (!stage.goesOn()) return;
    await act(stage);
  }
  if (chance.oneIn(3)) await saveOldBuffer(stage);
}

/** A line that is nowhere else, to be found again. */
function ownLine(told: Told): string {
  told.markers += 1;
  return `This is mine-${told.index}-${told.markers}-stays.`;
}

/** Opens what is there, changes it, and saves it somehow; where nothing is, an editor that had it open saves all the same. */
async function edit({ hands, chance, told }: Stage, change: Edit, path = told.at): Promise<void> {
  const there = hands.open(told, path);
  const [way, pause, late] = [chance.of(WAYS), chance.between(0, 400), chance.oneIn(4)];
  if (there === null && (path !== told.at || !late)) return;
  const text = change(there ?? told.buffer);
  if (path === told.at) told.buffer = text;
  await hands.save(told, path, text, way, pause);
}

const edits =
  (...changes: ((stage: Stage) => Edit)[]): Act =>
  (stage) => {
    const made = changes.map((change) => change(stage));
    return edit(stage, (text) => made.reduce((left, one) => one(left), text));
  };

const property =
  (key: Parameters<typeof setProperty>[0], ...values: readonly string[]) =>
  ({ chance }: Stage): Edit =>
    setProperty(key, chance.of(values));

const box =
  (label: "Approve" | "Reject", ...marks: readonly string[]) =>
  ({ chance }: Stage): Edit =>
    setBox(label, chance.of(marks), chance.oneIn(4) ? " ✅ 2026-11-21" : "");

const ownText = ({ chance, told }: Stage): Edit =>
  addLine(ownLine(told), chance.of(["end", "end", "top", "middle"] as const));
const ownReason = ({ told }: Stage): Edit => setProperty("reason", `"${ownLine(told)}"`);
const undo = ({ told }: Stage): Edit => undoAction(told.bill);
const breaks = ({ chance }: Stage): Edit => breakProperties(chance.below(3));
const mends = () => mendProperties;
const untick = (label: "Approve" | "Reject") => () => setBox(label, " ");

/** Saved while it is being typed, as Obsidian does. */
const types =
  (...words: readonly string[]): Act =>
  async (stage) => {
    for (const word of words) {
      await edit(stage, setProperty("decision", word));
      await delay(stage.chance.between(20, 500));
    }
  };

const moves =
  (...folders: readonly string[]): Act =>
  ({ hands, chance, told }) => {
    const to = join(chance.of(folders), basename(told.at));
    if (hands.move(told, told.at, to)) told.at = to;
  };

const renames: Act = ({ hands, told }) => {
  const names = [`${told.id}.md`, `Bill ${told.bill}.md`];
  const to = join("Pending_Approval", names.find((name) => name !== basename(told.at)) ?? "");
  if (told.at.startsWith("Pending_Approval/") && hands.move(told, told.at, to)) told.at = to;
};

/** A copy as sync tools and Obsidian make it: equal, or saying something else. */
const copies: Act = async (stage) => {
  const { hands, chance, told } = stage;
  const { id } = told;
  const name = chance.of([
    `${id}.sync-conflict-20261121-101500-AAAAAAA.md`,
    `${id} 1.md`,
    `${id} (conflicted copy).md`,
  ]);
  const path = join("Pending_Approval", name);
  const change = chance.of<Edit>([
    (text) => text,
    setBox("Approve", "x"),
    setBox("Reject", "x"),
    setProperty("decision", "rejected"),
    addLine(ownLine(told), "end"),
  ]);
  const pause = chance.between(0, 100);
  told.copies.add(path);
  if (hands.isThere(told.at)) await hands.save(told, path, change(told.buffer), chance.of(WAYS), pause);
};

/** A tick that is taken out again, contradicted, or taken away: what was not begun by then, must not begin. */
const changesMind: Act = async (stage) => {
  const { chance, hands, told } = stage;
  await edit(stage, setBox("Approve", "x"));
  await delay(chance.between(20, 400));
  const changes: Act[] = [
    edits(untick("Approve")),
    edits(box("Reject", "x")),
    edits(() => breakProperties(0)),
    moves("Rejected"),
    moves("Archive"),
    () => hands.remove(told, told.at),
  ];
  await chance.of(changes)(stage);
};

/** Saves every few milliseconds while the daemon is about to take the note away. */
const keepsSaving: Act = async (stage) => {
  const { hands, chance, told } = stage;
  const [step, most] = [1 + chance.below(6), 40 + chance.below(80)];
  const ticked = setBox("Approve", "x")(hands.open(told, told.at) ?? told.buffer);
  for (let n = 0; n < most && stage.goesOn(); n += 1) {
    told.buffer = addLine(ownLine(told), "end")(ticked);
    await hands.save(told, told.at, told.buffer, "by rename", step);
    // Saved again where it is gone, it would only come back, time and again.
    if (!hands.isThere(told.at)) return;
  }
};

/** A copy that says something, and then the note something else, or nothing at all. */
const differs: Act = async (stage) => {
  const { hands, chance, told } = stage;
  const [inCopy, inNote] = chance.of<readonly [Edit, Edit]>([
    [setBox("Approve", "x"), (text) => text],
    [setBox("Approve", "x"), setProperty("reviewer", "ada")],
    [setBox("Reject", "x"), setBox("Approve", "x")],
    [setProperty("status", "changes_requested"), setProperty("decision", "approved")],
    [breakProperties(1), setBox("Approve", "x")],
  ]);
  const path = join("Pending_Approval", `${told.id}.sync-conflict-20261121-101501-BBBBBBB.md`);
  const there = hands.open(told, told.at);
  if (there === null) return;
  told.copies.add(path);
  await hands.save(told, path, inCopy(silence(told.bill)(there)), chance.of(["in place", "by rename"]), 0);
  await edit(stage, (text) => inNote(silence(told.bill)(text)));
};

const clearsCopies: Act = ({ hands, told }) => {
  for (const path of told.copies) hands.remove(told, path);
  told.copies.clear();
};

/** To the bin and, sometimes, back again. */
const deletes: Act = async ({ hands, chance, told }) => {
  const [isForGood, back, pause] = [chance.oneIn(3), chance.below(2), chance.between(10, 1_500)];
  if (isForGood) return hands.remove(told, told.at);
  const bin = join(".trash", basename(told.at));
  if (!hands.move(told, told.at, bin) || back === 0) return;
  await delay(pause);
  hands.move(told, bin, told.at);
};

/** A window that was left open is saved once the daemon is through with the note. */
const saveOldBuffer: Act = async (stage) => {
  const { hands, chance, told } = stage;
  const [wait, way, pause] = [chance.between(100, 1_500), chance.of(WAYS), chance.between(0, 300)];
  for (let waited = 0; waited < wait && stage.goesOn() && hands.isThere(told.at); waited += 20)
    await delay(20);
  told.buffer = addLine(ownLine(told), "end")(told.buffer);
  await hands.save(told, told.at, told.buffer, way, pause);
};

/** Writes into the finished note, if there is one. */
const annotates: Act = (stage) =>
  edit(stage, addLine(ownLine(stage.told), "end"), join("Done", `${stage.told.id}.md`));

const asks =
  (verb: "approve" | "reject" | "cancel"): Act =>
  (stage) =>
    stage.ask(verb);

/** Everything that stands against a clear word is taken away first. */
const says =
  (...change: ((stage: Stage) => Edit)[]): Act =>
  async (stage) => {
    const { hands, told } = stage;
    clearsCopies(stage);
    const home = join("Pending_Approval", `${told.id}.md`);
    if (told.at !== home && hands.move(told, told.at, home)) told.at = home;
    if (hands.open(told, told.at) === null) return;
    await edit(stage, silence(told.bill));
    await delay(stage.chance.between(30, 600));
    for (const one of change) await edit(stage, one(stage));
  };

const ENDS: readonly Act[] = [
  says(box("Approve", "x", "X")),
  says(box("Approve", "x"), ownText),
  says(property("decision", "approved", "Approved", "approve")),
  says(ownText, property("decision", "approved")),
  says(box("Reject", "x"), ownReason),
  says(property("decision", "rejected"), ownReason),
  says(property("status", "changes_requested")),
  says(),
  says(breaks, ownText),
  moves("Approved"),
  differs,
  changesMind,
  keepsSaving,
  keepsSaving,
  () => {},
  () => {},
  () => {},
];

const ACTS: readonly Act[] = [
  edits(ownText),
  edits(ownText),
  edits(ownText),
  edits(ownReason),
  edits(box("Approve", "x", "X")),
  edits(box("Approve", "x"), ownText),
  edits(box("Approve", "x", "-", " ")),
  edits(untick("Approve")),
  edits(untick("Approve"), untick("Reject"), property("decision", "")),
  edits(box("Reject", "x", "/")),
  edits(box("Approve", "x"), box("Reject", "x")),
  edits(box("Approve", "x"), property("decision", "rejected", "approved")),
  edits(property("decision", "approved", "approved # but half of it", "aapproved", '"approved"')),
  edits(property("decision", "rejected", "changes_requested", "yes", "")),
  edits(property("status", "approved", "pending", "rejected")),
  edits(property("reviewer", "ada", "")),
  types("a", "appr", "approve", "approved"),
  types("re", "rejec", "rejected"),
  types("approved", "approved # only", ""),
  edits(breaks, ownText),
  edits(breaks, box("Approve", "x")),
  edits(mends),
  edits(mends, ownText),
  edits(() => editAction),
  edits(() => editAction, box("Approve", "x")),
  edits(undo),
  edits(() => rewriteProperties, ownText),
  edits(() => toCrlf),
  moves("Approved", "Rejected", "Archive/2026", "Pending_Approval"),
  moves("Approved", "Pending_Approval"),
  moves("Pending_Approval"),
  moves("Archive", "Done"),
  renames,
  copies,
  copies,
  differs,
  differs,
  clearsCopies,
  changesMind,
  changesMind,
  keepsSaving,
  deletes,
  ({ hands, told }) => hands.litter(told, told.at),
  saveOldBuffer,
  annotates,
  asks("approve"),
  asks("reject"),
  asks("cancel"),
];
