import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../src/core/event.ts";
import type { Ledger } from "../../src/daemon/ports.ts";
import { makeScenery, openStage, removeScenery, type Stage } from "../scenarios/stage.ts";

/**
 * Whatever several people say in a note and on the command line, in whatever order, while who may decide changes and the
 * daemon dies: the action starts only when the model below says that it may, and it does start when that says that it
 * must. The model knows nothing of how notes are read or votes are recorded.
 */
const PERSONS = ["ada", "bob", "cleo", "dan", "eve"] as const;
type Person = (typeof PERSONS)[number];
const ALIAS: Partial<Record<Person, string>> = { ada: "Ada Lovelace", bob: "bob@example.org" };
const REQUESTER: Person = "dan";

/** Who there is: two groups, and who is away for the rest of the day, with whoever stands in. */
interface Staff {
  readonly treasury: readonly Person[];
  readonly compliance: readonly Person[];
  readonly away: readonly { readonly who: Person; readonly stand_in: Person | null; readonly from: string }[];
}

type Step =
  | { readonly do: "tick" | "untick" | "word" | "alias" | "command" | "change"; readonly who: Person }
  | { readonly do: "no_word" | "stranger" | "delete" | "restart" | "die" | "halt" | "resume" }
  | { readonly do: "delegate"; readonly who: Person; readonly to: Person; readonly by: "note" | "command" }
  | { readonly do: "staff"; readonly staff: Staff }
  | { readonly do: "wait"; readonly seconds: number };

const person = fc.constantFrom(...PERSONS);
const voter = fc.constantFrom<Person>("ada", "bob", "cleo", "ada", "bob", "cleo", "dan", "eve");
const staff: fc.Arbitrary<Staff> = fc.record({
  treasury: fc.uniqueArray(person, { minLength: 3, maxLength: 4 }),
  compliance: fc.uniqueArray(person, { minLength: 2, maxLength: 4 }),
  away: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc
        .record({
          who: person,
          stand_in: fc.option(person),
          from: fc.constantFrom("2026-11-21T09:00", "2026-11-21T09:15"),
        })
        .map((one) => (one.who === one.stand_in ? [] : [one])),
    },
  ),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: voter.map((who) => ({ do: "tick", who }) as const) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom("word", "alias"), voter)
      .map(([what, who]) => ({ do: what, who }) as const),
  },
  { weight: 3, arbitrary: voter.map((who) => ({ do: "command", who }) as const) },
  { weight: 3, arbitrary: voter.map((who) => ({ do: "untick", who }) as const) },
  { weight: 1, arbitrary: voter.map((who) => ({ do: "change", who }) as const) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom("no_word", "stranger", "delete", "restart", "die", "halt", "halt", "resume")
      .map((what) => ({ do: what }) as const),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ who: voter, to: person, by: fc.constantFrom("note", "command") })
      .map((one) => ({ do: "delegate", ...one }) as const),
  },
  { weight: 2, arbitrary: staff.map((one) => ({ do: "staff", staff: one }) as const) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(1, 3, 12).map((seconds) => ({ do: "wait", seconds }) as const),
  },
);

const RULES = {
  /** Two of treasury. */
  two: [{ of: "treasury", quorum: 2 }],
  /** One of treasury and one of compliance, who are never the same person. */
  both: [
    { of: "treasury", quorum: 1 },
    { of: "compliance", quorum: 1 },
  ],
} as const;
type Rule = keyof typeof RULES;

/** The model: what everybody has said, and whether that is enough. */
class Model {
  staff: Staff = { treasury: ["ada", "bob", "cleo"], compliance: ["bob", "cleo", "eve"], away: [] };
  /** Those before, as long as the daemon may not have seen the change. */
  former: Staff | null = null;
  /** As they were taken; what follows from them is for the model to say. */
  delegations: readonly { readonly from: string; readonly to: string }[] = [];
  /** Has said yes, and has not taken it back. */
  readonly yes = new Set<Person>();
  /** On the command line, where it was taken. */
  readonly told = new Set<Person>();
  blocked = false;
  readonly rule: Rule;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  holders(owner: Person, now: number, staff: Staff): readonly string[] {
    const away = staff.away.find(({ who, from }) => who === owner && Date.parse(`${from}Z`) <= now);
    let holders: string[] = [owner];
    if (away?.stand_in != null) holders.push(away.stand_in);
    for (const { from, to } of this.delegations) holders = holders.map((one) => (one === from ? to : one));
    return holders.filter((one) => one !== REQUESTER);
  }

