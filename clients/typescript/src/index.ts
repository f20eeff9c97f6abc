/**
 * A client of Pedigree's service: each route of its OpenAPI document, with the types that it has there.
 *
 *     import { connect } from "pedigree-client";
 *     const registry = connect("https://registry.example.com", process.env.PEDIGREE_TOKEN);
 *     const { data } = await registry.GET("/api/v1/models/{name}", { params: { path: { name: "churn" } } });
 *
 * What is refused is thrown as a PedigreeError, which has the problem that the service told of.
 */
import { randomUUID } from "node:crypto";
import createClient, { type Client, type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export { register, type Files } from "./register.js";
export type { components, paths };

const TYPE = "urn:pedigree:error:";
const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** What the service refused, or could not do. */
export class PedigreeError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = problem.type.startsWith(TYPE) ? problem.type.slice(TYPE.length) : "PedigreeError";
  }
}

/** Return a client of the service at a URL. */
export function connect(url: string, token?: string): Client<paths> {
  const client = createClient<paths>({ baseUrl: url });
  client.use(authorized(token), repeatable, thrown);
  return client;
}

function authorized(token?: string): Middleware {
  return {
    onRequest({ request }) {
      if (token) request.headers.set("Authorization", `Bearer ${token}`);
    },
  };
}

/** A write with a key is done once, however often the same request is sent. */
const repeatable: Middleware = {
  onRequest({ request }) {
    if (WRITES.has(request.method) && !request.headers.has("Idempotency-Key")) {
      request.headers.set("Idempotency-Key", randomUUID());
    }
  },
};

const thrown: Middleware = {
  async onResponse({ response }) {
    if (response.status < 400) return;
    throw new PedigreeError(await problemOf(response));
  },
};

async function problemOf(response: Response): Promise<Problem> {
  if (response.headers.get("Content-Type") === "application/problem+json") {
    return (await response.json()) as Problem;
  }
  const detail = response.statusText || `status ${response.status}`;
  return { type: "about:blank", title: detail, status: response.status, detail };
}
