/**
 * A story is a text file: prose (lines that begin with `#`, and blank lines), and blocks of one command, its further
 * lines if it has any, a line `----`, and what came of it. Output with blank lines in it stands between two doubled
 * lines `----`. The commands are what a test runs; everything behind `----` is written anew and reviewed as a diff.
 */
export interface Command {
  readonly name: string;
  readonly args: readonly string[];
  /** What stands behind the name of a command as it is, for those that take a whole line. */
  readonly rest: string;
  /** The lines below the command. */
  readonly body: readonly string[];
}

export type Part =
  | { readonly prose: string }
  | { readonly lines: readonly string[]; readonly command: Command };

const RULE = "----";

/** The parts of a story's text, in order; outputs are left out. */
export function parseStory(text: string): Part[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const parts: Part[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (line === "" || line.startsWith("#")) {
      parts.push({ prose: line });
      at += 1;
      continue;
    }
    const start = at;
    while (at < lines.length && lines[at] !== "" && lines[at] !== RULE) at += 1;
    const own = lines.slice(start, at);
    parts.push({ lines: own, command: parseCommand(own) });
    if (lines[at] === RULE) at = endOfOutput(lines, at + 1);
  }
  return parts;
}

/** The index behind an output that begins at this one. */
function endOfOutput(lines: readonly string[], start: number): number {
  if (lines[start] === RULE) {
    const end = lines.findIndex((line, i) => i > start && line === RULE && lines[i + 1] === RULE);
    return end === -1 ? lines.length : end + 2;
  }
  const end = lines.indexOf("", start);
  return end === -1 ? lines.length : end;
}

function parseCommand([first = "", ...body]: readonly string[]): Command {
  const words = [...first.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ""));
  const [name = "", ...args] = words;
  return { name, args, rest: first.slice(name.length).trimStart(), body };
}

/** A block with its output; trailing white space of the output goes. */
export function renderBlock(lines: readonly string[], output: string): string {
  const told = output.trimEnd();
  const framed = told.includes("\n\n")
    ? [RULE, RULE, told, RULE, RULE]
    : [RULE, ...(told === "" ? [] : [told])];
  return `${[...lines, ...framed].join("\n")}\n`;
}

/** What changed from one text to another: lines that went (`-`) and came (`+`), with the line before each run. */
export function diffLines(before: string, after: string): string {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const common = longestCommon(old, now);
  const told: string[] = [];
  let [i, j, last] = [0, 0, ""];
  for (const [oldAt, nowAt] of [...common, [old.length, now.length] as const]) {
    const gone = old.slice(i, oldAt).map((line) => `- ${line}`);
    const come = now.slice(j, nowAt).map((line) => `+ ${line}`);
    if (gone.length + come.length > 0) told.push(`@ ${last}`, ...gone, ...come);
    last = old[oldAt] || last;
    [i, j] = [oldAt + 1, nowAt + 1];
  }
  return told.map((line) => line.trimEnd()).join("\n");
}

/** The pairs of indexes of a longest common subsequence. */
function longestCommon(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = lengths[i];
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      pairs.push([i, j]);
      [i, j] = [i + 1, j + 1];
    } else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}
