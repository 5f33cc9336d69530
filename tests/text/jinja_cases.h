/* jinja_cases.h - shared by the tables of templates: their variables. bos_token is "<s>", eos_token "</s>". */
#ifndef RAML_TESTS_TEXT_JINJA_CASES_H
#define RAML_TESTS_TEXT_JINJA_CASES_H

struct jinja_case {
    const char *text, *want; /* want == NULL: it fails */
};

static const char jinja_messages[] =
    "[{\"role\": \"user\", \"content\": \"Héllo wörld <|x|> \\n  it's \\\"q\\\" \"}, {\"role\": \"assistant\", \""
    "content\": \"a,b,,c\", \"n\": 3, \"f\": 1.5, \"l\": [1, 2.0, null, true, \"x'y\"], \"d\": {\"z\": 1, \"a\":"
    " {\"b\": []}, \"é\": \"ü\"}}, {\"role\": \"user\", \"content\": \"\"}]";

static const char jinja_variables[] =
    "{\"x\": 5, \"y\": -7, \"fl\": 2.5, \"s\": \"straße ΑΣ ǅ\", \"e\": \"\", \"lst\": [3, 1, 2, \"b\", \"A\"], \"num"
    "s\": [3, 1, 2], \"d\": {\"b\": 1, \"a\": 2, \"items\": 9}, \"nested\": [{\"name\": \"bob\", \"age\": 3}, {\""
    "name\": \"al\", \"age\": 5}, {\"name\": \"Cy\", \"age\": 3}], \"t\": true, \"nn\": null, \"big\": 1e+22, \"s"
    "mall\": 1e-07, \"multi\": \"l1\\nl2\\r\\nl3\\n\\n  l5\", \"date_string\": \"26 Jul 2024\"}";

#endif
