import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import type { Ledger, Vault } from "../../src/daemon/ports.ts";
import { type FOLDERS, makeScenery, openStage, removeScenery, type Stage } from "../scenarios/stage.ts";

/**
 * Whatever a person, an editor and a sync tool do to a note whose action may be changed, and whenever the daemon dies:
 * what is executed is what a person saw in the note, and said yes to after the last change was taken up.
 */
type Step =
  | { readonly do: "write"; readonly edits: readonly Edit[] }
  | { readonly do: "remember" | "restart" | "undrag" | "halt" | "resume" }
  | { readonly do: "put_back"; readonly edits: readonly Edit[] }
  | { readonly do: "drag"; readonly to: "approved" }
  | { readonly do: "wait"; readonly seconds: number }
  | { readonly do: "die"; readonly at: "append" | "recorded" | "replace" }
  | { readonly do: "command"; readonly cents: number | null };

type Edit =
  | { readonly what: "amount"; readonly cents: number }
  | { readonly what: "payee" | "tick" | "untick" | "word" | "no_word" | "words" };

const CENTS = [150000, 5, 7];

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...CENTS).map((cents) => ({ what: "amount", cents }) as const) },
  { weight: 3, arbitrary: fc.constant({ what: "tick" } as const) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom("payee", "untick", "word", "no_word", "words")
      .map((what) => ({ what }) as const),
  },
);
const edits = fc.array(edit, { minLength: 1, maxLength: 3 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: edits.map((list) => ({ do: "write", edits: list }) as const) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(1, 3, 10, 10, 31).map((seconds) => ({ do: "wait", seconds }) as const),
  },
  { weight: 2, arbitrary: fc.constant({ do: "remember" } as const) },
  { weight: 3, arbitrary: edits.map((list) => ({ do: "put_back", edits: list }) as const) },
  { weight: 1, arbitrary: fc.constant({ do: "drag", to: "approved" } as const) },
  { weight: 1, arbitrary: fc.constant({ do: "undrag" } as const) },
  // What the daemon remembers of a note must not be all that keeps a former tick from counting.
  { weight: 3, arbitrary: fc.constant({ do: "restart" } as const) },
  { weight: 1, arbitrary: fc.constantFrom("halt", "resume").map((what) => ({ do: what }) as const) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("append", "recorded", "replace").map((at) => ({ do: "die", at }) as const),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(null, 5, 7).map((cents) => ({ do: "command", cents }) as const),
  },
);

const CHANGES: Record<Edit["what"], (text: string, edit: Edit) => string> = {
  amount: (text, edit) =>
    text.replace(/"amount_cents": [^,\n]*/, `"amount_cents": ${edit.what === "amount" ? edit.cents : 0}`),
  payee: (text) => text.replace('"ACME"', '"Mallory"'),
  tick: (text) => text.replace("- [ ] Approve", "- [x] Approve"),
  untick: (text) => text.replace("- [x] Approve", "- [ ] Approve"),
  word: (text) => text.replace(/^decision:.*$/m, "decision: approved"),
  no_word: (text) => text.replace(/^decision:.*$/m, "decision:"),
  words: (text) => `${text}\nasked Eve\n`,
};

/** A yes of a person's: the action that they had before them, and how often it had been changed by then. */
interface Yes {
  readonly params: JsonObject;
  readonly digest: string;
  readonly changes: number;
}

function paramsIn(text: string): JsonObject | null {
  try {
    return JSON.parse(/```json\n([\s\S]*?)\n```/.exec(text)?.[1] ?? "") as JsonObject;
  } catch {
    return null;
  }
}

class Play {
  readonly scenery = makeScenery();
  readonly said: Yes[] = [];
  stage!: Stage;
  id = "";
  buffer: string | null = null;
  dieAt: "append" | "recorded" | "replace" | null = null;
  dead = false;

  async begin(): Promise<void> {
    await this.open();
    const params = { amount_cents: 150000, payee: "ACME" };
    this.id = (await this.stage.application.submit({ kind: "invoice", params })).request.id;
  }

  async open(): Promise<void> {
    this.dead = false;
    this.dieAt = null;
    const never = () => {
      this.dead = true;
      return new Promise<never>(() => {});
    };
    const ledger = (real: Ledger): Ledger =>
      instead(real, {
        append: async (...args) => {
          if (this.dead || this.dieAt === "append") return never();
          const recorded = await real.append(...args);
          return this.dieAt === "recorded" ? never() : recorded;
        },
      });
    const vault = (real: Vault): Vault =>
      instead(real, {
        replace: (...args) => (this.dead || this.dieAt === "replace" ? never() : real.replace(...args)),
        archive: (...args) => (this.dead ? never() : real.archive(...args)),
        create: (...args) => (this.dead ? never() : real.create(...args)),
        writeOwn: (...args) => (this.dead ? never() : real.writeOwn(...args)),
      });
    this.stage = await openStage(this.scenery, { through: { ledger, vault } });
    await this.settle(async () => {
      await this.stage.daemon.start();
      await this.stage.daemon.rescan();
    });
    if (this.dead) throw new Error("a new daemon does not die by itself");
  }

  /** What the daemon does until it comes to rest or dies; then another one is started. */
  async settle(work: () => Promise<unknown>): Promise<void> {
    const working = work();
    working.catch(() => {});
    for (;;) {
      const turn = new Promise((resolve) => setImmediate(resolve, "turn"));
      const first = await Promise.race([working.then(() => "done"), turn]);
      if (first === "done") return;
      if (this.dead) {
        await this.stage.kill();
        await this.open();
        return;
      }
    }
  }

