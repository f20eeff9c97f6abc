-- Tokens of workloads that were exchanged: each of them once. What is expired is removed.

CREATE TABLE pedigree.exchanged_token (
    issuer text NOT NULL,
    -- The sha256 of the token's jti, which may have any length.
    jti_hash bytea NOT NULL CHECK (length(jti_hash) = 32),
    expires_at timestamptz NOT NULL,
    token_id bigint NOT NULL REFERENCES pedigree.access_token (token_id),
    PRIMARY KEY (issuer, jti_hash)
);

CREATE INDEX exchanged_token_expiry ON pedigree.exchanged_token (expires_at);
