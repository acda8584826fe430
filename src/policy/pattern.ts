/**
 * Regular expressions for `matches`, in time proportional to the text: all the ways a pattern can go on are followed at
 * once, so that no text, however chosen, makes it slow. Takes the part of RE2's syntax that rules use; back references
 * and look-around cannot be had this way and are refused.
 */
export interface Pattern {
  /** Whether the pattern is found anywhere in the text. */
  found(text: string): boolean;
}

type Step =
  | { readonly do: "char"; readonly accepts: (code: number) => boolean }
  | { readonly do: "split"; readonly to: number; readonly or: number }
  | { readonly do: "assert"; readonly holds: (before: number | null, after: number | null) => boolean }
  | { readonly do: "found" };

const PATTERN_LIMIT = 500;
/** What repetition may blow a pattern up to. */
const STEP_LIMIT = 2_000;
const REPEAT_LIMIT = 100;

/** The pattern, or in plain words why it is not taken. Never throws. */
export function readPattern(text: string): Pattern | string {
  if (text.length > PATTERN_LIMIT) return `it is longer than ${PATTERN_LIMIT} characters`;
  try {
    const steps = new Compiler(text).compile();
    return { found: (subject) => run(steps, subject) };
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

function run(steps: readonly Step[], text: string): boolean {
  let current: number[] = [];
  let next: number[] = [];
  // The position at which a step was last entered, so that none is entered twice there.
  const entered = new Int32Array(steps.length).fill(-1);
  let position = 0;
  let before: number | null = null;

  const enter = (list: number[], first: number, after: number | null): boolean => {
    const open = [first];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (entered[at] === position) continue;
      entered[at] = position;
      const step = steps[at];
      if (step === undefined) continue;
      if (step.do === "found") return true;
      if (step.do === "split") open.push(step.or, step.to);
      else if (step.do === "assert") {
        if (step.holds(before, after)) open.push(at + 1);
      } else list.push(at);
    }
    return false;
  };

  for (let offset = 0; ; ) {
    const code = text.codePointAt(offset) ?? null;
    for (const at of next) if (enter(current, at, code)) return true;
    if (enter(current, 0, code)) return true;
    if (code === null) return false;
    next = [];
    for (const at of current) {
      const step = steps[at];
      if (step?.do === "char" && step.accepts(code)) next.push(at + 1);
    }
    current = [];
    offset += code > 0xffff ? 2 : 1;
    before = code;
    position += 1;
  }
}

class Refused extends Error {}

type Accepts = (code: number) => boolean;

const isDigit: Accepts = (code) => code >= 48 && code <= 57;
const isWord: Accepts = (code) =>
  isDigit(code) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);
const isSpace: Accepts = (code) => code === 32 || (code >= 9 && code <= 13 && code !== 11);
const not =
  (accepts: Accepts): Accepts =>
  (code) =>
    !accepts(code);

const CLASSES: Readonly<Record<string, Accepts>> = {
  d: isDigit,
  D: not(isDigit),
  w: isWord,
  W: not(isWord),
  s: isSpace,
  S: not(isSpace),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 };

function atBoundary(before: number | null, after: number | null): boolean {
  return (before !== null && isWord(before)) !== (after !== null && isWord(after));
}

/** Reads a pattern and writes its steps; targets inside a fragment are relative to its beginning. */
class Compiler {
  readonly #signs: readonly string[];
  readonly #folded: boolean;
  #at = 0;

  constructor(text: string) {
    this.#folded = text.startsWith("(?i)");
    this.#signs = [...(this.#folded ? text.slice(4) : text)];
  }

