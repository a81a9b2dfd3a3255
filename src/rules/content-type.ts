import { type Denial, deny } from "./denial.ts";

/** A body's media type, as we write it ourselves. */
export const mediaTypes = { json: "application/json", form: "application/x-www-form-urlencoded" } as const;

/** RFC 9110 allows more spellings; each looser one has been a bypass somewhere (tab, leading space, trailing text). */
const strict: Readonly<Record<keyof typeof mediaTypes, RegExp>> = {
  json: /^application\/json(?:; ?charset=utf-8)?$/i,
  form: /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i,
};

/**
 * Reads all `Content-Type` header values of a request whose body is of one kind only. Exactly one must stand there and be that kind's media type, in any
 * case, with at most `; charset=utf-8` after it. Everything else is ERR_BODY_TYPE.
 */
export function checkContentType(values: readonly string[], body: keyof typeof mediaTypes): Denial | null {
  const [value] = values;
  if (value === undefined) return deny("ERR_BODY_TYPE", `there is a body and no Content-Type; it must be ${mediaTypes[body]}`);
  if (values.length > 1) return deny("ERR_BODY_TYPE", "there is more than one Content-Type");
  return strict[body].test(value) ? null : deny("ERR_BODY_TYPE", `the Content-Type must be ${mediaTypes[body]}`);
}
