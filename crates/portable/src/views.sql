-- Views over the tables of an unpacked portable file, for DuckDB: duckdb -init views.sql
-- They show what Ray lists, and no column that begins with "_".
CREATE OR REPLACE VIEW tasks AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/tasks/**/*.parquet', hive_partitioning = true)
WHERE defined AND type IS DISTINCT FROM 'DRIVER_TASK';

CREATE OR REPLACE VIEW transitions AS
UNPIVOT (
    SELECT namespace, cluster, session, task_id, attempt, func_or_class_name, COLUMNS('_at$')
    FROM tasks
) ON COLUMNS('_at$') INTO NAME state VALUE reached_at;

CREATE OR REPLACE VIEW profile_events AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/profile_events/**/*.parquet', hive_partitioning = true);

CREATE OR REPLACE VIEW actors AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/actors/**/*.parquet', hive_partitioning = true)
WHERE defined;

CREATE OR REPLACE VIEW jobs AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/jobs/**/*.parquet', hive_partitioning = true);

CREATE OR REPLACE VIEW nodes AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/nodes/**/*.parquet', hive_partitioning = true);

CREATE OR REPLACE VIEW workers AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/workers/**/*.parquet', hive_partitioning = true);

CREATE OR REPLACE VIEW failures AS
SELECT COLUMNS('^[^_]') FROM read_parquet('ray-history/v1/tables/failures/**/*.parquet', hive_partitioning = true);
