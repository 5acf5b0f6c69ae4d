-- Views of what ray-history persisted, for DuckDB: duckdb -init views.sql
CREATE OR REPLACE VIEW tasks AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/tables/tasks/*/*/*.parquet', hive_partitioning = true, hive_types = {'namespace': VARCHAR, 'day': DATE}, union_by_name = true)
  WHERE defined;
CREATE OR REPLACE VIEW transitions AS SELECT namespace, day, cluster, session, task_id, attempt,
    upper(left(name, length(name) - 3)) AS state, reached_at
  FROM (SELECT * EXCLUDE (name, state) FROM tasks)
  UNPIVOT (reached_at FOR name IN (pending_args_avail_at, pending_node_assignment_at, pending_obj_store_mem_avail_at, pending_args_fetch_at, submitted_to_worker_at, pending_actor_task_args_fetch_at, pending_actor_task_ordering_or_concurrency_at, running_at, running_in_ray_get_at, running_in_ray_wait_at, finished_at, failed_at, getting_and_pinning_args_at));
CREATE OR REPLACE VIEW profile_events AS SELECT * EXCLUDE (_start_nanos) REPLACE (replace(extra_data, chr(1), task_id) AS extra_data)
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/tables/profile_events/*/*/*.parquet', hive_partitioning = true, hive_types = {'namespace': VARCHAR, 'day': DATE}, union_by_name = true);
CREATE OR REPLACE VIEW actors AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/tables/actors/*/*/*.parquet', hive_partitioning = true, hive_types = {'namespace': VARCHAR, 'day': DATE}, union_by_name = true)
  WHERE defined;
CREATE OR REPLACE VIEW jobs AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/fleet/jobs/*/all.parquet', hive_partitioning = true, hive_types = {'day': DATE}, union_by_name = true);
CREATE OR REPLACE VIEW nodes AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/fleet/nodes/*/all.parquet', hive_partitioning = true, hive_types = {'day': DATE}, union_by_name = true)
  WHERE defined;
CREATE OR REPLACE VIEW functions AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/fleet/functions/*/all.parquet', hive_partitioning = true, hive_types = {'day': DATE}, union_by_name = true);
CREATE OR REPLACE VIEW failures AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/fleet/failures/*/all.parquet', hive_partitioning = true, hive_types = {'day': DATE}, union_by_name = true);
CREATE OR REPLACE VIEW runs AS SELECT COLUMNS('^[^_]')
  FROM read_parquet('s3://BUCKET/log/ray-history/v1/fleet/runs/*/all.parquet', hive_partitioning = true, hive_types = {'day': DATE}, union_by_name = true);
