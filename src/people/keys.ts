/**
 * Every key of `people.yaml`, with what it takes and what it says. The handbook's tables are held against these by a
 * test; a key that is not here is refused.
 */
type Keys = Readonly<Record<string, readonly [takes: string, says: string]>>;

export const FILE_KEYS = {
  zone: [
    "a time zone, such as `Europe/Berlin`",
    "where times are meant that say nothing else; `UTC` unless it is set",
  ],
  persons: ["a map of persons by name", "who may decide; a name is letters, digits and `. _ @ + -`"],
  groups: ["a map of groups by name", "each a name, several, or a rota; groups may be in groups"],
  hours: ["a map of hours by name", "when people work"],
} as const satisfies Keys;

export const PERSON_KEYS = {
  names: ["a name, or several", "what else this person signs with, in any alphabet"],
  email: ["an address, or several", "e-mail addresses"],
  git: ["`Name <address>`, or several", "who this person is in commits"],
  keys: ["a line, or several", "public keys or fingerprints, for signing; kept, and not used yet"],
  notify: ["names of channels", "how this person is told, the preferred way first"],
  hours: ["a name from `hours`", "when this person works"],
  absent: ["a list of absences", "when this person is away, and who stands in"],
  may_receive: [
    "`true` or `false`",
    "whether others may pass decisions on to this person; `true` unless it is set",
  ],
} as const satisfies Keys;

export const ABSENCE_KEYS = {
  from: ["a day, such as `2026-12-21`, or a time, such as `2026-12-21T12:00`", "when it begins"],
  until: ["a day or a time", "when it ends; a day is part of it"],
  stand_in: ["a person", "who decides instead"],
} as const satisfies Keys;

export const ROTA_KEYS = {
  shift: ["`1w`, `2d`, `12h`: weeks, days or hours", "how long each is on duty"],
  starts: ["a time, such as `2026-11-02T09:00`", "when the first one begins; before that nobody is on duty"],
  zone: ["a time zone", "by whose clocks the duty is handed over, at the same time in summer and winter"],
  order: ["persons or groups", "who is on duty, one after the other"],
} as const satisfies Keys;

export const HOURS_KEYS = {
  zone: ["a time zone", "where these hours hold"],
  days: [
    "a map such as `{ mon-thu: 09:00-17:00, fri: [09:00-12:00, 13:00-15:00] }`",
    "the times of each day",
  ],
  holidays: ["days, such as `2026-12-25`", "when nobody works"],
} as const satisfies Keys;
