/* pretokenizers.c - see pretokenizers.h.
 *
 * Sources: the `pre_tokenizer` of each model's own tokenizer.json (Hugging Face), where available; llama.cpp's
 * src/llama-vocab.cpp (llm_tokenizer_bpe) maps the names of tokenizer.ggml.pre to patterns. */
#include "text/pretokenizers.h"

#include <string.h>

/* Radford et al. 2019, encoder.py */
const char raml_pattern_gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static const char llama3[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                             "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char qwen2[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
                            "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char qwen35[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
                             "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/* Cased letters of Unicode 11, as the file lists them one by one. */
static const char deepseek_letters[] =
    "\\s?["
    "\\x{41}-\\x{5a}\\x{61}-\\x{7a}\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}"
    "\\x{1c4}-\\x{293}\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}"
    "\\x{388}-\\x{38a}\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}"
    "\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}"
    "\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}"
    "\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}"
    "\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}"
    "\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}"
    "\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}"
    "\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}"
    "\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}"
    "\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}"
    "\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}"
    "\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}"
    "\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}\\x{118a0}-\\x{118df}"
    "\\x{1e900}-\\x{1e943}"
    "]+";

/* DeepSeek V3 and R1 */
static const char deepseek3[] =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/* o200k of GPT-4o, which Llama 4 has too; Mistral's Tekken, the same without the contractions and digits one by one */
#define CASED_WORD "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
#define UPPER_WORD "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
#define OTHERS "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
static const char gpt4o[] = CASED_WORD CONTRACTION "|" UPPER_WORD CONTRACTION "|\\p{N}{1,3}" OTHERS;
static const char tekken[] = CASED_WORD "|" UPPER_WORD "|\\p{N}" OTHERS;

/* Those that only llama.cpp's source describes. */
static const char jais2[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)"
    "|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}";
static const char bailingmoe[] =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
static const char seed_coder[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}"
                                 "| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
static const char ufakzeka[] = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"
                               "|\\s+(?!\\S)|\\s+";
static const char minicpm5[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+"
                               "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
#define BLOOM " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"
#define KANA "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+"

/* The first name of a kind is what is written; those after it are read. */
static const struct raml_pretokenizer families[] = {
    {"gpt-2", false, false, {raml_pattern_gpt2}},
    {"llama-bpe", false, true, {llama3}},
    {"qwen2", true, false, {qwen2}},
    {"qwen35", true, false, {qwen35}},
    {"deepseek-r1-qwen", true, false, {qwen2}},
    {"deepseek-v3", false, false, {"\\p{N}{1,3}", KANA, deepseek3}},
    {"gpt-4o", false, false, {gpt4o}},
    {"llama4", false, false, {gpt4o}},
    {"tekken", false, true, {tekken}},
    {"smollm", false, false, {"\\p{N}", raml_pattern_gpt2}},
    {"llama3", false, true, {llama3}},
    {"llama-v3", false, true, {llama3}},
    {"dbrx", false, false, {llama3}}, /* OLMo 2 and 3, Granite 4 */
    {"smaug-bpe", false, false, {llama3}},
    {"olmo", false, false, {raml_pattern_gpt2}},
    {"refact", false, false, {"\\p{N}", raml_pattern_gpt2}}, /* Granite 3 */
    {"starcoder", false, false, {"\\p{N}", raml_pattern_gpt2}},
    {"codeshell", false, false, {"\\p{N}", raml_pattern_gpt2}},
    {"exaone", false, false, {"\\p{N}", raml_pattern_gpt2}},
    {"minerva-7b", false, false, {"\\p{N}", raml_pattern_gpt2}},
    {"mellum2", false, false, {"\\p{N}", raml_pattern_gpt2}},
    {"command-r", true, false, {"\\p{N}", raml_pattern_gpt2}},
    {"falcon3", false, true, {llama3}},
    {"falcon-h1", false, true, {llama3}},
    {"pixtral", false, true, {llama3}},
    {"midm-2.0", false, true, {llama3}},
    {"lfm2", false, true, {llama3}},
    {"glm4", false, true, {llama3}},
    {"chatglm-bpe", false, false, {llama3}},
    {"phi-2", false, false, {raml_pattern_gpt2}},
    {"gigachat", false, false, {raml_pattern_gpt2}},
    {"a.x-4.0", false, false, {raml_pattern_gpt2}},
    {"mellum", false, false, {raml_pattern_gpt2}},
    {"exaone4", false, false, {raml_pattern_gpt2}},
    {"trillion", false, false, {raml_pattern_gpt2}},
    {"jais", false, false, {raml_pattern_gpt2}},
    {"mpt", false, false, {raml_pattern_gpt2}},
    {"granite-docling", false, false, {raml_pattern_gpt2}},
    {"stablelm2", false, false, {qwen2}},
    {"megrez", false, false, {qwen2}},
    {"kormo", false, false, {qwen2}},
    {"hunyuan", false, false, {qwen2}},
    {"solar-open", false, false, {qwen2}},
    {"grok-2", false, false, {qwen2}},
    {"f2llmv2", true, false, {qwen2}},
    {"kanana2", false, false, {gpt4o}},
    {"minimax-m2", false, false, {gpt4o}},
    {"hunyuan-dense", false, false, {"\\p{N}{1,3}", KANA, deepseek3}},
    {"joyai-llm", false, false, {"\\p{N}{1,3}", KANA, deepseek3}},
    {"jais-2", false, false, {jais2}},
    {"bailingmoe", false, false, {bailingmoe}},
    {"bailingmoe2", false, false, {bailingmoe}},
    {"llada-moe", false, false, {bailingmoe}},
    {"seed-coder", false, false, {seed_coder}},
    {"ufakzeka", false, false, {ufakzeka}},
    {"minicpm5", false, true, {"\\p{N}{1,3}", minicpm5}},
    {"deepseek-coder",
     false,
     false,
     {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+",
      "\\p{N}"}},
    {"falcon", false, false, {"[\\p{P}\\$\\+<=>\\^~\\|`]+", raml_pattern_gpt2, "[0-9][0-9][0-9]"}},
    {"poro-chat", false, false, {BLOOM}},
    {"bloom", false, false, {BLOOM}},
    {"gpt3-finnish", false, false, {BLOOM}},
    {"viking", false, false, {BLOOM, "\\p{N}"}},
    {"default", false, false, {"[\\p{P}\\$\\+<=>\\^~\\|]+", raml_pattern_gpt2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {"deepseek-llm",
     false,
     false,
     {"[\\r\\n]", deepseek_letters,
      "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+", "\\s+$",
      "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+", "\\p{N}+"}},
};

const struct raml_pretokenizer *raml_pretokenizer(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].name, name) == 0) return &families[i];
    return NULL;
}

const char *raml_family_name(const char *const *regex, size_t n, bool nfc, bool ignore_merges)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct raml_pretokenizer *f = &families[i];
        size_t k = 0;
        while (k < n && k < RAML_PRETOKENIZERS && f->regex[k] && !strcmp(regex[k], f->regex[k])) k++;
        if (k == n && (n == RAML_PRETOKENIZERS || !f->regex[n]) && f->nfc == nfc && f->ignore_merges == ignore_merges)
            return f->name;
    }
    return NULL;
}

const char *raml_pretokenizer_names(void)
{
    return "gpt-2, llama-bpe, llama3, llama-v3, llama4, qwen2, qwen35, deepseek-r1-qwen, deepseek-llm, deepseek-coder, "
           "deepseek-v3, gpt-4o, tekken, smollm, smaug-bpe, dbrx, olmo, refact, starcoder, command-r, falcon3, exaone, "
           "glm4, "
           "default and others";
}
