/* family_graph.c - the length of the shortest path between two nodes of a small directed graph.
 *
 *   ab3 ad2 dc9 bc5 ce1:a-e?          ab3: an edge from a to b of length 3
 *
 * Steps: Dijkstra's algorithm (1959), its queue written out. A line takes the nearest node off the queue, gives a
 * distance to the nodes that its edges lead to (beside the one they had, if any), and lists the rest, nearest first:
 *   a0:b=0+3=3 d=0+2=2|d2 b3      d2:c=2+9=11|b3 c11      b3:c=3+5=8<11|c8
 * Every node can be reached, and edges lead forward in a hidden order, so the target is far from the source.
 */
#include "task/family_util.h"

enum { MAX_NODES = 16, MAX_EDGES = 2 * MAX_NODES, FAR = 1000000 };

struct graph {
    int n, n_edges;
    char name[MAX_NODES]; /* 0: the source; n - 1: the target */
    struct edge {
        int from, to, length;
    } edge[MAX_EDGES]; /* in the order of the question */
};
struct search {
    int distance[MAX_NODES];
    int queue[MAX_NODES], n_queue; /* nearest first */
};

static bool has_edge(const struct graph *g, int from, int to)
{
    for (int i = 0; i < g->n_edges; i++)
        if (g->edge[i].from == from && g->edge[i].to == to) return true;
    return false;
}

static void add_edge(struct raml_rng *r, struct graph *g, int from, int to)
{
    int length = 1 + (int)raml_rng_below(r, 9);
    if (!has_edge(g, from, to)) g->edge[g->n_edges++] = (struct edge){from, to, length};
}

static void draw(struct raml_rng r, int difficulty, struct graph *g)
{
    *g = (struct graph){.n = difficulty};
    raml_family_letters(&r, g->name, g->n);
    for (int i = 1; i < g->n; i++) add_edge(&r, g, i > 1 ? i - 1 - (int)raml_rng_below(&r, 2) : 0, i);
    for (int k = 0; k < g->n / 2; k++) {
        int from = (int)raml_rng_below(&r, (uint32_t)(g->n - 1));
        int to = from + 1 + (int)raml_rng_below(&r, 3);
        add_edge(&r, g, from, to < g->n ? to : g->n - 1);
    }
    uint32_t order[MAX_EDGES];
    struct graph old = *g;
    for (int i = 0; i < g->n_edges; i++) order[i] = (uint32_t)i;
    raml_rng_shuffle(&r, order, (uint32_t)g->n_edges);
    for (int i = 0; i < g->n_edges; i++) g->edge[i] = old.edge[order[i]];
}

static void search_init(struct search *s, const struct graph *g)
{
    for (int i = 0; i < g->n; i++) s->distance[i] = FAR;
    s->distance[0] = 0;
    s->queue[0] = 0;
    s->n_queue = 1;
}

static int search_pop(struct search *s)
{
    int node = s->queue[0];
    s->n_queue--;
    for (int i = 0; i < s->n_queue; i++) s->queue[i] = s->queue[i + 1];
    return node;
}

/* Sets a shorter distance and moves the node to its place, after its equals (before them: `before`). */
static void search_put(struct search *s, int node, int distance, bool before)
{
    int n = 0;
    for (int i = 0; i < s->n_queue; i++)
        if (s->queue[i] != node) s->queue[n++] = s->queue[i];
    s->distance[node] = distance;
    int at = 0;
    while (at < n && (s->distance[s->queue[at]] < distance || (!before && s->distance[s->queue[at]] == distance))) at++;
    for (int i = n; i > at; i--) s->queue[i] = s->queue[i - 1];
    s->queue[at] = node;
    s->n_queue = n + 1;
}

/* All distances. */
static void search_run(struct search *s, const struct graph *g)
{
    search_init(s, g);
    while (s->n_queue) {
        int node = search_pop(s);
        for (int i = 0; i < g->n_edges; i++) {
            const struct edge *e = &g->edge[i];
            if (e->from == node && s->distance[node] + e->length < s->distance[e->to])
                search_put(s, e->to, s->distance[node] + e->length, false);
        }
    }
}

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct graph g;
    struct search s;
    draw(r, difficulty, &g);
    search_run(&s, &g);
    for (int i = 0; i < g.n_edges; i++) {
        const struct edge *e = &g.edge[i];
        raml_buf_addf(question, "%s%c%c%d", i ? " " : "", g.name[e->from], g.name[e->to], e->length);
    }
    raml_buf_addf(question, ":%c-%c?", g.name[0], g.name[g.n - 1]);
    raml_buf_addf(answer, "%d", s.distance[g.n - 1]);
}

