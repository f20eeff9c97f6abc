-- Trainings in Dagster that no asset graph has been seen to show yet, and when each instance's mirror
-- looked last. What was registered before this is not known to be missing, so it is not awaited.

CREATE TABLE pedigree.awaited (
    training_id uuid PRIMARY KEY REFERENCES pedigree.training (training_id),
    instance_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL
);

CREATE INDEX awaited_since ON pedigree.awaited (since);

CREATE TABLE pedigree.dagster_instance (
    instance_id text COLLATE "C" PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
