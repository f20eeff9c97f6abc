-- What the service answered to writes that had an Idempotency-Key, for those that ask again. A row
-- is written in the transaction of the write itself.

CREATE TABLE pedigree.kept_answer (
    principal text NOT NULL,
    key text NOT NULL,
    -- Of the request that had the key; another request with it is refused.
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (principal, key)
);

CREATE INDEX kept_answer_age ON pedigree.kept_answer (answered_at);
