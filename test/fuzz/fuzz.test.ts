import { test } from "node:test";
import { bodyTargets } from "./body-targets.ts";
import { assertLinear, fuzz } from "./engine.ts";
import { headTargets } from "./head-targets.ts";
import { streamTargets } from "./stream-targets.ts";
import { tokenTargets } from "./token-targets.ts";

// Strangers' bytes in every reader: it never throws, takes nothing that an independent reader understands differently, and costs in proportion to the
// length. `npm run test:soak -- fuzz` gives each target minutes (FUZZ_SECONDS), led by what the inputs reach in the sources.

for (const target of [...bodyTargets, ...headTargets, ...streamTargets, ...tokenTargets]) {
  test(`${target.name}: whatever comes, nothing throws and two readers agree`, (context) => fuzz(context, target));
  test(`${target.name}: a longer input costs no more than in proportion`, (context) => assertLinear(context, target));
}
