import { type Denial, isDenial } from "../rules/denial.ts";
import { type RequestHeaders, readHost } from "../rules/headers.ts";
import { readPath } from "../rules/paths.ts";
import type { Address } from "../rules/routing.ts";
import type { Target } from "./call.ts";

/** What a mount's request is addressed to; ERR_PATH_NOT_CANONICAL when its path says so in no canonical form. */
export function readAddress(target: Extract<Target, { by: "path" }>, headers: RequestHeaders): Address | Denial {
  const segments = readPath(target.rawPath);
  return isDenial(segments) ? segments : { port: target.port, host: readHost(headers), segments };
}
