/* ranking.c - Python's view of ranking.h and candidates.h: expect, first_place, and the type Names. Arrays are contiguous buffers of float64 and int64. The GIL is kept: what is
 * done here takes no longer than handing it over.
 */
#include "binding.h"

#include <string.h>

#include "candidates.h"
#include "ranking.h"

/* Gets a contiguous view of 8-byte items of a format ('d', or 'q' for any signed integer of that size); returns 0 with an exception and nothing to release. */
static int get_wide(PyObject *object, Py_buffer *view, char format, int writable) {
    if (PyObject_GetBuffer(object, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0)) < 0)
        return 0;
    const char *found = view->format == NULL ? "B" : view->format;
    if (*found == '<' || *found == '=' || *found == '@')
        found++;
    if (view->itemsize == 8 && found[0] != '\0' && found[1] == '\0' && (found[0] == format || (format == 'q' && found[0] == 'l')))
        return 1;
    PyErr_Format(PyExc_TypeError, "arrays of rankings must be contiguous, of %s", format == 'd' ? "float64" : "int64");
    PyBuffer_Release(view);
    return 0;
}

#define ITEMS(view) ((size_t)(view).len / 8)

/* Gets a view of each object by a format, upper case for an output; returns how many could be had. */
static size_t get_all(PyObject **objects, Py_buffer *views, const char *formats) {
    size_t i = 0;
    for (; formats[i] != '\0'; i++) {
        const int writable = formats[i] < 'a';
        if (!get_wide(objects[i], views + i, writable ? (char)(formats[i] + 'a' - 'A') : formats[i], writable))
            break;
    }
    return i;
}

static PyObject *release_all(Py_buffer *views, size_t count, PyObject *result) {
    while (count > 0)
        PyBuffer_Release(views + --count);
    return result;
}

/* As raise_code, with words of its own for what does not fit. */
static PyObject *raise_misfit(int code, const char *what) {
    if (code != PROSODY_ERR_ARGUMENT)
        return raise_code(code);
    PyErr_SetString(PyExc_ValueError, what);
    return NULL;
}

enum { AGENTS, CELLS, MEAN, ROOT, CELL_AT, ROWS, PHI, OUT, EXPECT_ARRAYS };

static PyObject *expect(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *o[EXPECT_ARRAYS];
    Py_buffer v[EXPECT_ARRAYS];
    Py_ssize_t reason;
    if (!PyArg_ParseTuple(args, "OOOOOOOnO", &o[AGENTS], &o[CELLS], &o[MEAN], &o[ROOT], &o[CELL_AT], &o[ROWS], &o[PHI], &reason, &o[OUT]))
        return NULL;
    const size_t got = get_all(o, v, "ddddqqdD");
    if (got < EXPECT_ARRAYS)
        return release_all(v, got, NULL);
    ranking_model model = {v[AGENTS].buf, v[CELLS].buf, v[MEAN].buf, v[ROOT].buf, v[CELL_AT].buf, 0, 0, ITEMS(v[PHI]), ITEMS(v[MEAN])};
    const size_t terms = model.terms, width = model.width;
    model.agent_rows = terms == 0 ? 0 : ITEMS(v[AGENTS]) / RANKING_AGENT_WIDTH(terms, width);
    model.cell_rows = ITEMS(v[CELLS]) / RANKING_CELL_WIDTH(terms);
    const int fits = terms >= 1 && width >= terms && ITEMS(v[AGENTS]) == model.agent_rows * RANKING_AGENT_WIDTH(terms, width) &&
                     ITEMS(v[CELLS]) == model.cell_rows * RANKING_CELL_WIDTH(terms) && ITEMS(v[ROOT]) == width * width &&
                     ITEMS(v[CELL_AT]) == model.agent_rows * (width - terms) && ITEMS(v[OUT]) == ITEMS(v[ROWS]) * RANKING_EXPECTED(terms);
    const int code = fits ? ranking_expect(&model, v[ROWS].buf, ITEMS(v[ROWS]), v[PHI].buf, reason, v[OUT].buf) : PROSODY_ERR_ARGUMENT;
    return release_all(v, got, code < 0 ? raise_misfit(code, "the arrays of a model must fit together, and rows, cells and the reason be within it") : Py_NewRef(Py_None));
}

static PyObject *first_place(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *o[3];
    Py_buffer v[3];
    ranking_grid grid;
    const char *level;
    if (!PyArg_ParseTuple(args, "OOO(dddddd)z", &o[0], &o[1], &o[2], &grid.lost, &grid.reach, &grid.tail, &grid.smallest_sd_ratio, &grid.steps_per_sd,
                          &grid.least_steps, &level))
        return NULL;
    const size_t got = get_all(o, v, "ddD");
    if (got < 3)
        return release_all(v, got, NULL);
    double ends[2] = {0, 0};
    const int fits = v[0].len == v[1].len && v[0].len == v[2].len;
    const int code = fits ? ranking_first_place(v[0].buf, v[1].buf, ITEMS(v[0]), &grid, level, v[2].buf, ends) : PROSODY_ERR_ARGUMENT;
    return release_all(v, got,
                       code < 0 ? raise_misfit(code, "means and sds must be as many, of at most 1e150, and sds at least 0") : Py_BuildValue("dd", ends[0], ends[1]));
}

typedef struct {
    PyObject_HEAD
    candidate_names *names;
} NamesObject;

