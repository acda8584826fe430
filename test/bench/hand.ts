/**
 * A person's hand, in a process of its own: ticks notes the way Obsidian saves them, in place. Edits are prepared first,
 * so that saving many at once is only that. Run by `person.ts`; imports nothing, so that Node.js runs it as it is.
 */
import { readFileSync, writeFileSync } from "node:fs";

export type HandOrder =
  | { readonly do: "prepare"; readonly paths: readonly string[] }
  | { readonly do: "save" };

/** When each save began, in ms of the machine's monotonic clock, in the order of `prepare`; and how long all took. */
export type HandReply = { readonly began: readonly number[]; readonly took: number } | "prepared";

let prepared: { path: string; text: string }[] = [];

process.on("message", (order: HandOrder) => {
  if (order.do === "prepare") {
    prepared = order.paths.map((path) => ({
      path,
      text: readFileSync(path, "utf8").replace("- [ ] Approve", "- [x] Approve"),
    }));
    return process.send?.("prepared" satisfies HandReply);
  }
  const began = prepared.map(({ path, text }) => {
    const at = ms();
    writeFileSync(path, text);
    return at;
  });
  process.send?.({ began, took: ms() - (began[0] ?? 0) } satisfies HandReply);
});

function ms(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
