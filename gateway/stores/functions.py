"""The SQL functions that administration may call, with the names of their arguments."""

from collections.abc import Mapping
from typing import Any

_USAGE = ("p_key_id", "p_from", "p_to", "p_group_by")

ADMINISTRATION: dict[str, tuple[str, ...]] = {
    "admin_login": ("p_address", "p_matched"),
    "create_api_key": (
        *("p_key_hash", "p_prefix", "p_label", "p_owner_email", "p_rate_limit_per_min"),
        *("p_monthly_token_limit", "p_allowed_models", "p_allowed_origins", "p_scopes"),
        *("p_expires_at", "p_max_output_tokens", "p_visitors"),
    ),
    "list_api_keys": ("p_cursor", "p_limit"),
    "update_api_key": ("p_id", "p_changes"),
    "rotate_api_key": ("p_id", "p_key_hash", "p_prefix", "p_grace_seconds"),
    "revoke_api_key": ("p_id",),
    "create_visitor_token": (
        *("p_key_hash", "p_origin", "p_token_hash", "p_visitor", "p_expires_in", "p_uses"),
        *("p_max_output_tokens", "p_models", "p_page"),
    ),
    "visitor_issuers": (),
    "visitor_report": ("p_key_hash", "p_scope", "p_origin", "p_claim", "p_from", "p_to"),
    "create_preset": ("p_name", "p_fields"),
    "list_presets": (),
    "get_preset": ("p_name", "p_version"),
    "update_preset": ("p_name", "p_changes"),
    "delete_preset": ("p_name",),
    "current_presets": ("p_known",),
    "usage_report": _USAGE,
    "admin_usage": _USAGE,
    "list_requests": ("p_filter", "p_cursor", "p_limit"),
    "owner_figures": ("p_keys",),
    "export_data": ("p_kind", "p_cursor", "p_limit"),
    "import_data": ("p_kind", "p_rows"),
    "keep_house": ("p_retention_months",),
    "watch_alerts": ("p_seen", "p_channels", "p_gateway", "p_clock"),
    "note_deliveries": ("p_attempts", "p_clock"),
    "list_alerts": ("p_limit",),
    "applied_migrations": (),
}

# What a gateway calls of them to serve; the others need a key that may do everything.
SERVING = (
    *("current_presets", "usage_report", "keep_house", "applied_migrations"),
    *("create_visitor_token", "visitor_issuers", "visitor_report"),
    *("watch_alerts", "note_deliveries"),
)

_WITH_DEFAULT = {
    *("p_max_output_tokens", "p_group_by", "p_visitors"),
    *("p_uses", "p_models", "p_page"),
}
# of type jsonb
JSON_ARGUMENTS = {
    *("p_changes", "p_fields", "p_filter", "p_known", "p_rows", "p_visitors", "p_claim"),
    *("p_seen", "p_attempts"),
}


def arguments_of(function: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the given arguments, in the function's order. Raises KeyError for an unknown
    function, TypeError for other arguments."""
    names = ADMINISTRATION[function]
    if not set(names) - _WITH_DEFAULT <= set(given) <= set(names):
        raise TypeError(f"{function} takes {', '.join(names)}")
    return tuple(name for name in names if name in given)
