// Run by tests/client/test_typescript.py: registers, lists, names and asks wrongly; prints what came of it.
import { connect, PedigreeError, register } from "./index.js";

const [url, token, name] = process.argv.slice(2) as [string, string, string];
const registry = connect(url, token);
const params = { path: { name } };

const files = new Map([
  ["model.bin", new TextEncoder().encode("weights")],
  ["empty", new Uint8Array()],
]);
const done = await register(registry, name, files, {
  metadata: {
    flavor: "generic",
    run_id: "node-1",
    git_commit: "0123456789abcdef",
    git_dirty: false,
    metrics: { auc: 0.91 },
    signature: {
      inputs: [{ kind: "column", name: "age", type: "double" }],
      outputs: [{ kind: "column", name: "score", type: "double" }],
    },
  },
});
await registry.PUT("/api/v1/models/{name}/aliases/{alias}", {
  params: { path: { name, alias: "champion" } },
  body: { version: done.version.version_id },
});
const listed = await registry.GET("/api/v1/models/{name}/versions", { params });
const named = await registry.GET("/api/v1/models/{name}/aliases/{alias}", {
  params: { path: { name, alias: "champion" } },
});
const refused = await registry
  .POST("/api/v1/models/{name}/versions/{version}/stage", {
    params: { path: { name, version: done.version.version_id } },
    body: { stage: "nirvana" },
  })
  .then(
    () => null,
    (error: unknown) => (error instanceof PedigreeError ? error : Promise.reject(error)),
  );

console.log(
  JSON.stringify({
    created: done.created,
    // @ts-expect-error -- what the document does not have is an error when it is compiled
    nothing: done.version.nonsense,
    metrics: listed.data!.items.map((version) => version.metrics),
    champion: named.data!.digest === done.version.digest,
    error: refused && { kind: refused.name, status: refused.problem.status, field: refused.problem.field },
  }),
);
