import { type Denial, deny } from "./denial.ts";

/** RFC 9110 allows more spellings; each looser one has been a bypass somewhere (tab, leading space, trailing text). */
const strictJson = /^application\/json(?:; ?charset=utf-8)?$/i;

/**
 * Reads all `Content-Type` header values of a request. Exactly one must stand there and be `application/json`, in any case, with at most
 * `; charset=utf-8` after it. Everything else is ERR_BODY_TYPE.
 */
export function readContentType(values: readonly string[]): "json" | Denial {
  const [value] = values;
  if (value === undefined) return deny("ERR_BODY_TYPE", "there is a body and no Content-Type");
  if (values.length > 1) return deny("ERR_BODY_TYPE", "there is more than one Content-Type");
  return strictJson.test(value) ? "json" : deny("ERR_BODY_TYPE");
}
