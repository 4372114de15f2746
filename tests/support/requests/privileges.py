"""Fields of Ollama's routes that need a scope, and where they stand."""

FIELD = {"/api/chat": "messages", "/api/embed": "input"}  # else: prompt
ONLY_THERE = {
    **{name: {"/api/generate"} for name in ("raw", "template", "context")},
    **{name: {"/api/generate", "/api/chat"} for name in ("shift", "_debug_render_only")},
}
