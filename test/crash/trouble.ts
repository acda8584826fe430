import { Fault } from "../../src/core/codes.ts";
import type { Ledger, Vault } from "../../src/daemon/ports.ts";

/** What stands between the daemon and the world: counts its operations, and lets the n-th one go wrong. */
export interface Trouble {
  count: number;
  /** Resolves when the daemon has died; operations after that never come back. */
  readonly death: Promise<void>;
  die(): void;
  guard<T>(operation: () => Promise<T>, fault: () => unknown): Promise<T>;
}

export function troubleAt(n: number, kind: "death" | "error"): Trouble {
  const { promise: death, resolve } = Promise.withResolvers<void>();
  let dead = false;
  const die = () => {
    dead = true;
    resolve();
  };
  return {
    count: 0,
    death,
    die,
    guard<T>(operation: () => Promise<T>, fault: () => unknown): Promise<T> {
      this.count += 1;
      if (this.count === n && kind === "death") die();
      if (dead) return new Promise<T>(() => {});
      return this.count === n ? Promise.reject(fault()) : operation();
    },
  };
}

export const diskError = () => Object.assign(new Error("EIO: i/o error"), { code: "EIO" });

export function guardedLedger(ledger: Ledger, trouble: Trouble): Ledger {
  return {
    ...bound(ledger),
    append: (...args) =>
      trouble.guard(
        () => ledger.append(...args),
        () => new Fault("storage_failed"),
      ),
  };
}

export function guardedVault(vault: Vault, trouble: Trouble): Vault {
  return {
    ...bound(vault),
    create: (...args) => trouble.guard(() => vault.create(...args), diskError),
    replace: (...args) => trouble.guard(() => vault.replace(...args), diskError),
    archive: (...args) => trouble.guard(() => vault.archive(...args), diskError),
    keepLate: (...args) => trouble.guard(() => vault.keepLate(...args), diskError),
    discard: (...args) => trouble.guard(() => vault.discard(...args), diskError),
    adopt: (...args) => trouble.guard(() => vault.adopt(...args), diskError),
    writeOwn: (...args) => trouble.guard(() => vault.writeOwn(...args), diskError),
  };
}

/** The methods of a port as own properties, so that some of them can be replaced. */
function bound<T extends object>(port: T): T {
  const names = new Set([...Object.keys(port), ...Object.getOwnPropertyNames(Object.getPrototypeOf(port))]);
  const entries = [...names].map((name) => {
    const member: unknown = Reflect.get(port, name, port);
    return [name, typeof member === "function" ? member.bind(port) : member];
  });
  return Object.fromEntries(entries) as T;
}
