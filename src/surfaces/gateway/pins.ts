import { Fault } from "../../core/codes.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import { jsonDigest } from "../../document/digest.ts";
import type { Definition } from "./definition.ts";
import { numberedFile, Unreadable } from "./numbered-file.ts";

/** How the tools of one server were described when they were accepted: at first sight, or later by a person. */
export interface Pins {
  /** By tool; as it is on the disk now, where another gateway may have written. Gives pins_damaged. */
  read(): ReadonlyMap<string, Definition>;
  /** Keeps those whose tools nobody has seen before, and gives all that are kept. Gives pins_damaged, storage_failed. */
  see(definitions: readonly Definition[]): ReadonlyMap<string, Definition>;
  /** Durable once it returns. Gives pins_damaged, storage_failed. */
  accept(definition: Definition): void;
}

export function openPins(directory: string, key: string): Pins {
  const kept = numberedFile(directory, key);
  /** Each call looks at what is pinned, and what has been checked once is the same while its text is. */
  let last: { readonly text: string; readonly pinned: ReadonlyMap<string, Definition> } | null = null;

  function standing() {
    try {
      const found = kept.read();
      const { text, file } = found;
      if (text === null) return { found, pinned: new Map<string, Definition>() };
      if (text !== last?.text) last = { text, pinned: pinnedIn(text, file) };
      return { found, pinned: last.pinned };
    } catch (cause) {
      if (cause instanceof Unreadable) throw damaged(cause.file, "it cannot be read", cause);
      throw cause;
    }
  }

  /** Where another gateway has written in between, what is to be kept is said anew, of what there is then. */
  function keep(wanted: (pinned: ReadonlyMap<string, Definition>) => readonly Definition[]) {
    for (;;) {
      const { found, pinned } = standing();
      const more = wanted(pinned);
      if (more.length === 0) return pinned;
      const all = new Map(pinned);
      for (const definition of more) all.set(String(definition.name), definition);
      try {
        if (kept.follow(found, textOf(all))) return all;
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const hint = "Free space, or give this user the right to write there.";
        const message = `How the tools are described cannot be kept: ${why}.`;
        throw new Fault("storage_failed", message, hint, { cause });
      }
    }
  }

  return {
    read: () => standing().pinned,
    see: (definitions) => keep((pinned) => definitions.filter(({ name }) => !pinned.has(String(name)))),
    accept: (definition) => void keep(() => [definition]),
  };
}

function textOf(pinned: ReadonlyMap<string, Definition>): string {
  const tools = [...pinned.values()].map((definition) => ({ sha256: jsonDigest(definition), definition }));
  return `${JSON.stringify({ version: 1, tools }, null, 2)}\n`;
}

function pinnedIn(text: string, file: string): Map<string, Definition> {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw damaged(file, "it is not JSON", cause);
  }
  if (!isJsonObject(value) || value.version !== 1 || !Array.isArray(value.tools)) {
    throw damaged(file, "it is not of the form that is written there");
  }
  return new Map(
    (value.tools as Json[]).map((one) => {
      const definition = isJsonObject(one) ? one.definition : undefined;
      if (!isJsonObject(one) || !isJsonObject(definition) || typeof definition.name !== "string") {
        throw damaged(file, "it is not of the form that is written there");
      }
      if (jsonDigest(definition) !== one.sha256) {
        throw damaged(file, `the definition of ${definition.name} is not the one that was written`);
      }
      return [definition.name, definition];
    }),
  );
}

function damaged(file: string, why: string, cause?: unknown): Fault {
  return new Fault("pins_damaged", `What was pinned in ${file} cannot be used: ${why}.`, undefined, {
    cause,
  });
}
