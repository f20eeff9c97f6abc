-- The registry's identity, by which its object store recognizes it. A restored backup keeps it.

CREATE TABLE pedigree.registry_identity (
    -- A database has one registry, hence one row.
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    registry_id uuid NOT NULL DEFAULT gen_random_uuid()
);

INSERT INTO pedigree.registry_identity DEFAULT VALUES;
