-- A search in one model reads its versions in the order of time, and ends with the page, however
-- many versions the model has. By their numbers, the primary key has them.
DROP INDEX pedigree.search_version_name;
CREATE INDEX search_version_name ON pedigree.search_version (name, created_at, model_id, version);
