-- Put a new hash in place of a key's old one, which goes on for the grace time. Those that it had
-- before do not outlive it: a grace of 0 ends them all. Asking again with the same hash changes
-- nothing, so that a lost answer can be asked for again.
create or replace function public.rotate_api_key(
    p_id uuid, p_key_hash text, p_prefix text, p_grace_seconds integer
) returns jsonb
language sql
security definer
set search_path = ''
begin atomic
    select gateway.rotate_api_key_at(now(), p_id, p_key_hash, p_prefix, p_grace_seconds);
end;
