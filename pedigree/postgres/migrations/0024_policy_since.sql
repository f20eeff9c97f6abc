-- Since when a model's policy asks what it asks: what was judged before may lack what is asked now.

ALTER TABLE pedigree.registered_model ADD COLUMN policy_since timestamptz;

UPDATE pedigree.registered_model m SET policy_since = told.at
FROM (
    SELECT e.model, max((said.event ->> 'at')::timestamptz) AS at
    FROM pedigree.event e
    CROSS JOIN LATERAL (SELECT convert_from(e.canonical, 'UTF8')::jsonb AS event) AS said
    WHERE e.type = 'model.updated' AND said.event #> '{body,policy}' IS NOT NULL
    GROUP BY e.model
) AS told
WHERE told.model = m.name;

CREATE OR REPLACE FUNCTION pedigree.count_policy_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.policy_revision := OLD.policy_revision + 1;
    NEW.policy_since := clock_timestamp();
    RETURN NEW;
END
$$;
