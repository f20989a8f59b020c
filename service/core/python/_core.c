/* _core.c - Python's view of the C core: one type, State, that mirrors prosody.h. Buffers in, buffers out; no NumPy C API; limited API of Python 3.11.
 *
 * The GIL is released while samples are measured. A state that another thread is using refuses the call instead of corrupting itself.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "prosody.h"

typedef struct {
    PyObject_HEAD
    prosody_state *state;
    size_t columns;             /* floats of a row */
    int busy;
} StateObject;

/* The one place that turns an error code into an exception. */
static PyObject *raise_code(int code) {
    PyObject *type = code == PROSODY_ERR_MEMORY     ? PyExc_MemoryError
                     : code == PROSODY_ERR_FINISHED ? PyExc_RuntimeError
                                                    : PyExc_ValueError;
    PyErr_SetString(type, prosody_strerror(code));
    return NULL;
}

static PyObject *state_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"sample_rate_hz", "simd", "sets", "reserve_frames", NULL};
    int rate;
    unsigned int sets = PROSODY_SET_SIGNALS, reserve = 0;
    const char *simd = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|zII", names, &rate, &simd, &sets, &reserve))
        return NULL;
    prosody_config config;
    int code = prosody_config_init(&config, rate);
    if (code < 0)
        return raise_code(code);
    config.simd = simd;
    config.sets = sets;
    config.reserve_frames = reserve;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    StateObject *self = (StateObject *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->columns = prosody_columns(sets);
    code = prosody_create(&config, &self->state);
    if (code < 0) {
        Py_DECREF(self);
        return raise_code(code);
    }
    return (PyObject *)self;
}

static void state_dealloc(StateObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    prosody_destroy(self->state);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static int enter(StateObject *self) {
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this state is in use by another thread; give each thread its own");
        return 0;
    }
    self->busy = 1;
    return 1;
}

/* What a buffer holds: 'f' float32, 'h' int16, or 0 for anything else. */
static char buffer_kind(const Py_buffer *view) {
    const char *format = view->format == NULL ? "B" : view->format;
    if (*format == '<' || *format == '=' || *format == '@')
        format++;
    if (view->ndim != 1 || format[1] != '\0')
        return 0;
    return (*format == 'f' && view->itemsize == 4) || (*format == 'h' && view->itemsize == 2) ? *format : 0;
}

/* Rows of the caller's output buffer, or -1 with an exception. */
static Py_ssize_t output_rows(const StateObject *self, const Py_buffer *view) {
    const Py_ssize_t row = (Py_ssize_t)(self->columns * sizeof(float));
    if (view->len % row != 0) {
        PyErr_Format(PyExc_ValueError, "output of %zd bytes does not hold whole rows of %zd bytes", view->len, row);
        return -1;
    }
    return view->len / row;
}

/* Accepts and reads in turn until all samples are taken; returns rows written or an error. */
static ptrdiff_t push_all(StateObject *self, const void *samples, size_t count, char kind, float *rows, size_t max_rows) {
    prosody_state *const state = self->state;
    size_t done = 0, written = 0;
    for (;;) {
        ptrdiff_t taken = kind == 'f' ? prosody_accept(state, (const float *)samples + done, count - done)
                                      : prosody_accept_i16(state, (const int16_t *)samples + done, count - done);
        if (taken < 0)
            return taken;
        done += (size_t)taken;
        ptrdiff_t got = prosody_read(state, rows + written * self->columns, max_rows - written);
        if (got < 0)
            return got;
        written += (size_t)got;
        if (done == count)
            return (ptrdiff_t)written;
        if (taken == 0 && got == 0)
            return PROSODY_ERR_ARGUMENT; /* the output is too small */
    }
}

