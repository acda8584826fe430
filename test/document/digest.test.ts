import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import type { RequestFields } from "../../src/core/request.ts";
import { actionDigest, digestOf } from "../../src/document/digest.ts";
import { sampleSubmission } from "../sample.ts";

const hash = (text: string) => `sha256:${createHash("sha256").update(text, "utf8").digest("hex")}`;
const { fields } = sampleSubmission();

test("the action's digest is the SHA-256 of its canonical JSON, written out by hand after RFC 8785", () => {
  const params = {
    "\u20ac": "Euro",
    b: [1e30, 4.5, 0.002, 1e-27],
    a: '€$\u000f\nA\'B"\\\\"/',
    "1": null,
    true: false,
  };
  const canonical =
    '{"kind":"k","params":{"1":null,"a":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/","b":[1e+30,4.5,0.002,1e-27],"true":false,"€":"Euro"}}';
  expect(actionDigest("k", params)).toBe(hash(canonical));
});

test("a request's digest is the same over its fields in canonical order, whatever the order of the keys", () => {
  const canonical =
    '{"created":"2026-11-21T09:14:03Z","effect":"unsafe","expires":"2026-11-21T10:14:03Z","host":"laptop",' +
    '"id":"20261121-091403-payment-7f3k9q","key":null,"kind":"payment","on_behalf_of":null,' +
    '"params":{"amount_cents":150000,"payee":"ACME GmbH"},"policy":null,"requester":"billing-agent","rule":null,"version":1}';
  expect(digestOf(fields)).toBe(hash(canonical));
  const turned = Object.fromEntries(Object.entries(fields).reverse()) as unknown as RequestFields;
  expect(digestOf(turned)).toBe(digestOf(fields));
});

const CHANGES: { readonly [K in keyof RequestFields]: unknown } = {
  version: 2,
  id: "20261121-091403-payment-7f3k9r",
  host: "desktop",
  requester: "other-agent",
  on_behalf_of: "ada",
  kind: "transfer",
  params: { amount_cents: 150001, payee: "ACME GmbH" } satisfies JsonObject,
  effect: "key",
  key: "k",
  policy: "sha256:00",
  rule: "r",
  created: "2026-11-21T09:14:04Z",
  expires: "2026-11-21T10:14:04Z",
};

test.each(Object.entries(CHANGES))("another %s gives another digest", (name, value) => {
  expect(digestOf({ ...fields, [name]: value } as RequestFields)).not.toBe(digestOf(fields));
});
