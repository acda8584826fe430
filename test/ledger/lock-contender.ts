import { takeLock } from "../../src/ledger/lock.ts";

/** Run as a process of its own by the lock's test: does what it is sent, and answers. */
const [folder = ""] = process.argv.slice(2);
let held: (() => Promise<void>)[] = [];

process.on("message", async (what) => {
  if (what === "give") {
    for (const release of held) await release();
    held = [];
    process.send?.("given");
    return;
  }
  const takers = Array.from({ length: what === "race" ? 4 : 1 }, () => takeLock(folder));
  for (const taker of await Promise.allSettled(takers))
    if (taker.status === "fulfilled") held.push(taker.value);
  process.send?.(what === "race" ? held.length : "taken");
});
process.send?.("ready");
