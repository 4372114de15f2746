#!/bin/sh
# Stream an answer with curl, then see what the key has used.
set -eu
if [ -z "${LOCALLLM_URL:-}" ] || [ -z "${LOCALLLM_KEY:-}" ]; then
    echo "Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY." >&2
    exit 1
fi

# The key comes through standard input: all users of a machine can see its command lines.
ask() {
    path=$1
    shift
    printf 'header = "Authorization: Bearer %s"\n' "$LOCALLLM_KEY" |
        curl --config - --silent --show-error --fail-with-body --no-buffer "$@" "$LOCALLLM_URL$path"
}

ask /v1/chat/completions --header "Content-Type: application/json" --data '{
    "model": "'"${LOCALLLM_MODEL:-gemma3:270m}"'",
    "messages": [{"role": "user", "content": "Why is the sky blue?"}],
    "max_tokens": 50,
    "stream": true,
    "stream_options": {"include_usage": true}
}'
ask /v1/usage
