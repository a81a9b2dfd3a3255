/** A header's value before a tenant is known. */
export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tenant" }
  | { readonly kind: "value"; readonly name: string }
  /** A secret file; its path may contain the tenant's name, and nothing else that varies. */
  | { readonly kind: "file"; readonly path: readonly TemplatePart[] };

export type Template = readonly TemplatePart[];

const tokens = /\$\{file:((?:[^{}]|\{tenant\})+)\}|\{([^{}]*)\}|([^{}$]+|\$)|[{}]/g;

/**
 * Reads `{tenant}`, `{tenant.<name>}` and, where `files` allows, `${file:<path>}`. Anything else in braces is an error, told as the end of a
 * sentence that begins with the field: a misspelt placeholder must not travel upstream as text.
 */
export function parseTemplate(text: string, allow: { readonly files: boolean }): Template | { readonly wrong: string } {
  const parts: TemplatePart[] = [];
  for (const [, file, placeholder, plain] of text.matchAll(tokens)) {
    if (plain !== undefined) parts.push({ kind: "text", text: plain });
    else if (file !== undefined && allow.files) parts.push({ kind: "file", path: filePath(file) });
    else if (file !== undefined) return { wrong: "must not read a file: only credentials may hold secrets" };
    else if (placeholder === "tenant") parts.push({ kind: "tenant" });
    else if (placeholder !== undefined && /^tenant\.[a-z][a-z0-9_]*$/.test(placeholder))
      parts.push({ kind: "value", name: placeholder.slice("tenant.".length) });
    // The text itself is not told: around the slip there may be a secret.
    else
      return { wrong: `has an unknown placeholder: only {tenant}, {tenant.<name>}${allow.files ? " and ${file:<path>}" : ""} are known` };
  }
  return parts;
}

function filePath(text: string): readonly TemplatePart[] {
  return text
    .split(/(\{tenant\})/)
    .filter((piece) => piece !== "")
    .map((piece) => (piece === "{tenant}" ? { kind: "tenant" } : { kind: "text", text: piece }));
}

/** Every `{tenant.<name>}` of a template. */
export function valueNames(template: Template): readonly string[] {
  return template.flatMap((part) => (part.kind === "value" ? [part.name] : []));
}

/** Whether a template says something else for each tenant. */
export function variesByTenant(template: Template): boolean {
  return template.some((part) => part.kind === "tenant" || part.kind === "value" || (part.kind === "file" && variesByTenant(part.path)));
}

/** What the template says for one tenant; null when the tenant lacks a value or a file that it names. */
export function fillTemplate(
  template: Template,
  tenant: { readonly name: string; readonly values: Readonly<Record<string, string>> },
  readSecret: (path: string) => string | null,
): string | null {
  let text = "";
  for (const part of template) {
    const piece = fillPart(part, tenant, readSecret);
    if (piece === null) return null;
    text += piece;
  }
  return text;
}

function fillPart(
  part: TemplatePart,
  tenant: Parameters<typeof fillTemplate>[1],
  readSecret: (path: string) => string | null,
): string | null {
  switch (part.kind) {
    case "text":
      return part.text;
    case "tenant":
      return tenant.name;
    case "value":
      return Object.hasOwn(tenant.values, part.name) ? (tenant.values[part.name] ?? null) : null;
    case "file": {
      const path = fillTemplate(part.path, tenant, () => null);
      return path === null ? null : readSecret(path);
    }
  }
}
