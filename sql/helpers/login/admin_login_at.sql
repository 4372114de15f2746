-- One attempt at a time is decided, right or wrong: guesses sent all at once gain nothing. What is
-- locked out is not counted, so the table stays small and waiting always helps.
create or replace function gateway.admin_login_at(
    p_now timestamptz, p_address text, p_matched boolean
) returns jsonb
language plpgsql
as $$
declare
    v_address constant text := gateway.failure_address(p_address);
    v_locked_until timestamptz;
    v_allowed boolean := false;
begin
    -- A crash may forget the last failures; no attempt waits for the disk.
    perform set_config('synchronous_commit', 'off', true);
    perform pg_advisory_xact_lock(hashtextextended('gateway.admin_login', 0));

    v_locked_until := gateway.locked_out_until(p_now, v_address);
    if v_locked_until is null then
        v_allowed := coalesce(p_matched, false);
        if not v_allowed then
            perform gateway.forget_failures(p_now);
            insert into gateway.admin_failures (address, failed_at) values (v_address, p_now);
            v_locked_until := gateway.locked_out_until(p_now, v_address);
            if v_locked_until is not null then
                perform gateway.begin_alert(
                    p_now,
                    'guesses/admin',
                    'guesses',
                    1,
                    jsonb_build_object('of', 'admin_secret', 'address', v_address),
                    interval '1 hour'
                );
            end if;
        end if;
    end if;
    return jsonb_build_object(
        'allowed', v_allowed,
        'retry_after_ms', ceil(extract(epoch from v_locked_until - p_now) * 1000)::integer
    );
end;
$$;
