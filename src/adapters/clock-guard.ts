import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import {
  type ClockReading,
  type ClockReference,
  clockFault,
  referenceAt,
  referenceSince,
  tellClockFault,
} from "../core/clock-fault.ts";

/** The machine's clocks. */
export interface Clocks {
  read(): ClockReading;
  /** Tells one run of the machine from another; null where the system does not say. */
  readonly boot: string | null;
}

export const machineClocks: Clocks = { read: createReader(), boot: bootId() };

/** How far two clocks may be apart that went together, and how long that is believed: the system is slow to tell more. */
const TOGETHER_MS = 100;
const BELIEVED_MS = 5_000;

/** The system's own count goes on while the machine is asleep, unlike the clock that timers go by. */
function createReader(): () => ClockReading {
  let last = { wall: 0, steady: 0, awake: Number.NEGATIVE_INFINITY };
  return () => {
    const [wall, awake] = [Date.now(), performance.now()];
    const passed = awake - last.awake;
    if (passed < BELIEVED_MS && Math.abs(wall - last.wall - passed) < TOGETHER_MS) {
      return { wall, steady: last.steady + passed };
    }
    last = { wall, steady: uptime() * 1_000, awake };
    return { wall, steady: last.steady };
  };
}

export interface ClockGuardPorts {
  readonly state: string;
  readonly clocks: Clocks;
  /** The journal's last record: its number, and its time in ms; null where there is none. */
  readonly last: { readonly seq: number; readonly at: number } | null;
  /** Told what is wrong in a sentence; null once all is well again. */
  readonly onChange: (text: string | null) => void;
}

interface Frozen {
  readonly reference: ClockReference;
  readonly boot: string | null;
}

interface Accepted {
  /** The last record of that time: what came before it was recorded by another clock. */
  readonly seq: number;
  readonly at: number;
}

/**
 * Whether the clock on the wall can be trusted. A fault is kept in the state directory, so that a restart does not make it
 * good: only the clock's coming right, or an operator, does.
 */
export function openClockGuard({ state, clocks, last, onChange }: ClockGuardPorts) {
  const frozenFile = join(state, "clock-frozen.json");
  const acceptedFile = join(state, "clock-accepted.json");
  const { frozen, known } = begin();
  let isFrozen = frozen;
  /** Null where it is not known any more what the clock should be. */
  let reference = known;

  function begin(): { frozen: boolean; known: ClockReference | null } {
    const kept = readJson<Frozen>(frozenFile);
    if (kept === null && !existsSync(frozenFile))
      return { frozen: false, known: referenceSince(since(), clocks.read()) };
    const isSameRun = kept !== null && clocks.boot !== null && kept.boot === clocks.boot;
    return { frozen: true, known: isSameRun ? kept.reference : null };
  }

  /** When it was last, at least; by the clock that an operator has accepted since, where one has. */
  function since(): number | null {
    const accepted = readJson<Accepted>(acceptedFile);
    return accepted !== null && (last === null || last.seq <= accepted.seq)
      ? accepted.at
      : (last?.at ?? null);
  }

  function check(): boolean {
    const now = clocks.read();
    const apart = reference === null ? null : clockFault(reference, now);
    const wrong = reference === null || apart !== null;
    if (wrong === isFrozen) return isFrozen;
    if (wrong && reference !== null) {
      write(frozenFile, { reference, boot: clocks.boot } satisfies Frozen);
    } else {
      if (reference?.at_least !== false) reference = referenceAt(now);
      remove(frozenFile);
    }
    isFrozen = wrong;
    onChange(notice());
    return isFrozen;
  }

  function notice(): string | null {
    if (!isFrozen) return null;
    return tellClockFault(reference === null ? null : clockFault(reference, clocks.read()));
  }

  return {
    /** Whether nothing may be approved, started or expired now. */
    isFrozen: check,
    /** What is wrong, in a sentence; null where nothing is. */
    notice,

    /** The clock is right as it is now. Durable once it returns. `seq` is the journal's last record's. */
    accept(seq: number): void {
      const now = clocks.read();
      write(acceptedFile, { seq, at: now.wall } satisfies Accepted);
      reference = referenceAt(now);
      remove(frozenFile);
      if (!isFrozen) return;
      isFrozen = false;
      onChange(null);
    },
  };
}

function write(path: string, value: object): void {
  const next = `${path}.new`;
  const file = openSync(next, "w", 0o600);
  try {
    writeFileSync(file, `${JSON.stringify(value)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
  syncFolderOf(path);
}

function remove(path: string): void {
  rmSync(path, { force: true });
  syncFolderOf(path);
}

function syncFolderOf(path: string): void {
  const folder = openSync(join(path, ".."), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Null where there is none, or nothing that can be read: then nothing is known. */
function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return null;
  }
}

function bootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}
