import type { Occasion } from "./occasion.ts";
import type { People, Person } from "./people.ts";
import { type Request, rosterIn } from "./request.ts";
import { isEntitled } from "./roster.ts";

/** What asks for a person, and so is only for those who may answer. */
const ASKS: ReadonlySet<Occasion> = new Set(["created", "reminder", "escalated"]);

/**
 * Who is told by a channel, of something or (with null) of all; null where the channel is nobody's in particular, and
 * tells whoever reads it. A channel is a person's who names it in `notify:`, as the first one of those that work.
 */
export function audienceOf(
  channel: string,
  about: { readonly occasion: Occasion; readonly request: Request } | null,
  people: People,
  works: (channel: string) => boolean,
): readonly Person[] | null {
  const owners = people.persons.filter(({ notify }) => notify.includes(channel));
  if (owners.length === 0) return null;
  return owners.filter((person) => {
    const way = person.notify.find(works) ?? person.notify[0];
    return (
      way === channel && (about === null || !ASKS.has(about.occasion) || mayAnswer(person, about.request))
    );
  });
}

function mayAnswer({ name }: Person, request: Request): boolean {
  const roster = rosterIn(request);
  return roster === null || isEntitled(name, roster);
}
