import { Octokit } from "@octokit/rest";
import { headSha, type Operation } from "./github-upstream.ts";

/** One tool of the GitHub pack, called as an agent's program calls it. Octokit's types hold the arguments to GitHub's description. */
export interface Row {
  readonly tool: string;
  /** The name of Octokit's method, such as `issues.create`. */
  readonly method: string;
  readonly call: (octokit: Octokit) => Promise<{ readonly status: number }>;
}

const where = { owner: "acme", repo: "shop" };
const page = { per_page: 30, page: 1 };

/** Every tool of the pack, each with every argument that it takes. */
export const rows: readonly Row[] = [
  { tool: "get_issue", method: "issues.get", call: ({ rest }) => rest.issues.get({ ...where, issue_number: 1 }) },
  {
    tool: "list_issues",
    method: "issues.listForRepo",
    call: ({ rest }) =>
      rest.issues.listForRepo({
        ...where,
        ...page,
        state: "all",
        creator: "renovate[bot]",
        sort: "updated",
        direction: "desc",
        since: "2026-01-01T00:00:00Z",
      }),
  },
  {
    tool: "create_issue",
    method: "issues.create",
    call: ({ rest }) =>
      rest.issues.create({ ...where, title: "Broken build", body: "Since 3f2c.", labels: ["bug"], assignees: ["ada", "octo_acme"] }),
  },
  {
    tool: "update_issue",
    method: "issues.update",
    call: ({ rest }) =>
      rest.issues.update({
        ...where,
        issue_number: 1,
        title: "Mended",
        body: "It was the cache.",
        state: "closed",
        state_reason: "completed",
        labels: [],
        assignees: ["ada"],
      }),
  },
  {
    tool: "list_comments",
    method: "issues.listComments",
    call: ({ rest }) => rest.issues.listComments({ ...where, ...page, issue_number: 1 }),
  },
  {
    tool: "add_comment",
    method: "issues.createComment",
    call: ({ rest }) => rest.issues.createComment({ ...where, issue_number: 1, body: "Looking." }),
  },
  { tool: "get_pull", method: "pulls.get", call: ({ rest }) => rest.pulls.get({ ...where, pull_number: 2 }) },
  {
    tool: "list_pulls",
    method: "pulls.list",
    call: ({ rest }) =>
      rest.pulls.list({ ...where, ...page, state: "open", head: "acme:fix", base: "main", sort: "long-running", direction: "asc" }),
  },
  {
    tool: "create_pull",
    method: "pulls.create",
    call: ({ rest }) =>
      rest.pulls.create({
        ...where,
        title: "Fix",
        head: "acme:fix",
        base: "main",
        body: "Closes #1.",
        draft: true,
        maintainer_can_modify: true,
      }),
  },
  {
    tool: "review_pull",
    method: "pulls.createReview",
    call: ({ rest }) =>
      rest.pulls.createReview({
        ...where,
        pull_number: 2,
        commit_id: headSha,
        event: "REQUEST_CHANGES",
        body: "One thing.",
        comments: [{ path: "src/a.ts", body: "Why?", line: 3, side: "RIGHT" }],
      }),
  },
  {
    tool: "merge_pull",
    method: "pulls.merge",
    call: ({ rest }) =>
      rest.pulls.merge({
        ...where,
        pull_number: 2,
        sha: headSha,
        merge_method: "squash",
        commit_title: "Fix",
        commit_message: "Closes #1.",
      }),
  },
  {
    tool: "list_deployments",
    method: "repos.listDeployments",
    call: ({ rest }) =>
      rest.repos.listDeployments({ ...where, ...page, sha: headSha, ref: "v1.2.0", task: "deploy", environment: "production" }),
  },
  {
    tool: "create_deployment",
    method: "repos.createDeployment",
    call: ({ rest }) =>
      rest.repos.createDeployment({
        ...where,
        ref: "v1.2.0",
        environment: "production",
        auto_merge: false,
        task: "deploy",
        description: "Release",
        production_environment: true,
        transient_environment: false,
      }),
  },
  {
    tool: "list_deployment_statuses",
    method: "repos.listDeploymentStatuses",
    call: ({ rest }) => rest.repos.listDeploymentStatuses({ ...where, ...page, deployment_id: 4 }),
  },
  {
    tool: "add_deployment_status",
    method: "repos.createDeploymentStatus",
    call: ({ rest }) =>
      rest.repos.createDeploymentStatus({
        ...where,
        deployment_id: 4,
        state: "in_progress",
        description: "Half way",
        log_url: "https://ci.example.com/4",
        environment_url: "https://shop.example.com",
        auto_inactive: false,
      }),
  },
];

/** The operation behind a method's name, as Octokit itself would ask for it. */
export function operationOf({ method }: Row): Operation {
  const [area = "", verb = ""] = method.split(".");
  const areas = new Octokit().rest as unknown as Record<
    string,
    Record<string, { readonly endpoint: { readonly DEFAULTS: { readonly method: string; readonly url: string } } }>
  >;
  const defaults = areas[area]?.[verb]?.endpoint.DEFAULTS;
  if (defaults === undefined) throw new Error(`Octokit has no ${method}`);
  return { id: `${area}/${verb.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, method: defaults.method, url: defaults.url };
}
