/** How one kind of key or token is known. */
export interface SecretForm {
  readonly prefix: string;
  /** What must follow the prefix: a pattern of bounded length, so that a start that leads nowhere costs little. */
  readonly body: string;
  /** True where the prefix could end an ordinary word, so that no letter or digit may stand before it. */
  readonly apart?: boolean;
  /** True where the body must mix capitals, small letters and digits: prose joined by dashes does not. */
  readonly mixed?: boolean;
}

const word = "[A-Za-z0-9]";
const url = "[A-Za-z0-9_-]";
const hex = "[a-f0-9]";
const form = (prefix: string, body: string, more: Pick<SecretForm, "apart" | "mixed"> = {}): SecretForm => ({ prefix, body, ...more });
const forms = (prefixes: string, body: string, more: Pick<SecretForm, "apart" | "mixed"> = {}): readonly SecretForm[] =>
  prefixes.split(" ").map((prefix) => form(prefix, body, more));

/**
 * Keys and tokens that tell by their first characters what they are, as their issuers document them. A checksum in a token (GitHub, npm) is not asked for: the prefix and the length are
 * proof enough, and a form that the issuer changes must not slip through.
 */
export const secretForms: readonly SecretForm[] = [
  // payments
  ...forms("sk_live_ sk_test_ rk_live_ rk_test_", `${word}{16}`),
  form("whsec_", "[A-Za-z0-9+/]{24}"),
  ...forms("sq0atp- sq0csp- sq0idp-", `${url}{22}`),
  ...forms("access-production- access-sandbox-", `${hex}{8}-${hex}{4}`),
  ...forms("shpat_ shpss_ shpca_ shppa_", "[a-fA-F0-9]{32}"),
  ...forms("live_ test_", `${word}{30}`, { apart: true, mixed: true }),
  // code, packages, builds
  ...forms("ghp_ gho_ ghu_ ghs_ ghr_", `${word}{30}`),
  form("github_pat_", "[A-Za-z0-9_]{36}"),
  ...forms("glpat- glptt- gldt- glrt- glcbt- glimt- glft- glsoat- glagent- gloas-", `${url}{20}`),
  form("npm_", `${word}{36}`),
  form("pypi-", `${url}{50}`),
  form("rubygems_", `${hex}{48}`),
  form("dckr_pat_", `${url}{20}`),
  form("CLOJARS_", `${word}{50}`),
  form("ATATT3", `${url}{40}`),
  form("ATCTT3", `${url}{40}`),
  // clouds
  ...forms("AKIA ASIA ABIA ACCA", "[A-Z0-9]{16}", { apart: true }),
  form("AIza", `${url}{35}`),
  form("ya29.", `${url}{20}`),
  form("GOCSPX-", `${url}{24}`),
  form("1//0", `${url}{30}`),
  ...forms("dop_v1_ doo_v1_ dor_v1_", `${hex}{64}`),
  ...forms("hvs. hvb. hvr.", `${url}{24}`, { apart: true }),
  ...forms("dp.pt. dp.st. dp.ct. dp.sa.", `${url}{20}`, { apart: true }),
  form("AccountKey=", "[A-Za-z0-9+/]{40}"),
  form("SharedAccessKey=", "[A-Za-z0-9+/]{30}"),
  form("tskey-", `${url}{16}`),
  form("dapi", `${hex}{32}`, { apart: true }),
  form("NRAK-", `${word}{20}`),
  form("HRKU-", `${url}{30}`),
  form("fo1_", `${url}{30}`, { apart: true }),
  ...forms("glsa_ glc_", `${url}{20}`),
  ...forms("pscale_tkn_ pscale_pw_ pscale_oauth_", `${url}{20}`),
  ...forms("sbp_ sb_secret_", `${url}{20}`),
  ...forms("sntrys_ sntryu_", "[A-Za-z0-9+/=_]{40}"),
  // models
  ...forms("sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or-v1-", `${url}{20}`),
  form("sk-", `${word}{20}`, { apart: true, mixed: true }),
  form("hf_", `${word}{30}`, { apart: true }),
  ...forms("gsk_ r8_", `${word}{30}`, { apart: true }),
  ...forms("xai- pplx-", `${word}{30}`, { apart: true }),
  // messages, mail, work
  ...forms("xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxp- xapp-", "[A-Za-z0-9-]{10}"),
  form("hooks.slack.com/", "(?:services|workflows|triggers)/[A-Z0-9]{6}"),
  ...forms("discord.com/api/webhooks/ discordapp.com/api/webhooks/", "[0-9]{10}"),
  form("SG.", `${url}{16,30}\\.${url}{16}`, { apart: true }),
  form("key-", `${hex}{32}`, { apart: true }),
  form("lin_api_", `${word}{30}`),
  form("ntn_", `${word}{40}`),
  form("secret_", `${word}{40}`),
  form("figd_", `${url}{30}`),
  form("PMAK-", `${hex}{20}`),
  form("ops_eyJ", `${url}{30}`),
  // keys as text
  form("AGE-SECRET-KEY-1", "[A-Z0-9]{40}"),
  form("BEGIN", "[A-Z0-9 ]{0,24}PRIVATE ?KEY"),
  form("PuTTY-User-Key-File-", "[0-9]"),
];

/**
 * A word that announces a secret, then the secret: at least eight characters. It counts when it has a letter and a digit. Bounded but for its last part, which ends the
 * match.
 */
export const announcedSecret =
  /(?:passw(?:or)?d|passphrase|\bpwd|secret|api[ _-]?key|access[ _-]?key|private[ _-]?key|auth[ _-]?token|access[ _-]?token|refresh[ _-]?token|session[ _-]?token|credentials?)["']?\s{0,3}(?:[:=]>?| is )\s{0,3}["']?([^\s"',;]{8,})/gi;

/** What stands in an `Authorization` header. */
export const authorizationValue = /\b(?:Bearer|Basic|Token)[ :]{1,3}([A-Za-z0-9._~+/=-]{16,})/gi;

/** A user name and a password in a URL, right behind its `//`. */
export const urlPassword = /[^\s/:@]{0,64}:[^\s/@]{3,128}@/y;
