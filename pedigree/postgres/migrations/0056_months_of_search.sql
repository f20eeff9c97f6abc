-- The months of search as a function, which tells the planner how many months there are. Of a
-- generated series it expects a thousand rows, so it took the hits of words for more than fit into
-- memory, and compared each version with all of them.
CREATE FUNCTION pedigree.months_of_search() RETURNS SETOF integer
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50 AS $$
BEGIN
    RETURN QUERY SELECT generate_series(
        pedigree.month_of(max(created_at)), pedigree.month_of(min(created_at)), -1
    ) FROM pedigree.search_version;
END
$$;

CREATE OR REPLACE VIEW pedigree.search_month AS
SELECT of.month FROM pedigree.months_of_search() AS of (month);