static void write_edge(struct raml_pen *p, char name, int start, int length, int sum, int old)
{
    raml_pen_add(p, "%c=%d+%d=%d", name, start, length, sum);
    if (old == FAR) return;
    if (p->style == RAML_STYLE_VERBOSE) raml_pen_add(p, sum < old ? ", better than %d" : ", no better than %d", old);
    else raml_pen_add(p, "%s%d", sum < old ? "<" : sum > old ? ">" : "=", old);
}

static void write_queue(struct raml_pen *p, const struct graph *g, const struct search *s)
{
    raml_pen_add(p, p->style == RAML_STYLE_VERBOSE ? "; left are" : "|");
    for (int i = 0; i < s->n_queue; i++) {
        bool space = i || p->style == RAML_STYLE_VERBOSE;
        raml_pen_add(p, "%s%c%d", space ? " " : "", g->name[s->queue[i]], s->distance[s->queue[i]]);
    }
    if (p->style == RAML_STYLE_VERBOSE) raml_pen_add(p, ".");
}

/* The line of one node. slip: the k-th edge's sum is wrong, and the line stops there. */
static void write_node(struct raml_pen *p, const struct graph *g, struct search *s, int node, bool slip)
{
    static const char *const words[] = {"The nearest is", "Take", "Next comes"};
    bool verbose = p->style == RAML_STYLE_VERBOSE, any = false;
    int start = s->distance[node];
    if (verbose) raml_pen_line(p, "%s %c at %d", raml_pen_word(p, words, 3), g->name[node], start);
    else raml_pen_line(p, "%c%d:", g->name[node], start);
    bool back = raml_pen_coin(p);
    for (int k = 0; k < g->n_edges; k++) {
        const struct edge *e = &g->edge[back ? g->n_edges - 1 - k : k];
        if (e->from != node) continue;
        int sum = start + e->length, old = s->distance[e->to];
        raml_pen_add(p, "%s", verbose ? (any ? "; " : ": ") : (any ? " " : ""));
        any = true;
        if (slip) {
            raml_pen_add(p, "%c=%d+%d=%d", g->name[e->to], start, e->length, raml_pen_wrong(p, sum, start, sum + 2));
            return;
        }
        write_edge(p, g->name[e->to], start, e->length, sum, old);
        if (sum < old) search_put(s, e->to, sum, raml_pen_coin(p));
    }
    write_queue(p, g, s);
}

static bool leads_on(const struct graph *g, int node)
{
    for (int i = 0; i < g->n_edges; i++)
        if (g->edge[i].from == node) return true;
    return false;
}

/* The nodes with edges that come off the queue before the target, however ties are broken: at these a step can slip. */
static int count_steps(const struct graph *g)
{
    struct search s;
    int n = 0;
    search_run(&s, g);
    for (int i = 0; i < g->n; i++) n += s.distance[i] < s.distance[g->n - 1] && leads_on(g, i);
    return n;
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct graph g;
    struct search q;
    draw(r, difficulty, &g);
    struct raml_pen p = raml_pen_open(out, style, s, count_steps(&g));
    search_init(&q, &g);
    int target = g.n - 1, step = 0;
    while (q.queue[0] != target) {
        int node = search_pop(&q);
        bool edges = leads_on(&g, node);
        if (edges && raml_pen_slips(&p, step)) {
            write_node(&p, &g, &q, node, true);
            raml_pen_wait(&p);
        }
        write_node(&p, &g, &q, node, false);
        step += edges;
    }
    bool verbose = style == RAML_STYLE_VERBOSE;
    raml_pen_line(&p, verbose ? "The way to %c is %d." : "%c=%d", g.name[target], q.distance[target]);
}

/* clang-format off */
const struct raml_family raml_family_graph = {
    .name = "graph",
    .about = "length of the shortest path in a directed graph",
    .difficulty = "number of nodes",
    .low = 3, .high = 16, .easy = 4, .hard = 6,
    .make = make, .solve = solve,
};
/* clang-format on */
