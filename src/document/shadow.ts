import { tellConstraints } from "../core/constraints.ts";
import type { Verdict } from "../core/verdict.ts";
import { inline, sentence } from "./visible.ts";

/** That nobody was asked, and what the rules would have done: lines of a callout. `told` is that in a sentence. */
export function renderShadow(kind: string, told: string, said: Verdict): string {
  const { policy, risk, factors, constraints } = said;
  const held = tellConstraints(constraints);
  const because = factors.length === 0 ? "" : ` (${factors.map((factor) => inline(factor)).join("; ")})`;
  return [
    `> Nobody was asked, because the configuration has \`${kind}\` in shadow: ${sentence(told)}`,
    ...(held.length === 0
      ? []
      : [`> Nothing held it to this: ${held.map((one) => inline(one)).join("; ")}.`]),
    ...(policy === null ? [] : [`> Risk: ${risk}${because}. Policy \`${policy}\`.`]),
  ].join("\n");
}
