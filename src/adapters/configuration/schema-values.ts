/** One line of text. */
export const text = (description: string, example: string) => ({
  type: "string",
  minLength: 1,
  maxLength: 1_000,
  description,
  examples: [example],
});

/** A secret, which never stands in the file itself. */
export const reference = (what: string, example: string) => ({
  type: "object",
  writeOnly: true,
  description: `${what}, as { env: NAME } or { file: PATH }`,
  examples: [example],
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    env: {
      type: "string",
      pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
      description: "a variable's name of letters, digits and _",
      examples: [example],
    },
    file: { type: "string", minLength: 1, description: "the name of a file", examples: [example] },
  },
});

/** What need not be secret may also stand in the file itself. */
export const referenceOrText = (what: string, example: string) => ({
  ...reference(what, example),
  type: ["string", "object"],
  minLength: 1,
  maxLength: 2_000,
  description: `${what}, or { env: NAME } or { file: PATH }`,
});

/** A program's whole environment. */
export const environment = (example: string) => ({
  type: "object",
  description: "names and values of the program's environment",
  examples: [example],
  propertyNames: {
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    description: "a variable's name of letters, digits and _",
    examples: [example],
  },
  additionalProperties: {
    type: ["string", "null"],
    description: "a string, or null to pass the daemon's own value on",
    examples: [example],
  },
});
