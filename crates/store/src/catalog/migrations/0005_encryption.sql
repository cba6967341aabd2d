-- Encryption at rest. Data keys are wrapped by the keys of those whose rows they encrypt.
create table data_key (
    id bigint primary key,
    owner_key text not null,
    context text not null,
    wrapped {bytes} not null,
    created_at bigint not null
);
create index data_key_of on data_key (owner_key, id);

-- The data key that a segment's file is encrypted under; null for a plain one. Readers of the open files see plain ones only.
alter table segment add column data_key bigint;

drop view if exists ducklake_data_file;
create view ducklake_data_file as
select segment.id as data_file_id, lake_table.id as table_id, segment.begin_snapshot, segment.end_snapshot,
       cast(null as bigint) as file_order, segment.path as path, cast(1 as {boolean}) as path_is_relative,
       cast('parquet' as varchar) as file_format, segment.row_count as record_count, segment.bytes as file_size_bytes,
       segment.footer_bytes as footer_size, segment.id * 4294967296 as row_id_start, cast(null as bigint) as partition_id,
       cast(null as varchar) as encryption_key, lake_table.id as mapping_id, cast(null as bigint) as partial_max
from segment join lake_table on lake_table.name = segment.table_name where segment.data_key is null;

drop view if exists ducklake_table_stats;
create view ducklake_table_stats as
select lake_table.id as table_id, cast(coalesce(sum(segment.row_count), 0) as bigint) as record_count,
       cast(4611686018427387904 as bigint) as next_row_id, cast(coalesce(sum(segment.bytes), 0) as bigint) as file_size_bytes
from lake_table left join segment
    on segment.table_name = lake_table.name and segment.end_snapshot is null and segment.data_key is null
group by lake_table.id;
