import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { jsonDigest } from "../../document/digest.ts";
import type { Definition } from "./definition.ts";

/** How the tools of one server were described when they were accepted: at first sight, or later by a person. */
export interface Pins {
  /** By tool; as it is on the disk now, where another gateway may have written. Gives pins_damaged. */
  read(): ReadonlyMap<string, Definition>;
  /** Durable once it returns. Gives pins_damaged. */
  put(definitions: readonly Definition[]): void;
}

export function openPins(directory: string, key: string): Pins {
  const file = join(directory, `${key}.json`);

  function read(): Map<string, Definition> {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return new Map();
      throw damaged(file, "it cannot be read", cause);
    }
    return pinnedIn(text, file);
  }

  return {
    read,
    put(definitions) {
      const pinned = read();
      for (const definition of definitions) pinned.set(String(definition.name), definition);
      const tools = [...pinned.values()].map((definition) => ({
        sha256: jsonDigest(definition),
        definition,
      }));
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        replaceFile(file, `${JSON.stringify({ version: 1, tools }, null, 2)}\n`);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const hint = "Free space, or give this user the right to write there.";
        throw new Fault("storage_failed", `How the tools are described cannot be kept: ${why}.`, hint, {
          cause,
        });
      }
    },
  };
}

function pinnedIn(text: string, file: string): Map<string, Definition> {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw damaged(file, "it is not JSON", cause);
  }
  if (!isObject(value) || value.version !== 1 || !Array.isArray(value.tools)) {
    throw damaged(file, "it is not of the form that is written there");
  }
  return new Map(
    (value.tools as Json[]).map((one) => {
      const definition = isObject(one) ? one.definition : undefined;
      if (!isObject(one) || !isObject(definition) || typeof definition.name !== "string") {
        throw damaged(file, "it is not of the form that is written there");
      }
      if (jsonDigest(definition) !== one.sha256) {
        throw damaged(file, `the definition of ${definition.name} is not the one that was written`);
      }
      return [definition.name, definition];
    }),
  );
}

/** Whole or not at all, also over a crash. */
function replaceFile(file: string, text: string): void {
  const beside = `${file}.${process.pid}.tmp`;
  const open = openSync(beside, "w", 0o600);
  try {
    writeFileSync(open, text);
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
  renameSync(beside, file);
}

function damaged(file: string, why: string, cause?: unknown): Fault {
  return new Fault("pins_damaged", `What was pinned in ${file} cannot be used: ${why}.`, undefined, {
    cause,
  });
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
