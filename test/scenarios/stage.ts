import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClockGuard } from "../../src/adapters/clock-guard.ts";
import { openCountFile } from "../../src/adapters/count-file.ts";
import { openHaltSwitch } from "../../src/adapters/halt-switch.ts";
import { openOtherTexts } from "../../src/adapters/other-texts.ts";
import { createPolicyReader, createPolicyShelf } from "../../src/adapters/policy-files.ts";
import { openVault } from "../../src/adapters/vault/vault.ts";
import { createApplication } from "../../src/application/application.ts";
import { type CapSettings, createCaps } from "../../src/application/caps.ts";
import { createCounting } from "../../src/application/counting.ts";
import { type InForcePorts, openInForce } from "../../src/application/in-force.ts";
import { judgeBy } from "../../src/application/judging.ts";
import type { RetrySettings } from "../../src/application/retrying.ts";
import type { Kind } from "../../src/application/submission.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { iso } from "../../src/core/timing.ts";
import { createAdoption } from "../../src/daemon/adoption.ts";
import { createChronicle } from "../../src/daemon/chronicle.ts";
import { createDaemon } from "../../src/daemon/daemon.ts";
import { createDesk } from "../../src/daemon/desk.ts";
import type { Clock, Job, Ledger, Outcome, Vault } from "../../src/daemon/ports.ts";
import { createReviewing, type Service } from "../../src/daemon/reviewing.ts";
import type { AdoptionSettings } from "../../src/document/foreign/mapping.ts";
import { openGrantKeys } from "../../src/handlers/grant.ts";
import { createToken, tokenMatches } from "../../src/handlers/requester-token.ts";
import { openJournal } from "../../src/ledger/journal.ts";
import { openSwitchLog } from "../../src/ledger/switches.ts";
import { type FakeClock, fakeClock } from "../fake-clock.ts";
import { T0 } from "../sample.ts";

export const FOLDERS = {
  pending: "Pending_Approval",
  approved: "Approved",
  rejected: "Rejected",
  done: "Done",
};

export interface StageOptions {
  readonly settle_ms?: number;
  /** `laptop` where a test does not say. */
  readonly host?: string;
  readonly folders?: typeof FOLDERS;
  /** What the `payment` handler answers; a promise that never resolves stands for one that is still running. */
  readonly handler?: (job: Job) => Promise<Outcome>;
  /** Stands between the daemon and its ledger or vault: for tests that make the n-th operation fail. */
  readonly through?: { ledger?: (ledger: Ledger) => Ledger; vault?: (vault: Vault) => Vault };
  readonly merging?: () => boolean;
  readonly retry?: RetrySettings;
  readonly caps?: CapSettings;
  /** Makes requests of foreign notes. */
  readonly adopt?: AdoptionSettings;
  /** Programs that policies may name as approvers. */
  readonly services?: ReadonlyMap<string, Service>;
}

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Folders that a stage plays in; they outlive it, as they outlive a killed daemon. */
export interface Scenery {
  readonly root: string;
  readonly state: string;
  readonly clock: FakeClock;
  /** Which run of the machine it is. */
  boot: string;
  /** Every execution of the handler, over all lives of the daemon. */
  readonly executions: Job[];
  counter: number;
}

export function makeScenery(): Scenery {
  const base = mkdtempSync(join(tmpdir(), "stage-"));
  const scenery = { root: join(base, "vault"), state: join(base, "state") };
  mkdirSync(scenery.root);
  mkdirSync(scenery.state, { mode: 0o700 });
  return { ...scenery, clock: fakeClock(T0), boot: "first", executions: [], counter: 0 };
}

export function removeScenery({ root }: Scenery): void {
  rmSync(join(root, ".."), { recursive: true, force: true });
}