  /** Whether these can fill all seats that are asked for, everybody in one and every seat once: by trying. */
  isEnough(voters: ReadonlySet<string>, now: number, staff = this.staff): boolean {
    const asked = RULES[this.rule].flatMap(({ of, quorum }) => Array.from({ length: quorum }, () => of));
    const fill = (at: number, used: ReadonlySet<string>, taken: ReadonlySet<Person>): boolean => {
      const group = asked[at];
      if (group === undefined) return true;
      return staff[group].some(
        (owner) =>
          !taken.has(owner) &&
          this.holders(owner, now, staff).some(
            (one) =>
              voters.has(one) &&
              !used.has(one) &&
              fill(at + 1, new Set([...used, one]), new Set([...taken, owner])),
          ),
      );
    };
    return fill(0, new Set(), new Set());
  }

  mayStart(now: number): boolean {
    const staffs = this.former === null ? [this.staff] : [this.staff, this.former];
    return !this.blocked && staffs.some((staff) => this.isEnough(this.yes, now, staff));
  }
}

const property = (name: string, value: string) => (text: string) =>
  text.replace(new RegExp(`^${name}:.*$`, "m"), `${name}:${value === "" ? "" : ` ${value}`}`);

class Play {
  readonly scenery = makeScenery();
  readonly model: Model;
  stage!: Stage;
  id = "";
  dying = false;
  dead = false;
  wrong: string | null = null;

  constructor(rule: Rule) {
    this.model = new Model(rule);
    const groups = RULES[rule].map(({ of, quorum }) => `        - { of: ${of}, quorum: ${quorum} }`);
    const policy = `rules:\n  - id: many\n    decision: require_approval\n    approvers:\n${groups.join("\n")}\n`;
    writeFileSync(join(this.scenery.root, "../policy.yaml"), policy);
    this.writeStaff();
  }

  writeStaff(): void {
    const { treasury, compliance, away } = this.model.staff;
    const persons = PERSONS.map((who) => {
      const absent = away
        .filter((one) => one.who === who)
        .map(({ from, stand_in }) => {
          const by = stand_in === null ? "" : `, stand_in: ${stand_in}`;
          return `{ from: ${from}, until: 2026-11-23${by} }`;
        });
      return `  ${who}: { names: [${ALIAS[who] ?? `The ${who}`}], absent: [${absent}] }`;
    });
    const groups = `groups:\n  treasury: [${treasury}]\n  compliance: [${compliance}]\n`;
    writeFileSync(join(this.scenery.root, "../people.yaml"), `persons:\n${persons.join("\n")}\n${groups}`);
  }

  async begin(): Promise<void> {
    await this.open();
    const params = { amount_cents: 150000, payee: "ACME" };
    const { request } = await this.stage.application.submit({
      kind: "invoice",
      params,
      requester: REQUESTER,
    });
    this.id = request.id;
  }