static PyObject *state_push(StateObject *self, PyObject *args) {
    Py_buffer samples, out;
    PyObject *object, *result = NULL;
    if (!PyArg_ParseTuple(args, "Ow*", &object, &out))
        return NULL;
    if (PyObject_GetBuffer(object, &samples, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
        PyBuffer_Release(&out);
        return NULL;
    }
    const char kind = buffer_kind(&samples);
    const Py_ssize_t max_rows = output_rows(self, &out);
    if (kind == 0) {
        PyErr_SetString(PyExc_TypeError, "samples must be one-dimensional, contiguous float32 or int16");
    } else if (max_rows >= 0 && enter(self)) {
        const size_t count = (size_t)(samples.len / samples.itemsize);
        ptrdiff_t code;
        Py_BEGIN_ALLOW_THREADS
        if (kind == 'f' && prosody_find_bad(samples.buf, count) < count)
            code = PROSODY_ERR_SAMPLE;
        else
            code = push_all(self, samples.buf, count, kind, out.buf, (size_t)max_rows);
        Py_END_ALLOW_THREADS
        self->busy = 0;
        result = code < 0 ? raise_code((int)code) : PyLong_FromSsize_t(code);
    }
    PyBuffer_Release(&samples);
    PyBuffer_Release(&out);
    return result;
}

static PyObject *state_finish(StateObject *self, PyObject *args) {
    Py_buffer out;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "w*", &out))
        return NULL;
    const Py_ssize_t max_rows = output_rows(self, &out);
    if (max_rows >= 0 && enter(self)) {
        ptrdiff_t held, got;
        size_t written = 0;
        Py_BEGIN_ALLOW_THREADS
        do {
            held = prosody_finish(self->state);
            got = prosody_read(self->state, (float *)out.buf + written * self->columns, (size_t)max_rows - written);
            written += (size_t)got;
        } while (held > 0 && got > 0);
        Py_END_ALLOW_THREADS
        self->busy = 0;
        result = PyLong_FromSize_t(written);
    }
    PyBuffer_Release(&out);
    return result;
}

static PyObject *state_reset(StateObject *self, PyObject *unused) {
    (void)unused;
    if (!enter(self))
        return NULL;
    prosody_reset(self->state);
    self->busy = 0;
    Py_RETURN_NONE;
}

static PyObject *state_describe(StateObject *self, PyObject *unused) {
    (void)unused;
    return Py_BuildValue("{s:s,s:n,s:n}", "simd", prosody_simd_level(self->state), "hop", (Py_ssize_t)prosody_hop(self->state), "bytes",
                         (Py_ssize_t)prosody_state_bytes(self->state));
}

