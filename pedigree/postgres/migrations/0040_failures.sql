-- The members of background work that failed and are tried again: a model, a partition, a webhook,
-- a file. A row exists from the first failure to the next success.
CREATE TABLE pedigree.failure (
    work text NOT NULL,
    member text NOT NULL,
    -- The registered model that the member belongs to, if it belongs to one.
    model text,
    problem text NOT NULL,
    attempts integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
    failed_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    failed_last timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at timestamptz NOT NULL,
    PRIMARY KEY (work, member)
);
