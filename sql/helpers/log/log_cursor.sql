-- What stands for the rows of the log after this one.
create or replace function gateway.log_cursor(p_row gateway.usage_logs) returns text
language sql stable
return to_char(
    (p_row).created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
) || '_' || (p_row).request_id;
