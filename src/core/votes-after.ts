import type { Event } from "./event.ts";
import { isService } from "./people.ts";
import { quorumOf } from "./quorum.ts";
import { approvalsOf, type Decision, type Request, rosterIn } from "./request.ts";

/** The approvals that count towards the quorum from then on, besides the deciding one. */
export function votesAfter(request: Request, event: Event): { votes?: readonly Decision[] } {
  const { votes = [] } = request;
  const after = (): readonly Decision[] => {
    switch (event.type) {
      case "voted":
        return [...votes.map((vote) => replacedBy(event.decision, vote)), event.decision];
      case "approved":
        // One that was recorded before may be the deciding one by now.
        return votes
          .filter(({ reviewer }) => reviewer !== event.decision.reviewer)
          .map((vote) => replacedBy(event.decision, vote));
      case "vote_withdrawn":
        return votes.filter(({ reviewer }) => reviewer !== event.by);
      case "taken_back":
        return leftAfter(event, request);
      case "quorum_lost":
        return rosterIn(request) === null ? [] : approvalsOf(request);
      // About another action, or under other rules.
      case "amended":
      case "sent_back":
        return [];
      default:
        return votes;
    }
  };
  const next = after();
  return next.length === 0 ? {} : { votes: next };
}

/** What one name stands beside was the last one's, whose vote is from then on in the record only. */
function replacedBy(later: Decision, vote: Decision): Decision {
  return isBesideName(later) && isBesideName(vote) ? { ...vote, note_sha256: null } : vote;
}

function isBesideName({ via, note_sha256 }: Decision): boolean {
  return note_sha256 !== null && (via === "decision" || via === "status" || via === "box");
}

/** The approvals that are left once something was taken back. */
function leftAfter(
  { by, only }: Extract<Event, { type: "taken_back" }>,
  request: Request,
): readonly Decision[] {
  const roster = rosterIn(request);
  if (roster === null) return [];
  const given = approvalsOf(request);
  if (only === "note") return given.filter(({ note_sha256 }) => note_sha256 === null);
  const others = given.filter(({ reviewer }) => reviewer !== by);
  if (others.length < given.length) return others;
  // Programs are not asked again; what they alone have approved is undone all the same.
  const services = given.filter(({ reviewer }) => isService(reviewer));
  const names = services.map(({ reviewer }) => reviewer);
  return quorumOf(names, roster).met ? [] : services;
}
