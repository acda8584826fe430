import type { Reading } from "./look.ts";
import { UNNAMED } from "./people.ts";
import type { Decision, Request, Verb } from "./request.ts";
import { iso } from "./timing.ts";
import type { World } from "./world.ts";

export function decisionOf(request: Request, verb: Verb, reading: Reading, world: World): Decision {
  return {
    verb,
    reviewer: reading.reviewer ?? UNNAMED,
    reason: reading.reason,
    digest: request.submission.digest,
    assurance: "edit",
    seen_at: iso(world.memory?.said_since ?? world.now),
    via: reading.via ?? "note",
    note_sha256: world.look.at === "folder" ? world.look.sha256 : null,
  };
}
