import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Only names that are nobody else's: a type holds for a property in all notes of the vault. */
const TYPES: Readonly<Record<string, "text" | "datetime">> = {
  decision: "text",
  reviewer: "text",
  reason: "text",
  requester: "text",
  expires: "datetime",
  decided_at: "datetime",
  executed_at: "datetime",
};

/**
 * Tells Obsidian what kind of property each of ours is; a property that has a type already keeps it. False where there
 * was nothing to add, or where the file cannot be understood: then it is left as it is.
 */
export async function addObsidianTypes(vault: string): Promise<boolean> {
  const path = obsidianTypes(vault);
  const there = await read(path);
  if (there === null) return false;
  const { types = {} } = there;
  if (!isMap(types)) return false;
  const missing = Object.entries(TYPES).filter(([name]) => !Object.hasOwn(types, name));
  if (missing.length === 0) return false;
  await mkdir(dirname(path), { recursive: true });
  const merged = { ...there, types: { ...types, ...Object.fromEntries(missing) } };
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, `${JSON.stringify(merged, null, 2)}\n`, { flag: "wx" });
  await rename(temporary, path);
  return true;
}

export function obsidianTypes(vault: string): string {
  return join(vault, ".obsidian", "types.json");
}

/** An empty one where there is no file; null where it is not a JSON object. */
async function read(path: string): Promise<Record<string, unknown> | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
