/* Which tokens end a text, by a GGUF file's metadata. Right values: llama_vocab_is_eog of llama.cpp b11549, asked for files
 * with these tokens and keys. */
#include "core/scratch.h"

#include "modelfile/gguf_ends.h"

enum { MOST = 8 };
struct row {
    const char *token[MOST]; /* ids 0 ... */
    const char *keys;        /* "eos=5 eot=6": of tokenizer.ggml.eos_token_id ... */
    int ends[MOST + 1];      /* in raml's order, up to -1 */
};

static const struct row rows[] = {
    {{"a", "b", "c"}, "", {-1}},
    {{"a", "b", "c"}, "eos=1", {1, -1}},
    {{"a", "b", "c"}, "eos=2 eot=0 eom=1", {2, 0, 1, -1}},
    {{"a", "b", "c"}, "eot=0 eos=0 eom=0", {0, -1}},
    {{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, "eos=0", {0, 2, -1}},
    {{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, "eos=2 eot=1", {2, 1, 0, -1}},
    {{"<|end_of_text|>", "<|eom_id|>", "<|eot_id|>", "x"}, "eos=0 eot=3", {0, 3, 1, 2, -1}},
    {{"<end_of_turn>", "<eos>", "<bos>"}, "eos=1", {1, 0, -1}},
    {{"<EOT>", "_<EOT>", "[EOT]", "[EOS]", "EOT", "<|EOT|>"}, "", {0, 1, 2, 3, -1}},
    {{"<|end|>", "<|return|>", "<|call|>"}, "eos=1", {1, 2, -1}},
    {{"<|end|>", "<|return|>"}, "eos=1", {1, 0, -1}},
    {{"<|end|>", "<|return|>", "<|call|>"}, "eos=0", {1, 2, -1}},
    {{"<|end|>", "<|flush|>", "<|calls|>"}, "eos=1", {1, 2, -1}},
    {{"<|end|>", "<|flush|>", "x"}, "eos=2", {2, 0, 1, -1}},
    {{"</s>", "<s>", "<unk>"}, "eos=0", {0, -1}},
    {{"</s>", "<|tool_response>", "<turn|>"}, "", {1, 2, -1}},
    {{"<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_end|>", "<|fim_prefix|>",
      "<|fim_suffix|>"},
     "eos=4",
     {4, 0, 1, 2, 3, -1}},
    {{"<|endoftext|>", "<|fim_pad|>", "y"}, "eos=0 fim_pad=2", {0, 2, -1}},
    {{"<\xef\xbd\x9c"
      "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
      "<\xef\xbd\x9cUser\xef\xbd\x9c>", "[e~["},
     "eos=0",
     {0, 2, -1}},
    {{"<end_of_utterance>", "<|End_of_text|>", " <|im_end|>", "<|im_end|> "}, "eos=0", {0, -1}},
};

static int id_of(void *user, const char *key)
{
    const struct row *r = user;
    char want[64];
    const char *name = key + strlen("tokenizer.ggml."), *end = strstr(name, "_token_id");
    assert_non_null(end);
    snprintf(want, sizeof want, "%.*s=", (int)(end - name), name);
    for (const char *p = r->keys; *p; p += strcspn(p, " "), p += *p == ' ')
        if (!strncmp(p, want, strlen(want))) return atoi(p + strlen(want));
    return -1;
}

static bool token_of(void *user, size_t i, struct raml_gguf_string *out)
{
    const struct row *r = user;
    *out = (struct raml_gguf_string){r->token[i], strlen(r->token[i])};
    return true;
}

static void by_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct row r = rows[i];
        struct raml_gguf_ends_source s = {&r, id_of, token_of, 0};
        struct raml_config c = {.eos_token = -1};
        while (s.n_tokens < MOST && r.token[s.n_tokens]) s.n_tokens++;
        assert_true(raml_gguf_ends_by_rule(&s, &c));
        int n = c.eos_token >= 0 ? c.n_more_eos + 1 : 0, want = 0;
        while (r.ends[want] >= 0) want++;
        if (n != want) fail_msg("row %zu: %d ends, not %d", i, n, want);
        for (int k = 0; k < n; k++) {
            int id = k ? c.more_eos[k - 1] : c.eos_token;
            if (id != r.ends[k]) fail_msg("row %zu: end %d is %d, not %d", i, k, id, r.ends[k]);
        }
    }
}

static void as_many_as_there_is_room_for(void **state)
{
    struct raml_config c = {.eos_token = -1}, back = {0};
    struct raml_err err = {0};
    char path[4200], text[2000];
    for (int i = 0; i < RAML_MAX_EOS; i++) assert_true(raml_config_add_eos(&c, 100 + i));
    assert_true(raml_config_add_eos(&c, 100) && raml_config_add_eos(&c, -1) && raml_config_add_eos(&c, 163));
    assert_false(raml_config_add_eos(&c, 99));
    for (int n = RAML_MAX_EOS; n <= RAML_MAX_EOS + 1; n++) { /* in config.json and in generation_config.json */
        size_t len = (size_t)snprintf(text, sizeof text,
                                      "{\"model_type\": \"llama\", \"hidden_size\": 8, \"intermediate_size\": 8, "
                                      "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"vocab_size\": 99, "
                                      "\"max_position_embeddings\": 64, \"eos_token_id\": [0");
        for (int i = 1; i < n; i++) len += (size_t)snprintf(text + len, sizeof text - len, ", %d", i);
        len += (size_t)snprintf(text + len, sizeof text - len, "]}");
        spill(in(*state, "config.json", path), text, len);
        enum raml_code want = n > RAML_MAX_EOS ? RAML_ERANGE : RAML_OK;
        assert_int_equal(raml_config_read(path, &back, &err), want);
        if (want) assert_true(has(err.msg, "'eos_token_id': more than 64 tokens end a text"));
        else assert_true(back.n_more_eos == RAML_MAX_EOS - 1 && back.more_eos[RAML_MAX_EOS - 2] == n - 1);
        back = (struct raml_config){.eos_token = -1};
        assert_int_equal(raml_config_read_generation(path, &back, &err), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_rule),
        cmocka_unit_test_setup_teardown(as_many_as_there_is_room_for, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
