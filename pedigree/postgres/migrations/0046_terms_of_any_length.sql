-- Each value of a tag, an owner, an alias and an author is a term, cut to what an index takes. So
-- the terms of a field are all its versions, and ranges, patterns and inequalities can use them.

CREATE OR REPLACE VIEW pedigree.search_term_source AS
SELECT term.field, term.value, s.created_at, s.model_id, s.version
FROM pedigree.search_version s
CROSS JOIN LATERAL (
    SELECT 'tags.' || tag.key AS field, left(tag.value, 256) AS value
    FROM jsonb_each_text(s.tags) AS tag
    UNION ALL
    (SELECT DISTINCT 'owner', left(owner, 256) FROM unnest(s.owners) AS owner)
    UNION ALL
    SELECT 'alias', left(alias, 256) FROM unnest(s.aliases) AS alias
    UNION ALL
    SELECT 'created_by', left(s.created_by, 256)
) AS term
WHERE length(term.field) <= 256;

INSERT INTO pedigree.search_term
SELECT * FROM pedigree.search_term_source WHERE length(value) = 256
ON CONFLICT DO NOTHING;
