# A tool call with nothing but HTTP requests, as the steps of a workflow: stops at the first error.
set -eu
ask() {
  curl -sS --fail-with-body "$GATEWAY/v1/chat/completions" -H "Authorization: Bearer $KEY" \
    -H "Content-Type: application/json" -d "$1"
}
tools='[{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]'
question='{"role": "user", "content": "'$TASK'"}'
ask '{"model": "'$MODEL'", "messages": ['"$question"'], "tools": '"$tools"'}' | grep -q '"read_file"'
call='{"id": "call_1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}'
called='{"role": "assistant", "content": null, "tool_calls": ['"$call"']}'
result='{"role": "tool", "tool_call_id": "call_1", "content": "'$(cat word.txt)'"}'
ask '{"model": "'$MODEL'", "messages": ['"$question, $called, $result"'], "tools": '"$tools"'}'
