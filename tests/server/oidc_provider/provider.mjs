// A certified provider with one API, clients of each kind, and people who log in by their name.
// It is a copy in the folder of its packages that runs; it prints its issuer when it listens.

import * as oidc from "oidc-provider";
import { createServer } from "node:http";

const server = createServer();
await new Promise((ready) => server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const audience = "https://registry.example.com";

const api = {
  scope: "models",
  audience,
  accessTokenTTL: Number(process.env.ACCESS_TOKEN_SECONDS ?? 600),
  accessTokenFormat: "jwt",
  jwt: { sign: { alg: "RS256" } },
};

const provider = new oidc.Provider(issuer, {
  jwks: JSON.parse(process.env.KEYS),
  clients: [
    {
      client_id: "pedigree-cli",
      token_endpoint_auth_method: "none",
      application_type: "native",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
      ],
    },
    {
      client_id: "pedigree-page",
      client_secret: "a secret of the page",
      application_type: "native",
      redirect_uris: ["http://127.0.0.1/sign-in/callback"],
      grant_types: ["authorization_code"],
    },
    {
      client_id: "batch",
      client_secret: "a secret of the tests",
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
    },
  ],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => api,
    },
  },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  scopes: ["openid", "offline_access", "models"],
  extraTokenClaims: (_, token) => ({
    groups: token.accountId === "ann" ? ["deployers"] : [],
  }),
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  cookies: { keys: ["keys of the tests"] },
});

// Whoever opens the page is logged in by the name that the test chose, and consents.
const answer = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/interaction/")) {
    answer(request, response);
    return;
  }
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const result = {};
  if (prompt.name === "login") {
    result.login = { accountId: process.env.PERSON ?? "ann" };
  } else {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    grant.addResourceScope(audience, "models");
    result.consent = { grantId: await grant.save() };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
});

console.log(issuer);
