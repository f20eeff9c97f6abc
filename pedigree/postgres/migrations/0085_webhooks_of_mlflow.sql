-- Webhooks in the form of MLflow, next to those of our own.

ALTER TABLE pedigree.webhook
    ADD COLUMN name text,
    ADD COLUMN form text NOT NULL DEFAULT 'pedigree' CONSTRAINT webhook_form CHECK (form IN ('pedigree', 'mlflow')),
    -- The events of MLflow that it receives, such as model_version.created; none in our own form.
    ADD COLUMN events text[] NOT NULL DEFAULT '{}',
    ADD COLUMN last_updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- In MLflow's form a message need not be signed.
    ALTER COLUMN secret DROP NOT NULL;

UPDATE pedigree.webhook SET last_updated_at = created_at;

ALTER TABLE pedigree.webhook
    ADD CONSTRAINT webhook_of_mlflow CHECK (
        CASE form
            WHEN 'mlflow' THEN name IS NOT NULL AND events <> '{}' AND types = '{}' AND old_secret IS NULL
            ELSE events = '{}' AND secret IS NOT NULL
        END
    );

-- An event can be several messages of MLflow, one for each tag: how many of them arrived, or are not wanted.
ALTER TABLE pedigree.webhook_delivery
    ADD COLUMN part integer NOT NULL DEFAULT 0 CONSTRAINT webhook_delivery_part CHECK (part >= 0);
