import { CONVERSIONS } from "../../document/foreign/conversion.ts";
import { PRESET_NAMES } from "../../document/foreign/presets.ts";

/** The shape of `adopt:` in `countersign.yaml`; see `schema.ts` for what descriptions and examples are for. */

const name = (description: string, example: string) => ({
  type: "string",
  minLength: 1,
  maxLength: 100,
  description,
  examples: [example],
});

const names = (description: string, example: string) => ({
  type: ["string", "array"],
  minLength: 1,
  minItems: 1,
  items: name(description, example),
  description,
  examples: [example],
});

const FROM = "a property's name, a **Label** or a ## Heading of the note, or a list of those";

const from = (example: string) => ({
  type: "object",
  description: "`from:` and where the value stands",
  examples: [example],
  required: ["from"],
  additionalProperties: false,
  properties: { from: names(FROM, example) },
});

const param = {
  type: "object",
  description: "`from:` and where the value stands, or `const:` and the value",
  examples: ["payee: { from: [recipient, to] }"],
  minProperties: 1,
  additionalProperties: false,
  properties: {
    from: names(FROM, "payee: { from: [recipient, to] }"),
    as: {
      enum: CONVERSIONS,
      description: `one of ${CONVERSIONS.join(", ")}`,
      examples: ["amount_cents: { from: amount, as: cents }"],
    },
    optional: {
      type: "boolean",
      description: "true or false",
      examples: ["reference: { from: invoice, optional: true }"],
    },
    const: {},
  },
};

const mapping = {
  type: "object",
  description: "`when:`, `kind:` and `params:` or `params_from:`",
  examples: ["{ when: { action: pay }, kind: payment, params: { payee: { from: recipient } } }"],
  required: ["when", "kind"],
  additionalProperties: false,
  properties: {
    when: {
      type: "object",
      minProperties: 1,
      description: "what must stand in the note: a name and its text, or a list of texts",
      examples: ["when: { type: approval_request, action: [pay, payment] }"],
      additionalProperties: names("a text, or a list of texts", "when: { action: [pay, payment] }"),
    },
    kind: {
      type: ["string", "object"],
      required: ["from"],
      additionalProperties: false,
      properties: { from: names(FROM, "kind: { from: action }") },
      description: "a kind of `actions:`, or `{ from: … }`",
      examples: ["kind: payment"],
    },
    params: {
      type: "object",
      description: "a name and where it comes from for each param",
      examples: ["params: { payee: { from: recipient } }"],
      additionalProperties: param,
    },
    params_from: names(
      "the property or ## Heading that holds all params",
      "params_from: [parameters, '## Details']",
    ),
    title: from("title: { from: summary }"),
    expires: from("expires: { from: expires_at }"),
    requester: from("requester: { from: agent }"),
  },
};

export const ADOPT_SCHEMA = {
  type: ["boolean", "object"],
  description: "true, false, or a map of requester, presets and mappings",
  examples: ["adopt: true"],
  additionalProperties: false,
  properties: {
    requester: {
      type: "string",
      pattern: "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$",
      description: "a name of letters, digits and . _ @ + -",
      examples: ["requester: vault"],
    },
    presets: {
      type: "array",
      uniqueItems: true,
      items: {
        enum: PRESET_NAMES,
        description: `one of ${PRESET_NAMES.join(", ")}`,
        examples: ["presets: [payment, email]"],
      },
      description: "a list of different presets",
      examples: ["presets: [payment, email]"],
    },
    mappings: {
      type: "array",
      items: mapping,
      description: "a list of mappings",
      examples: [
        "mappings: [{ when: { action: pay }, kind: payment, params: { payee: { from: recipient } } }]",
      ],
    },
  },
};
