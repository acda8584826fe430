import { type Finding, finding } from "../core/codes.ts";
import { openSheet } from "../document/fields.ts";
import { type PolicyFile, readPolicy } from "./read-policy.ts";
import type { PolicyText } from "./snapshot.ts";

/** One file's text. `id` is the same for the same file, however it was named. */
export interface FoundText extends PolicyText {
  readonly id: string;
}

/** Reads a file that is named in the text of another (by its id), or the policy's own (null). In words why it cannot. */
export type ReadText = (name: string, from: string | null) => FoundText | { readonly because: string };

/** One file of the policy with its place among the others. */
export interface Layer extends FoundText {
  readonly file: PolicyFile;
  /** Ids of all that it extends, however far up. */
  readonly above: ReadonlySet<string>;
  readonly extendsLine: number;
}

/** All files, each once, every one behind those that it extends. */
export function composeLayers(name: string, read: ReadText, findings: Finding[]): readonly Layer[] {
  const layers = new Map<string, Layer>();

  const visit = (found: FoundText, below: readonly string[]): Layer | null => {
    const known = layers.get(found.id);
    if (known !== undefined) return known;
    const sheet = openSheet(found.name, found.text, findings);
    if (sheet === null) return null;
    const { yaml } = sheet;
    const file = readPolicy(sheet);
    const above = new Set<string>();
    for (const [at, parent] of file.extends.entries()) {
      const single = typeof yaml.at(["extends"]) === "string";
      const place = { file: found.name, line: yaml.lineOf(single ? ["extends"] : ["extends", at]) };
      const text = read(parent, found.id);
      if ("because" in text) {
        findings.push(finding("extends_unreadable", place, `${parent} cannot be read: ${text.because}`));
      } else if (text.id === found.id || below.includes(text.id)) {
        findings.push(finding("extends_cycle", place, `${parent} leads back here`));
      } else {
        const layer = visit(text, [...below, found.id]);
        if (layer === null) continue;
        above.add(layer.id);
        for (const id of layer.above) above.add(id);
      }
    }
    const layer = { ...found, file, above, extendsLine: yaml.lineOf(["extends"]) };
    layers.set(found.id, layer);
    return layer;
  };

  const own = read(name, null);
  if ("because" in own) {
    const place = { file: name, line: 1 };
    findings.push(finding("not_plain_yaml", place, `the file cannot be read: ${own.because}`));
  } else visit(own, []);
  return [...layers.values()];
}
