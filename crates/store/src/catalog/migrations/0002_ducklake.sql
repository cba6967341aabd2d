-- The catalog as DuckLake 1.0 describes one (https://ducklake.select/docs/stable/specification/tables/overview): views with
-- DuckLake's names over the catalog's own tables. DuckDB reads the tables under a view with its own engine and needs every
-- column's type, hence plain SQL and a cast on every constant.

create table lake_option (
    name text primary key,
    value text not null
);
create table lake_table (
    id bigint primary key,
    name text not null unique,
    uuid text not null,
    begin_snapshot bigint not null,
    schema_version bigint not null
);
create table lake_column (
    table_id bigint not null references lake_table (id),
    id bigint not null,
    position bigint not null,
    name text not null,
    type text not null,
    begin_snapshot bigint not null,
    end_snapshot bigint,
    primary key (table_id, id)
);
-- The column statistics of live and ended segments, by which DuckDB skips files.
create table segment_column (
    segment_id bigint not null references segment (id) on delete cascade,
    column_id bigint not null,
    table_id bigint not null,
    value_count bigint not null,
    null_count bigint,
    min_value text,
    max_value text,
    primary key (segment_id, column_id)
);

insert into lake_option (name, value) values ('version', '1.0');
insert into lake_option (name, value) values ('created_by', 'Watchkeep');
insert into lake_option (name, value) values ('encrypted', 'false');
insert into lake_option (name, value) values ('data_path', '');

create view ducklake_metadata as
select name as "key", value as "value", cast(null as varchar) as "scope", cast(null as bigint) as scope_id from lake_option;

create view ducklake_snapshot as
select id as snapshot_id, {snapshot_time} as snapshot_time, schema_version,
       cast(4611686018427387904 as bigint) as next_catalog_id, cast(4611686018427387904 as bigint) as next_file_id
from snapshot;

create view ducklake_snapshot_changes as
select id as snapshot_id, cast('' as varchar) as changes_made, node as author, cast(null as varchar) as commit_message,
       cast(null as varchar) as commit_extra_info
from snapshot;

create view ducklake_schema as
select cast(0 as bigint) as schema_id, cast('00000000-0000-0000-0000-000000000000' as {uuid}) as schema_uuid, cast(0 as bigint) as begin_snapshot,
       cast(null as bigint) as end_snapshot, cast('main' as varchar) as schema_name, cast('' as varchar) as path,
       cast(1 as {boolean}) as path_is_relative
from lake_option where name = 'version';

create view ducklake_table as
select id as table_id, cast(uuid as {uuid}) as table_uuid, begin_snapshot, cast(null as bigint) as end_snapshot,
       cast(0 as bigint) as schema_id, name as table_name, cast('' as varchar) as path, cast(1 as {boolean}) as path_is_relative
from lake_table;

create view ducklake_column as
select id as column_id, begin_snapshot, end_snapshot, table_id, position as column_order, name as column_name,
       type as column_type, cast(null as varchar) as initial_default, cast('NULL' as varchar) as default_value,
       cast(1 as {boolean}) as nulls_allowed, cast(null as bigint) as parent_column, cast('literal' as varchar) as default_value_type,
       cast('duckdb' as varchar) as default_value_dialect
from lake_column;

-- Rows of a file are numbered from its id times 2^32: unique, and no counter to keep.
create view ducklake_data_file as
select segment.id as data_file_id, lake_table.id as table_id, segment.begin_snapshot, segment.end_snapshot,
       cast(null as bigint) as file_order, segment.path as path, cast(1 as {boolean}) as path_is_relative,
       cast('parquet' as varchar) as file_format, segment.row_count as record_count, segment.bytes as file_size_bytes,
       segment.footer_bytes as footer_size, segment.id * 4294967296 as row_id_start, cast(null as bigint) as partition_id,
       cast(null as varchar) as encryption_key, lake_table.id as mapping_id, cast(null as bigint) as partial_max
from segment join lake_table on lake_table.name = segment.table_name;

create view ducklake_file_column_stats as
select segment_id as data_file_id, table_id, column_id, cast(null as bigint) as column_size_bytes, value_count, null_count,
       min_value, max_value, cast(null as {boolean}) as contains_nan, cast(null as varchar) as extra_stats
from segment_column;

create view ducklake_table_stats as
select lake_table.id as table_id, cast(coalesce(sum(segment.row_count), 0) as bigint) as record_count,
       cast(4611686018427387904 as bigint) as next_row_id, cast(coalesce(sum(segment.bytes), 0) as bigint) as file_size_bytes
from lake_table left join segment on segment.table_name = lake_table.name and segment.end_snapshot is null
group by lake_table.id;

create view ducklake_schema_versions as
select begin_snapshot, schema_version, id as table_id from lake_table;

-- Files carry no field ids: columns are found by their names.
create view ducklake_column_mapping as
select id as mapping_id, id as table_id, cast('map_by_name' as varchar) as "type" from lake_table;

create view ducklake_name_mapping as
select table_id as mapping_id, id as column_id, name as source_name, id as target_field_id,
       cast(null as bigint) as parent_column, cast(0 as {boolean}) as is_partition
from lake_column where end_snapshot is null;

-- What Watchkeep has nothing of, or does not tell: empty.
create view ducklake_table_column_stats as
select cast(null as bigint) as table_id, cast(null as bigint) as column_id, cast(null as {boolean}) as contains_null,
       cast(null as {boolean}) as contains_nan, cast(null as varchar) as min_value,
       cast(null as varchar) as max_value, cast(null as varchar) as extra_stats
from lake_option where 1 = 0;
create view ducklake_view as
select cast(null as bigint) as view_id, cast(null as varchar) as view_uuid, cast(null as bigint) as begin_snapshot,
       cast(null as bigint) as end_snapshot, cast(null as bigint) as schema_id, cast(null as varchar) as view_name,
       cast(null as varchar) as dialect, cast(null as varchar) as "sql", cast(null as varchar) as column_aliases
from lake_option where 1 = 0;
create view ducklake_tag as
select cast(null as bigint) as object_id, cast(null as bigint) as begin_snapshot,
       cast(null as bigint) as end_snapshot, cast(null as varchar) as "key", cast(null as varchar) as "value"
from lake_option where 1 = 0;
create view ducklake_column_tag as
select cast(null as bigint) as table_id, cast(null as bigint) as column_id, cast(null as bigint) as begin_snapshot,
       cast(null as bigint) as end_snapshot, cast(null as varchar) as "key", cast(null as varchar) as "value"
from lake_option where 1 = 0;
create view ducklake_file_variant_stats as
select cast(null as bigint) as data_file_id, cast(null as bigint) as table_id, cast(null as bigint) as column_id,
       cast(null as varchar) as variant_path, cast(null as varchar) as shredded_type,
       cast(null as bigint) as column_size_bytes, cast(null as bigint) as value_count,
       cast(null as bigint) as null_count, cast(null as varchar) as min_value, cast(null as varchar) as max_value,
       cast(null as {boolean}) as contains_nan, cast(null as varchar) as extra_stats
from lake_option where 1 = 0;
create view ducklake_delete_file as
select cast(null as bigint) as delete_file_id, cast(null as bigint) as table_id,
       cast(null as bigint) as begin_snapshot, cast(null as bigint) as end_snapshot,
       cast(null as bigint) as data_file_id, cast(null as varchar) as path,
       cast(null as {boolean}) as path_is_relative, cast(null as varchar) as format,
       cast(null as bigint) as delete_count, cast(null as bigint) as file_size_bytes,
       cast(null as bigint) as footer_size, cast(null as varchar) as encryption_key,
       cast(null as bigint) as partial_max
from lake_option where 1 = 0;
create view ducklake_partition_info as
select cast(null as bigint) as partition_id, cast(null as bigint) as table_id, cast(null as bigint) as begin_snapshot,
       cast(null as bigint) as end_snapshot
from lake_option where 1 = 0;
create view ducklake_partition_column as
select cast(null as bigint) as partition_id, cast(null as bigint) as table_id,
       cast(null as bigint) as partition_key_index, cast(null as bigint) as column_id,
       cast(null as varchar) as "transform"
from lake_option where 1 = 0;
create view ducklake_file_partition_value as
select cast(null as bigint) as data_file_id, cast(null as bigint) as table_id,
       cast(null as bigint) as partition_key_index, cast(null as varchar) as partition_value
from lake_option where 1 = 0;
create view ducklake_files_scheduled_for_deletion as
select cast(null as bigint) as data_file_id, cast(null as varchar) as path,
       cast(null as {boolean}) as path_is_relative, cast(null as varchar) as schedule_start
from lake_option where 1 = 0;
create view ducklake_inlined_data_tables as
select cast(null as bigint) as table_id, cast(null as varchar) as table_name, cast(null as bigint) as schema_version
from lake_option where 1 = 0;
create view ducklake_macro as
select cast(null as bigint) as schema_id, cast(null as bigint) as macro_id, cast(null as varchar) as macro_name,
       cast(null as bigint) as begin_snapshot, cast(null as bigint) as end_snapshot
from lake_option where 1 = 0;
create view ducklake_macro_impl as
select cast(null as bigint) as macro_id, cast(null as bigint) as impl_id, cast(null as varchar) as dialect,
       cast(null as varchar) as "sql", cast(null as varchar) as "type"
from lake_option where 1 = 0;
create view ducklake_macro_parameters as
select cast(null as bigint) as macro_id, cast(null as bigint) as impl_id, cast(null as bigint) as column_id,
       cast(null as varchar) as parameter_name, cast(null as varchar) as parameter_type,
       cast(null as varchar) as default_value, cast(null as varchar) as default_value_type
from lake_option where 1 = 0;
create view ducklake_sort_info as
select cast(null as bigint) as sort_id, cast(null as bigint) as table_id, cast(null as bigint) as begin_snapshot,
       cast(null as bigint) as end_snapshot
from lake_option where 1 = 0;
create view ducklake_sort_expression as
select cast(null as bigint) as sort_id, cast(null as bigint) as table_id, cast(null as bigint) as sort_key_index,
       cast(null as varchar) as expression, cast(null as varchar) as dialect, cast(null as varchar) as sort_direction,
       cast(null as varchar) as null_order
from lake_option where 1 = 0;