  path(): { folder: keyof typeof FOLDERS; path: string } | null {
    for (const folder of ["pending", "approved"] as const) {
      const path = this.stage.pathOf(folder, this.id);
      if (existsSync(path)) return { folder, path };
    }
    return null;
  }

  async changes(): Promise<number> {
    const { history } = await this.stage.application.show(this.id);
    return history.filter(({ event }) => event === "amended").length;
  }

  /** A person has put this text there: is it a yes, and to what? */
  async note(text: string, folder: string): Promise<void> {
    const params = paramsIn(text);
    const yes = text.includes("- [x] Approve") || /^decision: approved$/m.test(text) || folder === "approved";
    if (!yes || params === null) return;
    const digest = /^digest: (.*)$/m.exec(text)?.[1] ?? "";
    this.said.push({ params, digest, changes: await this.changes() });
  }

  async write(change: (text: string) => string): Promise<void> {
    const at = this.path();
    if (at === null) return;
    const text = change(readFileSync(at.path, "utf8"));
    await this.note(text, at.folder);
    writeFileSync(at.path, text);
    await this.look();
  }

  async move(from: "pending" | "approved", to: "pending" | "approved"): Promise<void> {
    const path = this.stage.pathOf(from, this.id);
    if (!existsSync(path) || existsSync(this.stage.pathOf(to, this.id))) return;
    await this.note(readFileSync(path, "utf8"), to);
    renameSync(path, this.stage.pathOf(to, this.id));
    await this.look();
  }

  look(): Promise<void> {
    return this.settle(async () => {
      await this.stage.daemon.look(this.id);
      await this.stage.pass(0);
    });
  }

  async command(cents: number | null): Promise<void> {
    const { params, digest, status } = await this.stage.application.show(this.id);
    if (status !== "pending") return;
    const set = cents === null ? {} : { set: { amount_cents: cents } };
    const before = await this.changes();
    const wanted = cents === null ? params : { ...params, amount_cents: cents };
    const more = wanted.amount_cents === params.amount_cents ? 0 : 1;
    this.said.push({ params: wanted, digest: more === 0 ? digest : "", changes: before + more });
    const said = { verb: "approve", reviewer: "ada", reason: null, via: "cli", digest } as const;
    await this.settle(async () => {
      await this.stage.application.decide(this.id, { ...said, ...set }).catch(() => {});
      await this.stage.pass(0);
    });
  }

  async perform(step: Step): Promise<void> {
    const apply = (list: readonly Edit[]) => (text: string) =>
      list.reduce((now, one) => CHANGES[one.what](now, one), text);
    switch (step.do) {
      case "write":
        return this.write(apply(step.edits));
      case "remember": {
        const at = this.path();
        if (at !== null) this.buffer = readFileSync(at.path, "utf8");
        return;
      }
      case "put_back": {
        const { buffer } = this;
        if (buffer !== null) await this.write(() => apply(step.edits)(buffer));
        return;
      }
      case "drag":
        return this.move("pending", "approved");
      case "undrag":
        return this.move("approved", "pending");
      case "wait":
        return this.settle(() => this.stage.pass(step.seconds * 1_000));
      case "restart":
        await this.stage.kill();
        return this.open();
      case "halt":
      case "resume":
        await this.stage.application[step.do]("ada");
        return this.look();
      case "die":
        this.dieAt = step.at;
        return;
      case "command":
        return this.command(step.cents);
    }
  }

  /** What was executed is the stored action, and somebody had said yes to exactly that. */
  async check(): Promise<void> {
    const { executions } = this.scenery;
    expect(executions.length).toBeLessThanOrEqual(1);
    const [job] = executions;
    if (job === undefined) return;
    const { params, digest } = await this.stage.application.show(this.id);
    expect(job).toMatchObject({ params, digest });
    const changes = await this.changes();
    const yes = this.said.some(
      (one) =>
        one.changes === changes &&
        JSON.stringify(sorted(one.params)) === JSON.stringify(sorted(job.params)) &&
        (one.digest === digest || one.digest === ""),
    );
    expect(yes, `nobody said yes to ${JSON.stringify(job.params)}`).toBe(true);
  }
}

function sorted(params: JsonObject): [string, unknown][] {
  return Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A port with some of its methods replaced. */
function instead<T extends object>(port: T, others: Partial<T>): T {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(name in others ? others : target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

test("nothing is executed that nobody saw and said yes to since it was last changed", {
  timeout: 240_000,
}, async () => {
  const reached = { executed: 0, amended: 0, both: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      const play = new Play();
      try {
        await play.begin();
        for (const one of steps) {
          await play.perform(one);
          await play.check();
        }
        await play.settle(() => play.stage.pass(60_000));
        await play.check();
        const [executed, amended] = [play.scenery.executions.length > 0, (await play.changes()) > 0];
        if (executed) reached.executed += 1;
        if (amended) reached.amended += 1;
        if (executed && amended) reached.both += 1;
      } finally {
        await play.stage.kill();
        removeScenery(play.scenery);
      }
    }),
    { numRuns: Number(process.env.COUNTERSIGN_RUNS ?? 100) },
  );
  // Otherwise it would show nothing.
  expect(reached.executed).toBeGreaterThan(10);
  expect(reached.amended).toBeGreaterThan(10);
  expect(reached.both).toBeGreaterThan(3);
});
