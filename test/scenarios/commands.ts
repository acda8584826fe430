import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseDuration } from "../../src/core/duration.ts";
import type { Json, JsonObject } from "../../src/core/json.ts";
import type { Verb } from "../../src/core/request.ts";
import { instantOf } from "../../src/core/timing.ts";
import type { Outcome } from "../../src/daemon/ports.ts";
import { block } from "../../src/surfaces/cli/text.ts";
import { editing, marking, typing } from "./person.ts";
import { inOrder, tellRecord } from "./telling.ts";
import { type Command, diffLines } from "./transcript.ts";
import type { World } from "./world.ts";

type Performer = (world: World, command: Command) => unknown;

/** Longer than any story. */
const FOREVER_MS = 365 * 86_400_000;

/** What can happen in a story; what a command gives as text is the first that its output tells. */
export const COMMANDS: Readonly<Record<string, Performer>> = {
  /** `submit NAME KIND [name=value | name:=JSON …]`, or the params as JSON below it. */
  async submit(world, { args, body }) {
    const { values, words } = options(args);
    const [name = "", kind = "", ...params] = words;
    const { title, requester = "billing-agent", key, expires, previous, "not-before": notBefore } = values;
    const { request, created, token } = await world.up().application.submit({
      kind,
      params: body.length > 0 ? (JSON.parse(body.join("\n")) as JsonObject) : paramsOf(params),
      requester,
      ...(title === undefined ? {} : { title: JSON.parse(`"${title}"`) as string }),
      ...(key === undefined ? {} : { key }),
      ...(expires === undefined ? {} : { expires_in_ms: duration(expires) }),
      ...(previous === undefined ? {} : { previous: world.idOf(previous) }),
      ...(notBefore === undefined ? {} : { not_before: instantOf(notBefore) ?? 0 }),
    });
    world.ids.set(name, request.id);
    if (token !== null) world.tokens.set(name, token);
    return created ? request.id : `${request.id}, which was there already`;
  },
  /** `agent-waits NAME`, or `agent-waits NAME outcome` by one that could not claim an approval. */
  "agent-waits"(world, { args: [name = "", until] }) {
    const { signal } = new AbortController();
    const waiting = world
      .up()
      .application.wait(world.idOf(name), FOREVER_MS, signal, until === "outcome" ? until : undefined);
    void waiting.then(({ status, amended, amended_by }) => {
      const changes = amended_by === null ? "" : `, changed by ${amended_by}: ${JSON.stringify(amended)}`;
      world.heard.push(`the agent that waits for ${name} hears: ${status}${changes}`);
    });
  },
  async cancel(world, { args }) {
    const { values, words } = options(args);
    const said = { by: "billing-agent", reason: values.reason ?? null };
    await world.up().application.cancel(world.idOf(words[0]), said);
  },
  async grant(world, { args: [name = ""] }) {
    const token = world.tokens.get(name) ?? "";
    const { grant, expires } = await world.up().application.grant(world.idOf(name), token);
    world.grants.set(name, grant);
    return `${grant} until ${expires}`;
  },
  async claim(world, { args }) {
    const { values, words } = options(args);
    const name = words[0] ?? "";
    const token = world.tokens.get(values.token ?? name) ?? "not the token";
    const grant = world.grants.get(values.grant ?? name) ?? "not a grant";
    await world.up().application.claim(world.idOf(name), { token, grant });
  },
  async complete(world, { args, rest }) {
    const [name = "", how, ...words] = args;
    const text = words.join(" ");
    const outcome =
      how === "--failed"
        ? { failed: text }
        : how === "--unknown"
          ? { unknown: text }
          : { result: JSON.parse(rest.slice(name.length)) as Json };
    await world.up().application.complete(world.idOf(name), { token: world.tokens.get(name) ?? "", outcome });
  },

  /** Properties as lines: one behind the note's name, more below it. */
  type(world, { args: [name = ""], rest, body }) {
    const line = rest.slice(name.length + (rest.startsWith('"') ? 2 : 0)).trimStart();
    world.person.edit(world.idOf(name), typing([line, ...body]));
  },
  tick(world, { args: [name, ...box] }) {
    world.person.edit(world.idOf(name), marking(box.join(" "), " ", "x"));
  },
  untick(world, { args: [name, ...box] }) {
    world.person.edit(world.idOf(name), marking(box.join(" "), "x", " "));
  },
  /** The change as a diff below it. */
  edit: (world, { args: [name], body }) => world.person.edit(world.idOf(name), editing(body)),
  empty: (world, { args: [name] }) => world.person.edit(world.idOf(name), () => ""),
  move: (world, { args: [name, folder = ""] }) => world.person.move(world.idOf(name), folder),
  delete: (world, { args: [name] }) => world.person.remove(world.idOf(name)),
  restore: (world, { args: [name] }) => world.person.restore(world.idOf(name)),
  open: (world, { args: [name] }) => world.person.open(world.idOf(name)),
  save: (world, { args: [name], body }) => world.person.save(world.idOf(name), editing(body)),
  copy: (world, { args: [name, path = ""] }) => world.person.copy(world.idOf(name), path),

  /** Another program writes a note into the pending folder; a line of just a dot is a blank one. */
  drop(world, { args: [name = ""], body }) {
    const lines = body.map((line) => (line === "." ? "" : line));
    world.person.write(`Pending_Approval/${name}`, `${lines.join("\n")}\n`);
  },
  /** Writes the policy, which a daemon that starts with one reads again by itself; a line of just a dot is a blank one. */
  policy: (world, { body }) => writeRules(world, "policy.yaml", body),
  /** Who there is; as for the policy. */
  people: (world, { body }) => writeRules(world, "people.yaml", body),
  async delegate(world, { args }) {
    const { values, words } = options(args);
    const said = {
      from: values.as ?? "unnamed",
      to: values.to ?? "",
      reason: values.reason ?? null,
      via: "cli",
    };
    await world.up().application.delegate(world.idOf(words[0]), said);
  },
  "delete-file": (world, { args: [name = ""] }) => rmSync(join(world.scenery.root, "Pending_Approval", name)),
  /** Gives the newest request a name. */
  async call(world, { args: [name = ""] }) {
    const newest = (await world.records(0)).findLast(({ event }) => event.type === "submitted");
    world.ids.set(name, newest?.id ?? "");
    return newest?.id;
  },

  async "take-back"(world, { args }) {
    const { values, words } = options(args);
    const said = { by: values.as ?? "ada", reason: values.reason ?? null };
    await world.up().application.takeBack(world.idOf(words[0]), said);
  },

  approve: (world, command) => decide(world, command, "approve"),
  reject: (world, command) => decide(world, command, "reject"),
  "request-changes": (world, command) => decide(world, command, "request_changes"),
  async resolve(world, { args }) {
    const { values, words } = options(args);
    const { happened = false, as = "unnamed", reason = null } = values;
    await world.up().application.resolve(world.idOf(words[0]), { happened, by: as, reason });
  },
  halt: (world) => world.up().application.halt("ada"),
  resume: (world) => world.up().application.resume("ada"),

  async wait(world, { args: [time = ""] }) {
    const stage = world.stage();
    if (stage === null) await world.scenery.clock.advance(duration(time));
    else await stage.pass(duration(time));
  },
  /** `clock ahead 1h`, `clock back 1h`: somebody sets it. `clock accept`. */
  clock(world, { args: [how, time = ""] }) {
    if (how === "accept") return world.up().application.acceptClock("ada");
    world.scenery.clock.step(how === "back" ? -duration(time) : duration(time));
  },
  /** The machine itself is started anew, while the daemon is down. */
  reboot(world) {
    world.scenery.boot = "another";
  },
  kill: (world) => world.kill(),
  async restart(world) {
    if (world.stage() !== null) await world.kill();
    await world.start();
  },
  merge(world, { args: [what] }) {
    world.merging = what === "starts";
  },
  /** `handler executes JSON`, `handler fails TEXT`, `handler hangs`; the one that hangs `ends` with JSON. */
  handler(world, { args: [how = ""], rest }) {
    const text = rest.slice(how.length).trimStart();
    if (how === "hangs") {
      world.handler = () =>
        new Promise<Outcome>((resolve) => {
          world.finish = resolve;
        });
      return;
    }
    const outcome: Outcome =
      how === "fails"
        ? { status: "failed", error: text }
        : { status: "executed", result: JSON.parse(text) as Json };
    if (how === "ends") world.finish(outcome);
    else world.handler = async () => outcome;
  },

  show: async (world, { args: [name] }) =>
    block(await world.up().application.show(world.idOf(name)), world.scenery.clock.now()),
  /** The whole note, by its request's name or, for any other file, its path. */
  note(world, { args: [what = ""] }) {
    const text = noteOf(world, what);
    world.shown.set(what, text);
    return text;
  },
  /** The foreign note that a request was made from, as it is kept. */
  original: (world, { args: [name] }) => world.person.read(`Done/${world.idOf(name)}-original.md`),
  /** What changed in a note since the story last showed it. */
  diff(world, { args: [what = ""] }) {
    const last = world.shown.get(what) ?? "";
    const text = noteOf(world, what);
    world.shown.set(what, text);
    return diffLines(last, text);
  },
  dashboard: (world) => world.person.read("Dashboard.md"),
  files: (world) => [...world.person.files().keys()].join("\n"),
  async journal(world) {
    const records = inOrder(await world.records(0), ({ event, id }) => `${event.at} ${id}`);
    return records.map((record, at) => `${at + 1} ${tellRecord(record, world.nameOf(record.id))}`).join("\n");
  },
  /** The commits since the story last showed them. */
  async commits(world) {
    await world.commit();
    const directory = `--git-dir=${join(world.scenery.state, "history.git")}`;
    const git = (...args: string[]) => execFileSync("git", [directory, ...args], { encoding: "utf8" });
    const last = world.shown.get("HEAD");
    world.shown.set("HEAD", git("rev-parse", "HEAD").trim());
    const range = last === undefined ? "HEAD" : `${last}..HEAD`;
    const text = git("log", "--reverse", "--name-status", "--no-renames", "--format=%n%B", range);
    return text.replaceAll(/\n{3,}/g, "\n\n").trim();
  },
};