/* Joins ids into `text` [offsets[count]]; NULL offsets only adds lengths up. Returns 0 with an exception where one is not bytes. */
static int join(PyObject *ids, char *text, size_t *offsets) {
    size_t end = 0;
    for (Py_ssize_t i = 0; i < PyTuple_Size(ids); i++) {
        char *id;
        Py_ssize_t bytes;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(ids, i), &id, &bytes) < 0)
            return 0;
        offsets[i] = end;
        if (text != NULL)
            memcpy(text + end, id, (size_t)bytes);
        end += (size_t)bytes;
    }
    offsets[PyTuple_Size(ids)] = end;
    return 1;
}

static PyObject *names_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"ids", NULL};
    PyObject *listed;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", keywords, &listed))
        return NULL;
    PyObject *ids = PySequence_Tuple(listed);
    if (ids == NULL)
        return NULL;
    const size_t count = (size_t)PyTuple_Size(ids);
    NamesObject *self = NULL;
    char *text = NULL;
    size_t *offsets = PyMem_Malloc((count + 1) * sizeof *offsets);
    if (offsets == NULL)
        PyErr_NoMemory();
    if (offsets != NULL && join(ids, NULL, offsets) && (text = PyMem_Malloc(offsets[count] + 1)) == NULL)
        PyErr_NoMemory();
    if (text != NULL && join(ids, text, offsets)) {
        allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (NamesObject *)alloc(type, 0);
        const int code = self == NULL ? PROSODY_OK : candidate_names_create((const uint8_t *)text, offsets, count, &self->names);
        if (code < 0) {
            Py_CLEAR(self);
            raise_code(code);
        }
    }
    PyMem_Free(text);
    PyMem_Free(offsets);
    Py_DECREF(ids);
    return (PyObject *)self;
}

static void names_dealloc(NamesObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    candidate_names_destroy(self->names);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

enum { AT, OPEN_CALLS, IDLE_S, OCCUPANCY, COLUMNS };

/* Reads every message into the columns; returns how many said their occupancy, or -1 where one cannot be read here, or -2 with an exception. */
static Py_ssize_t read_columns(const candidate_names *names, PyObject *listed, Py_buffer *v) {
    Py_ssize_t said = 0;
    for (Py_ssize_t i = 0; i < PyTuple_Size(listed); i++) {
        char *message;
        Py_ssize_t bytes;
        candidate found;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(listed, i), &message, &bytes) < 0)
            return -2;
        if (!candidate_read(names, (const uint8_t *)message, (size_t)bytes, &found))
            return -1;
        ((int64_t *)v[AT].buf)[i] = found.at;
        ((int64_t *)v[OPEN_CALLS].buf)[i] = found.open_calls;
        ((double *)v[IDLE_S].buf)[i] = found.idle_s;
        ((double *)v[OCCUPANCY].buf)[i] = found.occupancy;
        said += found.said_occupancy;
    }
    return said;
}

static PyObject *names_read(NamesObject *self, PyObject *args) {
    PyObject *listed, *o[COLUMNS];
    Py_buffer v[COLUMNS];
    if (!PyArg_ParseTuple(args, "OOOOO", &listed, &o[AT], &o[OPEN_CALLS], &o[IDLE_S], &o[OCCUPANCY]))
        return NULL;
    const size_t got = get_all(o, v, "QQDD");
    if (got < COLUMNS)
        return release_all(v, got, NULL);
    PyObject *messages = PySequence_Tuple(listed);
    int fits = messages != NULL;
    for (size_t i = 0; fits && i < COLUMNS; i++)
        fits = ITEMS(v[i]) == (size_t)PyTuple_Size(messages);
    if (messages != NULL && !fits)
        PyErr_SetString(PyExc_TypeError, "each column must have as many items as there are candidates");
    const Py_ssize_t said = fits ? read_columns(self->names, messages, v) : -2;
    Py_XDECREF(messages);
    return release_all(v, got, said == -2 ? NULL : PyLong_FromSsize_t(said));
}

static PyMethodDef names_methods[] = {
    {"read", (PyCFunction)names_read, METH_VARARGS,
     "read(listed, at, open_calls, idle_s, occupancy, /)\n--\n\nReads serialised candidates into columns; returns how many say their occupancy, or -1."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot names_slots[] = {
    {Py_tp_new, names_new},
    {Py_tp_dealloc, names_dealloc},
    {Py_tp_methods, names_methods},
    {Py_tp_doc, "Names(ids)\n--\n\nIds of agents, bytes each, by which candidates are found."},
    {0, NULL},
};

static PyType_Spec names_spec = {
    .name = "simpatico._core.Names",
    .basicsize = sizeof(NamesObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = names_slots,
};

static PyMethodDef ranking_methods[] = {
    {"expect", expect, METH_VARARGS,
     "expect(agents, cells, mean, root, cell_at, rows, phi, reason, out, /)\n--\n\nWrites what a model expects of agents for a call into out."},
    {"first_place", first_place, METH_VARARGS,
     "first_place(mean, sd, out, grid, level, /)\n--\n\nWrites the chance of each score to be the largest into out; returns the ends of the grid."},
    {NULL, NULL, 0, NULL},
};

int add_ranking(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &names_spec, NULL);
    return add(module, "Names", type) < 0 ? -1 : PyModule_AddFunctions(module, ranking_methods);
}
