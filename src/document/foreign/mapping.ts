import { type Problem, problem } from "../../core/codes.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { visibleLine } from "../visible.ts";
import { type Conversion, convert, objectOf } from "./conversion.ts";
import { readDeadline } from "./deadline.ts";
import type { ForeignNote, Piece } from "./note.ts";

/** Where a value comes from: the names under which it may stand in the note. Where several do, they must agree. */
export interface From {
  readonly from: readonly string[];
  readonly as: Conversion;
  readonly optional: boolean;
}

/** How notes of one shape become requests. */
export interface Mapping {
  /** For people: `the preset payment`, `mapping 2`. */
  readonly name: string;
  /** All of these must stand in the note with one of the values. */
  readonly when: readonly { readonly name: string; readonly is: readonly string[] }[];
  /** The first of these kinds that is configured, or the kind that the note names. */
  readonly kind: { readonly first: readonly string[] } | { readonly from: readonly string[] };
  readonly params:
    | { readonly each: Readonly<Record<string, From | { readonly const: Json }>> }
    /** A map property, or a section with a JSON object; the mapping fits only notes that have one of them. */
    | { readonly whole: readonly string[] }
    /** All properties but those that are about the request and not about the action. */
    | { readonly allBut: readonly string[] };
  readonly title: readonly string[];
  readonly expires: readonly string[];
  readonly requester: readonly string[];
}

export interface AdoptionSettings {
  /** Who asks, where a mapping takes no name from the note. */
  readonly requester: string;
  /** The first that fits decides. */
  readonly mappings: readonly Mapping[];
}

/** What a foreign note asks for. */
export interface Asked {
  readonly kind: string;
  readonly params: JsonObject;
  readonly title: string | null;
  readonly requester: string;
  /** In ms; null where the note names no time. */
  readonly expires: number | null;
}

export type Mapped =
  | { readonly ok: true; readonly asked: Asked }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Who executes a kind; null where the configuration does not have it. */
type KindOf = (kind: string) => "daemon" | "caller" | null;

/** What the first mapping that fits makes of a note. What is missing, unclear or contradictory is a problem. */
export function mapNote(note: ForeignNote, settings: AdoptionSettings, kindOf: KindOf): Mapped {
  const lacking: string[] = [];
  for (const mapping of settings.mappings) {
    if (!fits(note, mapping)) continue;
    const kind = kindFor(note, mapping, kindOf);
    if ("kind" in kind) return apply(note, mapping, kind.kind, settings.requester);
    lacking.push(...kind.lacking);
  }
  return { ok: false, problems: [unmapped(lacking, kindOf)] };
}

function fits(note: ForeignNote, { when, params }: Mapping): boolean {
  if ("whole" in params && piecesWithParams(note, params.whole).length === 0) return false;
  return when.every(({ name, is }) => {
    const text = textOf(note, name);
    return text !== null && is.includes(text);
  });
}

/** A section of that name with plain words in it is no place for params. */
function piecesWithParams(note: ForeignNote, names: readonly string[]): Piece[] {
  return names
    .flatMap((name) => note.find(name))
    .filter(({ value }) => value.is === "map" || (value.is === "text" && value.text.trim().startsWith("{")));
}

/** A name's one text, as conditions and kinds take it; null where there is none, or none without a doubt. */
function textOf(note: ForeignNote, name: string): string | null {
  const [piece, second] = note.find(name);
  if (piece === undefined || second !== undefined || piece.doubt !== null) return null;
  return piece.value.is === "text" ? piece.value.text.trim() : null;
}

function kindFor(
  note: ForeignNote,
  { kind }: Mapping,
  kindOf: KindOf,
): { kind: string } | { lacking: readonly string[] } {
  const names =
    "first" in kind
      ? kind.first
      : kind.from.map((name) => textOf(note, name)).filter((text) => text !== null);
  const found = names.find((name) => kindOf(name) === "daemon");
  return found === undefined ? { lacking: names } : { kind: found };
}

function unmapped(lacking: readonly string[], kindOf: KindOf): Problem {
  const names = [...new Set(lacking)];
  if (names.length === 0) return problem("foreign_unmapped");
  const caller = names.find((name) => kindOf(name) === "caller");
  if (caller !== undefined) {
    const message = `The action ${caller} is carried out by its caller, and a note has none that could take the grant.`;
    return problem("foreign_no_action", null, message);
  }
  const named = names.map((name) => visibleLine(name, 40)).join(" or ");
  return problem("foreign_no_action", null, `The configuration has no action ${named}.`);
}