  compile(): readonly Step[] {
    const steps = this.#alternatives();
    if (this.#at < this.#signs.length) throw new Refused("a ) stands alone");
    return [...steps, { do: "found" }];
  }

  #alternatives(): Step[] {
    const first = this.#sequence();
    if (this.#signs[this.#at] !== "|") return first;
    this.#at += 1;
    const rest = this.#alternatives();
    // Both ways end behind the rest; a jump is a split with one way.
    const end = first.length + rest.length + 2;
    return limited([
      { do: "split", to: 1, or: first.length + 2 },
      ...moved(first, 1),
      { do: "split", to: end, or: end },
      ...moved(rest, first.length + 2),
    ]);
  }

  #sequence(): Step[] {
    let steps: Step[] = [];
    while (this.#at < this.#signs.length && !"|)".includes(this.#signs[this.#at] ?? "")) {
      steps = limited([...steps, ...moved(this.#repeated(), steps.length)]);
    }
    return steps;
  }

  #repeated(): Step[] {
    const one = this.#atom();
    const [least, most] = this.#times();
    if (least === 1 && most === 1) return one;
    let steps: Step[] = [];
    const add = (more: Step[]) => {
      steps = limited([...steps, ...moved(more, steps.length)]);
    };
    for (let count = 0; count < least; count += 1) add(one);
    if (most === null) {
      add([{ do: "split", to: 1, or: one.length + 2 }, ...moved(one, 1), { do: "split", to: 0, or: 0 }]);
    } else {
      for (let count = least; count < most; count += 1) {
        add([{ do: "split", to: 1, or: one.length + 1 }, ...moved(one, 1)]);
      }
    }
    return steps;
  }

  /** How often; null for without end. Lazy ones find the same. */
  #times(): readonly [number, number | null] {
    const rest = this.#signs.slice(this.#at, this.#at + 12).join("");
    const found = /^(?:([*+?])|\{(\d{1,4})(?:(,)(\d{1,4})?)?\})(\?)?/.exec(rest);
    if (found === null) return [1, 1];
    this.#at += [...found[0]].length;
    if (/[*+?{]/.test(this.#signs[this.#at] ?? "") && this.#signs[this.#at] !== "{")
      throw new Refused("two repetitions follow each other");
    if (found[1] !== undefined) return found[1] === "?" ? [0, 1] : [found[1] === "*" ? 0 : 1, null];
    const least = Number(found[2]);
    const most = found[3] === undefined ? least : found[4] === undefined ? null : Number(found[4]);
    if (least > REPEAT_LIMIT || (most ?? 0) > REPEAT_LIMIT || (most !== null && most < least)) {
      throw new Refused(`a repetition counts beyond ${REPEAT_LIMIT}, or backwards`);
    }
    return [least, most];
  }

  #atom(): Step[] {
    const sign = this.#take();
    if (sign === "(") return this.#group();
    if (sign === "[") return [this.#char(this.#set())];
    if (sign === ".") return [this.#char((code) => code !== 10)];
    if (sign === "^") return [{ do: "assert", holds: (before) => before === null }];
    if (sign === "$") return [{ do: "assert", holds: (_, after) => after === null }];
    if (sign === "\\") return [this.#escape()];
    if ("*+?".includes(sign)) throw new Refused(`there is nothing that ${sign} could repeat`);
    return [this.#char(same(sign))];
  }

  #group(): Step[] {
    if (this.#signs[this.#at] === "?") {
      if (this.#signs[this.#at + 1] !== ":") throw new Refused("of the groups with (? only (?: is taken");
      this.#at += 2;
    }
    const steps = this.#alternatives();
    if (this.#signs[this.#at] !== ")") throw new Refused("a group is not closed");
    this.#at += 1;
    return steps;
  }

  #escape(): Step {
    const sign = this.#take();
    if (sign === "b") return { do: "assert", holds: atBoundary };
    if (sign === "B") return { do: "assert", holds: (before, after) => !atBoundary(before, after) };
    const known = CLASSES[sign];
    return this.#char(known ?? same(this.#literal(sign)));
  }

  #literal(sign: string): string {
    const control = CONTROLS[sign];
    if (control !== undefined) return String.fromCharCode(control);
    if (/[A-Za-z0-9]/.test(sign)) throw new Refused(`\\${sign} is not taken`);
    return sign;
  }

  #set(): Accepts {
    const negated = this.#signs[this.#at] === "^";
    if (negated) this.#at += 1;
    const members: Accepts[] = [];
    for (let sign = this.#take(); sign !== "]" || members.length === 0; sign = this.#take()) {
      const known = sign === "\\" ? CLASSES[this.#signs[this.#at] ?? ""] : undefined;
      if (known !== undefined) {
        this.#at += 1;
        members.push(known);
        continue;
      }
      const low = this.#point(sign);
      const isRange = this.#signs[this.#at] === "-" && (this.#signs[this.#at + 1] ?? "]") !== "]";
      if (isRange) this.#at += 1;
      const high = isRange ? this.#point(this.#take()) : low;
      if (high < low) throw new Refused("a range in [ ] runs backwards");
      members.push((code) => code >= low && code <= high);
    }
    const inside: Accepts = (code) => members.some((accepts) => accepts(code));
    return negated ? not(this.#foldedAs(inside)) : inside;
  }

  #point(sign: string): number {
    const literal = sign === "\\" ? this.#literal(this.#take()) : sign;
    return literal.codePointAt(0) ?? 0;
  }

  #take(): string {
    const sign = this.#signs[this.#at];
    if (sign === undefined) throw new Refused("it ends too early");
    this.#at += 1;
    return sign;
  }

  #char(accepts: Accepts): Step {
    return { do: "char", accepts: this.#foldedAs(accepts) };
  }

  #foldedAs(accepts: Accepts): Accepts {
    if (!this.#folded) return accepts;
    return (code) => accepts(code) || accepts(otherCase(code));
  }
}

function same(sign: string): Accepts {
  const wanted = sign.codePointAt(0);
  return (code) => code === wanted;
}

/** ASCII only, so that the same pattern means the same everywhere. */
function otherCase(code: number): number {
  if (code >= 65 && code <= 90) return code + 32;
  return code >= 97 && code <= 122 ? code - 32 : code;
}

function moved(steps: readonly Step[], by: number): Step[] {
  return steps.map((step) => (step.do === "split" ? { ...step, to: step.to + by, or: step.or + by } : step));
}

function limited(steps: Step[]): Step[] {
  if (steps.length > STEP_LIMIT) throw new Refused("its repetitions multiply beyond what is taken");
  return steps;
}
