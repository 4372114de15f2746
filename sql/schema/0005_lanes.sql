-- What a key may do beyond asking: a scope for what changes Ollama for everybody, and a cap on each
-- of its answers.

-- Of one answer; null: as many as the gateway allows.
alter table gateway.api_keys add column max_output_tokens integer;
alter table gateway.api_keys add constraint the_output_cap_must_be_from_1_to_1e9 check (
    max_output_tokens between 1 and 1000000000
);

alter table gateway.api_keys drop constraint the_scopes_must_be_known_ones;
alter table gateway.api_keys add constraint the_scopes_must_be_known_ones check (
    scopes <@ '{chat,embeddings,models:read,models:pull,ollama:native}' and scopes <> '{}'
);

-- They take the cap now: the old ones beside the new ones would make a call ambiguous.
drop function if exists public.create_api_key(
    text, text, text, text, integer, bigint, text[], text[], text[], timestamptz
);
drop function if exists gateway.create_api_key_at(
    timestamptz, text, text, text, text, integer, bigint, text[], text[], text[], timestamptz
);
