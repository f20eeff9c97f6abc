-- Service tokens. The secret itself is nowhere: it has 256 random bits, and this is its sha256.

CREATE TABLE pedigree.access_token (
    token_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Who acts by it.
    principal text NOT NULL,
    secret_hash bytea NOT NULL CONSTRAINT access_token_secret_unique UNIQUE
        CHECK (length(secret_hash) = 32),
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    -- Names of models or patterns of them; none: all.
    models text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by text,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
