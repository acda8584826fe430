/** A pattern of a name: `*` stands for any number of characters, `?` for one; all else for itself. */
export interface Glob {
  readonly text: string;
  matches(name: string): boolean;
}

export function glob(text: string): Glob {
  if (text === "*") return { text, matches: () => true };
  if (!/[*?]/.test(text)) return { text, matches: (name) => name === text };
  return { text, matches: (name) => matches(text, name) };
}

/** Whether any of the globs matches; also where there are none to match. */
export function anyMatches(globs: readonly Glob[] | null, name: string): boolean {
  if (globs === null) return true;
  for (const one of globs) if (one.matches(name)) return true;
  return false;
}

/** Goes back to the last star only, so the cost is at most the product of the two lengths. */
function matches(pattern: string, name: string): boolean {
  let [at, from, star, resume] = [0, 0, -1, 0];
  while (from < name.length) {
    const sign = pattern[at];
    if (sign === "*") {
      star = at;
      resume = from;
      at += 1;
    } else if (sign === "?" || (sign !== undefined && sign === name[from])) {
      at += 1;
      from += 1;
    } else if (star !== -1) {
      at = star + 1;
      resume += 1;
      from = resume;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}
