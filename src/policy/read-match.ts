import { type Fields, fieldsAt, type Sheet } from "../document/fields.ts";
import { type Glob, glob } from "./glob.ts";
import { MATCH_KEYS } from "./keys.ts";
import { type Match, RISKS } from "./policy.ts";

/** Which actions something is for; all of them where nothing is said. */
export function readMatch(sheet: Sheet, parent: Fields): Match {
  const none: Match = { kind: null, requester: null, tags: null, risk: null };
  if (!parent.has("match")) return none;
  const fields = fieldsAt(sheet, [...parent.path, "match"], Object.keys(MATCH_KEYS));
  if (fields === null) return none;
  const globs = (key: string): readonly Glob[] | null => fields.texts(key)?.map(glob) ?? null;
  const match = {
    kind: globs("kind"),
    requester: globs("requester"),
    tags: globs("tags"),
    risk: globs("risk"),
  };
  for (const one of match.risk ?? []) {
    if (!RISKS.some((level) => one.matches(level))) {
      fields.report("never_matches", "risk", `no risk is ${one.text}`, `There are: ${RISKS.join(", ")}.`);
    }
  }
  return match;
}
