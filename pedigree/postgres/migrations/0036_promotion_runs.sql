-- What runs of asset checks found on a model's asset, and promotions that the sensor gave up.

-- A run of an asset check of one's own is looked at once. Where it is not known which version it
-- looked at, there is no verdict, and the problem says why.
CREATE TABLE pedigree.check_run (
    model_id bigint NOT NULL REFERENCES pedigree.registered_model (model_id),
    instance_id text COLLATE "C" NOT NULL,
    event_id bigint NOT NULL,
    check_name text COLLATE "C" NOT NULL,
    version integer,
    problem text,
    run_id text,
    looked_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, instance_id, event_id),
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version),
    CHECK ((version IS NULL) = (problem IS NOT NULL))
);

CREATE INDEX check_run_newest ON pedigree.check_run (model_id, check_name, event_id DESC);

-- It holds for the state of the version that the sensor tried with, and until somebody asks the
-- sensor to try again.
CREATE TABLE pedigree.given_up_promotion (
    given_up_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    version integer NOT NULL,
    stage text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    policy_revision integer NOT NULL,
    evidence_at timestamptz,
    attempts integer NOT NULL CHECK (attempts > 0),
    run_id text NOT NULL,
    problem text NOT NULL,
    at timestamptz NOT NULL,
    retried_at timestamptz,
    retried_by text,
    FOREIGN KEY (model_id, version) REFERENCES pedigree.model_version (model_id, version),
    CHECK ((retried_at IS NULL) = (retried_by IS NULL))
);

CREATE UNIQUE INDEX given_up_promotion_open
    ON pedigree.given_up_promotion (model_id, version, stage) WHERE retried_at IS NULL;
CREATE INDEX given_up_promotion_version ON pedigree.given_up_promotion (model_id, version);

-- Only sensors and services act under these. Tokens of before are left, refused when used, and can be
-- revoked.
ALTER TABLE pedigree.access_token ADD CONSTRAINT access_token_principal_not_reserved
    CHECK (revoked_at IS NOT NULL OR lower(principal) !~ '^(sensor|service):') NOT VALID;