  async open(): Promise<void> {
    this.dead = false;
    this.dying = false;
    const ledger = (real: Ledger): Ledger =>
      new Proxy(real, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          if (name !== "append") return member.bind(target);
          return async (...args: Parameters<Ledger["append"]>) => {
            if (this.dead) return new Promise(() => {});
            const [, , events] = args;
            if (events.some(({ type }) => type === "started")) await this.check(events);
            const recorded = await target.append(...args);
            if (!this.dying) return recorded;
            this.dead = true;
            return new Promise(() => {});
          };
        },
      });
    this.stage = await openStage(this.scenery, { through: { ledger } });
    await this.settle(async () => {
      await this.stage.daemon.start();
      await this.stage.daemon.rescan();
      await this.stage.daemon.settled();
    });
  }

  /** What the daemon does until it comes to rest or dies; then another one is started. */
  async settle(work: () => Promise<unknown>): Promise<void> {
    const working = work();
    working.catch(() => {});
    for (;;) {
      const turn = new Promise((resolve) => setImmediate(resolve, "turn"));
      if ((await Promise.race([working.then(() => "done"), turn])) === "done") return;
      if (this.dead) {
        await this.stage.kill();
        await this.open();
        return;
      }
    }
  }

  pass(ms: number): Promise<void> {
    return this.settle(() => this.stage.pass(ms));
  }

  /** What is about to be recorded as started may do so. */
  async check(events: readonly Event[]): Promise<void> {
    await this.readDelegations();
    const now = events.filter((event) => event.type === "delegated");
    this.model.delegations = [...this.model.delegations, ...now];
    if (!this.model.mayStart(this.scenery.clock.now())) this.wrong = `started with ${[...this.model.yes]}`;
  }

  async readDelegations(): Promise<void> {
    const { approvals } = await this.stage.application.show(this.id);
    this.model.delegations = approvals?.delegations ?? [];
  }

  text(): string | null {
    const path = this.stage.pathOf("pending", this.id);
    return existsSync(path) ? readFileSync(path, "utf8") : null;
  }

  async write(text: string): Promise<void> {
    writeFileSync(this.stage.pathOf("pending", this.id), text);
    await this.settle(async () => {
      await this.stage.daemon.look(this.id);
      await this.stage.pass(0);
    });
  }

  isTicked = (who: Person, text: string) => text.includes(`- [x] Approve as ${who}\n`);

  /** Whose name stands beside an approving word; null where there is none. */
  wordIn(text: string): Person | null {
    if (!/^decision: approved$/m.test(text)) return null;
    const name = /^reviewer: (.*)$/m.exec(text)?.[1];
    return PERSONS.find((who) => who === name || ALIAS[who] === name) ?? null;
  }

  /** Those whose yes stands in the note now, or was taken on the command line. */
  sure(): ReadonlySet<Person> {
    const text = this.text() ?? "";
    const word = this.wordIn(text);
    return new Set(
      PERSONS.filter((who) => this.model.told.has(who) || this.isTicked(who, text) || word === who),
    );
  }

  /** A person who has taken out what stood in the note has said no to it, unless there is something else of theirs. */
  takenOut(who: Person, text: string): void {
    if (this.isTicked(who, text) || this.wordIn(text) === who || this.model.told.has(who)) return;
    this.model.yes.delete(who);
  }

  async perform(one: Step): Promise<void> {
    const { model } = this;
    const { status } = await this.stage.application.show(this.id);
    if (status !== "pending" && status !== "approved") return;
    const text = this.text();
    switch (one.do) {
      case "tick": {
        const changed = text?.replace(`- [ ] Approve as ${one.who}\n`, `- [x] Approve as ${one.who}\n`);
        if (changed === undefined || changed === text) return;
        model.yes.add(one.who);
        return this.write(changed);
      }
      case "untick": {
        const changed = text?.replace(`- [x] Approve as ${one.who}\n`, `- [ ] Approve as ${one.who}\n`);
        if (changed === undefined || changed === text) return;
        this.takenOut(one.who, changed);
        return this.write(changed);
      }
      case "word":
      case "alias": {
        if (text === null) return;
        const name = one.do === "alias" ? (ALIAS[one.who] ?? one.who) : one.who;
        model.yes.add(one.who);
        model.blocked = false;
        return this.write(property("decision", "approved")(property("reviewer", name)(text)));
      }
      case "no_word": {
        if (text === null) return;
        const who = this.wordIn(text);
        const changed = property("decision", "")(property("reviewer", "")(text));
        model.blocked = false;
        if (who !== null) this.takenOut(who, changed);
        await this.write(changed);
        return this.pass(2_000);
      }
      case "stranger": {
        if (text === null) return;
        model.blocked = true;
        return this.write(property("decision", "rejected")(property("reviewer", "mallory")(text)));
      }
      case "command": {
        const before = model.yes.has(one.who);
        model.yes.add(one.who);
        let taken = false;
        const said = { verb: "approve", reviewer: one.who, reason: null, via: "cli" } as const;
        await this.settle(async () => {
          await this.stage.application.decide(this.id, said).then(
            () => {
              taken = true;
            },
            () => {
              if (!before) model.yes.delete(one.who);
            },
          );
          await this.stage.pass(0);
        });
        if (taken) model.told.add(one.who);
        return;
      }
      case "change": {
        // All that was said before was about another action.
        const [yes, told] = [[...model.yes], [...model.told]];
        model.yes.clear();
        model.told.clear();
        model.yes.add(one.who);
        let taken = false;
        let refused = false;
        const { params } = await this.stage.application.show(this.id);
        const set = { amount_cents: Number(params.amount_cents) - 1 };
        const said = { verb: "approve", reviewer: one.who, reason: null, via: "cli", set } as const;
        await this.settle(async () => {
          await this.stage.application.decide(this.id, said).then(
            () => {
              taken = true;
            },
            () => {
              refused = true;
            },
          );
          await this.stage.pass(0);
        });
        if (taken) model.told.add(one.who);
        const isChanged =
          (await this.stage.application.show(this.id)).params.amount_cents === set.amount_cents;
        if (!isChanged) {
          if (refused) model.yes.clear();
          for (const who of yes) model.yes.add(who);
          for (const who of told) model.told.add(who);
        }
        await this.pass(12_000);
        // What was said of the action as it was is taken out, a no as well.
        model.blocked &&= /^decision: rejected$/m.test(this.text() ?? "");
        return;
      }
      case "delegate": {
        const { who, to } = one;
        if (one.by === "note") {
          // Over an approving word it would be two things at once.
          if (text === null || /^decision: \w/m.test(text)) return;
          const filled = (value: string) =>
            property("delegate_to", value)(property("reviewer", value === "" ? "" : who)(text));
          await this.write(filled(to));
          await this.pass(2_000);
          const now = this.text();
          if (now !== null) await this.write(property("delegate_to", "")(property("reviewer", "")(now)));
        } else {
          const said = { from: who, to, reason: null, via: "cli" };
          await this.settle(async () => {
            await this.stage.application.delegate(this.id, said).catch(() => {});
            await this.stage.pass(0);
          });
        }
        return;
      }
      case "staff":
        model.former = model.staff;
        model.staff = one.staff;
        this.writeStaff();
        await this.pass(1_000);
        model.former = null;
        return;
      case "delete":
        if (text === null) return;
        rmSync(this.stage.pathOf("pending", this.id));
        // Nobody is blocked by what is gone.
        model.blocked = false;
        return this.settle(() => this.stage.daemon.rescan());
      case "restart":
        await this.settle(() => this.stage.daemon.settled());
        await this.stage.kill();
        return this.open();
      case "die":
        this.dying = true;
        return;
      case "halt":
        return this.settle(() => this.stage.application.halt("ada"));
      case "resume":
        await this.settle(() => this.stage.application.resume("ada"));
        return this.pass(0);
      case "wait":
        return this.pass(one.seconds * 1_000);
    }
  }

  /** Everything that could hold it up is taken away; whatever is enough then must start. */
  async end(): Promise<void> {
    this.dying = false;
    await this.settle(() => this.stage.application.resume("ada"));
    await this.settle(() => this.stage.daemon.rescan());
    await this.pass(16_000);
    const text = this.text();
    if (text !== null) {
      const whole = this.model.blocked ? property("decision", "")(property("reviewer", "")(text)) : text;
      this.model.blocked = false;
      await this.write(property("delegate_to", "")(whole));
      await this.pass(16_000);
    }
    expect(this.wrong).toBe(null);
    const { status, history } = await this.stage.application.show(this.id);
    if (status === "executed" || status === "outcome_unknown") return;
    await this.readDelegations();
    const sure = new Set([...this.sure()].filter((who) => this.model.yes.has(who)));
    const isDue = this.model.isEnough(sure, this.scenery.clock.now());
    const told = `${status} with ${[...sure]}: ${history.map(({ event, by }) => `${event} ${by ?? ""}`)}\n${this.text()}`;
    expect(isDue, told).toBe(false);
    expect(status).toBe("pending");
  }
}