static PyMethodDef state_methods[] = {
    {"push", (PyCFunction)state_push, METH_VARARGS, "push(samples, out, /)\n--\n\nMeasures samples (float32 or int16), writes rows into out, returns how many."},
    {"finish", (PyCFunction)state_finish, METH_VARARGS, "finish(out, /)\n--\n\nEnds the stream, writes its last rows into out, returns how many."},
    {"reset", (PyCFunction)state_reset, METH_NOARGS, "reset()\n--\n\nBack to an empty stream."},
    {"describe", (PyCFunction)state_describe, METH_NOARGS, "describe()\n--\n\nSIMD level, hop in samples, bytes of memory."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot state_slots[] = {
    {Py_tp_new, state_new},
    {Py_tp_dealloc, state_dealloc},
    {Py_tp_methods, state_methods},
    {Py_tp_doc, "State(sample_rate_hz, simd=None, sets=1, reserve_frames=0)\n--\n\nOne channel's stream."},
    {0, NULL},
};

static PyType_Spec state_spec = {
    .name = "simpatico._core.State",
    .basicsize = sizeof(StateObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = state_slots,
};

/* Everything that one stream brings to a batch. */
typedef struct {
    StateObject *self;
    Py_buffer samples, out;     /* .obj is NULL until they are taken */
    size_t done, written, max_rows;
} BatchEntry;

typedef struct {
    BatchEntry *entries;
    prosody_state **states;
    const float **samples;
    size_t *counts;
    Py_ssize_t n;
} Batch;

static void batch_release(Batch *batch) {
    for (Py_ssize_t i = 0; batch->entries != NULL && i < batch->n; i++) {
        BatchEntry *entry = &batch->entries[i];
        if (entry->samples.obj != NULL)
            PyBuffer_Release(&entry->samples);
        if (entry->out.obj != NULL)
            PyBuffer_Release(&entry->out);
        if (entry->self != NULL) {
            entry->self->busy = 0;
            Py_DECREF(entry->self);
        }
    }
    PyMem_Free(batch->entries);
    PyMem_Free(batch->states);
    PyMem_Free(batch->samples);
    PyMem_Free(batch->counts);
}

/* Takes hold of one stream's state and buffers; -1 with an exception. */
static int batch_enter(BatchEntry *entry, PyTypeObject *type, PyObject *state, PyObject *samples, PyObject *out) {
    if (!PyObject_TypeCheck(state, type)) {
        PyErr_SetString(PyExc_TypeError, "advance takes a list of State");
        return -1;
    }
    if (!enter((StateObject *)state))
        return -1;
    entry->self = (StateObject *)Py_NewRef(state);
    if (PyObject_GetBuffer(samples, &entry->samples, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0 || PyObject_GetBuffer(out, &entry->out, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if (buffer_kind(&entry->samples) != 'f') {
        PyErr_SetString(PyExc_TypeError, "samples must be one-dimensional, contiguous float32");
        return -1;
    }
    const Py_ssize_t rows = output_rows(entry->self, &entry->out);
    entry->max_rows = (size_t)rows;
    return rows < 0 ? -1 : 0;
}

/* Advances all streams until their samples are taken; returns an error or 0. */
static int batch_run(Batch *batch, size_t *refused) {
    const size_t n = (size_t)batch->n;
    for (size_t i = 0; i < n; i++) {
        const BatchEntry *entry = &batch->entries[i];
        const size_t count = (size_t)(entry->samples.len / entry->samples.itemsize);
        *refused = i;
        if (prosody_find_bad(entry->samples.buf, count) < count)
            return PROSODY_ERR_SAMPLE;
    }
    for (;;) {
        size_t left = 0, moved = 0;
        for (size_t i = 0; i < n; i++) {
            const BatchEntry *entry = &batch->entries[i];
            batch->counts[i] = (size_t)(entry->samples.len / entry->samples.itemsize) - entry->done;
            batch->samples[i] = (const float *)entry->samples.buf + entry->done;
            left += batch->counts[i];
        }
        const int code = prosody_advance(batch->states, batch->samples, batch->counts, n, refused);
        if (code < 0)
            return code;
        for (size_t i = 0; i < n; i++) {
            BatchEntry *entry = &batch->entries[i];
            entry->done += batch->counts[i];
            const ptrdiff_t got =
                prosody_read(batch->states[i], (float *)entry->out.buf + entry->written * entry->self->columns, entry->max_rows - entry->written);
            entry->written += (size_t)got;
            moved += batch->counts[i] + (size_t)got;
            left -= batch->counts[i];
        }
        if (left == 0)
            return PROSODY_OK;
        if (moved == 0)
            return PROSODY_ERR_ARGUMENT; /* an output is too small */
    }
}

static PyObject *batch_written(const Batch *batch) {
    PyObject *list = PyList_New(batch->n);
    for (Py_ssize_t i = 0; list != NULL && i < batch->n; i++) {
        PyObject *count = PyLong_FromSize_t(batch->entries[i].written);
        if (count == NULL || PyList_SetItem(list, i, count) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* advance(states, samples, outs): lists of one length. */
static PyObject *advance(PyObject *module, PyObject *args) {
    PyObject *states, *samples, *outs, *result = NULL, *type = NULL;
    Batch batch = {0};
    size_t refused = 0;
    int code = PROSODY_OK;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyList_Type, &states, &PyList_Type, &samples, &PyList_Type, &outs))
        return NULL;
    const Py_ssize_t n = PyList_Size(states);
    if (PyList_Size(samples) != n || PyList_Size(outs) != n) {
        PyErr_SetString(PyExc_ValueError, "states, samples and outs must be lists of one length");
        return NULL;
    }
    const size_t slots = n == 0 ? 1 : (size_t)n;
    batch.entries = PyMem_Calloc(slots, sizeof *batch.entries);
    batch.states = PyMem_Calloc(slots, sizeof *batch.states);
    batch.samples = PyMem_Calloc(slots, sizeof *batch.samples);
    batch.counts = PyMem_Calloc(slots, sizeof *batch.counts);
    type = PyObject_GetAttrString(module, "State");
    if (batch.entries == NULL || batch.states == NULL || batch.samples == NULL || batch.counts == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (type == NULL)
        goto done;
    for (; batch.n < n; ) {
        const Py_ssize_t i = batch.n++;
        if (batch_enter(&batch.entries[i], (PyTypeObject *)type, PyList_GetItem(states, i), PyList_GetItem(samples, i), PyList_GetItem(outs, i)) < 0)
            goto done;
        batch.states[i] = batch.entries[i].self->state;
    }
    Py_BEGIN_ALLOW_THREADS
    code = batch_run(&batch, &refused);
    Py_END_ALLOW_THREADS
    if (code < 0) {
        PyObject *value = Py_BuildValue("(sn)", prosody_strerror(code), (Py_ssize_t)refused);
        PyErr_SetObject(code == PROSODY_ERR_FINISHED ? PyExc_RuntimeError : PyExc_ValueError, value);
        Py_XDECREF(value);
    } else {
        result = batch_written(&batch);
    }
done:
    batch_release(&batch);
    Py_XDECREF(type);
    return result;
}

static PyMethodDef module_methods[] = {
    {"advance", advance, METH_VARARGS, "advance(states, samples, outs, /)\n--\n\nPushes float32 samples to many states at once, writes rows into outs, returns how many each."},
    {NULL, NULL, 0, NULL},
};

/* Names or units of a set's columns. */
static PyObject *column_texts(const char *(*at)(uint32_t, size_t), uint32_t sets) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)prosody_columns(sets));
    for (size_t i = 0; tuple != NULL && i < prosody_columns(sets); i++) {
        PyObject *text = PyUnicode_FromString(at(sets, i));
        if (text == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, text) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* A tuple of the strings that `at` gives for 0, 1, ... until NULL. */
static PyObject *strings(const char *(*at)(size_t), int available_only) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && at(i) != NULL; i++) {
        if (available_only && !prosody_simd_available(at(i)))
            continue;
        PyObject *text = PyUnicode_FromString(at(i));
        if (text == NULL || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    if (list == NULL)
        return NULL;
    PyObject *tuple = PyList_AsTuple(list);
    Py_DECREF(list);
    return tuple;
}

static int add(PyObject *module, const char *name, PyObject *value) {
    const int code = value == NULL ? -1 : PyModule_AddObjectRef(module, name, value);
    Py_XDECREF(value);
    return code;
}

static int module_exec(PyObject *module) {
    if (add(module, "State", PyType_FromModuleAndSpec(module, &state_spec, NULL)) < 0 ||
        add(module, "COLUMNS", column_texts(prosody_column_name, PROSODY_SET_SIGNALS)) < 0 ||
        add(module, "UNITS", column_texts(prosody_column_unit, PROSODY_SET_SIGNALS)) < 0 ||
        add(module, "EGEMAPS_COLUMNS", column_texts(prosody_column_name, PROSODY_SET_EGEMAPS)) < 0 ||
        add(module, "EGEMAPS_UNITS", column_texts(prosody_column_unit, PROSODY_SET_EGEMAPS)) < 0 ||
        add(module, "SET_SIGNALS", PyLong_FromLong(PROSODY_SET_SIGNALS)) < 0 ||
        add(module, "SET_EGEMAPS", PyLong_FromLong(PROSODY_SET_EGEMAPS)) < 0 ||
        add(module, "SIMD_NAMES", strings(prosody_simd_name, 0)) < 0 || add(module, "SIMD_AVAILABLE", strings(prosody_simd_name, 1)) < 0 ||
        add(module, "VERSION", PyUnicode_FromString(prosody_version())) < 0 ||
        add(module, "COMPILER", PyUnicode_FromString(__VERSION__)) < 0 ||
        add(module, "LATENCY_FRAMES", PyLong_FromSize_t(prosody_latency_frames(PROSODY_SET_SIGNALS))) < 0 ||
        add(module, "EGEMAPS_LATENCY_FRAMES", PyLong_FromSize_t(prosody_latency_frames(PROSODY_SET_EGEMAPS))) < 0 ||
        add(module, "MAX_ABS", PyFloat_FromDouble(PROSODY_MAX_ABS)) < 0)
        return -1;
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "simpatico._core",
    .m_doc = "The C core; use simpatico.core.",
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&module);
}
