/* See assign.h. GLPK's out-of-kilter algorithm takes whole numbers as costs, and leaves out what costs
 * nothing: every pair is worth 1 at least. */
#include "analysis/assign.h"

#include <glpk.h>
#include <math.h>
#include <stddef.h>

/* What GLPK keeps of an arc, and of a vertex. */
typedef struct arc {
    double cost;
    int chosen;
} arc;
typedef struct vertex {
    int set;
} vertex;

static const double steps = 1e8;

static glp_graph *make_graph(int64_t rows, int64_t columns, const double *values)
{
    glp_graph *graph = glp_create_graph(sizeof(vertex), sizeof(arc));
    glp_add_vertices(graph, (int)(rows + columns));
    for (int64_t i = 1; i <= rows + columns; i++)
        ((vertex *)graph->v[i]->data)->set = i <= rows ? 0 : 1;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            glp_arc *made = glp_add_arc(graph, (int)(r + 1), (int)(rows + c + 1));
            ((arc *)made->data)->cost = 1 + floor(values[r * columns + c] * steps + 0.5);
        }
    return graph;
}

aed_status aed_assign(int64_t rows, int64_t columns, const double *values, int64_t *column)
{
    double sum;
    if (rows < 1 || columns < 1 || rows > 4096 || columns > 4096)
        return aed_fail(AED_INTERNAL, "an assignment of %lld to %lld", (long long)rows,
                        (long long)columns);
    glp_graph *graph = make_graph(rows, columns, values);
    const int failed = glp_asnprob_okalg(GLP_ASN_MMP, graph, offsetof(vertex, set),
                                         offsetof(arc, cost), &sum, offsetof(arc, chosen));
    for (int64_t r = 0; r < rows; r++) {
        column[r] = -1;
        for (const glp_arc *a = graph->v[r + 1]->out; a && !failed; a = a->t_next)
            if (((const arc *)a->data)->chosen) column[r] = a->head->i - rows - 1;
    }
    glp_delete_graph(graph);
    return failed ? aed_fail(AED_INTERNAL, "GLPK could not solve an assignment (%d)", failed)
                  : AED_OK;
}
