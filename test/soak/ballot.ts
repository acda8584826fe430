/** What a request's files say together; `nowhere` while there is none in a decision folder. */
export type Verdict = Verb | "silent" | "unclear" | "nowhere";
type Verb = "approve" | "reject" | "request_changes";

export interface Ballot {
  readonly verdict: Verdict;
  /** Whether approval is all that is said, be it of what was asked for or not. */
  readonly says_approve: boolean;
  /** Whether a file, whatever the others say, says it over something else than all of what was asked for. */
  readonly approves_other: boolean;
  /** Whether a file is whole and shows another action. */
  readonly shows_other: boolean;
  /** Whether a file ends before it shows all of the action. */
  readonly is_cut: boolean;
}

/** By path below the vault, the texts of one request's files. */
export type Files = ReadonlyMap<string, string>;

const WORDS: Readonly<Record<string, Verb>> = {
  approve: "approve",
  approved: "approve",
  reject: "reject",
  rejected: "reject",
  changes_requested: "request_changes",
};

const FOLDERS: Readonly<Record<string, Verb | null>> = {
  Pending_Approval: null,
  Approved: "approve",
  Rejected: "reject",
};

/** What one file says, and what keeps it from counting: all of it, or only as an approval. */
interface Page {
  readonly own: boolean;
  readonly verb: Verb | null;
  readonly flaw: "all" | "approval" | null;
  /** Whether it is whole, and shows another action than was asked for. */
  readonly shows_other: boolean;
}

/**
 * The rules of deciding as the handbook has them, told once more and as plainly as can be: for notes that were made by
 * the edits of `page.ts` and nothing else.
 */
export function readBallot(files: Files, id: string, action: string): Ballot {
  const pages = [...files].flatMap(([path, text]) => {
    const [folder = "", name = ""] = path.split("/");
    const isKnown = folder in FOLDERS && isNote(name) && !isNobodys(name, text, id);
    return isKnown ? [readPage(text, folder, name === `${id}.md`, action)] : [];
  });
  const said = new Set(pages.flatMap(({ verb }) => verb ?? []));
  const says_approve = said.size === 1 && said.has("approve") && pages.every(({ flaw }) => flaw !== "all");
  const shows_other = pages.some((page) => page.shows_other);
  const is_cut = pages.some((page) => page.flaw === "approval" && !page.shows_other);
  const approves_other = pages.some(({ verb, flaw }) => verb === "approve" && flaw === "approval");
  return { verdict: verdictOf(pages), says_approve, approves_other, shows_other, is_cut };
}

function verdictOf(pages: readonly Page[]): Verdict {
  if (pages.length === 0) return "nowhere";
  const verbs = new Set(pages.flatMap(({ verb }) => verb ?? []));
  const [verb = null] = verbs;
  if (verbs.size > 1) return "unclear";
  if (verb === "reject") return "reject";
  if (pages.some(({ flaw }) => flaw === "all")) return "unclear";
  if (verb !== "request_changes" && pages.some(({ flaw }) => flaw !== null)) return "unclear";
  if (verb === null) return "silent";
  const own = pages.filter((page) => page.own);
  return (own.length > 0 ? own : pages).every((page) => page.verb === verb) ? verb : "unclear";
}

function readPage(raw: string, folder: string, own: boolean, action: string): Page {
  const text = raw.replaceAll("\r\n", "\n");
  const properties = propertiesIn(text);
  const unclear: Page = { own, verb: null, flaw: "all", shows_other: false };
  if (properties === null) return unclear;
  const said = [
    FOLDERS[folder] ?? null,
    wordIn(properties, "decision"),
    wordIn(properties, "status"),
    ...boxesIn(text.slice(0, text.indexOf("## What happens"))),
  ].filter((one) => one !== null);
  const verbs = new Set(said);
  if (verbs.size > 1 || verbs.has("unclear")) return unclear;
  const flaw = text.includes(action) ? null : "approval";
  const shows_other = flaw !== null && text.includes("## Notes");
  return { own, verb: (said[0] as Verb | undefined) ?? null, flaw, shows_other };
}

/** Null where they cannot be read. */
function propertiesIn(text: string): string | null {
  const properties = /^---\n([\s\S]*?\n)---\n/.exec(text)?.[1] ?? null;
  return properties === null || /^broken:/m.test(properties) ? null : properties;
}

/** Neither the name nor what is inside says whose it is, as long as it is so. */
export function isNobodys(name: string, text: string, id: string): boolean {
  return !name.startsWith(id) && propertiesIn(text.replaceAll("\r\n", "\n")) === null;
}

function wordIn(properties: string, key: string): Verb | "unclear" | null {
  const value = new RegExp(`^${key}:[ ]*(.*)$`, "m").exec(properties)?.[1]?.trim() ?? "";
  const word = value.replaceAll('"', "").toLowerCase();
  if (word === "" || (key === "status" && word === "pending")) return null;
  return WORDS[word] ?? "unclear";
}

function boxesIn(text: string): (Verb | "unclear")[] {
  return [...text.matchAll(/^- \[(.)\] (Approve|Reject)( ✅ [\d-]+)?$/gm)].flatMap(([, mark, label]) => {
    if (mark === " ") return [];
    if (mark !== "x" && mark !== "X") return ["unclear"];
    return [label === "Approve" ? "approve" : "reject"];
  });
}

function isNote(name: string): boolean {
  return /^[^.~#].*\.md$/.test(name);
}
