/* dataset_pair.c - rows of preference files: a chosen and a rejected completion of the same prompt. See dataset.h;
 * layouts as the TRL documentation has them ("Dataset formats": preference, with explicit or implicit prompt). */
#include "task/dataset.h"

#include <math.h>
#include <string.h>

struct side { /* one of the two fields */
    const char *name;
    const json_t *v;
    const char *prompt; /* the user's message in a chat; NULL: none, or no chat */
    const char *text;   /* the completion */
    size_t n;
};

/* Of a chat: its last message, the assistant's, is the completion; one of the user before it, the prompt. */
static enum raml_code read_chat(struct dataset_row *r, struct side *s, struct raml_err *err)
{
    size_t n = json_array_size(s->v), users = 0;
    const json_t *last = json_array_get(s->v, n - 1), *content = json_object_get(last, "content");
    if (!content) content = json_object_get(last, "value");
    if (n == 0 || !raml_dataset_speaks(last, "assistant") || !json_is_string(content))
        return raml_dataset_fault(r, s->name, err, "does not end with a message of role assistant and a text");
    for (size_t i = 0; i + 1 < n; i++) {
        const json_t *m = json_array_get(s->v, i);
        users += raml_dataset_speaks(m, "user");
        if (raml_dataset_speaks(m, "assistant")) users = 2; /* an earlier turn of the conversation */
    }
    if (users > 1)
        return raml_dataset_fault(r, s->name, err,
                                  "is a conversation of several turns; expected one question and its "
                                  "answer");
    s->prompt = raml_dataset_message(s->v, "user");
    s->text = json_string_value(content);
    s->n = strlen(s->text);
    return RAML_OK;
}

static enum raml_code read_side(struct dataset_row *r, struct side *s, struct raml_err *err)
{
    s->v = raml_dataset_value(r->obj, s->name);
    s->prompt = NULL;
    if (json_is_array(s->v)) return read_chat(r, s, err);
    s->text = json_string_value(s->v);
    if (!s->text)
        return raml_dataset_fault(r, s->name, err, "is %s; expected a text or a list of messages",
                                  raml_dataset_type(s->v));
    s->n = strlen(s->text);
    return RAML_OK;
}

/* What two texts begin with, without splitting a character; of a space before the difference, without it. */
static enum raml_code take_prompt(struct dataset_row *r, struct side side[2], struct raml_question *q,
                                  struct raml_err *err)
{
    size_t n = 0;
    while (n < side[0].n && side[0].text[n] == side[1].text[n]) n++;
    while (n && ((unsigned char)side[0].text[n] >> 6 == 2 || (unsigned char)side[1].text[n] >> 6 == 2)) n--;
    if (n && side[0].text[n - 1] == ' ') n--;
    if (!raml_dataset_trim(side[0].text, n).n)
        return raml_dataset_fault(r, side[0].name, err,
                                  "begins otherwise than '%.64s'; expected a prompt that both "
                                  "begin with, or one in a field of its own",
                                  side[1].name);
    q->question = raml_dataset_copy(r, (struct dataset_text){side[0].text, n});
    if (!q->question) return raml_fail(err, RAML_ENOMEM, "no memory for a row's texts");
    for (size_t i = 0; i < 2; i++) {
        side[i].text += n;
        side[i].n -= n;
    }
    return RAML_OK;
}

/* The question: of the chats, which must agree; else the prompt's field, or what both texts begin with. */
static enum raml_code settle_prompt(struct dataset_row *r, struct side side[2], struct raml_question *q,
                                    struct raml_err *err)
{
    const char *a = side[0].prompt, *b = side[1].prompt;
    if (json_is_array(side[0].v) != json_is_array(side[1].v))
        return raml_dataset_fault(r, side[1].name, err, "is %s; expected the kind that '%.64s' is",
                                  raml_dataset_type(side[1].v), side[0].name);
    if (!a != !b || (a && strcmp(a, b) != 0))
        return raml_dataset_fault(r, side[1].name, err, "answers another question than '%.64s'", side[0].name);
    if (a) q->question = a;
    else if (r->names->implicit && json_is_array(side[0].v))
        return raml_dataset_fault(r, side[0].name, err, "has no message with role user and a text");
    else if (r->names->implicit) return take_prompt(r, side, q, err);
    if (raml_dataset_trim(q->question, strlen(q->question)).n) return RAML_OK;
    return raml_dataset_fault(r, side[0].name, err, "has an empty message of the user; expected a question");
}

/* A prompt in a field of its own may be a chat, too: of one turn. */
static enum raml_code check_prompt(struct dataset_row *r, struct raml_err *err)
{
    const char *name = r->names->name[ROLE_QUESTION];
    const json_t *v = r->names->implicit ? NULL : raml_dataset_value(r->obj, name), *m;
    size_t i, users = 0;
    json_array_foreach (v, i, m) users += raml_dataset_speaks(m, "user");
    if (users <= 1) return RAML_OK;
    return raml_dataset_fault(r, name, err, "is a conversation of several turns; expected one question");
}

enum raml_code raml_dataset_pair_read(struct dataset_row *r, const char *names, struct raml_question *q,
                                      struct raml_err *err)
{
    char name[2][DATASET_NAME];
    struct side side[2] = {{.name = name[0]}, {.name = name[1]}};
    if (!raml_dataset_pair_names(names, name)) return raml_fail(err, RAML_EUSAGE, "'%.80s' are not two fields", names);
    enum raml_code rc = check_prompt(r, err);
    for (size_t i = 0; i < 2 && !rc; i++) rc = read_side(r, &side[i], err);
    if (!rc) rc = settle_prompt(r, side, q, err);
    if (rc) return rc;
    for (size_t i = 0; i < 2; i++)
        if (!raml_dataset_trim(side[i].text, side[i].n).n)
            return raml_dataset_fault(r, side[i].name, err, "has an empty completion; expected a text");
    q->trajectory = raml_arena_alloc(r->scratch, 2, sizeof *q->trajectory);
    if (!q->trajectory) return raml_fail(err, RAML_ENOMEM, "no memory for a row's texts");
    q->n_trajectories = 2;
    for (size_t i = 0; i < 2; i++)
        q->trajectory[i] = (struct raml_trajectory){.text = side[i].text,
                                                    .whole = true,
                                                    .correct = i ? RAML_DIFFERENT : RAML_EQUAL,
                                                    .think_closed = true,
                                                    .logp_sum = NAN};
    return RAML_OK;
}
