import type { Application, Happenings, Health } from "../../src/application/application.ts";
import { Fault } from "../../src/core/codes.ts";
import type { RequestView } from "../../src/core/view.ts";

export const ID = "20261121-091403-payment-7f3k9q";

export function view(changes: Partial<RequestView> = {}): RequestView {
  return {
    id: ID,
    status: "pending",
    title: "Pay ACME GmbH 1,500.00 EUR",
    next_effect: "transfers 150000 cents to ACME GmbH",
    kind: "payment",
    params: { amount_cents: 150_000 },
    amended: [],
    amended_by: null,
    requester: "billing-agent",
    on_behalf_of: null,
    host: "laptop",
    key: null,
    created: "2026-11-21T09:14:03.000Z",
    expires: "2026-11-22T09:14:03.000Z",
    asked: 1,
    digest: `sha256:${"9b".repeat(32)}`,
    action_digest: `sha256:${"a1".repeat(32)}`,
    executor: "daemon",
    verdict: null,
    shadow: null,
    decision: null,
    approvals: null,
    not_before: null,
    opens: null,
    closes: null,
    started_at: null,
    finished_at: null,
    result: null,
    error: null,
    attempt: 1,
    previous: null,
    feedback: null,
    history: [{ at: "2026-11-21T09:14:03.000Z", event: "submitted", by: "billing-agent", detail: null }],
    ...changes,
  };
}

const HEALTH: Health = {
  version: "0.1.0",
  pid: 1,
  vault: "/v",
  state: "/s",
  halted: false,
  shadow: [],
  clock_frozen: false,
  watcher_lag_ms: null,
};

const NOTHING_HAPPENS: Happenings = {
  head: () => 0,
  async *after() {},
  follow: () => () => {},
  page: async () => ({ events: [], next: null }),
};

export type FakeApplication = Application & { readonly calls: [string, ...unknown[]][] };

/** Remembers its calls and answers each with a plain view, unless told otherwise. */
export function fakeApplication(answers: Partial<Application> = {}): FakeApplication {
  const calls: [string, ...unknown[]][] = [];
  const note =
    <A extends unknown[], R>(name: string, answer: (...input: A) => R) =>
    (...input: A): R => {
      calls.push([name, ...input.filter((one) => one !== undefined && !(one instanceof AbortSignal))]);
      return answer(...input);
    };
  const known = async (id: string) => {
    if (id !== ID) throw new Fault("not_found");
    return view();
  };
  const plain: Application = {
    submit: async () => ({ request: view(), created: true, joined: false, own: false, token: null }),
    show: known,
    list: async () => ({ requests: [view()], next: null }),
    wait: known,
    decide: known,
    delegate: known,
    takeBack: known,
    cancel: known,
    checkToken: async () => {},
    happenings: NOTHING_HAPPENS,
    switches: async () => ({ switches: [], next: null }),
    grant: async () => ({
      grant: "the.signed.grant",
      expires: "2026-11-21T10:00:00.000Z",
      claimed_with: null,
    }),
    claim: async (id) => ({ ...(await known(id)), status: "executing" }),
    complete: known,
    resolve: known,
    halt: async () => {},
    resume: async () => {},
    acceptClock: async () => {},
    health: () => HEALTH,
    grantKey: () => ({ kty: "OKP", crv: "Ed25519", x: "abc" }),
    ...answers,
  };
  return {
    calls,
    submit: note("submit", plain.submit),
    show: note("show", plain.show),
    list: note("list", plain.list),
    wait: note("wait", plain.wait),
    decide: note("decide", plain.decide),
    delegate: note("delegate", plain.delegate),
    takeBack: note("takeBack", plain.takeBack),
    cancel: note("cancel", plain.cancel),
    checkToken: note("checkToken", plain.checkToken),
    happenings: plain.happenings,
    switches: note("switches", plain.switches),
    grant: note("grant", plain.grant),
    claim: note("claim", plain.claim),
    complete: note("complete", plain.complete),
    resolve: note("resolve", plain.resolve),
    halt: note("halt", plain.halt),
    resume: note("resume", plain.resume),
    acceptClock: note("acceptClock", plain.acceptClock),
    health: plain.health,
    grantKey: plain.grantKey,
  };
}
