-- Which files an upload itself has brought: by these its sender has shown that it has their bytes.

ALTER TABLE pedigree.upload_file ADD COLUMN received boolean NOT NULL DEFAULT false;
