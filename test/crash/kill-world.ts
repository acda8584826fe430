import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Locations, locate } from "../../src/adapters/locations.ts";
import type { DaemonProcess } from "./daemon-process.ts";

/** What becomes of each request of the story, and how the person says it. */
export const ROLES = [
  "ticked",
  "slow",
  "typed",
  "dragged",
  "refused",
  "ticked_while_down",
  "refused_while_down",
  "idle",
] as const;
export type Role = (typeof ROLES)[number];

export const REFUSED: ReadonlySet<Role> = new Set(["refused", "refused_while_down"]);

/** One request of the story, and what the test itself knows about it. */
export interface Told {
  readonly role: Role;
  /** Null until a submission was answered. */
  id: string | null;
  /** Whether the person's decision is in the note. */
  decided: boolean;
  /** Whether the person has written a line of their own into the note. */
  written: boolean;
}

/** A vault with its configuration and its witness; they outlive the daemon. */
export interface World {
  readonly base: string;
  readonly vault: string;
  readonly env: NodeJS.ProcessEnv;
  readonly places: Locations;
  readonly told: readonly Told[];
  /** Ids that the journal showed as executing when a daemon was killed. */
  readonly midway: Set<string>;
  gateIsOpen: boolean;
  readonly gate: number;
}

/** Bears witness of every execution, and waits at the gate when it is told to; a real program, and a quick one. */
const HANDLER = `#!/bin/sh
read -r job
id=\${job#*'"id":"'}
id=\${id%%'"'*}
echo "$id" >> witness
case $job in *'"slow":true'*) read -r _ < gate ;; esac
echo "$id" >> ended
echo '{"receipt":"R-1"}'
`;

const CONFIGURATION = `settle: 100ms
actions:
  payment:
    run: [/bin/sh, ./handler.sh]
    params: { type: object, required: [slow], properties: { slow: { type: boolean } } }
`;

export function environment(base: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: base,
    USER: "person",
    COUNTERSIGN_CONFIG: join(base, "countersign.yaml"),
    XDG_STATE_HOME: join(base, "state"),
  };
}

/** A world of its own, around a copy of a vault as `countersign init` makes it. */
export function makeWorld(template: string): World {
  const base = mkdtempSync(join(tmpdir(), "cs-kill-"));
  const vault = join(base, "vault");
  cpSync(template, vault, { recursive: true });
  writeFileSync(join(base, "countersign.yaml"), CONFIGURATION, { mode: 0o600 });
  writeFileSync(join(base, "handler.sh"), HANDLER);
  execFileSync("mkfifo", [join(base, "gate")]);
  const env = environment(base);
  return {
    base,
    vault,
    env,
    places: locate({ vault }, env, base),
    told: ROLES.map((role) => ({ role, id: null, decided: false, written: false })),
    midway: new Set(),
    gateIsOpen: false,
    // Open at both ends, so that neither this test nor a handler waits for the other to come.
    gate: openSync(join(base, "gate"), constants.O_RDWR),
  };
}

export function removeWorld({ base, gate }: World): void {
  closeSync(gate);
  rmSync(base, { recursive: true, force: true });
}

export const linesOf = (world: World, name: "witness" | "ended") => {
  const path = join(world.base, name);
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
};

export function openGate(world: World): void {
  if (!world.gateIsOpen) writeSync(world.gate, "\n");
  world.gateIsOpen = true;
}

export const noteAt = ({ vault }: World, folder: string, id: string) => join(vault, folder, `${id}.md`);

/** Far longer than anything takes; only a story that hangs waits as long. */
export const LIMIT_MS = 20_000;
const POLL_MS = 4;

/** Waits for something that gives no event; false when the daemon is gone first. */
export async function until(
  what: string,
  daemon: DaemonProcess | null,
  holds: () => boolean,
): Promise<boolean> {
  for (const end = performance.now() + LIMIT_MS; performance.now() < end; await delay(POLL_MS)) {
    if (holds()) return true;
    if (daemon?.isGone()) return false;
  }
  throw new Error(`it never came to this: ${what}\n${daemon?.log() ?? ""}`);
}

export function toldOf(world: World, role: Role): Told {
  const told = world.told.find((one) => one.role === role);
  if (told === undefined) throw new Error(`nothing is told about ${role}`);
  return told;
}
