// Makes sure that an opa of our version is there: `npm run opa:install`. Does nothing when one is found; else builds it with `go install`.
import { findOpa } from "../src/adapters/opa-binary/find-opa.ts";
import { installOpa } from "../src/adapters/opa-binary/install-opa.ts";

const found = findOpa(process.env);
const opa = "missing" in found ? installOpa(process.env, console.log) : found;
if ("missing" in opa) console.error(opa.missing);
else console.log(`opa ${opa.version}: ${opa.path}`);
process.exitCode = "missing" in opa ? 1 : 0;