/** A whole daemon in this process, on a real journal and a real folder, with a clock that a test moves. */
export async function openStage(scenery: Scenery, options: StageOptions = {}) {
  const { root, state } = scenery;
  const life = lifeOf(scenery.clock);
  const { clock } = life;
  const journal = await openJournal({ directory: state, now: () => new Date(clock.now()) });
  const ledger = options.through?.ledger?.(journal) ?? journal;
  const folders = options.folders ?? FOLDERS;
  const folder = openVault({ root, folders, staging: [join(state, "staging")] });
  const vault = options.through?.vault?.(folder) ?? folder;
  const halt = openHaltSwitch(state, clock.now);
  const warnings: string[] = [];
  const seq = journal.head().seq;
  let last: { seq: number; at: number } | null = null;
  for await (const { event } of journal.records(seq - 1)) last = { seq, at: Date.parse(event.at) };
  let onClock = () => {};
  const guard = openClockGuard({
    state,
    clocks: { read: scenery.clock.read, boot: scenery.boot },
    last,
    onChange(text) {
      if (text !== null) warnings.push(text);
      onClock();
    },
  });
  const log = { info() {}, warn: (_: object, message: string) => void warnings.push(message), error() {} };
  const host = options.host ?? "laptop";
  const errors: unknown[] = [];
  const merging = options.merging ?? (() => false);
  const shadow = () => [...kinds].flatMap(([name, one]) => (one.shadow ? [name] : []));
  const desk = createDesk({ ledger, vault, clock, log, halt, guard, merging, shadow, host, folders });
  const chronicle = createChronicle({ ledger, vault, clock, folders });
  const answer =
    options.handler ?? (async () => ({ status: "executed", result: { receipt: "R-1" } }) as const);
  const handler = (job: Job) => {
    scenery.executions.push(job);
    return answer(job);
  };
  const limits = { grant_ms: 0, execute_by_ms: 86_400_000 };
  const payment = { handler, limits };
  const refactor = { handler: null, limits: { ...limits, grant_ms: 900_000 } };
  const invoice = {
    handler,
    limits,
    editable: ["amount_cents", "note"],
    checkParams: ({ amount_cents }: JsonObject) =>
      Number.isInteger(amount_cents) ? [] : ["params.amount_cents must be integer"],
    next_effect: "pays {amount_cents} cents to {payee}",
  };
  const common = {
    editable: [] as readonly string[],
    tags: [] as readonly string[],
    checkParams: (_: JsonObject): readonly string[] => [],
    shadow: false,
    effect: "unsafe" as const,
    title: null,
    next_effect: null,
    expires_ms: 3_600_000,
  };
  const kinds = new Map<string, Kind>([
    ["payment", { ...common, ...payment, next_effect: "transfers {amount_cents} cents to {payee}" }],
    ["refactor", { ...common, ...refactor }],
    ["invoice", { ...common, ...invoice }],
    ["release", { ...common, ...refactor, editable: ["version", "notes.text"] }],
  ]);
  const kind = (name: string) => kinds.get(name) ?? null;
  let onChange: (about: "policy" | "people") => void = () => {};
  const inForce = openInForce({
    ...ruleFiles(join(root, "..")),
    kinds: new Map(
      [...kinds].map(([name, { tags, expires_ms }]) => [name, { tags, expires_ms, params: null }]),
    ),
    services: new Set(options.services?.keys()),
    clock,
    keep: createPolicyShelf(state),
    onTrouble(about, text) {
      desk.setNotice(about, text);
      if (text !== null) warnings.push(text);
    },
    onChange(about) {
      counted = counting.ready(inForce.policy());
      onChange(about);
    },
  });
  const counting = createCounting({
    ledger,
    clock,
    guard,
    store: openCountFile(join(state, "counted-limits.jsonl")),
    log: { ...log, error: (data) => void errors.push(data) },
    kind: (name) => kinds.get(name) ?? null,
    onReady: () => onChange("policy"),
  });
  let counted = counting.ready(inForce.policy());
  await counted;
  const caps = createCaps({
    ledger,
    clock,
    log,
    store: openCountFile(join(state, "counted-askers.jsonl")),
    settings: options.caps ?? { open: null, per_hour: null },
    onRefused: (text) => desk.setNotice("limits", text),
  });
  await caps.ready;
  const policy = judgeBy(inForce.policy, clock, counting);
  const { people } = inForce;
  const daemon = createDaemon({
    ledger,
    vault,
    clock,
    chronicle,
    halt,
    guard,
    desk,
    log: { ...log, error: (data) => void errors.push(data) },
    kind,
    policy,
    people,
    otherTexts: openOtherTexts(state),
    merging,
    settle_ms: options.settle_ms ?? 2_000,
    settle_ticks_ms: 0,
    folders,
  });
  onChange = (about) => void (about === "people" ? daemon.lookAtOpen() : daemon.lookAtApproved());
  onClock = () => {
    daemon.refreshDashboard();
    void daemon.lookAtOpen();
  };
  const keys = await openGrantKeys(state, clock.now);
  const application = createApplication({
    daemon,
    ledger,
    clock,
    halt,
    guard,
    switches: openSwitchLog({
      state,
      head: () => journal.head(),
      nameLink: (hash) => journal.nameLink(hash),
      now: clock.now,
    }),
    grants: { issue: keys.issue, verify: keys.verify, tokenMatches, publicKey: () => keys.publicKey },
    random: (length) => {
      scenery.counter += 1;
      return new Uint8Array(length).fill(scenery.counter % 256);
    },
    createToken,
    host,
    kind,
    kinds: [...kinds.keys()],
    policy,
    people,
    caps,
    retry: options.retry ?? { cool_down_ms: 600_000, max_attempts: 5 },
    about: { version: "0", pid: 1, vault: root, state },
  });

  const { services = new Map() } = options;
  const reviewing = createReviewing({ ledger, daemon, clock, log, kind, services });
  if (options.adopt !== undefined) {
    const { submit } = application;
    const ports = { vault, ledger, clock, desk, log, kind, merging, submit, ask: daemon.ask };
    daemon.onStrangers(
      createAdoption({ ...ports, settings: options.adopt, lookWithin: daemon.rescanWithin }),
    );
  }

  const pathOf = (folderName: keyof typeof FOLDERS, id: string) =>
    join(root, FOLDERS[folderName], `${id}.md`);

  return {
    ...scenery,
    kinds,
    daemon,
    policy: inForce.policy,
    application,
    ledger,
    vault,
    desk,
    chronicle,
    reviewing,
    errors,
    warnings,
    pathOf,

    /** What the watcher tells when a file, by its path in the vault, has come, changed or gone. */
    hint(path: string): void {
      const [folder = "", name = ""] = path.split("/");
      for (const key of ["pending", "approved", "rejected"] as const) {
        if (FOLDERS[key] === folder) daemon.hint({ folder: key, name });
      }
    },

    /** A person's edit of the pending note, and the watcher's hint behind it. */
    async edit(id: string, change: (text: string) => string): Promise<void> {
      const path = pathOf("pending", id);
      writeFileSync(path, change(readFileSync(path, "utf8")));
      await daemon.look(id);
      await daemon.settled();
    },

    async move(id: string, from: keyof typeof FOLDERS, to: keyof typeof FOLDERS): Promise<void> {
      renameSync(pathOf(from, id), pathOf(to, id));
      await daemon.look(id);
      await daemon.settled();
    },

    async pass(ms: number): Promise<void> {
      const rest = async () => {
        await counted;
        await daemon.settled();
        await desk.settled();
      };
      await scenery.clock.advance(ms, rest);
      await rest();
    },

    note(id: string, folderName: keyof typeof FOLDERS = "pending"): string | null {
      try {
        return readFileSync(pathOf(folderName, id), "utf8");
      } catch {
        return null;
      }
    },

    names: (folderName: keyof typeof FOLDERS) => readdirSync(join(root, FOLDERS[folderName])).sort(),

    async status(id: string): Promise<string | null> {
      return (await ledger.read(id))?.status ?? null;
    },

    /** Ends without a word, as SIGKILL does; what is on disk is all that the next one has. */
    async kill(): Promise<void> {
      life.end();
      await journal.close();
    },

    async close(): Promise<void> {
      await reviewing.stop();
      await daemon.settled();
      await counting.stop();
      await caps.stop();
      await chronicle.close();
      await journal.close();
    },

    at: () => iso(clock.now()),
  };
}

/** The policy and the people beside the vault, where there are any when the daemon starts. */
function ruleFiles(folder: string): Pick<InForcePorts, "policy" | "people"> {
  const open = (name: string) => {
    const file = join(folder, name);
    return existsSync(file) ? { file, read: createPolicyReader(folder) } : null;
  };
  return { policy: open("policy.yaml"), people: open("people.yaml") };
}

/** The clock of one life of the daemon: what a killed one wanted to be woken for never comes. */
function lifeOf(clock: Clock): { clock: Clock; end: () => void } {
  const alarms = new Set<() => void>();
  return {
    clock: {
      now: clock.now,
      after(ms, wake) {
        const cancel = clock.after(ms, () => {
          alarms.delete(cancel);
          wake();
        });
        alarms.add(cancel);
        return () => {
          alarms.delete(cancel);
          cancel();
        };
      },
    },
    end: () => {
      for (const cancel of alarms) cancel();
    },
  };
}