function apply(note: ForeignNote, mapping: Mapping, kind: string, requester: string): Mapped {
  const problems: Problem[] = [];
  const take = (from: readonly string[], as: Conversion) => {
    const taken = takeOne(note, from, as);
    if ("problem" in taken) problems.push(taken.problem);
    return "value" in taken ? taken : null;
  };
  const params = paramsOf(note, mapping, problems);
  const title = take(mapping.title, "text");
  const deadline = take(mapping.expires, "text");
  const named = take(mapping.requester, "text");
  const expires = deadline === null ? null : readDeadline(String(deadline.value));
  if (deadline !== null && expires === null)
    problems.push(noDeadline(deadline.piece, String(deadline.value)));
  if (problems.length > 0) return { ok: false, problems: onePerLine(problems) };
  const asked = {
    kind,
    params,
    title: title === null ? null : String(title.value),
    requester: named === null ? requester : String(named.value),
    expires,
  };
  return { ok: true, asked };
}

/** One value may serve for two params; it is wrong once. */
function onePerLine(problems: readonly Problem[]): Problem[] {
  return problems.filter(
    ({ line }, at) => line === null || problems.findIndex((one) => one.line === line) === at,
  );
}

function paramsOf(note: ForeignNote, { name: mapping, params }: Mapping, problems: Problem[]): JsonObject {
  if ("each" in params) {
    const entries = Object.entries(params.each).flatMap(([name, source]) => {
      if ("const" in source) return [[name, source.const] as const];
      const taken = takeOne(note, source.from, source.as);
      if ("value" in taken) return [[name, taken.value] as const];
      if ("problem" in taken) problems.push(taken.problem);
      else if (!source.optional) problems.push(missing(source.from, name, mapping));
      return [];
    });
    return Object.fromEntries(entries);
  }
  if ("whole" in params) {
    const [piece, second] = piecesWithParams(note, params.whole);
    if (piece === undefined) return {};
    if (second !== undefined) problems.push(conflict(piece, second));
    const read = piece.doubt === null ? objectOf(piece.value) : { wrong: piece.doubt };
    if ("wrong" in read) problems.push(wrong(piece, read.wrong));
    return "ok" in read ? read.ok : {};
  }
  const left = note.properties.filter(
    ({ name, value }) => value.is !== "nothing" && !params.allBut.includes(name.toLowerCase()),
  );
  const read = left.flatMap((piece) => {
    const taken =
      piece.doubt === null
        ? objectOf({ is: "map", entries: [[piece.name, piece.value]] })
        : { wrong: piece.doubt };
    if ("wrong" in taken) problems.push(wrong(piece, taken.wrong));
    return "ok" in taken ? Object.entries(taken.ok) : [];
  });
  return Object.fromEntries(read);
}

type Taken = { value: Json; piece: Piece } | { problem: Problem } | { absent: true };

/** The one value that stands under these names. */
function takeOne(note: ForeignNote, from: readonly string[], as: Conversion): Taken {
  let found: { value: Json; piece: Piece } | null = null;
  for (const piece of from.flatMap((name) => note.find(name))) {
    if (piece.value.is === "nothing") continue;
    const converted = convert(piece.value, as);
    if ("absent" in converted) continue;
    if (piece.doubt !== null) return { problem: wrong(piece, piece.doubt) };
    if ("wrong" in converted) return { problem: wrong(piece, converted.wrong) };
    if (found !== null && JSON.stringify(found.value) !== JSON.stringify(converted.ok)) {
      return { problem: conflict(found.piece, piece) };
    }
    found ??= { value: converted.ok, piece };
  }
  return found ?? { absent: true };
}

function wrong(piece: Piece, why: string): Problem {
  return problem("foreign_value", piece.line, `${called(piece)}: ${why}.`);
}

function conflict(one: Piece, other: Piece): Problem {
  const message = `${called(one)} (line ${one.line}) and ${called(other)} (line ${other.line}) do not say the same.`;
  return problem("foreign_conflict", other.line, message);
}

function missing(from: readonly string[], param: string, mapping: string): Problem {
  const names = from.length <= 3 ? from : [...from.slice(0, 3), "the like"];
  const message = `There is no ${names.join(" or ")}, which ${mapping} takes for ${param}.`;
  return problem("foreign_missing", null, message);
}

function noDeadline(piece: Piece, text: string): Problem {
  return wrong(
    piece,
    `says “${visibleLine(text, 40)}”, which is no date or time such as 2026-11-21T18:00:00Z`,
  );
}

function called({ name }: Piece): string {
  return `“${visibleLine(name, 40)}”`;
}
