#!/bin/sh
# test_prompt.sh BINARY SOURCE_DIR BUILD_DIR: a line of messages gives a line of text; settings, folders, faults.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
# same FILE TEXT: FILE holds just TEXT and a newline
same() {
    printf '%s\n' "$2" | diff - "$1" || fail "$3"
}
mkdir "$tmp/model"
cat >"$tmp/model/tokenizer_config.json" <<'END'
{"bos_token": {"content": "<s>"}, "eos_token": "</s>",
 "chat_template": "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}{{ date_string }}"}
END
say='{"messages":[{"role":"user","content":"Hi </s>"}]'
printf '%s,"id":"a"}\n\n%s,"add_generation_prompt":true}\n%s,"add_generation_prompt":true,"enable_thinking":false,"id":7}\n' \
    "$say" "$say" "$say" >"$tmp/in"

"$raml" prompt "$tmp/in" --model "$tmp/model" --quiet >"$tmp/out"
same "$tmp/out" '{"id":"a","text":"<s><user>Hi </s></s>"}
{"text":"<s><user>Hi </s></s><assistant>"}
{"id":7,"text":"<s><user>Hi </s></s><assistant><think></think>"}' "lines of a model's folder"

"$raml" prompt - --model "$tmp/model" --add_generation_prompt --enable_thinking false --bos_token '[B]' --eos_token '[E]' \
    --date_string '26 Jul 2024' --spans --quiet --out "$tmp/file" <"$tmp/in" >"$tmp/said"
same "$tmp/said" "$tmp/file: 3 lines, 168 bytes of prompts" "summary"
head -n 1 "$tmp/file" >"$tmp/first"
same "$tmp/first" '{"id":"a","text":"[B]<user>Hi </s>[E]<assistant><think></think>26 Jul 2024","spans":[[9,16,0]]}' "settings"

# a file of the folder comes before its tokenizer_config.json, and --template before both; {"template"} lists have a default
printf '%s\n' 'jinja {{ messages[0].content }}{{ eos_token }} {{ kwarg }}{{ tools }}' >"$tmp/model/chat_template.jinja"
printf '%s,"kwargs":{"kwarg":1.5},"tools":[{"a":"b"}]}\n' "$say" >"$tmp/one"
"$raml" prompt "$tmp/one" --model "$tmp/model" --quiet >"$tmp/out"
same "$tmp/out" "{\"text\":\"jinja Hi </s></s> 1.5[{'a': 'b'}]\"}" "chat_template.jinja"
printf '%s' 'T{{ bos_token }}' >"$tmp/t.jinja"
"$raml" prompt "$tmp/one" --model "$tmp/model" --template "$tmp/t.jinja" --quiet >"$tmp/out"
same "$tmp/out" '{"text":"T<s>"}' "--template with --model"
"$raml" prompt "$tmp/one" --template "$tmp/t.jinja" --quiet >"$tmp/out"
same "$tmp/out" '{"text":"T"}' "--template without --model"
rm "$tmp/model/chat_template.jinja"
printf '%s\n' '{"chat_template":[{"name":"tool_use","template":"no"},{"name":"default","template":"yes"}]}' \
    >"$tmp/model/tokenizer_config.json"
"$raml" prompt "$tmp/one" --model "$tmp/model" --quiet >"$tmp/out"
same "$tmp/out" '{"text":"no"}' "the list's template for tools"
sed 's/,"tools":.*/}/' "$tmp/one" >"$tmp/without"
"$raml" prompt "$tmp/without" --model "$tmp/model" --quiet >"$tmp/out"
same "$tmp/out" '{"text":"yes"}' "the list's default"

# errors: exit code, and file and line in the message
fault() {
    want=$1
    shift
    rc=0
    "$raml" prompt "$@" --quiet >"$tmp/out" 2>"$tmp/said" || rc=$?
    [ "$rc" -ne 0 ] || fail "passes: $*"
    grep -qF -- "$want" "$tmp/said" || fail "$*: message is '$(cat "$tmp/said")'; expected '$want'"
}
printf '%s\n' '{}' >"$tmp/model/tokenizer_config.json"
fault "has no chat template (no chat_template.jinja, and no 'chat_template' in tokenizer_config.json)" "$tmp/one" --model "$tmp/model"
fault "--prompt_before and --prompt_after" "$tmp/one" --model "$tmp/model"
fault "--prompt_format" "$tmp/one" --model "$tmp/model"
rm "$tmp/model/tokenizer_config.json"
fault "no 'chat_template' in tokenizer_config.json" "$tmp/one" --model "$tmp/model"
fault "--model or --template is missing" "$tmp/one"
fault "not found" "$tmp/one" --model "$tmp/none"
printf '%s\n' '{{ raise_exception("only " ~ messages|length) }}' >"$tmp/t.jinja"
fault "one:1: $tmp/t.jinja:1: the template says: only 1" "$tmp/one" --template "$tmp/t.jinja" --out "$tmp/never"
[ ! -e "$tmp/never" ] || fail "a failed run left a file"
printf '\n%s\n' '{{ messages|nosuch }}' >"$tmp/t.jinja"
fault "t.jinja:2: unknown filter 'nosuch'" "$tmp/one" --template "$tmp/t.jinja"
printf '%s\n' '{{ strftime_now("%Y") }}' >"$tmp/t.jinja"
fault "--date_string" "$tmp/one" --template "$tmp/t.jinja"
printf '%s\n' '{"text":"x"}' >"$tmp/bad"
fault "bad:1: field 'messages' is missing" "$tmp/bad" --template "$tmp/t.jinja"
printf '%s\n' '{"messages":[1]}' >"$tmp/bad"
fault "bad:1: message 1 of 1: expected an object" "$tmp/bad" --template "$tmp/t.jinja"
printf '%s\n' '{"messages":[],"enable_thinking":"no"}' >"$tmp/bad"
fault "bad:1: field 'enable_thinking' is not true or false" "$tmp/bad" --template "$tmp/t.jinja"
echo ok
