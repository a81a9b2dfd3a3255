/** A file as the tidy rules see it. */
export interface TidyFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

export interface TidyRule {
  readonly name: string;
  /** The files that the rule is about. */
  readonly about: RegExp;
  /** Every breach, as what to show after the file's name. */
  readonly find: (file: TidyFile) => readonly string[];
  /** A made-up file that breaks the rule once, so that the rule itself is tested. */
  readonly broken: TidyFile;
}

const code = /\.(?:ts|mjs)$/;
const everything = /./;
const linesMax = 400;
const banned = "util|helper|manager";

/** What the linter cannot say. This file names what it forbids, so it alone is not looked at. */
export const tidyRules: readonly TidyRule[] = [
  {
    name: `a source file has at most ${linesMax} lines`,
    about: /\.(?:ts|mjs|rego|ya?ml)$/,
    find: ({ text }) => (text.split("\n").length - 1 > linesMax ? [`${text.split("\n").length - 1} lines`] : []),
    broken: { path: "src/long.ts", text: "1;\n".repeat(linesMax + 1) },
  },
  {
    name: "no file, folder or declaration is named after nothing in particular",
    about: code,
    find: ({ path, text }) => [
      ...path.split(/[/.]/).filter((part) => new RegExp(`^(?:${banned})s?$|-(?:${banned})s?$`).test(part)),
      ...linesOf(text, new RegExp(`\\b(?:function|const|class|interface|type) \\w*(?:${banned})s?\\b`, "i")),
    ],
    broken: { path: "src/a.ts", text: "export const timeUtils = 1;\n" },
  },
  {
    name: "work that is put off names its issue",
    about: /\.(?:ts|mjs|md|rego|ya?ml|sh)$/,
    find: ({ text }) => linesOf(text, /\b(?:TODO|FIXME)\b(?!\(#\d+\))/),
    broken: { path: "src/a.ts", text: "// TODO later\n" },
  },
  {
    name: "no code is commented out",
    about: code,
    find: ({ text }) => linesOf(text, /^\s*\/\/\s*(?:(?:const|let|import|export|return|await|throw|function)\b.*[;{(]|if \(.*[{;]|\}.*)$/),
    broken: { path: "src/a.ts", text: "  // return old(value);\n" },
  },
  {
    name: "no comment is a banner",
    about: /\.(?:ts|mjs|rego|ya?ml|sh)$/,
    find: ({ text }) => linesOf(text, /^\s*(?:\/\/|#|\/\*)\s*[-=*#─]{4,}/),
    broken: { path: "src/a.ts", text: "// ---------- part two\n" },
  },
  {
    name: "no file only passes on what others export",
    about: /^src\/.*\.ts$/,
    find: ({ text }) => {
      const statements = text
        .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
        .split(";")
        .map((statement) => statement.trim())
        .filter(Boolean);
      return statements.length > 0 && statements.every((statement) => /^export (?:type )?(?:\*|\{)[\s\S]*\bfrom\b/.test(statement))
        ? ["a barrel"]
        : [];
    },
    broken: { path: "src/a.ts", text: 'export { b } from "./b.ts";\nexport * from "./c.ts";\n' },
  },
  {
    name: "every exported function says what it does",
    about: /^src\/.*\.ts$/,
    find: ({ text }) => {
      const lines = text.split("\n");
      return lines.filter((line, index) => /^export (?:async )?function\b/.test(line) && !/\*\/\s*$|^\/\//.test(lines[index - 1] ?? ""));
    },
    broken: { path: "src/a.ts", text: "\nexport function silent() {}\n" },
  },
  {
    name: "no test runs alone",
    about: /^test\/.*\.ts$/,
    find: ({ text }) => linesOf(text, /\b(?:test|describe|it|suite)\.only\(|\bonly: true\b/),
    broken: { path: "test/a.test.ts", text: 'test.only("x", () => {});\n' },
  },
  {
    name: "no file names a package registry",
    about: everything,
    find: ({ text }) => linesOf(text, /https?:\/\/[^\s"'`]*(?:registry|artifact)|\bregistry *=|"resolved":/i),
    broken: { path: ".npmrc", text: "registry=https://packages.example.com/\n" },
  },
  {
    name: "no file names a place on one machine",
    about: everything,
    find: ({ text }) => linesOf(text, /(?:^|[\s"'`(=])\/(?:builds|home|mnt|root|Users|work|workspace)(?:\/|\b)/),
    broken: { path: "docs/a.md", text: "see /home/ann/sallyport\n" },
  },
  {
    name: "a page names no temporary folder",
    about: /\.md$/,
    find: ({ text }) => linesOf(text, /(?:^|[\s"'`(=])\/tmp\//),
    broken: { path: "docs/a.md", text: "look into /tmp/x\n" },
  },
  {
    name: "a text file ends with one line break and has no space at the end of a line",
    about: /\.(?:ts|mjs|json|ya?ml|md|rego|sh)$/,
    find: ({ text }) => [...(text.endsWith("\n") && !text.endsWith("\n\n") ? [] : ["the end of the file"]), ...linesOf(text, /[ \t]+$/)],
    broken: { path: "docs/a.md", text: "a line\n\n" },
  },
];

function linesOf(text: string, breach: RegExp): readonly string[] {
  return text.split("\n").flatMap((line, index) => (breach.test(line) ? [`${index + 1}: ${line.trim().slice(0, 120)}`] : []));
}