function noteOf({ ids, person }: World, what: string): string {
  const id = ids.get(what);
  return person.read(id === undefined ? what : person.find(id));
}

function writeRules(world: World, name: string, body: readonly string[]): void {
  const lines = body.map((line) => (line === "." ? "" : line));
  writeFileSync(join(world.scenery.root, "..", name), `${lines.join("\n")}\n`);
}

async function decide(world: World, { args }: Command, verb: Verb): Promise<void> {
  const { values, words } = options(args);
  const set = values.set === undefined ? {} : { set: paramsOf(values.set) };
  const { checked = false } = values;
  const said = {
    verb,
    reviewer: values.as ?? null,
    reason: values.reason ?? null,
    via: "cli",
    checked,
    ...set,
  };
  await world.up().application.decide(world.idOf(words[0]), said);
}

function options(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const known = {
    "not-before": text,
    title: text,
    requester: text,
    key: text,
    expires: text,
    as: text,
    reason: text,
    to: text,
  };
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...known,
      previous: text,
      set: { ...text, multiple: true },
      token: text,
      grant: text,
      happened: flag,
      checked: flag,
      "did-not": flag,
    },
  });
  return { values, words: positionals };
}

function paramsOf(words: readonly string[]): JsonObject {
  return Object.fromEntries(
    words.map((word) => {
      const [, name = "", json, value = ""] = /^(\w+)(:?)=(.*)$/s.exec(word) ?? [];
      return [name, json === ":" ? (JSON.parse(value) as Json) : value];
    }),
  );
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`${text} is no duration`);
  return ms;
}
