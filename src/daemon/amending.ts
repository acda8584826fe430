import type { Version } from "../core/amendment.ts";
import { versionOf } from "../core/amendment.ts";
import { type Problem, problem } from "../core/codes.ts";
import type { JsonObject } from "../core/json.ts";
import type { Request } from "../core/request.ts";
import { fillTemplate } from "../core/template.ts";
import { actionDigest, digestOf } from "../document/digest.ts";
import { fitsNote } from "../document/note.ts";
import type { KindSettings } from "./ports.ts";

type Wording = Pick<KindSettings, "title" | "next_effect">;

/** What an action is called and does, in the operator's words filled with its params. */
export function wordingOf(
  kind: string,
  params: JsonObject,
  { title, next_effect }: Wording,
): { title: string; next_effect: string } {
  const next = next_effect === null ? "" : fillTemplate(next_effect, params);
  const titled = title === null ? next : fillTemplate(title, params);
  return { title: titled === "" ? kind : titled, next_effect: next };
}

/** The params of a request that a person may change: by its rule where it has one, and else by the configuration. */
export function editableOf({ submission }: Request, { editable }: Pick<KindSettings, "editable">) {
  return submission.verdict?.editable ?? editable;
}

/** What a request becomes with other params, or what is wrong with them. */
export function amend(request: Request, params: JsonObject, kind: KindSettings): Version | Problem {
  const wrong = kind.checkParams(params);
  if (wrong.length > 0) {
    return problem("proposal_invalid", null, `The changed action does not fit: ${wrong.join("; ")}.`);
  }
  const { fields } = request.submission;
  const words = wordingOf(fields.kind, params, kind);
  const asked = request.amendment?.asked ?? versionOf(request);
  // A title of the requester's own may name what was changed, so it must not stand there as if nothing had been.
  const own = asked.title !== wordingOf(fields.kind, asked.params, kind).title;
  const version: Version = {
    params,
    digest: digestOf({ ...fields, params }),
    action_digest: actionDigest(fields.kind, params),
    title: own ? `Changed: ${asked.title}` : words.title,
    next_effect: words.next_effect,
  };
  if (fitsNote(version)) return version;
  return problem("proposal_invalid", null, "The changed action is too large for a note.");
}