const { COUNTERSIGN_RUNS } = process.env;
/** The suite plays the same plays always; a campaign (`COUNTERSIGN_RUNS=1000`) plays others each time. */
const PLAN =
  COUNTERSIGN_RUNS === undefined ? { numRuns: 30, seed: 20_261_121 } : { numRuns: Number(COUNTERSIGN_RUNS) };

test.each<Rule>(["two", "both"])(
  "an action starts when, and only when, those who may have said yes (%s)",
  {
    timeout: 240_000,
  },
  async (rule) => {
    const reached = { executed: 0, waiting: 0, withdrawn: 0, lost: 0, changed: 0, delegated: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(step, { minLength: 3, maxLength: 16 }),
        async (isHalted, steps) => {
          const play = new Play(rule);
          try {
            await play.begin();
            if (isHalted) await play.stage.application.halt("ada");
            for (const one of steps) {
              await play.perform(one);
              expect(play.wrong).toBe(null);
            }
            await play.end();
            const { status, history } = await play.stage.application.show(play.id);
            const has = (type: string) => (history.some(({ event }) => event === type) ? 1 : 0);
            reached.executed += status === "executed" ? 1 : 0;
            reached.waiting += status === "pending" ? 1 : 0;
            reached.withdrawn += has("vote_withdrawn") + has("taken_back");
            reached.lost += has("quorum_lost");
            reached.changed += has("amended");
            reached.delegated += has("delegated");
          } finally {
            expect(play.stage.errors).toEqual([]);
            await play.stage.kill();
            removeScenery(play.scenery);
          }
        },
      ),
      PLAN,
    );
    // Otherwise it would show nothing.
    const { executed, waiting, ...others } = reached;
    expect(Math.min(executed, waiting)).toBeGreaterThan(2);
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3);
  },
);
