import { describe, expect, test } from "vitest";
import { checkHost, isPublic, type Resolve } from "../../src/outgoing/address.ts";

const answers =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

test.each([
  ["this machine", "127.0.0.1"],
  ["any other name of this machine", "127.255.0.3"],
  ["this machine by IPv6", "::1"],
  ["no address at all", "0.0.0.0"],
  ["no address by IPv6", "::"],
  ["a private network", "10.0.0.8"],
  ["another private network", "172.31.255.255"],
  ["a home network", "192.168.1.1"],
  ["a cloud's metadata", "169.254.169.254"],
  ["another cloud's metadata", "100.100.100.200"],
  ["a third cloud's metadata", "192.0.0.192"],
  ["metadata by IPv6", "fd00:ec2::254"],
  ["a link", "fe80::1"],
  ["a link with its zone", "fe80::1%eth0"],
  ["a site", "fec0::1"],
  ["IPv4 in IPv6: this machine", "::ffff:127.0.0.1"],
  ["IPv4 in IPv6, in hexadecimal", "::ffff:7f00:1"],
  ["IPv4 in IPv6, the old way", "::127.0.0.1"],
  ["IPv4 translated", "64:ff9b::7f00:1"],
  ["IPv4 translated locally", "64:ff9b:1::a00:1"],
  ["IPv4 tunnelled", "2002:7f00:1::"],
  ["IPv4 tunnelled by Teredo", "2001:0:53aa:64c:0:fbfe:80ff:fffe"],
  ["everybody", "255.255.255.255"],
  ["a group", "224.0.0.1"],
  ["a group by IPv6", "ff02::1"],
  ["documentation", "203.0.113.7"],
  ["measurements", "198.18.0.1"],
  ["the future", "240.0.0.1"],
  ["a word", "localhost"],
])("%s is not a public address", (_, address) => {
  expect(isPublic(address)).toBe(false);
});

test.each(["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])("%s is a public address", (address) => {
  expect(isPublic(address)).toBe(true);
});

describe("a host", () => {
  test("of which one address is private is refused altogether", async () => {
    const resolve = answers("8.8.8.8", "10.0.0.1");
    expect(await checkHost("mixed.example", { allowPrivate: false, resolve })).toEqual({
      ok: false,
      refused: true,
      why: "mixed.example is 10.0.0.1, which is not a public address",
    });
  });

  test("may be private where that is allowed", async () => {
    const resolve = answers("10.0.0.1");
    expect(await checkHost("inner.example", { allowPrivate: true, resolve })).toEqual({
      ok: true,
      addresses: [{ address: "10.0.0.1", family: 4 }],
    });
  });

  test.each(["http://0x7f.1/", "http://2130706433/", "http://127.1/", "http://[::ffff:127.0.0.1]/"])(
    "that hides its address is known all the same: %s",
    async (url) => {
      const resolve: Resolve = () => Promise.reject(new Error("nobody is asked for an address"));
      const checked = await checkHost(new URL(url).hostname, { allowPrivate: false, resolve });
      expect(checked).toMatchObject({ ok: false, refused: true });
    },
  );

  test("that cannot be resolved now may be another time", async () => {
    const resolve: Resolve = () => Promise.reject(Object.assign(new Error(), { code: "EAI_AGAIN" }));
    expect(await checkHost("late.example", { allowPrivate: false, resolve })).toEqual({
      ok: false,
      refused: false,
      why: "the name late.example could not be resolved (EAI_AGAIN)",
    });
  });

  test("without an address is not a host now", async () => {
    const checked = await checkHost("empty.example", { allowPrivate: false, resolve: answers() });
    expect(checked).toMatchObject({ ok: false, refused: false });
  });
});
