import { type Request, rosterIn } from "../core/request.ts";
import { votersOf } from "../core/roster.ts";
import { type Body, decisionArea, readBody } from "./body.ts";
import { boxIn, pointIn } from "./boxes.ts";
import { readFrontmatter } from "./frontmatter.ts";
import { BOXES, DECIDE, DECIDE_BY_NAME, HEADINGS, NAMED_BOX } from "./labels.ts";
import { openPatch } from "./patch.ts";
import { inline } from "./visible.ts";

/** More boxes than these are a list that nobody reads: then one names oneself in `reviewer`. */
const BOXES_LIMIT = 12;

/** Whose boxes a request's note has; null where it has the one box for everybody. */
export function namesOnBoxes(request: Request): readonly string[] | null {
  const roster = rosterIn(request);
  const voters = roster === null ? null : votersOf(roster);
  if (voters === null || voters.length === 0 || voters.length > BOXES_LIMIT) return null;
  return voters.every((name) => /^[\p{L}\p{N}][\p{L}\p{N}._@+ -]{0,63}$/u.test(name)) ? voters : null;
}

/** What one is asked to do in a waiting note. */
export function questionFor(request: Request): string {
  return namesOnBoxes(request) === null ? DECIDE : DECIDE_BY_NAME;
}

/** The boxes of a waiting note: what must be looked at, one for every approver, and the one to say no. */
export function renderBoxes(request: Request): string {
  const { checklist = [] } = request.submission.verdict ?? {};
  const points = checklist.map((point) => `${UNTICKED}${inline(point)}`).join("\n");
  const boxes = [...approveLines(request), `${UNTICKED}${BOXES.reject}`].join("\n");
  return points === "" ? boxes : `${CHECKLIST_HEAD}\n\n${points}\n\n${boxes}`;
}

const CHECKLIST_HEAD = "To be looked at and ticked before an approval counts:";

function approveLines(request: Request): readonly string[] {
  const names = namesOnBoxes(request);
  if (names === null) return [`${UNTICKED}${BOXES.approve}`];
  // What did not come by the note has no tick in it, since taking that out would take nothing back.
  const voted = (request.votes ?? []).flatMap((vote) => (vote.note_sha256 === null ? [] : [vote.reviewer]));
  return names.map((name) => `- [${voted.includes(name) ? "x" : " "}] ${NAMED_BOX}${name}`);
}

/** Whether a note's boxes are not those that the request needs now. */
export function hasOtherBoxes(body: Body, request: Request): boolean {
  const { points, missing, left } = compare(body, request);
  return points.length > 0 || missing.length > 0 || left.length > 0 || hasOtherQuestion(body, request);
}

function hasOtherQuestion(body: Body, request: Request): boolean {
  const own = questionFor(request);
  const text = decisionArea(body, HEADINGS.next)
    .map((line) => line.text)
    .join("\n");
  return PRESENT.some((question) => question !== own && text.includes(question));
}

/** One that an earlier version wrote says the same as the present one, and stays. */
const PRESENT = [DECIDE, DECIDE_BY_NAME] as const;

/** The note with the boxes that the request needs now; the ones that are ticked stay, whoever's they are. */
export function withPresentBoxes(note: string, request: Request): string {
  const text = withPresentQuestion(note, request);
  const read = readFrontmatter(text);
  if (!read.ok) return text;
  const { body: start, eol } = read.frontmatter;
  const body = readBody(text.slice(start));
  const { lines } = body;
  const { points, missing, left, first, reject } = compare(body, request);
  const added = (rows: readonly string[]) => rows.map((row) => `${row}${eol}`).join("");
  const present = lines.map(({ index, offset }) => {
    const end = start + (lines[index + 1]?.offset ?? text.length - start);
    const kept = left.includes(index) ? "" : text.slice(start + offset, end);
    const checklist =
      index === first && points.length > 0 ? `${added([CHECKLIST_HEAD, "", ...points])}${eol}` : "";
    return checklist + (index === reject ? added(missing) : "") + kept;
  });
  return text.slice(0, start) + present.join("");
}

function withPresentQuestion(text: string, request: Request): string {
  const own = questionFor(request);
  const patch = openPatch(text);
  if (patch === null) return text;
  const replaced = PRESENT.some((question) => question !== own && patch.replace(question, own));
  return replaced ? patch.text() : text;
}

interface Compared {
  readonly points: readonly string[];
  readonly missing: readonly string[];
  readonly left: readonly number[];
  readonly first: number | null;
  readonly reject: number | null;
}

/** What the boxes lack, and which of them (by line) nobody needs any more; nothing where there is no box to say no. */
function compare(body: Body, request: Request): Compared {
  const { checklist = [] } = request.submission.verdict ?? {};
  const labels = new Map(
    approveLines(request).map((line) => [line.slice(UNTICKED.length).toLowerCase(), line]),
  );
  const points = new Set(checklist);
  const spare: { readonly label: string; readonly index: number }[] = [];
  const ticked = new Set<string>();
  let first: number | null = null;
  let reject: number | null = null;
  for (const { text, plain, index } of decisionArea(body, HEADINGS.next)) {
    const point = plain ? pointIn(text, checklist) : null;
    if (point !== null) points.delete(point.label);
    const box = plain && point === null ? boxIn(text) : null;
    if (box === null) continue;
    first ??= index;
    if (box.label === BOXES.reject) reject ??= index;
    if (box.label !== BOXES.approve) continue;
    const label = (box.name === null ? BOXES.approve : NAMED_BOX + box.name).toLowerCase();
    const isNeeded = labels.delete(label);
    if (box.exact && /^[ \t]$/.test(box.mark)) {
      if (!isNeeded) spare.push({ label, index });
    } else ticked.add(label);
  }
  // Beside a ticked one it is for a person to say which of the two holds.
  const left = spare.filter(({ label }) => !ticked.has(label)).map(({ index }) => index);
  if (reject === null) return { points: [], missing: [], left: [], first, reject };
  const rows = [...points].map((point) => `${UNTICKED}${inline(point)}`);
  return { points: rows, missing: [...labels.values()], left, first, reject };
}

const UNTICKED = "- [ ] ";
