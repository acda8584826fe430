import { tellConstraints } from "../core/constraints.ts";
import type { Verdict } from "../core/verdict.ts";
import { inline, sentence } from "./visible.ts";

/**
 * That nobody was asked, and what the rules would have done: lines of a callout. `told` is that in a sentence; `isHeld`
 * says whether the constraints came to hold after all.
 */
export function renderShadow(kind: string, told: string, said: Verdict, isHeld: boolean): string {
  const { policy, risk, factors, constraints } = said;
  const held = tellConstraints(constraints);
  const how = isHeld ? "It left shadow before it began, and was held to this" : "Nothing held it to this";
  const because = factors.length === 0 ? "" : ` (${factors.map((factor) => inline(factor)).join("; ")})`;
  return [
    `> Nobody was asked, because the configuration has \`${kind}\` in shadow: ${sentence(told)}`,
    ...(held.length === 0 ? [] : [`> ${how}: ${held.map((one) => inline(one)).join("; ")}.`]),
    ...(policy === null ? [] : [`> Risk: ${risk}${because}. Policy \`${policy}\`.`]),
  ].join("\n");
}
